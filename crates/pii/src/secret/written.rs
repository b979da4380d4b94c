//! How far a value goes: to the quotation mark that closes it, or as far as a word.

use super::between::Place;
use super::named::{LONGEST_WORD, Name, Sort};
use crate::kind::Kind;
use crate::recognizer::Hit;

/// The longest value.
const LONGEST: usize = 512;

/// A value as it is written.
pub(super) struct Value<'t> {
    pub(super) text: &'t str,
    pub(super) start: usize,
    pub(super) is_quoted: bool,
    /// Whether it is no value, but what a program asks for it.
    pub(super) is_call: bool,
}

impl Value<'_> {
    pub(super) fn hit(&self) -> Hit {
        Hit::new(Kind::Secret, self.start..self.start + self.text.len(), 0.8)
    }
}

/// The value that begins at a place: up to the quotation mark that closes it, or as far as a word goes.
pub(super) fn value_at<'t>(name: &Name<'t>, place: Place) -> Option<Value<'t>> {
    let (text, at) = (name.text, place.at);
    let bytes = text.as_bytes();
    if at > name.end
        && let Some(quoted) = quoted(text, at)
    {
        return Some(Value {
            text: quoted,
            start: at,
            is_quoted: true,
            is_call: false,
        });
    }
    let is_form = matches!(
        text.as_bytes().get(name.start.wrapping_sub(1)),
        Some(b'?' | b'&')
    );
    let mut start = at;
    let mut length = length_of_value(&bytes[start..], is_form);
    // Of a name and a password, it is the last one.
    let mut most = match name.sort {
        Sort::Access => 3,
        Sort::Password if name.is_second() => 1,
        _ => 0,
    };
    if most > 0
        && let Some(slash) = text[start..start + length].rfind('/')
    {
        length -= slash + 1;
        start += slash + 1;
        most = 0;
    }
    while most > 0 && text[start + length..].starts_with(" / ") {
        start += length + 3;
        length = length_of_value(&bytes[start..], is_form);
        most -= 1;
    }
    if name.sort == Sort::Access && start == at {
        return None;
    }
    let whole = &text[start..start + length];
    let written = whole.trim_end_matches(['.', ')', ',']);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':');
    let call = written.split_once('(').map(|(name, _)| name);
    let is_call = bytes.get(start + written.len()) == Some(&b'(')
        || call.is_some_and(|name| name.contains('.') && name.bytes().all(is_name));
    Some(Value {
        text: written,
        start,
        is_quoted: false,
        is_call,
    })
}

/// What stands between the quotation mark before `at` and the one that closes it, if that is one word.
fn quoted(text: &str, at: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let quote = bytes[at - 1];
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    // `{\"password\":\"…\"}` is a text within a text.
    let is_escaped = at > 1 && bytes[at - 2] == b'\\';
    let far = bytes.len().min(at + LONGEST);
    let end = at + memchr::memchr(quote, &bytes[at..far])?;
    let end = end - usize::from(is_escaped && bytes[end - 1] == b'\\');
    let inner = &bytes[at..end];
    (!inner.is_empty() && inner.iter().all(u8::is_ascii_graphic)).then(|| &text[at..end])
}

/// How long a value is that nothing closes.
fn length_of_value(bytes: &[u8], is_form: bool) -> usize {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let ends = |at: usize| match bytes[at] {
        b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'>' | b'{' | b'}' | b'\\' => true,
        // It joins the fields of a form, and begins an entity.
        b'&' => {
            is_form || {
                let word = bytes[at + 1..].iter().take(LONGEST_WORD);
                let length = word
                    .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'#'))
                    .count();
                length > 0 && matches!(bytes.get(at + 1 + length), Some(b'=' | b';'))
            }
        }
        byte => !byte.is_ascii_graphic(),
    };
    (0..bytes.len()).find(|at| ends(*at)).unwrap_or(bytes.len())
}
