//! Server-sent events under a policy, one by one.

use crate::policy::Context;
use crate::redactor::Redactor;
use crate::refusal::{Acted, PolicyRefusal};
use crate::stream::EventStream;

/// A stream of server-sent events under a policy.
#[derive(Debug)]
pub struct RedactedStream<'r> {
    redactor: &'r Redactor,
    context: Context<'r>,
    events: EventStream,
    findings: Vec<Acted>,
    restored: u32,
}

impl<'r> RedactedStream<'r> {
    /// A stream whose events have at most `largest` bytes.
    pub(crate) fn new(redactor: &'r Redactor, context: Context<'r>, largest: usize) -> Self {
        Self {
            redactor,
            context,
            events: EventStream::new(largest),
            findings: Vec::new(),
            restored: 0,
        }
    }

    /// Takes bytes, however the network cut them, and gives those of the events that are whole.
    ///
    /// # Errors
    ///
    /// When an event is too large, not UTF-8, or refused; nothing more may be passed on then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, PolicyRefusal> {
        let Self {
            redactor,
            context,
            events,
            findings,
            restored,
        } = self;
        events.push(bytes, |data| {
            let is_json = data.trim_start().starts_with(['{', '[']);
            let outcome = if is_json {
                redactor.apply(context, data)?
            } else {
                redactor.apply_to_text(context, data)?
            };
            for acted in outcome.findings {
                acted.add_to(findings);
            }
            *restored += outcome.restored;
            Ok(outcome.replaced)
        })
    }

    /// What was found so far, and what was done with it.
    pub fn findings(&self) -> &[Acted] {
        &self.findings
    }

    /// How many bytes are held back until their event is whole. What is held when a stream ends is no
    /// event, and nobody may see it.
    pub fn held(&self) -> usize {
        self.events.held()
    }
}
