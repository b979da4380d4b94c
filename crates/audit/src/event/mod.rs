//! `AuditEvent`: who did what to what, and how it ended; never a value (requirement R7.4).
//!
//! What an event can hold is decided by its types: names that this house knows ([`Name`]), counts,
//! addresses, stable reasons, and people as keyed pseudonyms ([`Pseudonym`]). There is no place for
//! the value of an argument, for a token, or for personal data.

mod found;
mod json;
mod kind;
mod name;
mod pseudonym;
mod time;
mod write;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

pub use kind::{Action, Direction, EventType, Outcome, Severity};
pub use name::Name;
pub use pseudonym::{Pseudonym, Pseudonyms};

pub(crate) use found::Found;
pub(crate) use json::{number, string};
pub(crate) use kind::words;
pub(crate) use time::{parse_timestamp, timestamp};

use crate::rule::Alert;

/// How many people of one call are listed; there may be more, and all are counted. With all of them a line has a tenth
/// of the length that lines may have.
const MOST_SUBJECTS: usize = 4096;

/// Who acts, for whom, and from where: what all events of one request share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    pub(crate) user: Option<Pseudonym>,
    pub(crate) client: Option<Name>,
    pub(crate) grant: Option<Name>,
    pub(crate) origin: Option<IpAddr>,
    pub(crate) request: Option<Name>,
}

impl Who {
    /// Nobody in particular.
    pub fn new() -> Self {
        Self::default()
    }

    /// The person who acts, or for whom a client acts.
    pub fn user(mut self, user: Pseudonym) -> Self {
        self.user = Some(user);
        self
    }

    /// The client that acts.
    pub fn client(mut self, client_id: impl Into<Name>) -> Self {
        self.client = Some(client_id.into());
        self
    }

    /// The grant by which it may.
    pub fn grant(mut self, grant_id: impl Into<Name>) -> Self {
        self.grant = Some(grant_id.into());
        self
    }

    /// The network address that the request came from.
    pub fn origin(mut self, address: IpAddr) -> Self {
        self.origin = Some(address.to_canonical());
        self
    }

    /// The request, by the id that stands in the log and in answers.
    pub fn request(mut self, request_id: impl Into<Name>) -> Self {
        self.request = Some(request_id.into());
        self
    }
}

/// One event, on its way into the log.
///
/// ```
/// use audit::{Action, AuditEvent, Direction, Outcome, Who};
///
/// let who = Who::new().client("claude").request("7f3a");
/// let call = AuditEvent::tool_call(who, "todo", "create-todo", 1);
/// let intent = call.intent();
/// // … the tool is called …
/// let outcome = call
///     .outcome(Outcome::Success)
///     .found(Direction::Result, Action::Masked, "EMAIL", 2);
/// assert_ne!(intent, outcome);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    pub(crate) kind: EventType,
    pub(crate) who: Who,
    pub(crate) server: Option<Name>,
    pub(crate) tool: Option<Name>,
    pub(crate) parameter_count: Option<u32>,
    pub(crate) action: Option<Action>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) pii: Found,
    pub(crate) subjects: BTreeSet<Pseudonym>,
    pub(crate) target: Option<Name>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) duration: Option<Duration>,
    pub(crate) id_run: Option<u32>,
    pub(crate) details: Option<Box<Details>>,
}

/// What the log's own events say besides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Details {
    /// Of an alert.
    Alert(Alert),
    /// Of segments that were removed.
    Retention(Removed),
    /// Of a log that was mended.
    Recovery(Mended),
    /// Of a segment that begins.
    Segment(Opened),
}

/// Segments that were removed because they were old enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) first_segment: u64,
    pub(crate) last_segment: u64,
    pub(crate) events: u64,
    pub(crate) first_time: String,
    pub(crate) last_time: String,
    /// The last tag of the last segment, so that the chain stays whole.
    pub(crate) mac: String,
}

/// What was found missing or broken when the log was opened, or what could not be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mended {
    /// Bytes that were cut off because no line ended there.
    pub(crate) cut_bytes: u64,
    /// The last event by the head, if the log ended before it.
    pub(crate) head_sequence: Option<u64>,
    /// The last event that was there.
    pub(crate) last_sequence: u64,
    /// Events that could not be written and are lost.
    pub(crate) lost_events: u64,
}

/// The beginning of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) number: u64,
    /// Which log it belongs to.
    pub(crate) log: String,
    /// The tag of the event before it.
    pub(crate) previous: String,
}

impl AuditEvent {
    /// An event of this kind.
    pub fn new(kind: EventType, who: Who) -> Self {
        Self {
            kind,
            who,
            server: None,
            tool: None,
            parameter_count: None,
            action: None,
            outcome: None,
            pii: Found::default(),
            subjects: BTreeSet::new(),
            target: None,
            reason: None,
            duration: None,
            id_run: None,
            details: None,
        }
    }

    /// The outcome of a call. `tool` is the name by which the house knows the tool: a name that it
    /// does not know is the caller's text, and has no place here.
    pub fn tool_call(
        who: Who,
        server: impl Into<Name>,
        tool: impl Into<Name>,
        parameter_count: usize,
    ) -> Self {
        Self::new(EventType::CallOutcome, who)
            .server(server)
            .tool(tool)
            .parameter_count(parameter_count)
    }

    /// The same call before it happens: recorded before anything has an effect.
    pub fn intent(&self) -> Self {
        let mut intent = self.clone();
        intent.kind = EventType::CallIntent;
        intent
    }

    /// An event of the log itself.
    pub(crate) fn about(kind: EventType, details: Details) -> Self {
        let mut event = Self::new(kind, Who::new());
        event.details = Some(Box::new(details));
        event
    }

    /// The kind of the event.
    pub fn kind(&self) -> EventType {
        self.kind
    }

    /// The server behind the gateway, or the resource a token is for.
    pub fn server(mut self, server: impl Into<Name>) -> Self {
        self.server = Some(server.into());
        self
    }

    /// The tool.
    pub fn tool(mut self, tool: impl Into<Name>) -> Self {
        self.tool = Some(tool.into());
        self
    }

    /// How many arguments there were.
    pub fn parameter_count(mut self, count: usize) -> Self {
        self.parameter_count = Some(saturated(count));
        self
    }

    /// What was done.
    pub fn action(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }

    /// How it ended.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// There were so many values of personal data of this type, this was done with them, and they were going this
    /// way. Counts of the same add up. The strongest action of all is what was done.
    pub fn found(
        mut self,
        direction: Direction,
        action: Action,
        kind: impl Into<Name>,
        count: usize,
    ) -> Self {
        if count > 0 {
            self.pii
                .add(direction, action, kind.into(), saturated(count));
            self.action = self.action.max(Some(action));
        }
        self
    }

    /// It was not allowed, for this reason: a stable code. What was rejected for its personal data stays so.
    pub fn denied(self, code: &'static str) -> Self {
        let event = self.outcome(Outcome::Denied).reason(code);
        if event.pii.is_rejected() {
            event
        } else {
            event.action(Action::Denied)
        }
    }

    /// The data were about this person. Each is counted once.
    pub fn subject(mut self, subject: Pseudonym) -> Self {
        self.add_subject(subject);
        self
    }

    /// The same where it stands.
    pub fn add_subject(&mut self, subject: Pseudonym) {
        self.subjects.insert(subject);
    }

    /// What it was done to: a client id, a role, a key, or the pseudonym of a person as text.
    pub fn target(mut self, target: impl Into<Name>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Why: a stable code, not a sentence.
    pub fn reason(mut self, code: &'static str) -> Self {
        self.reason = Some(code);
        self
    }

    /// How long it took.
    pub fn took(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// How many calls in a row have asked for one id after the other, this one included; see
    /// [`IdRuns`](crate::rule::IdRuns).
    pub fn id_run(mut self, length: u32) -> Self {
        self.id_run = (length > 1).then_some(length);
        self
    }
}

fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
