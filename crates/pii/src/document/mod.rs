//! JSON as bytes: where its texts and numbers stand, also those of JSON inside of its texts, so that
//! findings are replaced there and nothing else changes (RFC 8259).

mod escape;
mod reader;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use serde::de::IgnoredAny;
use thiserror::Error;

use self::escape::unescaped;
pub(crate) use self::escape::{as_read, as_written};

use crate::normalize::{Maker, Map};
use crate::policy::path::Step;

/// How many times JSON may lie in a text of JSON and still be read as JSON.
const DEEPEST_TEXT: u8 = 3;

/// How many leaves a message usually has at most.
const USUAL: usize = 24;

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
    /// Its place in the source, once it is settled.
    pub(crate) range: Range<usize>,
    /// How many texts were unescaped when `range` was its place in what was read.
    maps: usize,
    pub(crate) kind: LeafKind,
    /// In how many texts the JSON lies whose leaf this is.
    pub(crate) depth: u8,
    /// Its place among the nodes; of a key, that of its value.
    pub(crate) node: usize,
}

/// A value and the step that leads to it.
#[derive(Debug, Clone)]
struct Node {
    parent: Option<usize>,
    step: NodeStep,
}

impl Node {
    /// The name under which it stands in its object, if it stands in one.
    fn name<'n>(&self, names: &'n str) -> Option<&'n str> {
        match &self.step {
            NodeStep::Name(name) => Some(&names[name.clone()]),
            NodeStep::Root | NodeStep::Index(_) => None,
        }
    }
}

/// A step, with its name among the names of the document.
#[derive(Debug, Clone)]
enum NodeStep {
    Root,
    Name(Range<usize>),
    Index(usize),
}

/// A document, as it is read.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    /// Its source, with the escapes of all texts undone. Its quotes and commas are still there, but
    /// it is for reading only.
    pub(crate) read: Cow<'t, str>,
    /// From `read` to the source, step by step; the last one leads to the source.
    maps: Vec<Map>,
    /// Once they are settled, in the order of the source, without those that hold others.
    pub(crate) leaves: Vec<Leaf>,
    /// The leaves that hold documents.
    holders: Vec<usize>,
    nodes: Vec<Node>,
    /// All names, one after the other.
    names: String,
    /// Whether values side by side may belong together.
    pub(crate) may_spread: bool,
}

impl<'t> Document<'t> {
    /// Reads a document.
    pub(crate) fn read(source: &'t str) -> Result<Self, DocumentError> {
        let mut document = Document {
            read: Cow::Borrowed(source),
            maps: Vec::new(),
            leaves: Vec::with_capacity(USUAL),
            holders: Vec::new(),
            nodes: Vec::with_capacity(USUAL),
            names: String::with_capacity(8 * USUAL),
            may_spread: false,
        };
        let parsed = document.parse(0..source.len(), 0);
        let mut escapes = parsed.map_err(|error| {
            // What is no JSON at all is that first, and a library says where.
            let parsed = serde_json::from_str::<IgnoredAny>(source);
            parsed.err().map_or(error, |error| {
                DocumentError::NotJson(error.line(), error.column())
            })
        })?;
        let mut open = document.places_from(0);
        for depth in 1..=DEEPEST_TEXT + 1 {
            if escapes > 0 {
                document.unescape(&mut open, escapes);
            }
            if depth > DEEPEST_TEXT {
                break;
            }
            let first = document.leaves.len();
            escapes = 0;
            for (leaf, place) in open {
                let is_text = document.leaves[leaf].kind == LeafKind::Text;
                let looks_so = document.read[place.clone()]
                    .trim_start()
                    .starts_with(['{', '[']);
                let known = document.leaves.len();
                // What only looks like a document stays a text, and is scanned as one.
                if is_text
                    && looks_so
                    && let Ok(found) = document.parse(place, depth)
                    && document.leaves.len() > known
                {
                    document.holders.push(leaf);
                    escapes += found;
                }
            }
            if document.leaves.len() == first {
                break;
            }
            open = document.places_from(first);
        }
        Ok(document)
    }

    /// The leaves from one on, with their places in what is read.
    fn places_from(&self, first: usize) -> Vec<(usize, Range<usize>)> {
        let leaves = self.leaves.iter().enumerate().skip(first);
        leaves.map(|(at, leaf)| (at, leaf.range.clone())).collect()
    }

    /// Finds the place of every leaf in the source. Where nothing was found, nobody asks for them.
    pub(crate) fn settle(&mut self) {
        for holder in std::mem::take(&mut self.holders) {
            self.leaves[holder].range = 0..0;
        }
        let Self { leaves, maps, .. } = self;
        leaves.retain(|leaf| !leaf.range.is_empty());
        for leaf in leaves.iter_mut() {
            let read = std::mem::take(&mut leaf.maps);
            let maps = maps[..read].iter().rev();
            let range = std::mem::take(&mut leaf.range);
            leaf.range = maps.fold(range, |range, map| map.to_source(range));
        }
        leaves.sort_by_key(|leaf| leaf.range.start);
    }

    /// Parses `place` of what is read so far into leaves, and says how many escapes they have.
    fn parse(&mut self, place: Range<usize>, depth: u8) -> Result<usize, DocumentError> {
        let known = (self.leaves.len(), self.nodes.len(), self.names.len());
        let text = &self.read[place.clone()];
        let like = Leaf {
            range: place,
            maps: self.maps.len(),
            kind: LeafKind::Text,
            depth,
            node: 0,
        };
        let contents = reader::Contents {
            leaves: &mut self.leaves,
            nodes: &mut self.nodes,
            names: &mut self.names,
        };
        match reader::read(text, &like, contents) {
            Ok(reading) => {
                self.may_spread |= reading.may_spread;
                Ok(reading.escapes)
            }
            Err(error) => {
                self.leaves.truncate(known.0);
                self.nodes.truncate(known.1);
                self.names.truncate(known.2);
                Err(error)
            }
        }
    }

    /// Undoes the escapes in the texts at `open`, and moves those places to where they stand then.
    fn unescape(&mut self, open: &mut [(usize, Range<usize>)], escapes: usize) {
        let text = &self.read;
        let mut maker = Maker::with_room(text.len(), 2 * escapes + 1);
        let mut copied = 0;
        for (_, place) in open {
            let start = maker.len() + (place.start - copied);
            let mut from = place.start;
            while let Some(escape) = next_escape(text, from..place.end) {
                let (end, piece) = unescaped(text.as_bytes(), escape);
                maker.copy(text, copied..escape);
                maker.replace(&piece, escape..end);
                copied = end;
                from = end;
            }
            *place = start..maker.len() + (place.end - copied);
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
    pub(crate) fn path(&self, leaf: &Leaf) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        let mut at = &self.nodes[leaf.node];
        while let Some(parent) = at.parent {
            match &at.step {
                NodeStep::Name(name) => steps.push(Step::Name(&self.names[name.clone()])),
                NodeStep::Index(index) => steps.push(Step::Index(*index)),
                NodeStep::Root => {}
            }
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
        self.nodes[node].name(&self.names)
    }

    /// Every name, with the object in which it stands.
    pub(crate) fn all_names(&self) -> HashSet<(usize, String)> {
        let named = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.parent?, node.name(&self.names)?.to_owned())));
        named.collect()
    }

    /// The object or array in which a node stands.
    pub(crate) fn parent_of(&self, node: usize) -> Option<usize> {
        self.nodes[node].parent
    }
}

/// Where the first escape in a place begins.
fn next_escape(text: &str, place: Range<usize>) -> Option<usize> {
    let offset = memchr::memchr(b'\\', &text.as_bytes()[place.clone()]);
    offset.map(|offset| place.start + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Result<Vec<String>, DocumentError> {
        let mut document = Document::read(text)?;
        document.settle();
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
        let mut document = Document::read(&source).unwrap();
        document.settle();
        let seven = document
            .leaves
            .iter()
            .find(|leaf| leaf.kind == LeafKind::Number && leaf.depth == 2)
            .unwrap();
        assert_eq!(&source[seven.range.clone()], "7");
        assert_eq!(document.path(seven), [Step::Name("n"), Step::Index(0)]);
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
