//! Messages of the protocol: what in them is data, what the protocol needs, and what says the same twice.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::Value;

use crate::document::{Document, Leaf, as_read};
use crate::operator::Operator;
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
pub(crate) fn follow(found: &mut [Found]) {
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
pub(crate) struct Names {
    taken: HashSet<(usize, String)>,
    is_filled: bool,
}

impl Names {
    /// A name for the key that stands nowhere else in its object.
    pub(crate) fn unused(
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

pub(crate) fn structured_of(message: Value) -> Option<Value> {
    let mut message = message;
    let mut result = match message.get_mut("result") {
        Some(result) => result.take(),
        None => message,
    };
    result.get_mut("structuredContent").map(Value::take)
}
