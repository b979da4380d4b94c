//! Server-sent events under a policy, one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::data_subject::DataSubject;
use crate::message::Part;
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
        }
    }

    /// The same stream, where structured results have to be of this schema after replacements, too.
    #[must_use]
    pub fn with_schema(self, schema: Option<Arc<OutputSchema>>) -> Self {
        Self { schema, ..self }
    }

    /// Takes bytes, however the network cut them, and adds to `out` those of the events that are whole.
    ///
    /// # Errors
    ///
    /// When an event is too large, not UTF-8, or refused; what stands before it is in `out`, and nothing more may be
    /// passed on.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), PolicyRefusal> {
        let Self {
            redactor,
            context,
            schema,
            events,
            findings,
            subjects,
        } = self;
        events.push(bytes, out, |data| {
            let is_json = data.trim_start().starts_with(['{', '[']);
            let part = if is_json { context.part } else { Part::Text };
            let context = Context { part, ..*context };
            let outcome = match schema {
                Some(schema) if is_json => redactor.apply_to_result(&context, data, schema)?,
                _ => redactor.apply(&context, data)?,
            };
            for acted in outcome.findings {
                acted.add_to(findings);
            }
            let left = MOST_SUBJECTS.saturating_sub(subjects.len());
            subjects.extend(outcome.subjects.into_iter().take(left));
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
}
