//! Server-sent events under a policy, one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::data_subject::DataSubject;
use crate::policy::Context;
use crate::redactor::Redactor;
use crate::refusal::{Acted, PolicyRefusal};
use crate::schema::OutputSchema;
use crate::stream::EventStream;

/// How many people are told apart in one stream, which may have no end.
const MOST_SUBJECTS: usize = 1000;

/// A stream of server-sent events under a policy.
#[derive(Debug)]
pub struct RedactedStream<'r> {
    redactor: &'r Redactor,
    context: Context<'r>,
    schema: Option<Arc<OutputSchema>>,
    events: EventStream,
    findings: Vec<Acted>,
    subjects: BTreeSet<DataSubject>,
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
            subjects: BTreeSet::new(),
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
            subjects,
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
            let left = MOST_SUBJECTS.saturating_sub(subjects.len());
            subjects.extend(outcome.subjects.into_iter().take(left));
            *restored += outcome.restored;
            Ok(outcome.replaced)
        })
    }

    /// What was found so far, and what was done with it.
    pub fn findings(&self) -> &[Acted] {
        &self.findings
    }

    /// Whom it was about so far, each once; of many the first thousand.
    pub fn subjects(&self) -> impl Iterator<Item = &DataSubject> {
        self.subjects.iter()
    }

    /// How many bytes are held back until their event is whole. What is held when a stream ends is no
    /// event, and nobody may see it.
    pub fn held(&self) -> usize {
        self.events.held()
    }
}
