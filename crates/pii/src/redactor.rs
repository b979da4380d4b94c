//! Messages in, messages out: findings replaced as the policy says, and every other byte as it was.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::document::{Document, Leaf, LeafKind, as_read, as_written};
use crate::fernet::{Binding, FernetError, FernetKeys};
use crate::kind::Kind;
use crate::operator::{Operator, mask};
use crate::policy::path::Step;
use crate::policy::{CallPolicy, Context, Direction, Policy};
use crate::recognizer::{Finding, Hit};
use crate::refusal::{Acted, PolicyRefusal, RefusalReason};
use crate::scanner::{Scanner, in_characters, resolve};
use crate::schema::OutputSchema;
use crate::stand_in;
use crate::stream::EventStream;
use crate::{DocumentError, spread};

/// The largest message that is scanned, unless another limit is set.
const LARGEST: usize = 10 * 1024 * 1024;

type Random = dyn Fn(&mut [u8]) + Send + Sync;
type Now = dyn Fn() -> u64 + Send + Sync;

/// What encryption and stand-ins are made with.
pub struct Sealing {
    keys: FernetKeys,
    random: Box<Random>,
    now: Box<Now>,
}

impl Sealing {
    /// Keys, a source of random bytes, and a clock that tells seconds.
    pub fn new(
        keys: FernetKeys,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
        now: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            keys,
            random: Box::new(random),
            now: Box::new(now),
        }
    }

    fn encrypt(
        &self,
        kind: &Kind,
        value: &str,
        context: &Context<'_>,
    ) -> Result<String, FernetError> {
        let mut iv = [0; 16];
        (self.random)(&mut iv);
        let binding = Binding {
            kind: kind.name(),
            tool: context.tool,
            subject: context.subject,
        };
        self.keys.encrypt(value, binding, (self.now)(), iv)
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").finish_non_exhaustive()
    }
}

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
    /// How many stand-ins became values again.
    pub restored: u32,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The message does not belong into logs.
        f.debug_struct("Outcome")
            .field("is_replaced", &self.replaced.is_some())
            .field("findings", &self.findings)
            .field("restored", &self.restored)
            .finish()
    }
}

/// A finding in a document, and what the policy says of it.
struct Found {
    hit: Hit,
    /// Its leaf, by number.
    leaf: usize,
    value: String,
    action: Operator,
    /// Whether it stands in a text for people, and not in a field.
    is_prose: bool,
}

/// What stands somewhere from now on.
type Replacement = (Range<usize>, String);

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

    /// Applies the policy to a JSON value: a whole JSON-RPC message, or arguments or a result alone.
    /// Identifiers and names of the protocol in a message are left alone.
    ///
    /// # Errors
    ///
    /// When the policy refuses a finding, the message is too large or no JSON, or a replacement cannot
    /// be made. Nothing of the message may be passed on then.
    pub fn apply(&self, context: &Context<'_>, message: &str) -> Result<Outcome, PolicyRefusal> {
        self.apply_with(context, message, Operator::Allow)
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
        let structured = serde_json::from_str(replaced).ok().and_then(structured_of);
        match structured.and_then(|structured| schema.misfit(&structured)) {
            None => Ok(outcome),
            Some(misfit) => Err(PolicyRefusal {
                reason: RefusalReason::NoLongerFits {
                    place: misfit.place,
                    keyword: misfit.keyword,
                },
                findings: outcome.findings,
            }),
        }
    }

    /// Applies the policy to a text that is no JSON.
    ///
    /// # Errors
    ///
    /// As [`Redactor::apply`].
    pub fn apply_to_text(
        &self,
        context: &Context<'_>,
        text: &str,
    ) -> Result<Outcome, PolicyRefusal> {
        self.check_size(text.len())?;
        let call = self.policy.of_call(context);
        let opened = self.stand_ins(context, text);
        let found = in_characters(text, self.scanner.hits(text)).into_iter();
        let found = found.filter(|finding| !is_in(&opened, &finding.bytes()));
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
        let mut made = HashMap::new();
        let mut replacements = Vec::new();
        for (finding, action) in &decided {
            let replacement = self
                .replacement(context, &finding.kind, &finding.value, *action, &mut made)
                .map_err(|reason| reason.with(&findings))?;
            replacements.extend(replacement.map(|text| (finding.bytes(), text)));
        }
        let restored = self.restored(context, opened, |_, value| value.to_owned());
        Ok(outcome(text, replacements, restored, findings))
    }

    /// Applies the policy to a stream of server-sent events, one by one.
    pub fn stream<'r>(&'r self, context: Context<'r>) -> RedactedStream<'r> {
        RedactedStream {
            redactor: self,
            context,
            events: EventStream::new(self.largest),
            findings: Vec::new(),
            restored: 0,
        }
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
        let opened = self.stand_ins(context, &document.read);
        let hits = self.scanner.document_hits(message, &mut document);
        if hits.is_empty() && opened.is_empty() {
            return Ok(Outcome::default());
        }
        document.settle();
        let document = document;
        let call = self.policy.of_call(context);
        let mut found = found(&call, message, &document, hits);
        found.retain(|one| {
            !opened.iter().any(|stand_in| {
                let range = document.to_source(stand_in.range.clone());
                range.start < one.hit.range.end && one.hit.range.start < range.end
            })
        });
        if call.has_paths {
            follow(&mut found);
        }
        for one in &mut found {
            if one.action == Operator::Allow {
                one.action = allowed;
            }
        }
        let findings = counted(found.iter().map(|one| (&one.hit.kind, one.action)));
        let mut made = HashMap::new();
        let mut names = Names::default();
        let mut replacements = Vec::new();
        for one in found {
            let leaf = &document.leaves[one.leaf];
            let replacement = self
                .replacement(context, &one.hit.kind, &one.value, one.action, &mut made)
                .map_err(|reason| reason.with(&findings))?;
            if let Some(mut text) = replacement {
                if leaf.kind == LeafKind::Key {
                    text = names.unused(&document, message, leaf, &one.hit.range, text);
                }
                replacements.push((one.hit.range, as_written(&text, leaf)));
            }
        }
        let restored = self.restored(context, opened, |range, value| {
            let range = document.to_source(range.clone());
            let leaf = document.leaves_over(&range);
            as_written(value, &document.leaves[leaf.start])
        });
        let restored = restored.into_iter();
        let restored = restored.map(|(range, text)| (document.to_source(range), text));
        Ok(outcome(message, replacements, restored.collect(), findings))
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
            stand_in::all_in(text, &sealing.keys, context.subject)
        })
    }

    /// The values of the stand-ins that the tool of the call may see.
    fn restored(
        &self,
        context: &Context<'_>,
        opened: Vec<stand_in::Opened>,
        written: impl Fn(&Range<usize>, &str) -> String,
    ) -> Vec<Replacement> {
        let is_restored = |stand_in: &stand_in::Opened| {
            context.direction == Direction::Arguments
                && self.policy.restores(&stand_in.kind, context.tool)
        };
        let opened = opened.into_iter().filter(is_restored);
        opened
            .map(|stand_in| {
                let text = written(&stand_in.range, &stand_in.value);
                (stand_in.range, text)
            })
            .collect()
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
            stand_in::seal(&sealing()?.keys, kind, value, context.subject)?
        };
        made.insert(known, replacement.clone());
        Ok(Some(replacement))
    }
}

/// A stream of server-sent events under a policy.
#[derive(Debug)]
pub struct RedactedStream<'r> {
    redactor: &'r Redactor,
    context: Context<'r>,
    events: EventStream,
    findings: Vec<Acted>,
    restored: u32,
}

impl RedactedStream<'_> {
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

impl Scanner {
    /// What is found in a JSON document, in places of its bytes as they are. Keys are labels of their
    /// values, and values may be spread over neighbouring fields.
    ///
    /// # Errors
    ///
    /// When it is no document that every reader reads alike.
    pub fn scan_document(&self, json: &str) -> Result<Vec<Finding>, DocumentError> {
        let mut document = Document::read(json)?;
        Ok(in_characters(json, self.document_hits(json, &mut document)))
    }

    /// The hits in the leaves of a document: nothing between them may change. If there may be any, the
    /// leaves are settled afterwards.
    pub(crate) fn document_hits(&self, json: &str, document: &mut Document<'_>) -> Vec<Hit> {
        let hits = self.hits(&document.read);
        if hits.is_empty() && !document.may_spread {
            return hits;
        }
        document.settle();
        let document = &*document;
        let mut parts = Vec::new();
        for hit in hits {
            let range = document.to_source(hit.range);
            for leaf in &document.leaves[document.leaves_over(&range)] {
                let range = range.start.max(leaf.range.start)..range.end.min(leaf.range.end);
                parts.push(Hit::new(hit.kind.clone(), in_leaf(leaf, range), hit.score));
            }
        }
        let spread = if document.may_spread {
            spread::hits(self, json, document)
        } else {
            Vec::new()
        };
        for hit in spread {
            for leaf in &document.leaves[document.leaves_over(&hit.range)] {
                let range = in_leaf(leaf, hit.range.clone());
                parts.push(Hit::new(hit.kind.clone(), range, hit.score));
            }
        }
        parts.retain(|hit| json.get(hit.range.clone()).is_some());
        resolve(parts)
    }
}

/// What the policy says of each hit.
fn found(
    call: &CallPolicy<'_>,
    message: &str,
    document: &Document<'_>,
    hits: Vec<Hit>,
) -> Vec<Found> {
    let is_rpc = !hits.is_empty() && document.has_member("jsonrpc");
    let mut found = Vec::with_capacity(hits.len());
    for hit in hits {
        let number = document.leaves_over(&hit.range).start;
        let Some(leaf) = document.leaves.get(number) else {
            continue;
        };
        let path = document.path(leaf);
        if is_rpc && leaf.depth == 0 && is_protocol(&path) {
            continue;
        }
        let inner = if leaf.depth == 0 {
            data_path(&path)
        } else {
            Some(&path[..])
        };
        let piece = &message[hit.range.clone()];
        found.push(Found {
            value: as_read(piece, leaf.depth),
            action: call.action(&hit.kind, hit.score, inner.unwrap_or(&path)),
            is_prose: inner.is_none(),
            leaf: number,
            hit,
        });
    }
    found
}

/// A number is replaced as a whole, or what is left would be another number.
fn in_leaf(leaf: &Leaf, range: Range<usize>) -> Range<usize> {
    match leaf.kind {
        LeafKind::Number => leaf.range.clone(),
        LeafKind::Text | LeafKind::Key => range,
    }
}

/// What the protocol itself needs, and nobody may change.
fn is_protocol(path: &[Step]) -> bool {
    let names: Vec<&str> = path
        .iter()
        .skip_while(|step| matches!(step, Step::Index(_)))
        .map(|step| match step {
            Step::Name(name) => name.as_str(),
            Step::Index(_) => "",
        })
        .collect();
    match names.as_slice() {
        ["jsonrpc" | "id" | "method"]
        | [
            "params",
            "name" | "progressToken" | "requestId" | "requestState",
        ]
        | ["result", "requestState" | "resultType"] => true,
        ["params" | "result", "_meta", name, ..] => {
            matches!(*name, "progressToken" | "traceparent" | "tracestate")
                || name.starts_with("io.modelcontextprotocol/")
        }
        _ => false,
    }
}

/// The path in the arguments or the structured result; nothing elsewhere in a message.
fn data_path(path: &[Step]) -> Option<&[Step]> {
    let is =
        |at: usize, name: &str| matches!(path.get(at), Some(Step::Name(found)) if found == name);
    let from = usize::from(matches!(path.first(), Some(Step::Index(_))) && !is(1, "content"));
    if is(from, "params") && is(from + 1, "arguments")
        || is(from, "result") && is(from + 1, "structuredContent")
    {
        return Some(&path[from + 2..]);
    }
    if is(0, "structuredContent") {
        return Some(&path[1..]);
    }
    let is_prose =
        is(from, "result") || is(from, "params") || is(from, "error") || is(0, "content");
    (!is_prose).then_some(path)
}

/// A value that is replaced in a field is replaced in the texts beside it, too: they say the same.
fn follow(found: &mut [Found]) {
    let same = |one: &Found| {
        let value: String = one
            .value
            .chars()
            .filter(|one| one.is_alphanumeric())
            .collect();
        (one.hit.kind.clone(), value.to_lowercase())
    };
    let fields = found
        .iter()
        .filter(|one| !one.is_prose && one.action != Operator::Allow);
    let replaced: HashMap<_, _> = fields.map(|one| (same(one), one.action)).collect();
    for one in found.iter_mut() {
        if one.is_prose
            && one.action == Operator::Allow
            && let Some(action) = replaced.get(&same(one))
        {
            one.action = *action;
        }
    }
}

/// The names of the objects in which a key was replaced: none may stand in one twice.
#[derive(Default)]
struct Names {
    taken: HashSet<(usize, String)>,
    is_filled: bool,
}

impl Names {
    fn unused(
        &mut self,
        document: &Document<'_>,
        source: &str,
        key: &Leaf,
        range: &Range<usize>,
        replacement: String,
    ) -> String {
        let Some(parent) = document.parent(key) else {
            return replacement;
        };
        if !self.is_filled {
            self.taken = document.all_names();
            self.is_filled = true;
        }
        let around = |text: &str| {
            let head = as_read(&source[key.range.start..range.start], key.depth);
            let tail = as_read(&source[range.end..key.range.end], key.depth);
            format!("{head}{text}{tail}")
        };
        let mut name = replacement.clone();
        let mut count = 1;
        while !self.taken.insert((parent, around(&name))) {
            count += 1;
            name = format!("{replacement}~{count}");
        }
        name
    }
}

fn structured_of(message: Value) -> Option<Value> {
    let mut message = message;
    let mut result = match message.get_mut("result") {
        Some(result) => result.take(),
        None => message,
    };
    result.get_mut("structuredContent").map(Value::take)
}

fn is_in(opened: &[stand_in::Opened], range: &Range<usize>) -> bool {
    opened
        .iter()
        .any(|one| one.range.start < range.end && range.start < one.range.end)
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
    restored: Vec<Replacement>,
    findings: Vec<Acted>,
) -> Outcome {
    let count = u32::try_from(restored.len()).unwrap_or(u32::MAX);
    replacements.extend(restored);
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
        restored: count,
    }
}
