//! What stands between the name of a secret and its value: a sign, an argument, an attribute, a word of a sentence.

use super::named::{LONGEST_WORD, Name, Sort};

/// Where a value begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) at: usize,
    /// Whether a sign says that it is the value of the name.
    pub(super) is_given: bool,
    /// Whether it stands behind words between, so that it has to look like one by itself as well.
    pub(super) is_far: bool,
}

/// What is between a name and its value, other than a sign: `define('KEY', '…')`, `env["KEY"] = …`,
/// `name="key" value="…"`, `"name":"KEY","value":"…"`, and `name: KEY` above `value: …`.
pub(super) fn bridge(name: &Name<'_>) -> Option<Place> {
    let bytes = name.text.as_bytes();
    let quote = name.quote();
    let skip = |mut at: usize, signs: &[u8]| {
        let far = at + 32;
        while at < far && bytes.get(at).is_some_and(|byte| signs.contains(byte)) {
            at += 1;
        }
        at
    };
    let mut at = name.end;
    if let Some((quote, _)) = quote {
        at = skip(at, b"\\");
        if bytes.get(at) != Some(&quote) {
            return None;
        }
        at += 1;
    }
    let found = |at: usize| {
        Some(Place {
            at,
            is_given: true,
            is_far: false,
        })
    };
    let next = *bytes.get(at)?;
    match (quote, next) {
        (Some(_), b']') => {
            let sign = skip(at + 1, b" ");
            let is_sign = matches!(bytes.get(sign), Some(b'=' | b':'));
            is_sign.then(|| found(skip(sign + 1, b" \"'`>")))?
        }
        (Some((_, Some(b'('))), b',') => {
            let value = skip(at + 1, b" ");
            let is_quoted = matches!(bytes.get(value), Some(b'"' | b'\''));
            is_quoted.then(|| found(value + 1))?
        }
        (Some(_), b',' | b' ') | (None, b'\n' | b'\r') => {
            let word = skip(at + usize::from(next == b','), b" \n\r\t\\\"'");
            let behind = name.text.get(word..word + 5)?;
            let sign = skip(word + 5, b" \\\"'");
            let is_value = behind.eq_ignore_ascii_case("value")
                && matches!(bytes.get(sign), Some(b'=' | b':'));
            is_value.then(|| found(skip(sign + 1, b" \\\"'")))?
        }
        _ => None,
    }
}

/// Where the value begins behind a sign, or a word of a sentence.
pub(super) fn sign_behind(name: &Name<'_>) -> Place {
    let (text, from) = (name.text, name.end);
    let bytes = text.as_bytes();
    let mut at = from;
    // Of commands, the value stands behind a space.
    let is_command = name.said.contains(' ') && name.sort == Sort::Password;
    let is_instruction = text[..name.start].ends_with("ENV ") && bytes.get(at) == Some(&b' ');
    let mut is_given = is_command || is_instruction;
    let mut is_far = false;
    if !name.said.is_ascii() {
        at = remark(&text[at..]).map_or(at, |length| at + length);
        at = colon_behind(text, at).unwrap_or(at);
    } else if name.sort == Sort::Password
        && let Some(colon) = purpose(text, at)
    {
        is_far = true;
        at = colon;
    }
    let reach = at + 8;
    while at < bytes.len()
        && at < reach
        && matches!(
            bytes[at],
            b' ' | b'"' | b'\'' | b'`' | b':' | b'=' | b'>' | b'\\' | b'\t' | b'('
        )
    {
        is_given |= match bytes[at] {
            b':' | b'=' | b'(' => true,
            // `<password>…`
            b'>' => text[..name.start].ends_with('<'),
            _ => false,
        };
        at += 1;
    }
    for link in ["는 ", "은 ", "가 ", "를 ", "를: "] {
        if text[from..].starts_with(link) && !name.said.is_ascii() {
            at = from + link.len();
            is_given = true;
        }
    }
    for link in [" is ", " was ", " is: ", " to "] {
        if text[from..].starts_with(link) {
            at = from + link.len();
            is_given |= link != " to ";
        }
    }
    for scheme in ["Bearer ", "bearer ", "Basic ", "Token ", "token ", "Bot "] {
        if text[at..].starts_with(scheme) {
            at += scheme.len();
            break;
        }
    }
    Place {
        at,
        is_given,
        is_far,
    }
}

/// How long a remark in brackets is, as in `비밀번호(초기): …`.
fn remark(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('(')?;
    let (end, _) = inner.char_indices().take(12).find(|(_, one)| *one == ')')?;
    inner[end + 1..]
        .trim_start_matches(' ')
        .starts_with(':')
        .then_some(end + 2)
}

/// The colon behind what is done with it, as in `비밀번호 초기화: …`.
fn colon_behind(text: &str, from: usize) -> Option<usize> {
    let mut rest = text[from..].char_indices().take(12);
    let (offset, sign) = rest.find(|(_, one)| *one != ' ' && !('가'..='힣').contains(one))?;
    (sign == ':').then_some(from + offset)
}

/// The colon behind what a password is for, as in `password for the jump host: …`.
fn purpose(text: &str, from: usize) -> Option<usize> {
    let rest = &text.as_bytes()[from..];
    let is_for = [" for ", " of ", " on ", " to "]
        .iter()
        .any(|word| rest.starts_with(word.as_bytes()));
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'_');
    let length = rest.iter().take(LONGEST_WORD).take_while(is_word).count();
    (is_for && rest.get(length) == Some(&b':') && rest.get(length + 1) == Some(&b' '))
        .then_some(from + length)
}
