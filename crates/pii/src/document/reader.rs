//! The places of the values in a text of JSON (RFC 8259), and the way to each.

use std::collections::HashSet;
use std::ops::Range;

use super::{DocumentError, Leaf, LeafKind, Node, NodeStep};
use crate::spread;

/// How deep a document may be.
const DEEPEST: usize = 128;
/// An object of more members has its names in a set, to see which one stands there twice.
const FEW: usize = 16;
/// Names and many values are not longer, and for them a search of many bytes at once does not pay.
const SHORT: usize = 16;

/// What the reader adds to.
pub(super) struct Contents<'d> {
    pub(super) leaves: &'d mut Vec<Leaf>,
    pub(super) nodes: &'d mut Vec<Node>,
    pub(super) names: &'d mut String,
}

/// What is known of a text of JSON once it is read.
pub(super) struct Reading {
    /// Whether values side by side may belong together.
    pub(super) may_spread: bool,
    /// How many escapes there are in its texts and keys.
    pub(super) escapes: usize,
}

/// Reads a text, whose leaves are as `like`, and begin where that begins.
///
/// # Errors
///
/// When it is no JSON, or not to be scanned. What was added then is to be taken away again.
pub(super) fn read(
    text: &str,
    like: &Leaf,
    contents: Contents<'_>,
) -> Result<Reading, DocumentError> {
    let mut reader = Reader {
        text,
        at: 0,
        like,
        contents,
        members: Vec::new(),
        parts: Parts::default(),
        escapes: 0,
    };
    let root = reader.child(None, NodeStep::Root);
    reader.value(root, 0)?;
    if reader.at < text.len() {
        return Err(reader.not_json());
    }
    Ok(Reading {
        may_spread: reader.parts.may_spread,
        escapes: reader.escapes,
    })
}

struct Reader<'a, 'd> {
    text: &'a str,
    at: usize,
    like: &'a Leaf,
    contents: Contents<'d>,
    /// The members so far of all objects that are open.
    members: Vec<usize>,
    parts: Parts,
    escapes: usize,
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

impl Reader<'_, '_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Reads what has to stand there.
    fn expect(&mut self, written: &str) -> Result<(), DocumentError> {
        if !self.text.as_bytes()[self.at..].starts_with(written.as_bytes()) {
            return Err(self.not_json());
        }
        self.at += written.len();
        Ok(())
    }

    /// That there is no JSON at this place.
    fn not_json(&self) -> DocumentError {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
        DocumentError::NotJson(line, column)
    }

    fn child(&mut self, parent: Option<usize>, step: NodeStep) -> usize {
        self.contents.nodes.push(Node { parent, step });
        self.contents.nodes.len() - 1
    }

    fn name(&self, node: usize) -> Option<&str> {
        self.contents.nodes[node].name(self.contents.names)
    }

    fn leaf(&mut self, range: Range<usize>, kind: LeafKind, node: usize) {
        if range.is_empty() {
            return;
        }
        let start = self.like.range.start;
        self.contents.leaves.push(Leaf {
            range: start + range.start..start + range.end,
            kind,
            node,
            ..*self.like
        });
    }

    fn value(&mut self, node: usize, depth: usize) -> Result<(), DocumentError> {
        if depth > DEEPEST {
            return Err(DocumentError::TooDeep);
        }
        self.space();
        let (range, kind) = match self.peek() {
            b'{' => {
                self.object(node, depth)?;
                self.space();
                return Ok(());
            }
            b'[' => {
                self.array(node, depth)?;
                self.space();
                return Ok(());
            }
            b'"' => (self.string()?, LeafKind::Text),
            b'-' | b'0'..=b'9' => (self.number()?, LeafKind::Number),
            first => {
                self.expect(match first {
                    b't' => "true",
                    b'f' => "false",
                    _ => "null",
                })?;
                self.space();
                return Ok(());
            }
        };
        let Node { parent, .. } = self.contents.nodes[node];
        let name = self.contents.nodes[node].name(self.contents.names);
        self.parts.see(&self.text[range.clone()], name, parent);
        self.leaf(range, kind, node);
        self.space();
        Ok(())
    }

    fn array(&mut self, node: usize, depth: usize) -> Result<(), DocumentError> {
        self.at += 1;
        self.space();
        if self.peek() == b']' {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            let child = self.child(Some(node), NodeStep::Index(index));
            self.value(child, depth + 1)?;
            if self.peek() != b',' {
                break;
            }
            self.at += 1;
        }
        self.expect("]")
    }

    fn object(&mut self, node: usize, depth: usize) -> Result<(), DocumentError> {
        self.at += 1;
        self.space();
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        let first = self.members.len();
        let mut seen = None;
        loop {
            if self.peek() != b'"' {
                return Err(self.not_json());
            }
            let escapes = self.escapes;
            let range = self.string()?;
            let start = self.contents.names.len();
            if self.escapes > escapes {
                let written = &self.text[range.start - 1..=range.end];
                let name: String = serde_json::from_str(written)
                    .map_err(|error| DocumentError::NotJson(error.line(), error.column()))?;
                self.contents.names.push_str(&name);
            } else {
                self.contents.names.push_str(&self.text[range.clone()]);
            }
            if self.is_twice(start, first, &mut seen) {
                return Err(DocumentError::DuplicateKey(range.start));
            }
            let name = NodeStep::Name(start..self.contents.names.len());
            let child = self.child(Some(node), name);
            self.members.push(child);
            self.leaf(range, LeafKind::Key, child);
            self.space();
            self.expect(":")?;
            self.value(child, depth + 1)?;
            if self.peek() != b',' {
                break;
            }
            self.at += 1;
            self.space();
        }
        self.members.truncate(first);
        self.expect("}")
    }

    /// Whether the last name, which begins at `start`, is one of the members from `first` on.
    fn is_twice(&self, start: usize, first: usize, seen: &mut Option<HashSet<String>>) -> bool {
        let name = &self.contents.names[start..];
        let mut names = self.members[first..]
            .iter()
            .filter_map(|member| self.name(*member));
        if self.members.len() - first < FEW {
            return names.any(|known| known == name);
        }
        let seen = seen.get_or_insert_with(|| names.map(str::to_owned).collect());
        !seen.insert(name.to_owned())
    }

    /// Reads a number.
    fn number(&mut self) -> Result<Range<usize>, DocumentError> {
        let start = self.at;
        self.at += usize::from(self.peek() == b'-');
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits()?;
        }
        Ok(start..self.at)
    }

    /// Reads digits, of which there has to be one at least.
    fn digits(&mut self) -> Result<(), DocumentError> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.not_json());
        }
        Ok(())
    }

    /// Reads a string, and says what is between its quotes.
    fn string(&mut self) -> Result<Range<usize>, DocumentError> {
        self.at += 1;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
        let near = bytes[start..].iter().take(SHORT).position(is_end);
        if let Some(length) = near
            && bytes[start + length] == b'"'
        {
            self.at = start + length + 1;
            return Ok(start..start + length);
        }
        loop {
            let next = memchr::memchr2(b'"', b'\\', &bytes[self.at..]);
            self.at = next.map_or(bytes.len(), |next| self.at + next);
            match self.peek() {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return Err(self.not_json()),
            }
        }
        let range = start..self.at;
        let least = bytes[range.clone()]
            .iter()
            .fold(u8::MAX, |least, byte| least.min(*byte));
        if least < b' ' {
            return Err(self.not_json());
        }
        self.at += 1;
        Ok(range)
    }

    /// Reads an escape, whatever it stands for.
    fn escape(&mut self) -> Result<(), DocumentError> {
        self.escapes += 1;
        self.at += 1;
        let rest = &self.text.as_bytes()[self.at..];
        let length = match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 1,
            Some(b'u') if rest.len() > 4 && rest[1..5].iter().all(u8::is_ascii_hexdigit) => 5,
            _ => return Err(self.not_json()),
        };
        self.at += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::super::Document;
    use super::*;

    proptest! {
        #[test]
        fn p1_what_is_json_is_what_serde_json_takes_for_it(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "\"c\":1", "\\", "\\n", "\\u00e9", "\\u12", "\\x",
                    "true", "false", "null", "nul", "-", "0", "01", "1.5", "1.", "2e3", "2e", "-0.0E-1", " ", "\n", "\t", "\u{1}", "é",
                    "\"a long text without an end\\", "\"a long text with a \\\" in it\"", "[1,\"x\"]", "{\"y\":{}}",
                ]),
                0..9,
            ),
        ) {
            let text = pieces.concat();
            let expected = serde_json::from_str::<IgnoredAny>(&text);
            let found = Document::read(&text);
            let expected = expected.map_err(|error| DocumentError::NotJson(error.line(), error.column()));
            match (&expected, &found) {
                (Err(expected), _) => prop_assert_eq!(found.err(), Some(*expected)),
                (Ok(_), Err(error)) => prop_assert!(matches!(error, DocumentError::DuplicateKey(_)), "{}", text),
                (Ok(_), Ok(_)) => {}
            }
        }
    }
}
