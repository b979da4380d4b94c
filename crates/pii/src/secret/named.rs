//! Names of secrets, and whether what stands behind them is one.

use super::between::{bridge, sign_behind};
use super::value::{
    entropy, has_sign, is_bot, is_key, is_long_mixed, is_made_up, is_mixed, is_mixed_case, is_odd,
    is_placeholder, is_random, is_typed, is_unreadable,
};
use super::written::value_at;
use crate::recognizer::Hit;

/// The longest word around a name.
pub(super) const LONGEST_WORD: usize = 48;

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
pub(super) enum Sort {
    Password,
    /// Whatever is called a key.
    Key,
    Bot,
    Access,
    Other,
}

/// A name, and the longer word around it.
pub(super) struct Name<'t> {
    pub(super) text: &'t str,
    pub(super) said: &'t str,
    pub(super) sort: Sort,
    /// Where the whole word begins and ends, as `DB_` and `_KEY` are parts of it.
    pub(super) start: usize,
    pub(super) end: usize,
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
        let from = self.text.floor_char_boundary(start.saturating_sub(8));
        let head = self.text[from..start].to_ascii_lowercase();
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
    pub(super) fn quote(&self) -> Option<(u8, Option<u8>)> {
        let mut before = self.text.as_bytes()[..self.start].iter().rev().copied();
        let quote = before.next().filter(|byte| matches!(byte, b'"' | b'\''))?;
        Some((quote, before.find(|byte| *byte != b'\\')))
    }

    /// Whether it is the second of two, as in `id/pw: root / …`.
    pub(super) fn is_second(&self) -> bool {
        let head = self.text[..self.start].trim_end_matches(' ');
        head.ends_with('/')
    }

    /// Whether whose it is stands before it, as in `id kim@… pw …`.
    fn has_user(&self) -> bool {
        let from = self.text.floor_char_boundary(self.start.saturating_sub(64));
        let head = &self.text[from..self.start];
        let lower = head.to_ascii_lowercase();
        let is_word = |word: &str| lower.starts_with(word) || lower.contains(&format!(" {word}"));
        ["id ", "id:", "login", "user", "account"]
            .iter()
            .any(|word| is_word(word))
            || ["아이디", "계정"].iter().any(|word| head.contains(word))
    }
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
                || is_bot(written)
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

fn begins(name: &str, word: &str) -> bool {
    name.get(..word.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(word))
}
