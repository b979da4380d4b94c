//! One level of decoding, which may be done again: percent, HTML entities, `\u`, base64 and hexadecimal.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::normalize::{Maker, Map};

/// The shortest run that is worth decoding as a whole, in base64 and in hexadecimal, and the longest that
/// we decode.
const SHORTEST: usize = 12;
const SHORTEST_HEX: usize = 16;
const LONGEST: usize = 256 * 1024;

/// A decoded text.
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) map: Map,
    /// Whether what was decoded may be encoded itself, or a part of something that is.
    pub(crate) may_go_on: bool,
}

/// The decoded text, or nothing if there is nothing to decode.
pub(crate) fn decode(text: &str) -> Option<Decoded> {
    let bytes = text.as_bytes();
    let mut maker = Maker::default();
    let mut copied = 0;
    let mut at = 0;
    let mut may_go_on = false;
    let mut escapes = Escapes::of(bytes);
    while at < bytes.len() {
        let Some((range, piece)) = next_encoded(text, at, &mut escapes) else {
            break;
        };
        maker.copy(text, copied..range.start);
        may_go_on |= piece.len() >= SHORTEST
            || piece
                .bytes()
                .all(|byte| is_run(byte) || matches!(byte, b'%' | b'&' | b'\\'));
        maker.replace(&piece, range.clone());
        at = range.end;
        copied = range.end;
    }
    if copied == 0 {
        return None;
    }
    maker.copy(text, copied..text.len());
    let (text, map) = maker.finish()?;
    Some(Decoded {
        text,
        map,
        may_go_on,
    })
}

/// The next encoded piece from `at` on, and what it says.
fn next_encoded(
    text: &str,
    at: usize,
    escapes: &mut Escapes<'_>,
) -> Option<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    let mut runs = at;
    loop {
        let run = escapes.run(runs);
        let escape = escapes.next(at.max(escapes.tried));
        let is_first = |escape: usize| run.as_ref().is_none_or(|run| escape < run.start);
        if let Some(escape) = escape.filter(|escape| is_first(*escape)) {
            escapes.tried = escape + 1;
            let found = match bytes[escape] {
                b'%' => percent(bytes, escape),
                b'&' => entity(text, escape),
                _ => unicode(bytes, escape).or_else(|| braced(text, escape)),
            };
            if let Some((end, piece)) = found {
                escapes.tried = end;
                return Some((escape..end, piece));
            }
            continue;
        }
        let range = run?;
        runs = range.end;
        if range.len() > LONGEST {
            continue;
        }
        let end = range.end;
        let Some(found) = self::run(text, range.clone()).or_else(|| pieces(text, range)) else {
            continue;
        };
        // The halves of a token with encoded dots between are seen when those are dots again.
        let is_half = text[end..]
            .get(..3)
            .is_some_and(|dot| dot.eq_ignore_ascii_case("%2E"));
        if !is_half {
            return Some(found);
        }
    }
}

/// The characters that begin an escape, and the runs, each looked for once: else, a text that is full of
/// the one and has none of the other would be read again and again.
struct Escapes<'t> {
    bytes: &'t [u8],
    /// Where the last search began and what it found.
    found: Option<(usize, Option<usize>)>,
    /// Up to where escapes were tried.
    tried: usize,
    /// The same for runs.
    run: Option<(usize, Option<Range<usize>>)>,
}

impl<'t> Escapes<'t> {
    fn of(bytes: &'t [u8]) -> Self {
        Self {
            bytes,
            found: None,
            tried: 0,
            run: None,
        }
    }

    fn run(&mut self, from: usize) -> Option<Range<usize>> {
        if let Some((searched, run)) = &self.run
            && *searched <= from
            && run.as_ref().is_none_or(|run| run.start >= from)
        {
            return run.clone();
        }
        let run = next_run(self.bytes, from);
        self.run = Some((from, run.clone()));
        run
    }

    fn next(&mut self, from: usize) -> Option<usize> {
        if let Some((searched, found)) = self.found
            && searched <= from
            && found.is_none_or(|found| found >= from)
        {
            return found;
        }
        let rest = self.bytes.get(from..).unwrap_or_default();
        let found = memchr::memchr3(b'%', b'&', b'\\', rest).map(|offset| from + offset);
        self.found = Some((from, found));
        found
    }
}

/// Which bytes base64 and hexadecimal are written with.
const IS_RUN: [bool; 256] = {
    let mut is_run = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        is_run[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-' | b'=');
        byte += 1;
    }
    is_run
};

fn is_run(byte: u8) -> bool {
    IS_RUN[usize::from(byte)]
}

/// The next run that is long enough. A look at every twelfth byte rules most words out.
fn next_run(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut start = from;
    while start + SHORTEST <= bytes.len() {
        let window = &bytes[start..start + SHORTEST];
        match window.iter().rposition(|byte| !is_run(*byte)) {
            Some(gap) => start += gap + 1,
            None => return Some(start..run_end(bytes, start + SHORTEST)),
        }
    }
    None
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
    let from = memchr::memrchr(b'=', body.as_bytes()).map_or(0, |at| at + 1);
    let start = range.start + from;
    // What marks it as hexadecimal is no part of what it says.
    let body = body[from..].strip_prefix("0x").unwrap_or(&body[from..]);
    if body.len() < SHORTEST {
        return None;
    }
    let is_hex = body.len() >= SHORTEST_HEX
        && body.len().is_multiple_of(2)
        && body.bytes().all(|byte| byte.is_ascii_hexdigit());
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
        if !begins_readable(body.as_bytes()) {
            return None;
        }
        let standard = body.bytes().map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        });
        let standard: Vec<u8> = standard.collect();
        STANDARD_NO_PAD.decode(standard).ok().and_then(readable)
    })?;
    let end = range.start + whole.len();
    Some((start..end, decoded))
}

/// The longest run that is looked at between its slashes: the rest of it is then looked at again.
const LONGEST_OF_PIECES: usize = 512;

/// What is encoded between slashes, which base64 has as well, as in `MDEw…/MDEw…` or `http://3132…`.
fn pieces(text: &str, range: Range<usize>) -> Option<(Range<usize>, String)> {
    let bytes = &text.as_bytes()[..range.end];
    if range.len() > LONGEST_OF_PIECES {
        return None;
    }
    let mut start = range.start;
    while start + SHORTEST <= range.end {
        let slash = memchr::memchr(b'/', &bytes[start..]).map_or(range.end, |at| start + at);
        let is_whole = start == range.start && slash == range.end;
        if slash - start >= SHORTEST
            && !is_whole
            && let Some(found) = run(text, start..slash)
        {
            return Some(found);
        }
        start = slash + 1;
    }
    None
}

/// Whether the first three bytes may be those of a text. Most words end here, without a copy of them.
fn begins_readable(body: &[u8]) -> bool {
    let sextet = |at: usize| match body[at] {
        byte @ b'A'..=b'Z' => byte - b'A',
        byte @ b'a'..=b'z' => byte - b'a' + 26,
        byte @ b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let (a, b, c, d) = (sextet(0), sextet(1), sextet(2), sextet(3));
    let three = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    let is_text = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    let goes_on = |byte: u8| (0x80..0xC0).contains(&byte);
    match three {
        [0xC2..=0xDF, second, third] => goes_on(second) && (is_text(third) || third >= 0xC2),
        [0xE0..=0xEF, ..] => str::from_utf8(&three).is_ok(),
        [0xF0..=0xF4, second, third] => goes_on(second) && goes_on(third),
        [first, rest @ ..] => {
            is_text(first) && rest.iter().all(|byte| is_text(*byte) || *byte >= 0x80)
        }
    }
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

/// The escapes of other languages: `\x31` and `\u{31}`.
fn braced(text: &str, at: usize) -> Option<(usize, String)> {
    let bytes = text.as_bytes();
    if bytes.get(at + 1) == Some(&b'x') {
        let code = nibble(*bytes.get(at + 2)?)? << 4 | nibble(*bytes.get(at + 3)?)?;
        return (b' '..0x7F)
            .contains(&code)
            .then(|| (at + 4, char::from(code).to_string()));
    }
    let digits = text[at..].strip_prefix("\\u{")?;
    let length = digits
        .bytes()
        .take(6)
        .take_while(u8::is_ascii_hexdigit)
        .count();
    let code = u32::from_str_radix(&digits[..length], 16).ok()?;
    let end = at + 3 + length;
    (bytes.get(end) == Some(&b'}')).then_some((end + 1, char::from_u32(code)?.to_string()))
}

fn percent(bytes: &[u8], at: usize) -> Option<(usize, String)> {
    // `%u0031`, which the ECMAScript function `escape` makes.
    if bytes.get(at + 1) == Some(&b'u') {
        let digits = bytes.get(at + 2..at + 6)?;
        let code = digits.iter().try_fold(0_u32, |sum, byte| {
            Some(sum << 4 | u32::from(nibble(*byte)?))
        })?;
        return Some((at + 6, char::from_u32(code)?.to_string()));
    }
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
    let radix = if is_hex { 16 } else { 10 };
    let from = at + 2 + usize::from(is_hex);
    let length = bytes[from..]
        .iter()
        .take(8)
        .take_while(|byte| char::from(**byte).is_digit(radix))
        .count();
    let code = u32::from_str_radix(&text[from..from + length], radix).ok()?;
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
        assert_eq!(
            decode(input).map(|found| found.text).as_deref(),
            Some(expect)
        );
    }

    #[test]
    fn each_encoding_is_undone() {
        check("a%40b.kr", "a@b.kr");
        check("%EA%B9%80 100%", "김 100%");
        check("a&#64;b &#x40; &commat;", "a@b @ @");
        // A mark at its end may be missing, and what follows may look like a digit of another base.
        check("kim&#64daum.net", "kim@daum.net");
        check("\\uae40\\ud83d\\ude00", "김😀");
        check("MDEwLTEyMzQtNTY3OA==", "010-1234-5678");
        check("x 3031302d313233342d35363738", "x 010-1234-5678");
        check("v=MDEwLTEyMzQtNTY3OA", "v=010-1234-5678");
        check("7ZmN6ri464+Z님", "홍길동님");
        check("0x3031302d313233342d35363738", "010-1234-5678");
        check("\\x41\\u{ae40}%u0041", "A김A");
        check("tel:MDEwLTEyMzQtNTY3OA==/fax", "tel:010-1234-5678/fax");
        check("http://3231312E34352E372E39:80/", "http://211.45.7.9:80/");
    }

    #[test]
    fn what_may_be_encoded_again_is_told() {
        let goes_on = |text: &str| decode(text).unwrap().may_go_on;
        assert!(goes_on("%2530"));
        assert!(goes_on("7ZmN6ri464%2BZ"));
        assert!(goes_on("TURFd0xURXlNelF0TlRZM09BPT0="));
        assert!(!goes_on("a%40b.kr"));
        assert!(!goes_on("a%20b"));
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
