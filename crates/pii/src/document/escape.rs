//! The escapes of texts (RFC 8259 §7), undone and done.

use std::borrow::Cow;

use super::{Leaf, LeafKind};
use crate::decode::unicode;

/// What the escape at `at` stands for, and where it ends (RFC 8259 §7).
pub(super) fn unescaped(bytes: &[u8], at: usize) -> (usize, Cow<'static, str>) {
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
    if !piece.contains('\\') {
        return read;
    }
    for _ in 0..=depth {
        let mut next = String::with_capacity(read.len());
        let mut at = 0;
        while let Some(offset) = read[at..].find('\\') {
            let escape = at + offset;
            let (end, piece) = unescaped(read.as_bytes(), escape);
            next.push_str(&read[at..escape]);
            next.push_str(&piece);
            at = read.ceil_char_boundary(end);
        }
        next.push_str(&read[at..]);
        read = next;
    }
    read
}

/// A text as it is written at the place of a leaf, where a number becomes a text.
pub(crate) fn as_written(text: &str, leaf: &Leaf) -> String {
    let is_escaped = |byte: u8| matches!(byte, b'"' | b'\\' | 0..b' ');
    if leaf.kind != LeafKind::Number && !text.bytes().any(is_escaped) {
        return text.to_owned();
    }
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
