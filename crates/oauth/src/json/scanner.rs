//! One pass over a JSON text that refuses what two readers could understand differently (RFC 8259).

use std::borrow::Cow;

use super::RESERVED;
use super::keys::Keys;

/// `serde_json` refuses to go deeper, and so does every reader behind whom it stands.
const MAX_DEPTH: usize = 127;

/// So many digits are far from the largest number there is.
const MANY_DIGITS: usize = 300;

/// Goes through a JSON text once, and keeps of it only what it is asked for.
///
/// It takes exactly what `serde_json` takes, less the objects that have a key twice or one that
/// `serde_json` keeps for itself. Everything that is passed over is held to the same rules.
///
/// ```
/// use oauth::json::Scanner;
/// let mut scanner = Scanner::new(r#"{"a": [1, {"b": 2}], "name": "n"}"#);
/// let mut name = None;
/// scanner.object(|scanner, key| {
///     if key == "name" && scanner.is_at_text() {
///         name = Some(scanner.text()?);
///         return Ok(());
///     }
///     scanner.skip().map(drop)
/// })?;
/// scanner.end()?;
/// assert_eq!(name.as_deref(), Some("n"));
/// # Ok::<(), oauth::json::ScanError>(())
/// ```
#[derive(Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// Why a text was refused, and where.
///
/// It is boxed, because every step of a scanner may fail and hardly ever does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} at line {} column {}", .0.what, .0.line, .0.column)]
pub struct ScanError(Box<Refusal>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    is_syntax: bool,
    what: String,
    line: usize,
    column: usize,
}

impl ScanError {
    /// Whether the text is not JSON at all; otherwise it is JSON that must not be used.
    pub fn is_syntax(&self) -> bool {
        self.0.is_syntax
    }
}

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of `text`.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// Whether the next value is an object.
    pub fn is_at_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Whether the next value is a text.
    pub fn is_at_text(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    /// Reads an object: `member` is called with each key, and has to read or [`skip`](Self::skip) the
    /// value.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        self.open(b'{', "expected an object")?;
        let mut seen = Keys::default();
        if self.peek() == Some(b'}') {
            return self.close();
        }
        loop {
            let key = self.text()?;
            if key.starts_with(RESERVED) {
                return Err(self.refuse(format!("no key may begin with `{RESERVED}`")));
            }
            if seen.contains(&key) {
                return Err(self.refuse(format!("the key `{key}` is there twice")));
            }
            if self.peek() != Some(b':') {
                return Err(self.unexpected("expected `:`"));
            }
            self.at += 1;
            member(self, &key)?;
            seen.add(key);
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.close(),
                _ => return Err(self.unexpected("expected `,` or `}`")),
            }
        }
    }

    /// Reads a text, which is copied only if there are escapes in it.
    pub fn text(&mut self) -> Result<Cow<'a, str>, ScanError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("expected a text"));
        }
        self.at += 1;
        let start = self.at;
        if self.plain_part()? == b'"' {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        self.escaped(start).map(Cow::Owned)
    }

    /// Passes over a value of any kind, and returns it as written.
    pub fn skip(&mut self) -> Result<&'a str, ScanError> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'"') => self.skip_text()?,
            Some(b'{') => self.object(|scanner, _| scanner.skip().map(drop))?,
            Some(b'[') => self.skip_array()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            _ => return Err(self.unexpected("expected a value")),
        }
        Ok(&self.text[start..self.at])
    }

    /// Makes sure that nothing follows.
    pub fn end(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("expected nothing more")),
        }
    }

    /// The refusal of what is JSON and must not be used, at this place.
    #[cold]
    pub fn refuse(&self, what: impl Into<String>) -> ScanError {
        self.error(false, what.into())
    }

    #[cold]
    fn unexpected(&self, what: &str) -> ScanError {
        let is_over = self.at >= self.text.len();
        let but = if is_over { ", but the text ends" } else { "" };
        self.error(true, format!("{what}{but}"))
    }

    fn error(&self, is_syntax: bool, what: String) -> ScanError {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n');
        ScanError(Box::new(Refusal {
            is_syntax,
            what,
            line: before.split(|byte| *byte == b'\n').count(),
            column: 1 + before.len() - line_start.map_or(0, |at| at + 1),
        }))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte of what comes next, after white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn open(&mut self, bracket: u8, expected: &str) -> Result<(), ScanError> {
        if self.peek() != Some(bracket) {
            return Err(self.unexpected(expected));
        }
        if self.depth == MAX_DEPTH {
            return Err(self.unexpected("nested too deeply"));
        }
        self.at += 1;
        self.depth += 1;
        Ok(())
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is the last step of what may fail"
    )]
    fn close(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn skip_array(&mut self) -> Result<(), ScanError> {
        self.open(b'[', "expected an array")?;
        if self.peek() == Some(b']') {
            return self.close();
        }
        loop {
            self.skip()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => return self.close(),
                _ => return Err(self.unexpected("expected `,` or `]`")),
            }
        }
    }

    fn skip_text(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        while self.plain_part()? == b'\\' {
            self.escape()?;
        }
        self.at += 1;
        Ok(())
    }

    /// The rest of a text from its first escape on, behind what stands there from `start` on.
    #[cold]
    fn escaped(&mut self, start: usize) -> Result<String, ScanError> {
        let mut whole = self.text[start..self.at].to_owned();
        loop {
            whole.push(self.escape()?);
            let start = self.at;
            let end = self.plain_part()?;
            whole.push_str(&self.text[start..self.at]);
            if end == b'"' {
                self.at += 1;
                return Ok(whole);
            }
        }
    }

    /// Moves to the end of a text or to its next escape, and returns which of them it is.
    fn plain_part(&mut self) -> Result<u8, ScanError> {
        let bytes = self.text.as_bytes();
        // Eight bytes at a time as long as there are so many, which is nearly always.
        while let Some(eight) = bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let special = specials(u64::from_le_bytes(*eight));
            self.at += (special.trailing_zeros() / 8) as usize;
            if special != 0 {
                break;
            }
        }
        loop {
            match self.byte() {
                Some(end @ (b'"' | b'\\')) => return Ok(end),
                Some(b' '..) => self.at += 1,
                Some(_) => return Err(self.unexpected("a control character must be escaped")),
                None => return Err(self.unexpected("expected the end of a text")),
            }
        }
    }

    /// Reads an escape and returns the character that it stands for.
    fn escape(&mut self) -> Result<char, ScanError> {
        self.at += 1;
        let escape = self.byte();
        self.at += 1;
        Ok(match escape {
            Some(same @ (b'"' | b'\\' | b'/')) => char::from(same),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => return Err(self.unexpected("there is no such escape")),
        })
    }

    /// RFC 8259 §7: what is beyond the first plane stands there as two surrogates.
    fn code_point(&mut self) -> Result<char, ScanError> {
        let mut code = self.four_digits()?;
        if let 0xD800..=0xDBFF = code {
            let is_pair = self.text.as_bytes()[self.at..].starts_with(b"\\u");
            self.at += 2 * usize::from(is_pair);
            code = match if is_pair { self.four_digits()? } else { 0 } {
                low @ 0xDC00..=0xDFFF => 0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00),
                _ => return Err(self.unexpected("half of a character is missing")),
            };
        }
        char::from_u32(code).ok_or_else(|| self.unexpected("half of a character is missing"))
    }

    fn four_digits(&mut self) -> Result<u32, ScanError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected("expected four digits"))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn word(&mut self, word: &str) -> Result<(), ScanError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let starts_with_zero = self.byte() == Some(b'0');
        let whole = self.digits()?;
        if starts_with_zero && whole > 1 {
            return Err(self.unexpected("no number may begin with a zero"));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let mut is_large = whole > MANY_DIGITS;
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            let sign = self.byte().filter(|sign| matches!(sign, b'+' | b'-'));
            self.at += usize::from(sign.is_some());
            self.digits()?;
            is_large |= sign != Some(b'-');
        }
        // Where the largest number ends is a question of rounding, so whoever rounds has to answer.
        if is_large && serde_json::from_str::<f64>(&self.text[start..self.at]).is_err() {
            return Err(self.unexpected("the number is too large"));
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<usize, ScanError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.unexpected("expected a digit"));
        }
        Ok(self.at - start)
    }
}

/// Has the highest bit set of the first byte, from the lowest on, that is a quotation mark, a backslash
/// or a control character, and no bit below that; zero if there is none.
fn specials(bytes: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = ONES << 7;
    // A byte becomes negative by the subtraction, and was not before.
    let below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes;
    let equal = |byte: u8| below(bytes ^ (ONES * u64::from(byte)), 1);
    (below(bytes, 0x20) | equal(b'"') | equal(b'\\')) & HIGH
}
