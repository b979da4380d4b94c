//! One level of decoding: percent, HTML entities, `\u`, base64 and hexadecimal.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::normalize::{Maker, Map};

/// The shortest run that is worth decoding as a whole, and the longest that we decode.
const SHORTEST: usize = 16;
const LONGEST: usize = 256 * 1024;

/// The decoded text and its map, or nothing if there is nothing to decode.
pub(crate) fn decode(text: &str) -> Option<(String, Map)> {
    let bytes = text.as_bytes();
    let mut maker = Maker::default();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        let Some((range, piece)) = next_encoded(text, at) else {
            break;
        };
        maker.copy(text, copied..range.start);
        maker.replace(&piece, range.clone());
        at = range.end;
        copied = range.end;
    }
    if copied == 0 {
        return None;
    }
    maker.copy(text, copied..text.len());
    maker.finish()
}

/// The next encoded piece from `at` on, and what it says.
fn next_encoded(text: &str, mut at: usize) -> Option<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let byte = bytes[at];
        let escaped = match byte {
            b'%' => percent(bytes, at),
            b'&' => entity(text, at),
            b'\\' => unicode(bytes, at),
            _ => None,
        };
        if let Some((end, piece)) = escaped {
            return Some((at..end, piece));
        }
        if !is_run(byte) {
            at += 1;
            continue;
        }
        // Most words are short, and a look at where they would have to go on ends them.
        let end = run_end(bytes, at);
        if end - at >= SHORTEST
            && end - at <= LONGEST
            && let Some(found) = run(text, at..end)
        {
            return Some(found);
        }
        at = end;
    }
    None
}

fn is_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-' | b'=')
}

fn run_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    at + rest
        .iter()
        .position(|byte| !is_run(*byte))
        .unwrap_or(rest.len())
}

/// A run of letters and digits that is base64 or hexadecimal of a readable text.
fn run(text: &str, range: Range<usize>) -> Option<(Range<usize>, String)> {
    let whole = &text[range.clone()];
    // `key=value`: what is encoded stands behind.
    let body = whole.trim_end_matches('=');
    let from = body.rfind('=').map_or(0, |at| at + 1);
    let body = &body[from..];
    let start = range.start + from;
    if body.len() < SHORTEST {
        return None;
    }
    let is_hex = body.len().is_multiple_of(2) && body.bytes().all(|byte| byte.is_ascii_hexdigit());
    let decoded = if is_hex {
        body.as_bytes()
            .chunks(2)
            .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
            .collect::<Option<Vec<u8>>>()
            .and_then(readable)
    } else {
        None
    };
    let decoded = decoded.or_else(|| {
        let standard = body.replace('-', "+").replace('_', "/");
        STANDARD_NO_PAD.decode(standard).ok().and_then(readable)
    })?;
    let end = range.start + whole.len();
    Some((start..end, decoded))
}

fn nibble(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

/// The bytes as text, if somebody could have written it.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    text.chars()
        .all(|one| !one.is_control() || matches!(one, '\n' | '\r' | '\t'))
        .then_some(text)
}

fn percent(bytes: &[u8], at: usize) -> Option<(usize, String)> {
    let mut decoded = Vec::new();
    let mut end = at;
    // At most one character, so that its place is exact.
    while bytes.get(end) == Some(&b'%') && decoded.len() < 4 {
        let high = nibble(*bytes.get(end + 1)?)?;
        let low = nibble(*bytes.get(end + 2)?)?;
        decoded.push(high << 4 | low);
        end += 3;
        if let Ok(piece) = str::from_utf8(&decoded) {
            return Some((end, piece.to_owned()));
        }
    }
    None
}

/// Entities that stand in or around values.
const ENTITIES: [(&str, &str); 15] = [
    ("amp;", "&"),
    ("lt;", "<"),
    ("gt;", ">"),
    ("quot;", "\""),
    ("apos;", "'"),
    ("nbsp;", " "),
    ("commat;", "@"),
    ("period;", "."),
    ("hyphen;", "-"),
    ("dash;", "-"),
    ("colon;", ":"),
    ("lowbar;", "_"),
    ("ndash;", "-"),
    ("mdash;", "-"),
    ("plus;", "+"),
];

fn entity(text: &str, at: usize) -> Option<(usize, String)> {
    let bytes = text.as_bytes();
    let Some(number) = text[at + 1..].strip_prefix('#') else {
        let known = ENTITIES
            .iter()
            .find(|(name, _)| text[at + 1..].starts_with(name))?;
        return Some((at + 1 + known.0.len(), known.1.to_owned()));
    };
    let is_hex = number.starts_with(['x', 'X']);
    let from = at + 2 + usize::from(is_hex);
    let length = bytes[from..]
        .iter()
        .take(8)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let code =
        u32::from_str_radix(&text[from..from + length], if is_hex { 16 } else { 10 }).ok()?;
    let piece = char::from_u32(code).filter(|one| *one != '\0')?;
    let end = from + length;
    Some((
        end + usize::from(bytes.get(end) == Some(&b';')),
        piece.to_string(),
    ))
}

/// A JSON escape of a character (RFC 8259 §7), of two code units if it needs them.
pub(crate) fn unicode(bytes: &[u8], at: usize) -> Option<(usize, String)> {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0_u32, |sum, byte| {
            Some(sum << 4 | u32::from(nibble(*byte)?))
        })
    };
    let first = unit(at)?;
    if (0xD800..0xDC00).contains(&first) {
        let second = unit(at + 6).filter(|second| (0xDC00..0xE000).contains(second))?;
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return Some((at + 12, char::from_u32(code)?.to_string()));
    }
    Some((at + 6, char::from_u32(first)?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        assert_eq!(decode(input).map(|(text, _)| text).as_deref(), Some(expect));
    }

    #[test]
    fn each_encoding_is_undone() {
        check("a%40b.kr", "a@b.kr");
        check("%EA%B9%80 100%", "김 100%");
        check("a&#64;b &#x40; &commat;", "a@b @ @");
        check("\\uae40\\ud83d\\ude00", "김😀");
        check("MDEwLTEyMzQtNTY3OA==", "010-1234-5678");
        check("x 3031302d313233342d35363738", "x 010-1234-5678");
        check("v=MDEwLTEyMzQtNTY3OA", "v=010-1234-5678");
    }

    #[test]
    fn what_is_not_encoded_stays() {
        for text in [
            "100 % sure",
            "AT&T",
            "bc99f6af46b2d8e43da5dc6596444e09386db491",
            "internationalization is long",
        ] {
            assert!(decode(text).is_none(), "{text}");
        }
    }
}
