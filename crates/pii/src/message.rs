//! Messages of the protocol: what in them is data, what the protocol needs, and what says the same twice.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use crate::document::{Document, LeafKind, as_read};
use crate::operator::{Operator, is_written};
use crate::policy::CallPolicy;
use crate::policy::path::Step;
use crate::recognizer::Hit;

/// A finding in a document, and what the policy says of it.
pub(crate) struct Found {
    pub(crate) hit: Hit,
    /// Its leaf, by number.
    pub(crate) leaf: usize,
    pub(crate) value: String,
    pub(crate) action: Operator,
    /// Whether it stands in a text for people, and not in a field.
    pub(crate) is_prose: bool,
}

/// What the policy says of each hit.
pub(crate) fn found(
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

/// What the protocol itself needs, and nobody may change.
fn is_protocol(path: &[Step<'_>]) -> bool {
    let names: Vec<&str> = path
        .iter()
        .skip_while(|step| matches!(step, Step::Index(_)))
        .map(|step| match step {
            Step::Name(name) => name,
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
fn data_path<'p, 'n>(path: &'p [Step<'n>]) -> Option<&'p [Step<'n>]> {
    let is = |at: usize, name: &str| path.get(at) == Some(&Step::Name(name));
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
pub(crate) fn follow(found: &mut [Found]) {
    let same = |one: &Found| {
        let value: String = one.value.chars().filter(|one| is_written(*one)).collect();
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

/// What takes the place of a finding.
pub(crate) struct Made {
    /// The leaf of the finding, by number.
    pub(crate) leaf: usize,
    pub(crate) range: Range<usize>,
    /// As it is read there.
    pub(crate) text: String,
}

/// Sees to it that no name stands twice in an object in which names are replaced.
///
/// `made` is in the order of the document. What is needed to find a free name is remembered, so that it
/// takes no longer for many names that become the same one.
pub(crate) fn keep_apart(document: &Document<'_>, source: &str, made: &mut [Made]) {
    let mut taken = None;
    let mut counts: HashMap<(usize, String), usize> = HashMap::new();
    for of_one in made.chunk_by_mut(|one, next| one.leaf == next.leaf) {
        let key = &document.leaves[of_one[0].leaf];
        let Some(parent) = document.parent(key).filter(|_| key.kind == LeafKind::Key) else {
            continue;
        };
        let read = |range: Range<usize>| as_read(&source[range], key.depth);
        let mut head = String::new();
        let mut at = key.range.start;
        for one in &*of_one {
            head.push_str(&read(at..one.range.start));
            head.push_str(&one.text);
            at = one.range.end;
        }
        let tail = read(at..key.range.end);
        let name = format!("{head}{tail}");
        let taken = taken.get_or_insert_with(|| document.all_names());
        if taken.insert((parent, name.clone())) {
            continue;
        }
        let count = counts.entry((parent, name)).or_insert(1);
        let number = loop {
            *count += 1;
            #[cfg(test)]
            crate::cost::step();
            let number = format!("~{count}");
            if taken.insert((parent, format!("{head}{number}{tail}"))) {
                break number;
            }
        };
        if let Some(last) = of_one.last_mut() {
            last.text.push_str(&number);
        }
    }
}

pub(crate) fn structured_of(message: Value) -> Option<Value> {
    let mut message = message;
    let mut result = match message.get_mut("result") {
        Some(result) => result.take(),
        None => message,
    };
    result.get_mut("structuredContent").map(Value::take)
}
