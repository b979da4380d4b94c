//! Server-sent events under a policy, one by one.

use std::sync::Arc;

use crate::policy::Context;
use crate::redactor::Redactor;
use crate::refusal::{Acted, PolicyRefusal};
use crate::schema::OutputSchema;
use crate::stream::EventStream;

/// A stream of server-sent events under a policy.
#[derive(Debug)]
pub struct RedactedStream<'r> {
    redactor: &'r Redactor,
    context: Context<'r>,
    schema: Option<Arc<OutputSchema>>,
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
            schema: None,
            events: EventStream::new(largest),
            findings: Vec::new(),
            restored: 0,
        }
    }

    /// The same stream, where structured results have to be of this schema after replacements, too.
    #[must_use]
    pub fn with_schema(self, schema: Option<Arc<OutputSchema>>) -> Self {
        Self { schema, ..self }
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
            schema,
            events,
            findings,
            restored,
        } = self;
        events.push(bytes, |data| {
            let is_json = data.trim_start().starts_with(['{', '[']);
            let outcome = match schema {
                _ if !is_json => redactor.apply_to_text(context, data)?,
                Some(schema) => redactor.apply_to_result(context, data, schema)?,
                None => redactor.apply(context, data)?,
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
