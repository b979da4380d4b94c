//! JSON as bytes: where its texts and numbers stand, so that findings are replaced there and nothing
//! else changes (RFC 8259).

use std::collections::HashSet;
use std::ops::Range;

use thiserror::Error;

use crate::decode::unicode;
use crate::normalize::{Maker, Map};

/// How deep a document may be.
const DEEPEST: usize = 128;

/// Why a document cannot be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is not JSON.
    #[error("the document is not JSON, at byte {0}")]
    NotJson(usize),
    /// It is deeper than anybody needs.
    #[error("the document is deeper than 128 levels")]
    TooDeep,
    /// A key stands there twice, and readers would differ in which one counts.
    #[error("a key stands twice in one object, at byte {0}")]
    DuplicateKey(usize),
}

/// A text or number of the document; of a text, what is between the quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) range: Range<usize>,
    pub(crate) is_number: bool,
    pub(crate) is_key: bool,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    leaves: Vec<Leaf>,
}

/// The leaves of a document, in its order.
pub(crate) fn leaves(text: &str) -> Result<Vec<Leaf>, DocumentError> {
    // The grammar of numbers and escapes is serde_json's; here, only places are read.
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        return Err(DocumentError::NotJson(error.column()));
    }
    let mut reader = Reader {
        text,
        at: 0,
        leaves: Vec::new(),
    };
    reader.value(0)?;
    Ok(reader.leaves)
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

    fn value(&mut self, depth: usize) -> Result<(), DocumentError> {
        if depth > DEEPEST {
            return Err(DocumentError::TooDeep);
        }
        self.space();
        match self.peek() {
            b'{' => self.object(depth)?,
            b'[' => {
                self.at += 1;
                self.space();
                while self.peek() != b']' && self.at < self.text.len() {
                    self.value(depth + 1)?;
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
            }
            b'"' => {
                self.string();
            }
            _ => {
                let start = self.at;
                while !matches!(
                    self.peek(),
                    b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | 0
                ) {
                    self.at += 1;
                }
                if self.text[start..self.at]
                    .starts_with(|one: char| one == '-' || one.is_ascii_digit())
                {
                    self.leaves.push(Leaf {
                        range: start..self.at,
                        is_number: true,
                        is_key: false,
                    });
                }
            }
        }
        self.space();
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), DocumentError> {
        let mut keys = HashSet::new();
        self.at += 1;
        self.space();
        while self.peek() == b'"' {
            let key = self.string();
            self.leaves[key].is_key = true;
            let range = self.leaves[key].range.clone();
            let plain: String = serde_json::from_str(&self.text[range.start - 1..=range.end])
                .map_err(|_| DocumentError::NotJson(range.start))?;
            if !keys.insert(plain) {
                return Err(DocumentError::DuplicateKey(range.start));
            }
            self.space();
            self.at += 1;
            self.value(depth + 1)?;
            if self.peek() == b',' {
                self.at += 1;
                self.space();
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a string, and says which leaf it is.
    fn string(&mut self) -> usize {
        self.at += 1;
        let start = self.at;
        while !matches!(self.peek(), b'"' | 0) {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        let range = start..self.at.min(self.text.len());
        self.leaves.push(Leaf {
            range,
            is_number: false,
            is_key: false,
        });
        self.at += 1;
        self.leaves.len() - 1
    }
}

/// The document with its escapes undone, for reading only, and the way back.
pub(crate) fn unescape(text: &str, leaves: &[Leaf]) -> Option<(String, Map)> {
    if !text.contains('\\') {
        return None;
    }
    let mut maker = Maker::default();
    let mut copied = 0;
    for leaf in leaves.iter().filter(|leaf| !leaf.is_number) {
        let mut at = leaf.range.start;
        while let Some(offset) = text[at..leaf.range.end].find('\\') {
            let escape = at + offset;
            let bytes = text.as_bytes();
            let (end, piece) = match bytes[escape + 1] {
                b'u' => match unicode(bytes, escape) {
                    Some(found) => found,
                    // Half of a character: nobody can read it.
                    None => (escape + 6, "\u{FFFD}".to_owned()),
                },
                b'n' | b'r' => (escape + 2, "\n".to_owned()),
                b't' | b'b' | b'f' => (escape + 2, " ".to_owned()),
                other => (escape + 2, char::from(other).to_string()),
            };
            maker.copy(text, copied..escape);
            maker.replace(&piece, escape..end);
            copied = end;
            at = end;
        }
    }
    maker.copy(text, copied..text.len());
    maker.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_texts_and_numbers_have_places() {
        let text = r#" {"a": [1.10, "x\"y", null], "b": {"c": -2e3}} "#;
        let found: Vec<&str> = leaves(text)
            .unwrap()
            .into_iter()
            .map(|leaf| &text[leaf.range])
            .collect();
        assert_eq!(found, ["a", "1.10", "x\\\"y", "b", "c", "-2e3"]);
    }

    #[test]
    fn p2_what_readers_would_read_differently_is_refused() {
        assert_eq!(
            leaves(r#"{"a":1,"\u0061":2}"#).unwrap_err(),
            DocumentError::DuplicateKey(8)
        );
        assert!(matches!(
            leaves("{").unwrap_err(),
            DocumentError::NotJson(_)
        ));
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(leaves(&deep).is_err());
    }
}
