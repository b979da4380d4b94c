//! The values of names: a key and a sign, an argument, an attribute, a pair of fields, a sentence.

use super::floor;
use super::value::{
    entropy, has_sign, is_bot, is_key, is_long_mixed, is_made_up, is_mixed, is_mixed_case, is_odd,
    is_placeholder, is_random, is_typed, is_unreadable,
};
use crate::kind::Kind;
use crate::recognizer::Hit;

/// The longest value, and the longest word around a name.
const LONGEST: usize = 512;
const LONGEST_WORD: usize = 48;

/// Names of what people make up themselves.
const PASSWORDS: [&str; 8] = [
    "pass",
    "pw",
    "identified by",
    "sshpass",
    "비밀번호",
    "패스워드",
    "비번",
    "암호",
];

/// Behind these, a name and a password stand.
const ACCESS: [&str; 5] = [
    "접속 정보",
    "접속정보",
    "계정 정보",
    "계정정보",
    "로그인 정보",
];

/// What keys are of that hide nothing, and what those are of that hide something and that people write with a space.
const OPEN_KEYS: [&str; 46] = [
    "public",
    "pub",
    "primary",
    "foreign",
    "partition",
    "cache",
    "sort",
    "row",
    "unique",
    "index",
    "idempotency",
    "object",
    "lookup",
    "composite",
    "group",
    "dedup",
    "message",
    "routing",
    "order",
    "registry",
    "s3",
    "redis",
    "file",
    "hash",
    "range",
    "shard",
    "bucket",
    "item",
    "map",
    "column",
    "field",
    "natural",
    "trace",
    "event",
    "metric",
    "locale",
    "translation",
    "issue",
    "project",
    "page",
    "meta",
    "data",
    "product",
    "request",
    "image",
    "blob",
];
const SECRET_KEYS: [&str; 16] = [
    "deploy",
    "signing",
    "encryption",
    "fernet",
    "admin",
    "master",
    "secret",
    "shared",
    "private",
    "session",
    "service",
    "server",
    "root",
    "account",
    "license",
    "access",
];

/// What a name is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Password,
    /// Whatever is called a key.
    Key,
    Bot,
    Access,
    Other,
}

/// A name, and the longer word around it.
struct Name<'t> {
    text: &'t str,
    said: &'t str,
    sort: Sort,
    /// Where the whole word begins and ends, as `DB_` and `_KEY` are parts of it.
    start: usize,
    end: usize,
    tail: String,
}

impl<'t> Name<'t> {
    /// The name at `start..end`, unless the word around it says something else.
    fn around(text: &'t str, start: usize, end: usize) -> Option<Self> {
        let name = &text[start..end];
        let bytes = text.as_bytes();
        let is_letter = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at))
                .is_some_and(u8::is_ascii_alphanumeric)
        };
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        // Short names are names only as words, and four letters only at the end of one, as in `DB_PASS`.
        let is_inner = is_letter(start.checked_sub(1)) || is_letter(Some(end));
        if is_inner && (name.len() == 2 || is("pass")) {
            return None;
        }
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        // The rest of a longer name: `SECRET_ACCESS_KEY`, `tokenValue`.
        let rest = bytes[end..].iter().take(24).take_while(is_part).count();
        let head = bytes[..start].iter().rev().take(LONGEST_WORD);
        let head = head.take_while(is_part).count();
        let all = Self {
            text,
            said: name,
            sort: if is("key") {
                Sort::Key
            } else if is("discord") || is("bot ") {
                Sort::Bot
            } else if ACCESS.contains(&name) {
                Sort::Access
            } else if PASSWORDS.iter().any(|word| begins(name, word)) {
                Sort::Password
            } else {
                Sort::Other
            },
            start: start - head,
            end: if name.ends_with(' ') { end } else { end + rest },
            tail: text[end..end + rest].to_ascii_lowercase(),
        };
        let is_harmless = match all.sort {
            Sort::Key => !all.tail.is_empty() || !all.is_secret_key(start),
            Sort::Bot => is_letter(start.checked_sub(1)),
            _ => all.is_harmless(start),
        };
        (!is_harmless).then_some(all)
    }

    fn is_harmless(&self, start: usize) -> bool {
        let words = [
            "type",
            "count",
            "id",
            "page",
            "limit",
            "expires",
            "s_used",
            "url",
            "uri",
            "endpoint",
            "name",
            "length",
            "usage",
            "algorithm",
            "policy",
            "strength",
            "hint",
        ];
        let head = self.text[floor(self.text, start.saturating_sub(8))..start].to_ascii_lowercase();
        words.iter().any(|word| self.tail.contains(word))
            || head.ends_with("page_")
            || head.ends_with("page")
    }

    /// Whether what stands before `key` says that it hides something.
    fn is_secret_key(&self, start: usize) -> bool {
        let head = &self.text[self.start..start];
        if head.is_empty() {
            let before = self.text[..start].strip_suffix(' ');
            let word = |word: &&str| {
                let from = before?.len().checked_sub(word.len())?;
                let is_it = before?.get(from..)?.eq_ignore_ascii_case(word);
                let is_whole = !before?[..from].ends_with(|one: char| one.is_ascii_alphanumeric());
                (is_it && is_whole).then_some(())
            };
            return SECRET_KEYS.iter().find_map(word).is_some();
        }
        let bytes = self.text.as_bytes();
        let is_apart = head.ends_with(['_', '-']) || bytes[start].is_ascii_uppercase();
        let head = head.trim_end_matches(['_', '-']).to_ascii_lowercase();
        is_apart && !head.is_empty() && !OPEN_KEYS.iter().any(|word| head.ends_with(word))
    }

    /// The quotation mark before it, and what stands before that.
    fn quote(&self) -> Option<(u8, Option<u8>)> {
        let mut before = self.text.as_bytes()[..self.start].iter().rev().copied();
        let quote = before.next().filter(|byte| matches!(byte, b'"' | b'\''))?;
        Some((quote, before.find(|byte| *byte != b'\\')))
    }

    /// Whether it is the second of two, as in `id/pw: root / …`.
    fn is_second(&self) -> bool {
        let head = self.text[..self.start].trim_end_matches(' ');
        head.ends_with('/')
    }

    /// Whether whose it is stands before it, as in `id kim@… pw …`.
    fn has_user(&self) -> bool {
        let head = &self.text[floor(self.text, self.start.saturating_sub(64))..self.start];
        let lower = head.to_ascii_lowercase();
        let is_word = |word: &str| lower.starts_with(word) || lower.contains(&format!(" {word}"));
        ["id ", "id:", "login", "user", "account"]
            .iter()
            .any(|word| is_word(word))
            || ["아이디", "계정"].iter().any(|word| head.contains(word))
    }
}

/// Where a value begins.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    /// Whether a sign says that it is the value of the name.
    is_given: bool,
    /// Whether it stands behind words between, so that it has to look like one by itself as well.
    is_far: bool,
}

/// The value of a name such as `api_key`, which ends at `end`.
pub(crate) fn named(text: &str, start: usize, end: usize) -> Option<Hit> {
    let name = Name::around(text, start, end)?;
    let place = bridge(&name).unwrap_or_else(|| sign_behind(&name));
    let value = value_at(&name, place)?;
    let is_password = name.sort == Sort::Password;
    let is_bearer = name.said.eq_ignore_ascii_case("bearer");
    let written = value.text;
    // Without a sign between, the value has to speak for itself.
    let is_beside = || {
        place.at > name.end
            && name.tail.is_empty()
            && (is_long_mixed(written)
                || is_password
                    && !name.said.eq_ignore_ascii_case("pass")
                    && (is_odd(written)
                        || value.is_quoted
                        || !name.said.is_ascii() && (is_typed(written) || is_unreadable(written))
                        || name.has_user() && is_made_up(written)))
    };
    let is_value = match name.sort {
        Sort::Bot => return is_bot(written).then(|| value.hit()),
        Sort::Access => {
            place.is_given && is_made_up(written) && (has_sign(written) || is_odd(written))
        }
        _ if !(place.is_given || is_bearer || is_beside()) => false,
        Sort::Password if place.is_far => is_odd(written) || is_typed(written),
        Sort::Password => is_made_up(written) || is_unreadable(written),
        Sort::Key => is_key(written),
        Sort::Other => {
            // Some issuers give out secrets of ten characters, beside a name that says so.
            let is_short =
                place.is_given && name.tail.is_empty() && name.said.eq_ignore_ascii_case("secret");
            let is_long =
                written.len() >= 16 || is_short && written.len() >= 10 && is_mixed_case(written);
            is_long && (is_mixed(written) || is_random(written)) && entropy(written) > 2.8
        }
    };
    (is_value && !value.is_call && !is_placeholder(written)).then(|| value.hit())
}

/// What is between a name and its value, other than a sign: `define('KEY', '…')`, `env["KEY"] = …`,
/// `name="key" value="…"`, `"name":"KEY","value":"…"`, and `name: KEY` above `value: …`.
fn bridge(name: &Name<'_>) -> Option<Place> {
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
fn sign_behind(name: &Name<'_>) -> Place {
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

/// A value as it is written.
struct Value<'t> {
    text: &'t str,
    start: usize,
    is_quoted: bool,
    /// Whether it is no value, but what a program asks for it.
    is_call: bool,
}

impl Value<'_> {
    fn hit(&self) -> Hit {
        Hit::new(Kind::Secret, self.start..self.start + self.text.len(), 0.8)
    }
}

/// The value that begins at a place: up to the quotation mark that closes it, or as far as a word goes.
fn value_at<'t>(name: &Name<'t>, place: Place) -> Option<Value<'t>> {
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

fn begins(name: &str, word: &str) -> bool {
    name.get(..word.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(word))
}
