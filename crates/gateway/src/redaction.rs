//! The policy for personal data as one call sees it: looked up once, and the same for all of its messages.

use std::sync::Arc;
use std::time::Duration;

use pii::{Context, Direction, OutputSchema, Redactor};
use resource_server::Caller;

use crate::catalog::Catalog;
use crate::house::House;
use crate::message::{RpcError, code};
use crate::recording::Recording;
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
        })
    }
}

impl Redaction<'_> {
    fn context(&self, direction: Direction) -> Context<'_> {
        Context {
            tool: &self.full,
            direction,
            subject: self.caller.subject(),
            scopes: &self.scopes,
        }
    }

    /// Whether the messages that go in `direction` are looked at.
    pub(crate) fn concerns(&self, direction: Direction) -> bool {
        self.redactor.policy().concerns(&self.context(direction))
    }

    /// What results have to fit, if their tool says so.
    fn schema(&self) -> Option<Arc<OutputSchema>> {
        self.tool.catalog.output_schema(self.tool.name)
    }

    /// What applies the policy to a stream of events, which goes on after the call has been answered.
    pub(crate) fn stream(self, silence: Duration, recording: Option<Recording>) -> RedactedStream {
        RedactedStream {
            schema: self.schema(),
            caller: self.caller.clone(),
            redactor: self.redactor,
            tool: self.full,
            silence,
            recording,
        }
    }

    /// Applies the policy to a JSON value that goes in `direction`; the answer is what takes its place, if
    /// anything does.
    ///
    /// It fails closed: what cannot be scanned goes nowhere (acceptance P2).
    pub(crate) fn apply(
        &self,
        direction: Direction,
        value: &str,
        recording: &mut Option<Recording>,
    ) -> Result<Option<String>, Failure> {
        if !self.concerns(direction) {
            return Ok(None);
        }
        let schema = match direction {
            Direction::Result => self.schema(),
            Direction::Arguments => None,
        };
        let context = self.context(direction);
        let applied = match &schema {
            // What takes the place of a value has to fit where it stands.
            Some(schema) => self.redactor.apply_to_result(&context, value, schema),
            None => self.redactor.apply(&context, value),
        };
        match applied {
            Ok(outcome) => {
                if let Some(recording) = recording {
                    recording.acted(direction, &outcome.findings);
                    recording.about(&outcome.subjects);
                }
                Ok(outcome.replaced)
            }
            Err(refusal) => {
                if let Some(recording) = recording {
                    recording.acted(direction, &refusal.findings);
                }
                Err(Failure::Refused {
                    error: RpcError::new(code::INVALID_REQUEST, refusal.reason.to_string()),
                    code: refusal.reason.code(),
                })
            }
        }
    }
}
