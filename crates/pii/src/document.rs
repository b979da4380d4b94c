//! JSON as bytes: where its texts and numbers stand, also those of JSON inside of its texts, so that
//! findings are replaced there and nothing else changes (RFC 8259).

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use thiserror::Error;

use crate::decode::unicode;
use crate::normalize::{Maker, Map};
use crate::policy::path::Step;

/// How deep a document may be.
const DEEPEST: usize = 128;
/// How many times JSON may lie in a text of JSON and still be read as JSON.
const DEEPEST_TEXT: u8 = 3;

/// Why a document cannot be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is not JSON.
    #[error("the document is not JSON, in line {0}, column {1}")]
    NotJson(usize, usize),
    /// It is deeper than anybody needs.
    #[error("the document is deeper than 128 levels")]
    TooDeep,
    /// A key stands there twice, and readers would differ in which one counts.
    #[error("a key stands twice in one object, at byte {0}")]
    DuplicateKey(usize),
}

/// What a leaf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeafKind {
    Text,
    Number,
    Key,
}

/// A text, key or number of the document; of a text, what is between the quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Its place in the source.
    pub(crate) range: Range<usize>,
    pub(crate) kind: LeafKind,
    /// In how many texts the JSON lies whose leaf this is.
    pub(crate) depth: u8,
    /// Its place among the nodes; of a key, that of its value.
    pub(crate) node: usize,
}

/// A value and the step that leads to it.
#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    /// None for the root of a document.
    step: Option<Step>,
}

/// A document, as it is read.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    /// Its source, with the escapes of all texts undone. Its quotes and commas are still there, but
    /// it is for reading only.
    pub(crate) read: Cow<'t, str>,
    /// From `read` to the source, step by step; the last one leads to the source.
    maps: Vec<Map>,
    /// In the order of the source, without those that hold others.
    pub(crate) leaves: Vec<Leaf>,
    nodes: Vec<Node>,
}

impl<'t> Document<'t> {
    /// Reads a document.
    pub(crate) fn read(source: &'t str) -> Result<Self, DocumentError> {
        let mut document = Document {
            read: Cow::Borrowed(source),
            maps: Vec::new(),
            leaves: Vec::new(),
            nodes: Vec::new(),
        };
        let mut open = document.parse(0..source.len(), 0)?;
        let mut holders = Vec::new();
        for depth in 1..=DEEPEST_TEXT + 1 {
            document.unescape(&mut open);
            if depth > DEEPEST_TEXT {
                break;
            }
            let mut inner = Vec::new();
            for (leaf, place) in open {
                let is_text = document.leaves[leaf].kind == LeafKind::Text;
                let looks_so = document.read[place.clone()]
                    .trim_start()
                    .starts_with(['{', '[']);
                // What only looks like a document stays a text, and is scanned as one.
                if is_text
                    && looks_so
                    && let Ok(found) = document.parse(place, depth)
                    && !found.is_empty()
                {
                    holders.push(leaf);
                    inner.extend(found);
                }
            }
            if inner.is_empty() {
                break;
            }
            open = inner;
        }
        if !holders.is_empty() {
            for holder in holders {
                document.leaves[holder].range = 0..0;
            }
            document.leaves.retain(|leaf| !leaf.range.is_empty());
            document.leaves.sort_by_key(|leaf| leaf.range.start);
        }
        Ok(document)
    }

    /// Parses `place` of what is read so far, and says which leaves there are, and where in it.
    fn parse(
        &mut self,
        place: Range<usize>,
        depth: u8,
    ) -> Result<Vec<(usize, Range<usize>)>, DocumentError> {
        let text = &self.read[place.clone()];
        // The grammar of numbers and escapes is serde_json's; here, only places are read.
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
            return Err(DocumentError::NotJson(error.line(), error.column()));
        }
        let mut reader = Reader {
            text,
            at: 0,
            found: Vec::new(),
            nodes: vec![Node {
                parent: None,
                step: None,
            }],
            first: self.nodes.len(),
        };
        reader.value(0, 0)?;
        let Reader { found, nodes, .. } = reader;
        self.nodes.extend(nodes);
        let mut open = Vec::with_capacity(found.len());
        for (range, kind, node) in found {
            if range.is_empty() {
                continue;
            }
            let range = place.start + range.start..place.start + range.end;
            open.push((self.leaves.len(), range.clone()));
            self.leaves.push(Leaf {
                range: self.to_source(range),
                kind,
                depth,
                node,
            });
        }
        Ok(open)
    }

    /// Undoes the escapes in the texts at `open`, and moves those places to where they stand then.
    fn unescape(&mut self, open: &mut [(usize, Range<usize>)]) {
        let text = &self.read;
        if !open
            .iter()
            .any(|(_, place)| text[place.clone()].contains('\\'))
        {
            return;
        }
        let mut maker = Maker::default();
        let mut copied = 0;
        for (_, place) in open {
            maker.copy(text, copied..place.start);
            let start = maker.len();
            copied = place.start;
            while let Some(offset) = text[copied..place.end].find('\\') {
                let escape = copied + offset;
                let (end, piece) = unescaped(text.as_bytes(), escape);
                maker.copy(text, copied..escape);
                maker.replace(&piece, escape..end);
                copied = end;
            }
            maker.copy(text, copied..place.end);
            copied = place.end;
            *place = start..maker.len();
        }
        maker.copy(text, copied..text.len());
        if let Some((read, map)) = maker.finish() {
            self.read = Cow::Owned(read);
            self.maps.push(map);
        }
    }

    /// Where a place of what is read stands in the source.
    pub(crate) fn to_source(&self, range: Range<usize>) -> Range<usize> {
        let maps = self.maps.iter().rev();
        maps.fold(range, |range, map| map.to_source(range))
    }

    /// The leaves that a place of the source touches.
    pub(crate) fn leaves_over(&self, range: &Range<usize>) -> Range<usize> {
        let first = self
            .leaves
            .partition_point(|leaf| leaf.range.end <= range.start);
        let count = self.leaves[first..].partition_point(|leaf| leaf.range.start < range.end);
        first..first + count
    }

    /// The steps from the root of the document, or of the document in a text, to a leaf.
    pub(crate) fn path(&self, leaf: &Leaf) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = &self.nodes[leaf.node];
        while let Some(step) = &at.step {
            steps.push(step.clone());
            let Some(parent) = at.parent else { break };
            at = &self.nodes[parent];
        }
        steps.reverse();
        steps
    }

    /// The object or array in which a leaf stands.
    pub(crate) fn parent(&self, leaf: &Leaf) -> Option<usize> {
        self.nodes[leaf.node].parent
    }

    /// The name under which the value of a node stands in its object.
    pub(crate) fn name(&self, node: usize) -> Option<&str> {
        match &self.nodes[node].step {
            Some(Step::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether the root, or a value in the array that is the root, has a member of that name.
    pub(crate) fn has_member(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| {
            matches!(&node.step, Some(Step::Name(found)) if found == name)
                && node
                    .parent
                    .is_some_and(|parent| parent == 0 || self.nodes[parent].parent == Some(0))
        })
    }

    /// Every name, with the object in which it stands.
    pub(crate) fn names(&self) -> HashSet<(usize, String)> {
        let named = self.nodes.iter().filter_map(|node| match &node.step {
            Some(Step::Name(name)) => Some((node.parent?, name.clone())),
            _ => None,
        });
        named.collect()
    }

    /// The object or array in which a node stands.
    pub(crate) fn parent_of(&self, node: usize) -> Option<usize> {
        self.nodes[node].parent
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    found: Vec<(Range<usize>, LeafKind, usize)>,
    nodes: Vec<Node>,
    /// The number that the first of `nodes` will have.
    first: usize,
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

    fn child(&mut self, parent: usize, step: Step) -> usize {
        self.nodes.push(Node {
            parent: Some(self.first + parent),
            step: Some(step),
        });
        self.nodes.len() - 1
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
                    let child = self.child(node, Step::Index(index));
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
                self.found.push((range, LeafKind::Text, self.first + node));
            }
            first => {
                let rest = &self.text.as_bytes()[self.at..];
                let length = rest.iter().position(|byte| {
                    matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')
                });
                let range = self.at..self.at + length.unwrap_or(rest.len());
                self.at = range.end;
                if first == b'-' || first.is_ascii_digit() {
                    self.found
                        .push((range, LeafKind::Number, self.first + node));
                }
            }
        }
        self.space();
        Ok(())
    }

    fn object(&mut self, node: usize, depth: usize) -> Result<(), DocumentError> {
        let mut keys = HashSet::new();
        self.at += 1;
        self.space();
        while self.peek() == b'"' {
            let range = self.string();
            let written = &self.text[range.start - 1..=range.end];
            let name = if written.contains('\\') {
                serde_json::from_str(written)
                    .map_err(|error| DocumentError::NotJson(error.line(), error.column()))?
            } else {
                self.text[range.clone()].to_owned()
            };
            if !keys.insert(name.clone()) {
                return Err(DocumentError::DuplicateKey(range.start));
            }
            let child = self.child(node, Step::Name(name));
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
        while let Some(byte) = bytes.get(self.at).filter(|byte| **byte != b'"') {
            self.at += if *byte == b'\\' { 2 } else { 1 };
        }
        let range = start..self.at.min(bytes.len());
        self.at += 1;
        range
    }
}

/// What the escape at `at` stands for, and where it ends (RFC 8259 §7).
fn unescaped(bytes: &[u8], at: usize) -> (usize, Cow<'static, str>) {
    match bytes.get(at + 1) {
        Some(b'u') => match unicode(bytes, at) {
            Some((end, piece)) => (end, Cow::Owned(piece)),
            // Half of a character: nobody can read it.
            None => (at + 6, Cow::Borrowed("\u{FFFD}")),
        },
        Some(b'n' | b'r') => (at + 2, Cow::Borrowed("\n")),
        Some(b't' | b'b' | b'f') => (at + 2, Cow::Borrowed(" ")),
        Some(b'"') => (at + 2, Cow::Borrowed("\"")),
        Some(b'/') => (at + 2, Cow::Borrowed("/")),
        _ => (at + 2, Cow::Borrowed("\\")),
    }
}

/// A piece of a text as it is read, where it lies in so many texts.
pub(crate) fn as_read(piece: &str, depth: u8) -> String {
    let mut read = piece.to_owned();
    for _ in 0..=depth {
        let Some(first) = read.find('\\') else { break };
        let mut next = read[..first].to_owned();
        let mut at = first;
        while at < read.len() {
            if read.as_bytes()[at] == b'\\' && at + 1 < read.len() {
                let (end, piece) = unescaped(read.as_bytes(), at);
                next.push_str(&piece);
                at = end.min(read.len());
            } else {
                let rest = &read[at..];
                let length = rest[1..].find('\\').map_or(rest.len(), |found| found + 1);
                let length = if rest.is_char_boundary(length) {
                    length
                } else {
                    rest.len()
                };
                next.push_str(&rest[..length]);
                at += length;
            }
        }
        read = next;
    }
    read
}

/// A text as it is written at the place of a leaf, where a number becomes a text.
pub(crate) fn as_written(text: &str, leaf: &Leaf) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let inner = |quoted: String| quoted[1..quoted.len() - 1].to_owned();
    let mut written = quoted(text);
    if leaf.kind != LeafKind::Number {
        written = inner(written);
    }
    for _ in 0..leaf.depth {
        written = inner(quoted(&written));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Result<Vec<String>, DocumentError> {
        let document = Document::read(text)?;
        let leaves = document.leaves.into_iter();
        Ok(leaves.map(|leaf| text[leaf.range].to_owned()).collect())
    }

    #[test]
    fn p1_texts_and_numbers_have_places() {
        let text = r#" {"a": [1.10, "x\"y", null], "b": {"c": -2e3}} "#;
        assert_eq!(
            leaves(text).unwrap(),
            ["a", "1.10", "x\\\"y", "b", "c", "-2e3"]
        );
    }

    #[test]
    fn p1_json_in_texts_has_places_of_its_own() {
        let inner = r#"{"mail":"a\"b","n":[7]}"#;
        let twice = serde_json::to_string(&serde_json::json!({ "deep": inner })).unwrap();
        let source = serde_json::to_string(&serde_json::json!({"text": twice, "z": 1})).unwrap();
        let document = Document::read(&source).unwrap();
        let seven = document
            .leaves
            .iter()
            .find(|leaf| leaf.kind == LeafKind::Number && leaf.depth == 2)
            .unwrap();
        assert_eq!(&source[seven.range.clone()], "7");
        assert_eq!(
            document.path(seven),
            [Step::Name("n".to_owned()), Step::Index(0)]
        );
        let texts: Vec<String> = document
            .leaves
            .iter()
            .map(|leaf| as_read(&source[leaf.range.clone()], leaf.depth))
            .collect();
        assert_eq!(texts, ["text", "deep", "mail", "a\"b", "n", "7", "z", "1"]);
        assert!(
            document.read.contains(r#""mail":"a"b""#),
            "{}",
            document.read
        );
    }

    #[test]
    fn p2_what_readers_would_read_differently_is_refused() {
        assert_eq!(
            leaves(r#"{"a":1,"\u0061":2}"#).unwrap_err(),
            DocumentError::DuplicateKey(8)
        );
        assert!(matches!(
            leaves("{").unwrap_err(),
            DocumentError::NotJson(1, 1)
        ));
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(leaves(&deep).is_err());
    }
}
