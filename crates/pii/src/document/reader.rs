//! The places of the values in a text that is known to be JSON (RFC 8259), and the way to each.

use std::collections::HashSet;
use std::ops::Range;

use super::{DocumentError, LeafKind, Node, NodeStep};
use crate::spread;

/// How deep a document may be.
const DEEPEST: usize = 128;
/// An object of more members has its names in a set, to see which one stands there twice.
const FEW: usize = 16;

/// What is in a text of JSON.
pub(super) struct Reading {
    /// Where each leaf stands in the text, and the number of its node.
    pub(super) leaves: Vec<(Range<usize>, LeafKind, usize)>,
    pub(super) nodes: Vec<Node>,
    pub(super) names: String,
    /// Whether values side by side may belong together.
    pub(super) may_spread: bool,
}

/// Reads a text that is known to be JSON; `first` and `first_name` are the numbers that the first of its
/// nodes and of its names will have.
pub(super) fn read(text: &str, first: usize, first_name: usize) -> Result<Reading, DocumentError> {
    let mut reader = Reader {
        text,
        at: 0,
        found: Vec::new(),
        nodes: Vec::new(),
        names: String::new(),
        first,
        first_name,
        parts: Parts::default(),
    };
    let root = reader.child(None, NodeStep::Root);
    reader.value(root, 0)?;
    Ok(Reading {
        leaves: reader.found,
        nodes: reader.nodes,
        names: reader.names,
        may_spread: reader.parts.may_spread,
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    found: Vec<(Range<usize>, LeafKind, usize)>,
    nodes: Vec<Node>,
    names: String,
    first: usize,
    first_name: usize,
    parts: Parts,
}

/// Sees whether neighbours may be parts of one value.
#[derive(Default)]
struct Parts {
    may_spread: bool,
    /// The object or array of the last values, and how many digits they have together.
    parent: Option<usize>,
    digits: usize,
    texts: usize,
}

impl Parts {
    fn see(&mut self, value: &str, name: Option<&str>, parent: Option<usize>) {
        if spread::is_part(value) {
            if self.parent != parent {
                self.digits = 0;
            }
            self.parent = parent;
            self.may_spread |= self.digits > 0 && self.digits + value.len() >= spread::SHORTEST;
            self.digits += value.len();
        } else {
            self.parent = None;
            self.digits = 0;
        }
        self.texts += usize::from(name == Some("text"));
        self.may_spread |= self.texts > 1 || name.is_some_and(spread::is_domain);
    }
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn child(&mut self, parent: Option<usize>, step: NodeStep) -> usize {
        self.nodes.push(Node {
            parent: parent.map(|parent| self.first + parent),
            step,
        });
        self.nodes.len() - 1
    }

    fn name(&self, node: usize) -> Option<&str> {
        self.nodes[node].name(&self.names, self.first_name)
    }

    fn leaf(&mut self, range: Range<usize>, kind: LeafKind, node: usize) {
        let Node { parent, .. } = self.nodes[node];
        let name = self.nodes[node].name(&self.names, self.first_name);
        self.parts.see(&self.text[range.clone()], name, parent);
        self.found.push((range, kind, self.first + node));
    }

    fn value(&mut self, node: usize, depth: usize) -> Result<(), DocumentError> {
        if depth > DEEPEST {
            return Err(DocumentError::TooDeep);
        }
        self.space();
        match self.peek() {
            b'{' => self.object(node, depth)?,
            b'[' => {
                self.at += 1;
                self.space();
                let mut index = 0;
                while self.peek() != b']' && self.at < self.text.len() {
                    let child = self.child(Some(node), NodeStep::Index(index));
                    index += 1;
                    self.value(child, depth + 1)?;
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
            }
            b'"' => {
                let range = self.string();
                self.leaf(range, LeafKind::Text, node);
            }
            first => {
                let rest = &self.text.as_bytes()[self.at..];
                let length = rest.iter().position(|byte| {
                    matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')
                });
                let range = self.at..self.at + length.unwrap_or(rest.len());
                self.at = range.end;
                if first == b'-' || first.is_ascii_digit() {
                    self.leaf(range, LeafKind::Number, node);
                }
            }
        }
        self.space();
        Ok(())
    }

    fn object(&mut self, node: usize, depth: usize) -> Result<(), DocumentError> {
        let mut members: Vec<usize> = Vec::new();
        let mut seen: HashSet<String> = HashSet::new();
        self.at += 1;
        self.space();
        while self.peek() == b'"' {
            let range = self.string();
            let start = self.names.len();
            let written = &self.text[range.start - 1..=range.end];
            if written.contains('\\') {
                let name: String = serde_json::from_str(written)
                    .map_err(|error| DocumentError::NotJson(error.line(), error.column()))?;
                self.names.push_str(&name);
            } else {
                self.names.push_str(&self.text[range.clone()]);
            }
            let name = &self.names[start..];
            let is_twice = if members.len() < FEW {
                members
                    .iter()
                    .any(|member| self.name(*member) == Some(name))
            } else {
                if seen.is_empty() {
                    let names = members.iter().filter_map(|member| self.name(*member));
                    seen.extend(names.map(str::to_owned));
                }
                !seen.insert(name.to_owned())
            };
            if is_twice {
                return Err(DocumentError::DuplicateKey(range.start));
            }
            let place = self.first_name + start..self.first_name + self.names.len();
            let child = self.child(Some(node), NodeStep::Name(place));
            members.push(child);
            self.found.push((range, LeafKind::Key, self.first + child));
            self.space();
            self.at += 1;
            self.value(child, depth + 1)?;
            if self.peek() == b',' {
                self.at += 1;
                self.space();
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a string, and says what is between its quotes.
    fn string(&mut self) -> Range<usize> {
        self.at += 1;
        let start = self.at;
        let bytes = self.text.as_bytes();
        while let Some(rest) = bytes.get(self.at..) {
            let next = memchr::memchr2(b'"', b'\\', rest);
            self.at += next.unwrap_or(rest.len());
            if next.is_none() || bytes[self.at] == b'"' {
                break;
            }
            self.at += 2;
        }
        let range = start..self.at.min(bytes.len());
        self.at += 1;
        range
    }
}
