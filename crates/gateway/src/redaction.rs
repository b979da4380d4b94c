//! The policy for personal data as one call sees it: looked up once, and the same for all of its messages.

use std::sync::Arc;
use std::time::Duration;

use pii::{Context, Direction, Outcome, OutputSchema, Part, PolicyRefusal, Redactor};
use resource_server::Caller;
use serde_json::value::RawValue;

use crate::catalog::Catalog;
use crate::charge::Charge;
use crate::farewell::Farewell;
use crate::guarded::ended_by;
use crate::house::House;
use crate::json::Raw;
use crate::message::{RpcError, code};
use crate::recording::{Errand, Recording};
use crate::redacted_stream::RedactedStream;
use crate::server::Failure;

/// A tool and its upstream, as policies for personal data name them: `upstream.tool`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool<'a> {
    pub(crate) upstream: &'a str,
    pub(crate) name: &'a str,
    pub(crate) catalog: &'a Catalog,
}

/// What happens to personal data in the messages of one call.
pub(crate) struct Redaction<'a> {
    redactor: Arc<Redactor>,
    caller: &'a Caller,
    scopes: Vec<&'a str>,
    tool: Tool<'a>,
    /// Both names of the tool in one.
    full: String,
    /// For whom values are sealed.
    owner: String,
}

impl House {
    /// The policy for personal data in calls of `tool`; `None` if nobody looks for them.
    pub(crate) fn redaction<'a>(
        &self,
        caller: &'a Caller,
        tool: Tool<'a>,
    ) -> Option<Redaction<'a>> {
        let redactor = self.redactor.load();
        let redactor = Arc::clone(redactor.as_ref()?);
        Some(Redaction {
            redactor,
            caller,
            scopes: caller.scopes().iter().collect(),
            tool,
            full: [tool.upstream, ".", tool.name].concat(),
            owner: owner(caller),
        })
    }
}

/// A caller as values are sealed for them: subjects are unique at their issuer alone.
fn owner(caller: &Caller) -> String {
    let issuer = caller.issuer().unwrap_or_default();
    format!("{}:{issuer}{}", issuer.len(), caller.subject())
}

impl Redaction<'_> {
    fn context(&self, direction: Direction, part: Part) -> Context<'_> {
        Context {
            tool: &self.full,
            direction,
            part,
            subject: &self.owner,
            scopes: &self.scopes,
        }
    }

    /// Whether the messages that go in `direction` are looked at.
    pub(crate) fn concerns(&self, direction: Direction) -> bool {
        let context = self.context(direction, Part::Message);
        self.redactor.policy().concerns(&context)
    }

    /// What results have to fit, if their tool says so.
    fn schema(&self) -> Option<Arc<OutputSchema>> {
        self.tool.catalog.output_schema(self.tool.name)
    }

    /// What applies the policy to a stream of events, which goes on after the call has been answered.
    pub(crate) fn stream(
        self,
        silence: Duration,
        farewell: Farewell,
        recording: Option<Recording>,
    ) -> RedactedStream {
        RedactedStream {
            schema: self.schema(),
            caller: self.caller.clone(),
            redactor: self.redactor,
            tool: self.full,
            owner: self.owner,
            silence,
            farewell,
            recording,
        }
    }

    /// Applies the policy to the `part` of a message that goes in `direction`; the answer is what takes its place, if
    /// anything does.
    ///
    /// It fails closed: what cannot be scanned goes nowhere (acceptance P2).
    pub(crate) fn apply(
        &self,
        direction: Direction,
        part: Part,
        value: &str,
        recording: &mut Option<Recording>,
    ) -> Result<Option<String>, Failure> {
        if !self.concerns(direction) {
            return Ok(None);
        }
        let applied = self.applied(direction, part, value);
        if let Some(recording) = recording {
            match &applied {
                Ok(outcome) => {
                    recording.acted(direction, &outcome.findings);
                    recording.restored(&outcome.restored);
                    recording.about(&outcome.subjects);
                }
                Err(refusal) => recording.acted(direction, &refusal.findings),
            }
        }
        match applied {
            Ok(outcome) => Ok(outcome.replaced),
            Err(refusal) => Err(refused(&refusal)),
        }
    }

    /// The same for a value that is at hand.
    pub(crate) fn redacted(
        &self,
        direction: Direction,
        part: Part,
        value: Raw,
        recording: &mut Option<Recording>,
    ) -> Result<Raw, Failure> {
        let replaced = self.apply(direction, part, value.get(), recording)?;
        replaced.map_or(Ok(value), raw_of)
    }

    /// The words of an error are as much the server's as a result is.
    pub(crate) fn of_failure(
        &self,
        failure: Failure,
        recording: &mut Option<Recording>,
    ) -> Failure {
        let Failure::Rpc(RpcError(error)) = failure else {
            return failure;
        };
        let redacted = self.redacted(Direction::Result, Part::Error, error, recording);
        redacted.map_or_else(|refused| refused, |error| Failure::Rpc(RpcError(error)))
    }

    fn applied(
        &self,
        direction: Direction,
        part: Part,
        value: &str,
    ) -> Result<Outcome, PolicyRefusal> {
        let schema = match direction {
            Direction::Result => self.schema(),
            Direction::Arguments => None,
        };
        let context = self.context(direction, part);
        match &schema {
            // What takes the place of a value has to fit where it stands.
            Some(schema) => self.redactor.apply_to_result(&context, value, schema),
            None => self.redactor.apply(&context, value),
        }
    }
}

/// What the caller is told about a message that may not pass.
pub(crate) fn refused(refusal: &PolicyRefusal) -> Failure {
    Failure::Refused {
        error: RpcError::new(code::INVALID_REQUEST, refusal.reason.to_string()),
        code: refusal.reason.code(),
    }
}

fn raw_of(text: String) -> Result<Raw, Failure> {
    RawValue::from_string(text).map_err(|_| Failure::Refused {
        error: RpcError::new(
            code::INTERNAL_ERROR,
            "the policy for personal data cannot be applied to this message",
        ),
        code: "pii_unreadable",
    })
}

/// What is said beside calls: nobody waits for its record but itself.
#[derive(Clone, Copy)]
pub(crate) struct Aside<'a> {
    pub(crate) house: &'a House,
    pub(crate) caller: &'a Caller,
    pub(crate) errand: &'a Errand,
    pub(crate) charge: &'a Charge,
}

impl Aside<'_> {
    /// Applies the policy to the `part` of a message about `method`, by which rules name it: `upstream.method`. What is
    /// found is an event of its own, written before anybody sees the message.
    pub(crate) async fn redacted(
        &self,
        method: &str,
        direction: Direction,
        part: Part,
        value: Raw,
    ) -> Result<Raw, Failure> {
        let redaction = self.house.redaction(self.caller, self.charge.tool(method));
        let Some(redaction) = redaction.filter(|redaction| redaction.concerns(direction)) else {
            return Ok(value);
        };
        let log = self.house.audit.as_ref();
        let mut recording = log.map(|log| {
            let upstream = &self.charge.name;
            Recording::of_personal_data(log, self.caller, self.errand, upstream, recorded(method))
        });
        let redacted = redaction.redacted(direction, part, value, &mut recording);
        if let Some(recording) = recording {
            match &redacted {
                Ok(_) if recording.has_found() => recording.append().await?,
                Ok(_) => {}
                Err(failure) => recording.close(ended_by(failure)).await?,
            }
        }
        redacted
    }
}

/// The name of a method in records. One that the protocol does not know is a text of whoever sent it, which has no place
/// there (acceptance P6).
fn recorded(method: &str) -> &'static str {
    const KNOWN: [&str; 21] = [
        "elicitation/create",
        "logging/setLevel",
        "notifications/cancelled",
        "notifications/elicitation/complete",
        "notifications/initialized",
        "notifications/message",
        "notifications/progress",
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
        "notifications/resources/updated",
        "notifications/roots/list_changed",
        "notifications/tasks/status",
        "notifications/tools/list_changed",
        "prompts/list",
        "resources/list",
        "resources/subscribe",
        "resources/templates/list",
        "resources/unsubscribe",
        "roots/list",
        "sampling/createMessage",
        "tools/list",
    ];
    let known = KNOWN.into_iter().find(|known| *known == method);
    known.unwrap_or("another method")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p6_a_method_that_nobody_knows_is_no_name_in_records() {
        assert_eq!(recorded("notifications/message"), "notifications/message");
        for text in ["notifications/900101-1234567", "notifications/Message", ""] {
            assert_eq!(recorded(text), "another method");
        }
    }
}
