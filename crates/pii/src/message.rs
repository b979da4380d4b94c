//! Messages of the protocol: what in them is data, what the protocol needs, and what says the same twice.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::iter;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use crate::document::{Document, Leaf, LeafKind, as_read};
use crate::kind::Kind;
use crate::operator::{Operator, is_written};
use crate::places::Places;
use crate::policy::path::Step;
use crate::policy::{CallPolicy, Context, Direction};
use crate::recognizer::Hit;

/// Which part of the protocol a text is, which says what in it is data (JSON-RPC 2.0, MCP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A whole JSON-RPC message, or a batch of them.
    Message,
    /// The `params` of a request or a notification.
    Params,
    /// The `result` of an answer.
    Result,
    /// The `error` of an answer.
    Error,
    /// No part of it: arguments or a result by themselves.
    Data,
    /// No JSON at all.
    Text,
}

/// What stands at a place of a message.
#[derive(Debug, PartialEq, Eq)]
enum Place<'p, 'n> {
    /// What the protocol itself needs, and nobody may change.
    Protocol,
    /// A value in the arguments or the structured result, with the path from their root.
    Data(&'p [Step<'n>]),
    /// A text for people.
    Prose,
}

impl Part {
    /// What stands at the end of `path` in this part of a message that goes in `direction`.
    fn place<'p, 'n>(self, direction: Direction, path: &'p [Step<'n>]) -> Place<'p, 'n> {
        match (self, path) {
            (Self::Data, _) => Place::Data(path),
            (Self::Message, [Step::Index(_), rest @ ..]) => self.place(direction, rest),
            (Self::Message, [Step::Name(name), rest @ ..]) => match *name {
                "jsonrpc" | "id" | "method" => Place::Protocol,
                "params" => Self::Params.place(direction, rest),
                "result" => Self::Result.place(direction, rest),
                _ => Place::Prose,
            },
            (Self::Params | Self::Result, [Step::Name("_meta"), Step::Name(name), ..]) => {
                if is_protocol_meta(name) {
                    Place::Protocol
                } else {
                    Place::Prose
                }
            }
            (Self::Params, [Step::Name("arguments"), rest @ ..])
            | (Self::Result, [Step::Name("structuredContent"), rest @ ..]) => Place::Data(rest),
            (Self::Params, [Step::Name(name)]) => match *name {
                "progressToken" | "requestId" | "taskId" => Place::Protocol,
                // What a client names, it was told by the server.
                "name" | "requestState" | "cursor" if direction == Direction::Arguments => {
                    Place::Protocol
                }
                _ => Place::Prose,
            },
            (
                Self::Result,
                [Step::Name("requestState" | "resultType" | "nextCursor" | "taskId")]
                | [Step::Name("task"), Step::Name("taskId")],
            ) => Place::Protocol,
            _ => Place::Prose,
        }
    }
}

/// Whether a member of `_meta` is one of the protocol's own. Others may begin like them.
fn is_protocol_meta(name: &str) -> bool {
    let own = name.strip_prefix("io.modelcontextprotocol/");
    own.map_or(
        matches!(name, "progressToken" | "traceparent" | "tracestate"),
        |own| {
            matches!(
                own,
                "protocolVersion"
                    | "clientInfo"
                    | "clientCapabilities"
                    | "serverInfo"
                    | "logLevel"
                    | "subscriptionId"
                    | "related-task"
            )
        },
    )
}

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

impl Found {
    /// The value, however it is written.
    fn meant(&self) -> (Kind, String) {
        let written = self.value.chars().filter(|one| is_written(*one));
        let written: String = written.collect();
        (self.hit.kind.clone(), written.to_lowercase())
    }
}

/// What the policy says of each hit.
pub(crate) fn found(
    call: &CallPolicy<'_>,
    context: &Context<'_>,
    message: &str,
    document: &Document<'_>,
    hits: Vec<Hit>,
) -> Vec<Found> {
    let mut found = Vec::with_capacity(hits.len());
    for hit in hits {
        let number = document.leaves_over(&hit.range).start;
        let Some(leaf) = document.leaves.get(number) else {
            continue;
        };
        let path = document.path(leaf);
        let (inner, is_prose) = match place_of(context, leaf, &path) {
            Place::Protocol => continue,
            Place::Data(inner) => (inner, false),
            Place::Prose => (&path[..], true),
        };
        found.push(Found {
            value: as_read(&message[hit.range.clone()], leaf.depth),
            action: call.action(&hit.kind, hit.score, inner),
            is_prose,
            leaf: number,
            hit,
        });
    }
    found
}

/// JSON in a text is data, whatever its names are.
fn place_of<'p, 'n>(context: &Context<'_>, leaf: &Leaf, path: &'p [Step<'n>]) -> Place<'p, 'n> {
    if leaf.depth == 0 {
        context.part.place(context.direction, path)
    } else {
        Place::Data(path)
    }
}

/// A value that is replaced in a field is replaced in the texts beside it, too: they say the same. There it is looked
/// for letter by letter, since nothing may stand beside it that says what it is.
pub(crate) fn follow(
    context: &Context<'_>,
    message: &str,
    document: &Document<'_>,
    found: &mut Vec<Found>,
) {
    let fields = || {
        let fields = found.iter();
        fields.filter(|one| !one.is_prose && one.action != Operator::Allow)
    };
    let same: HashMap<_, _> = fields().map(|one| (one.meant(), one.action)).collect();
    if same.is_empty() {
        return;
    }
    let said = fields().map(|one| (one.value.clone(), (one.hit.kind.clone(), one.action)));
    let said: HashMap<_, _> = said.collect();
    for one in found.iter_mut() {
        if one.is_prose
            && one.action == Operator::Allow
            && let Some(action) = same.get(&one.meant())
        {
            one.action = *action;
        }
    }
    let known = Places::new(found.iter().map(|one| one.hit.range.clone()));
    for (range, value) in echoes(&document.read, said.keys()) {
        let range = document.to_source(range);
        let leaves = document.leaves_over(&range);
        let [leaf] = &document.leaves[leaves.clone()] else {
            continue;
        };
        let path = document.path(leaf);
        let is_prose = place_of(context, leaf, &path) == Place::Prose;
        if !is_prose || known.touch(&range) || message.get(range.clone()).is_none() {
            continue;
        }
        let (kind, action) = said[value].clone();
        found.push(Found {
            hit: Hit::new(kind, range, 1.0),
            leaf: leaves.start,
            value: value.to_owned(),
            action,
            is_prose,
        });
    }
    found.sort_by_key(|one| one.hit.range.start);
}

/// How many bytes of values are looked for at once: what looks for them takes many times their size.
const AT_ONCE: usize = 256 * 1024;

/// Where values stand in a text as words of their own, the longest ones first. Short ones may mean anything.
fn echoes<'v>(
    text: &str,
    values: impl Iterator<Item = &'v String>,
) -> Vec<(Range<usize>, &'v str)> {
    let mut found = Vec::new();
    let mut values = values
        .map(String::as_str)
        .filter(|one| says_what_it_is(one))
        .peekable();
    while values.peek().is_some() {
        let mut size = 0;
        let some: Vec<&str> = iter::from_fn(|| {
            let next = values.next_if(|one| size == 0 || size + one.len() <= AT_ONCE)?;
            size += next.len();
            Some(next)
        })
        .collect();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&some)
            .expect("it holds more than a message does");
        let places = finder.find_iter(text);
        found.extend(places.map(|one| (one.range(), some[one.pattern()])));
    }
    found.retain(|(range, value)| {
        let before = text[..range.start].chars().next_back();
        let after = text[range.end..].chars().next();
        !continues(before, value.chars().next()) && !continues(value.chars().next_back(), after)
    });
    found.sort_by_key(|(range, _)| (range.start, Reverse(range.end)));
    let mut end = 0;
    found.retain(|(range, _)| {
        let is_free = range.start >= end;
        if is_free {
            end = range.end;
        }
        is_free
    });
    found
}

/// Four letters or digits, or three of a script in which a letter is a syllable. A few digits may be a part of a number
/// that is spread over fields, and anything else elsewhere.
fn says_what_it_is(value: &str) -> bool {
    let written = value.chars().filter(|one| one.is_alphanumeric());
    let (ascii, other): (Vec<char>, Vec<char>) = written.partition(char::is_ascii);
    let is_number = other.is_empty() && ascii.iter().all(char::is_ascii_digit);
    let least = if is_number { 7 } else { 4 };
    ascii.len() + other.len() >= least || other.len() >= 3
}

/// Whether a word goes on from one character to the next. Korean particles follow a name without a space.
fn continues(one: Option<char>, next: Option<char>) -> bool {
    let is_word = |one: Option<char>| one.is_some_and(|one| one.is_ascii_alphanumeric());
    is_word(one) && is_word(next)
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

/// The structured result in a message or a result.
pub(crate) fn structured_of(part: Part, mut text: Value) -> Option<Value> {
    let result = match part {
        Part::Message => text.get_mut("result")?,
        _ => &mut text,
    };
    result.get_mut("structuredContent").map(Value::take)
}
