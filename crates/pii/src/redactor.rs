//! Messages in, messages out: findings replaced as the policy says, and every other byte as it was.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::data_subject::{DataSubject, people};
use crate::document::{Document, as_written};
use crate::kind::Kind;
use crate::message::{Made, Part, follow, found, keep_apart, structured_of};
use crate::operator::{Operator, mask};
use crate::places::Places;
use crate::policy::{Context, Direction, Policy};
use crate::recognizer::Finding;
use crate::redacted_stream::RedactedStream;
use crate::refusal::{Acted, PolicyRefusal, RefusalReason};
use crate::scanner::{Scanner, in_characters};
use crate::schema::OutputSchema;
use crate::sealing::Sealing;
use crate::stand_in;

/// The largest message that is scanned, unless another limit is set.
const LARGEST: usize = 10 * 1024 * 1024;

/// Applies a policy to the messages of calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Redactor {
    scanner: Arc<Scanner>,
    policy: Arc<Policy>,
    sealing: Option<Arc<Sealing>>,
    largest: usize,
}

/// What became of a message.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is to be sent instead; nothing if it is to be sent as it is, byte for byte.
    pub replaced: Option<String>,
    /// What was found, and what was done with it.
    pub findings: Vec<Acted>,
    /// Whom it is about, each once; those, too, whose values came back.
    pub subjects: Vec<DataSubject>,
    /// Of which types stand-ins became values again, and how many.
    pub restored: Vec<(Kind, u32)>,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The message does not belong into logs.
        f.debug_struct("Outcome")
            .field("is_replaced", &self.replaced.is_some())
            .field("findings", &self.findings)
            .field("subjects", &self.subjects.len())
            .field("restored", &self.restored)
            .finish()
    }
}

/// What stands somewhere from now on.
type Replacement = (Range<usize>, String);

/// What stood somewhere before, and stands there again.
#[derive(Default)]
struct Restored {
    replacements: Vec<Replacement>,
    counts: Vec<(Kind, u32)>,
}

impl Redactor {
    /// Applies `policy` to what `scanner` finds.
    pub fn new(scanner: Scanner, policy: Policy) -> Self {
        Self {
            scanner: Arc::new(scanner),
            policy: Arc::new(policy),
            sealing: None,
            largest: LARGEST,
        }
    }

    /// With keys, for policies that encrypt or tokenize. Without them, such findings refuse the message.
    pub fn with_sealing(mut self, sealing: Sealing) -> Self {
        self.sealing = Some(Arc::new(sealing));
        self
    }

    /// With another limit than 10 MiB for a message or an event of a stream.
    pub fn with_largest(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether there are keys to encrypt with.
    pub fn has_sealing(&self) -> bool {
        self.sealing.is_some()
    }

    /// Applies the policy to a message, or to the [`Part`](crate::Part) of one that the context names. What the
    /// protocol itself needs is left alone.
    ///
    /// # Errors
    ///
    /// When the policy refuses a finding, the message is too large or no JSON, or a replacement cannot
    /// be made. Nothing of the message may be passed on then.
    pub fn apply(&self, context: &Context<'_>, message: &str) -> Result<Outcome, PolicyRefusal> {
        match context.part {
            Part::Text => self.apply_to_text(context, message),
            _ => self.apply_with(context, message, Operator::Allow),
        }
    }

    /// Applies the policy to a result, which has to fit the schema of its tool afterwards, too.
    ///
    /// # Errors
    ///
    /// As [`Redactor::apply`], and when a replacement does not fit the schema.
    pub fn apply_to_result(
        &self,
        context: &Context<'_>,
        message: &str,
        schema: &OutputSchema,
    ) -> Result<Outcome, PolicyRefusal> {
        let outcome = self.apply(context, message)?;
        let Some(replaced) = &outcome.replaced else {
            return Ok(outcome);
        };
        let misfit = |text: &str| {
            let text = serde_json::from_str(text).ok()?;
            schema.misfit(&structured_of(context.part, text)?)
        };
        match misfit(replaced) {
            None => Ok(outcome),
            // It never fitted, and that is between the server and the client.
            Some(_) if misfit(message).is_some() => Ok(outcome),
            Some(misfit) => Err(PolicyRefusal {
                reason: RefusalReason::NoLongerFits {
                    place: misfit.place,
                    keyword: misfit.keyword,
                },
                findings: outcome.findings,
            }),
        }
    }

    fn apply_to_text(&self, context: &Context<'_>, text: &str) -> Result<Outcome, PolicyRefusal> {
        self.check_size(text.len())?;
        let call = self.policy.of_call(context);
        let opened = self.stand_ins(context, text);
        let found = in_characters(text, self.scanner.hits(text)).into_iter();
        let sealed = Places::new(opened.iter().map(|stand_in| stand_in.range.clone()));
        let found = found.filter(|finding| !sealed.touch(&finding.bytes()));
        let decided: Vec<(Finding, Operator)> = found
            .map(|finding| {
                let action = call.action(&finding.kind, finding.score, &[]);
                (finding, action)
            })
            .collect();
        let findings = counted(
            decided
                .iter()
                .map(|(finding, action)| (&finding.kind, *action)),
        );
        let known = decided
            .iter()
            .map(|(finding, _)| (&finding.kind, finding.value.as_str()));
        let back = opened.iter().filter(|one| self.restores(context, one));
        let back = back.map(|one| (&one.kind, one.value.as_str()));
        let subjects = people(&known.chain(back));
        let mut made = HashMap::new();
        let mut replacements = Vec::new();
        for (finding, action) in &decided {
            let replacement = self
                .replacement(context, &finding.kind, &finding.value, *action, &mut made)
                .map_err(|reason| reason.with(&findings))?;
            replacements.extend(replacement.map(|text| (finding.bytes(), text)));
        }
        let restored = self.restored(context, opened, |_, value| value.to_owned());
        let what = (findings, subjects);
        Ok(outcome(text, replacements, restored, what))
    }

    /// Applies the policy to a stream of server-sent events, one by one.
    pub fn stream<'r>(&'r self, context: Context<'r>) -> RedactedStream<'r> {
        RedactedStream::new(self, context, self.largest)
    }

    /// Applies the policy, where what it lets pass is treated as `allowed` says.
    pub(crate) fn apply_with(
        &self,
        context: &Context<'_>,
        message: &str,
        allowed: Operator,
    ) -> Result<Outcome, PolicyRefusal> {
        self.check_size(message.len())?;
        let mut document = Document::read(message).map_err(RefusalReason::from)?;
        let mut opened = self.stand_ins(context, &document.read);
        let hits = self.scanner.document_hits(message, &mut document);
        if hits.is_empty() && opened.is_empty() {
            return Ok(Outcome::default());
        }
        document.settle();
        let document = document;
        for stand_in in &mut opened {
            stand_in.range = document.to_source(stand_in.range.clone());
        }
        let sealed = Places::new(opened.iter().map(|stand_in| stand_in.range.clone()));
        let call = self.policy.of_call(context);
        let mut found = found(&call, context, message, &document, hits);
        follow(context, message, &document, &mut found);
        found.retain(|one| !sealed.touch(&one.hit.range));
        for one in &mut found {
            if one.action == Operator::Allow {
                one.action = allowed;
            }
        }
        let findings = counted(found.iter().map(|one| (&one.hit.kind, one.action)));
        let known = found.iter().map(|one| (&one.hit.kind, one.value.as_str()));
        let back = opened.iter().filter(|one| self.restores(context, one));
        let back = back.map(|one| (&one.kind, one.value.as_str()));
        let subjects = people(&known.chain(back));
        let mut known = HashMap::new();
        let mut made = Vec::new();
        for one in found {
            let text = self
                .replacement(context, &one.hit.kind, &one.value, one.action, &mut known)
                .map_err(|reason| reason.with(&findings))?;
            made.extend(text.map(|text| Made {
                leaf: one.leaf,
                range: one.hit.range,
                text,
            }));
        }
        keep_apart(&document, message, &mut made);
        let written = |one: Made| {
            let text = as_written(&one.text, &document.leaves[one.leaf]);
            (one.range, text)
        };
        let replacements = made.into_iter().map(written).collect();
        let restored = self.restored(context, opened, |range, value| {
            let leaf = document.leaves_over(range);
            as_written(value, &document.leaves[leaf.start])
        });
        let what = (findings, subjects);
        Ok(outcome(message, replacements, restored, what))
    }

    fn check_size(&self, length: usize) -> Result<(), PolicyRefusal> {
        if length > self.largest {
            return Err(RefusalReason::TooLarge(self.largest).into());
        }
        Ok(())
    }

    fn stand_ins(&self, context: &Context<'_>, text: &str) -> Vec<stand_in::Opened> {
        let sealing = self.sealing.as_ref();
        sealing.map_or_else(Vec::new, |sealing| {
            stand_in::all_in(text, &sealing.keys(), context.subject)
        })
    }

    /// Whether the tool of the call may see the value of a stand-in.
    fn restores(&self, context: &Context<'_>, stand_in: &stand_in::Opened) -> bool {
        context.direction == Direction::Arguments
            && self.policy.restores(&stand_in.kind, context.tool)
    }

    /// The values of the stand-ins that the tool of the call may see.
    fn restored(
        &self,
        context: &Context<'_>,
        opened: Vec<stand_in::Opened>,
        written: impl Fn(&Range<usize>, &str) -> String,
    ) -> Restored {
        let mut restored = Restored::default();
        for one in opened {
            if !self.restores(context, &one) {
                continue;
            }
            let text = written(&one.range, &one.value);
            restored.replacements.push((one.range, text));
            match restored
                .counts
                .iter_mut()
                .find(|(kind, _)| *kind == one.kind)
            {
                Some((_, count)) => *count = count.saturating_add(1),
                None => restored.counts.push((one.kind, 1)),
            }
        }
        restored
    }

    /// What takes the place of a value; equal values have equal replacements in one message.
    fn replacement(
        &self,
        context: &Context<'_>,
        kind: &Kind,
        value: &str,
        action: Operator,
        made: &mut HashMap<(Kind, Operator, String), String>,
    ) -> Result<Option<String>, RefusalReason> {
        let sealing = || {
            let sealing = self.sealing.as_ref();
            sealing.ok_or(RefusalReason::NoKeys(action))
        };
        match action {
            Operator::Allow => return Ok(None),
            Operator::Reject => return Err(RefusalReason::Rejected(kind.clone())),
            Operator::Mask => return Ok(Some(mask(kind, value))),
            Operator::Encrypt | Operator::Tokenize => {}
        }
        let known = (kind.clone(), action, value.to_owned());
        if let Some(replacement) = made.get(&known) {
            return Ok(Some(replacement.clone()));
        }
        let replacement = if action == Operator::Encrypt {
            sealing()?.encrypt(kind, value, context)?
        } else {
            stand_in::seal(&sealing()?.keys(), kind, value, context.subject)?
        };
        made.insert(known, replacement.clone());
        Ok(Some(replacement))
    }
}

fn counted<'k>(found: impl Iterator<Item = (&'k Kind, Operator)>) -> Vec<Acted> {
    let mut counts = Vec::new();
    for (kind, action) in found {
        let acted = Acted {
            kind: kind.clone(),
            action,
            count: 1,
        };
        acted.add_to(&mut counts);
    }
    counts
}

fn outcome(
    source: &str,
    mut replacements: Vec<Replacement>,
    restored: Restored,
    (findings, subjects): (Vec<Acted>, Vec<DataSubject>),
) -> Outcome {
    replacements.extend(restored.replacements);
    replacements.sort_by_key(|(range, _)| range.start);
    let mut text = String::with_capacity(source.len() + 64 * replacements.len());
    let mut copied = 0;
    for (range, replacement) in &replacements {
        text.push_str(&source[copied..range.start]);
        text.push_str(replacement);
        copied = range.end;
    }
    text.push_str(&source[copied..]);
    Outcome {
        replaced: (!replacements.is_empty()).then_some(text),
        findings,
        subjects,
        restored: restored.counts,
    }
}
