//! Which facts of a call become which event of the audit log (requirement R7.4, acceptance P5, P6).
//!
//! A call that is not recorded is not answered. A tool that may change something is recorded before it is
//! called, too, so that no effect is without a trace.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use audit::reason::POLICY_DENIED;
use audit::rule::IdRuns;
use audit::{
    Action, AuditEvent, AuditLog, Direction, EventType, Expected, Name, Outcome, Pseudonym, Who,
};
use pii::{Acted, DataSubject, Kind, Operator};
use resource_server::Caller;

use crate::house::About;
use crate::message::{RpcError, code};
use crate::server::Failure;

/// Where a request came from, and its id in logs and answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errand {
    /// The id of the HTTP request.
    pub(crate) request_id: Option<Arc<str>>,
    /// The address of the client.
    pub(crate) origin: Option<IpAddr>,
}

/// The log cannot be written, so nothing may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unrecorded;

impl From<Unrecorded> for Failure {
    fn from(_: Unrecorded) -> Self {
        Self::Rpc(RpcError::new(
            code::INTERNAL_ERROR,
            "this call cannot be recorded at the moment, so it is not carried out; try again later",
        ))
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a result.
    Success,
    /// With an answer that is passed on while it comes, which nobody has seen when this is recorded.
    Streamed,
    /// With an error of the tool, or none of the upstream's making.
    Failure(&'static str),
    /// Somebody or something may not do this.
    Denied(&'static str),
}

/// The record of one call, from before it happens until it is answered.
#[derive(Debug)]
pub(crate) struct Recording {
    log: AuditLog,
    event: AuditEvent,
    began: Instant,
    /// Until it is closed.
    expected: Option<Expected>,
    /// Whether there were personal data.
    has_found: bool,
    /// What was done about the latest message: if that is what the call is denied for, it went nowhere.
    latest: Option<(Direction, Vec<Acted>)>,
}

impl Recording {
    /// Begins the record of a call of `tool` at `upstream`.
    pub(crate) fn begin(
        log: &AuditLog,
        id_runs: &IdRuns,
        caller: &Caller,
        errand: &Errand,
        upstream: &str,
        tool: &str,
        about: &About,
    ) -> Self {
        let who = who(log, caller, errand);
        let event = AuditEvent::tool_call(who, upstream, tool, about.parameter_count);
        let event = match about.id {
            Some(id) => {
                let person = pseudonym(log, caller);
                let tool = Name::from(format!("{upstream}.{tool}"));
                event.id_run(id_runs.observe(Some(person), &tool, id))
            }
            None => event,
        };
        Self {
            expected: Some(log.expect()),
            log: log.clone(),
            event,
            began: Instant::now(),
            has_found: false,
            latest: None,
        }
    }

    /// Begins the record of what is found in an answer that is still coming.
    pub(crate) fn of_personal_data(
        log: &AuditLog,
        caller: &Caller,
        errand: &Errand,
        upstream: &str,
        tool: &str,
    ) -> Self {
        let event = AuditEvent::new(EventType::PiiAction, who(log, caller, errand));
        Self {
            log: log.clone(),
            event: event.server(upstream).tool(tool),
            began: Instant::now(),
            // A stream may go on for hours before it brings one.
            expected: None,
            has_found: false,
            latest: None,
        }
    }

    /// Whether personal data were found so far.
    pub(crate) fn has_found(&self) -> bool {
        self.has_found
    }

    /// Records it as it stands.
    pub(crate) fn append(mut self) -> impl Future<Output = Result<(), Unrecorded>> {
        self.settle(false);
        append(&self.log, self.event)
    }

    /// Records that the call is about to happen.
    pub(crate) fn intent(&self) -> impl Future<Output = Result<(), Unrecorded>> + use<> {
        let event = with_findings(self.event.intent(), self.latest.as_ref(), false);
        append(&self.log, event)
    }

    /// Adds what was done about the personal data of a message that goes in `direction`.
    pub(crate) fn acted(&mut self, direction: pii::Direction, findings: &[Acted]) {
        let direction = match direction {
            pii::Direction::Arguments => Direction::Arguments,
            pii::Direction::Result => Direction::Result,
        };
        self.settle(false);
        if !findings.is_empty() {
            self.has_found = true;
            self.latest = Some((direction, findings.to_vec()));
        }
    }

    /// Adds the findings of the latest message to the record; all of them are rejected if it went nowhere.
    fn settle(&mut self, went_nowhere: bool) {
        let latest = self.latest.take();
        if latest.is_some() {
            self.event = with_findings(self.event.clone(), latest.as_ref(), went_nowhere);
        }
    }

    /// Adds which stand-ins became values again in the arguments.
    pub(crate) fn restored(&mut self, restored: &[(Kind, u32)]) {
        for (kind, count) in restored {
            self.has_found = true;
            let count = usize::try_from(*count).unwrap_or(usize::MAX);
            let event = self.event.clone();
            self.event = event.found(Direction::Arguments, Action::Restored, kind.name(), count);
        }
    }

    /// Adds whom personal data are about.
    pub(crate) fn about<'s>(&mut self, people: impl IntoIterator<Item = &'s DataSubject>) {
        for person in people {
            let pseudonym = self.log.pseudonyms().data_subject(person.value());
            self.event.add_subject(pseudonym);
        }
    }

    /// Records how the call ended. Nothing is answered before.
    pub(crate) fn close(mut self, ended: Ended) -> impl Future<Output = Result<(), Unrecorded>> {
        let is_refused = matches!(ended, Ended::Denied(reason) if reason.starts_with("pii_"));
        self.settle(is_refused);
        let event = self.event.took(self.began.elapsed());
        let event = match ended {
            Ended::Success => event.outcome(Outcome::Success),
            Ended::Streamed => event.outcome(Outcome::Streamed),
            Ended::Failure(reason) => event.outcome(Outcome::Failure).reason(reason),
            Ended::Denied(reason) => event.denied(reason),
        };
        let recorded = append(&self.log, event);
        let expected = self.expected;
        async move {
            let recorded = recorded.await;
            drop(expected);
            recorded
        }
    }
}

/// Records that something was not allowed: a call of `tool`, or a message that is about none.
pub(crate) async fn denied(
    log: &AuditLog,
    caller: &Caller,
    errand: &Errand,
    upstream: &str,
    tool: Option<&str>,
) -> Result<(), Unrecorded> {
    let event = AuditEvent::new(EventType::PolicyDecision, who(log, caller, errand));
    let event = event.server(upstream).denied(POLICY_DENIED);
    append(log, tool.into_iter().fold(event, AuditEvent::tool)).await
}

/// Records that a tool describes itself otherwise than before.
pub(crate) async fn tool_changed(
    log: &AuditLog,
    caller: &Caller,
    errand: &Errand,
    upstream: &str,
    tool: &str,
) -> Result<(), Unrecorded> {
    let event = AuditEvent::new(EventType::ToolChanged, who(log, caller, errand))
        .server(upstream)
        .tool(tool)
        .action(Action::Changed)
        .reason("tool_changed");
    append(log, event).await
}

fn append(
    log: &AuditLog,
    event: AuditEvent,
) -> impl Future<Output = Result<(), Unrecorded>> + use<> {
    let recorded = log.append(event);
    async move {
        recorded.await.map_err(|error| {
            tracing::error!(%error, "a call is refused, because it cannot be recorded");
            Unrecorded
        })
    }
}

fn pseudonym(log: &AuditLog, caller: &Caller) -> Pseudonym {
    let issuer = caller.issuer().unwrap_or_default();
    log.pseudonyms().person(issuer, caller.subject())
}

fn who(log: &AuditLog, caller: &Caller, errand: &Errand) -> Who {
    let mut who = Who::new().user(pseudonym(log, caller));
    if let Some(client) = caller.client_id() {
        who = who.client(client);
    }
    if let Some(grant) = caller.grant_id() {
        who = who.grant(grant);
    }
    if let Some(origin) = errand.origin {
        who = who.origin(origin);
    }
    if let Some(request) = &errand.request_id {
        who = who.request(request);
    }
    who
}

/// The event with what was found in a message. Where one value refuses the message, all of it is refused.
fn with_findings(
    event: AuditEvent,
    message: Option<&(Direction, Vec<Acted>)>,
    went_nowhere: bool,
) -> AuditEvent {
    let Some((direction, findings)) = message else {
        return event;
    };
    let went_nowhere = went_nowhere || findings.iter().any(|one| one.action == Operator::Reject);
    findings.iter().fold(event, |event, acted| {
        let count = usize::try_from(acted.count).unwrap_or(usize::MAX);
        let action = if went_nowhere {
            Action::Rejected
        } else {
            action(acted.action)
        };
        event.found(*direction, action, acted.kind.name(), count)
    })
}

fn action(operator: Operator) -> Action {
    match operator {
        Operator::Mask => Action::Masked,
        Operator::Encrypt => Action::Encrypted,
        Operator::Tokenize => Action::Tokenized,
        Operator::Reject => Action::Rejected,
        Operator::Allow => Action::Allowed,
        // Whatever else may come to be done to a value changes it.
        _ => Action::Changed,
    }
}

#[cfg(test)]
mod tests;
