//! What is written with letters and digits: e-mail addresses, IPv6, IBAN, passports, old licences.

use std::net::Ipv6Addr;

use crate::checksum;
use crate::context::{Context, Label};
use crate::kind::Kind;
use crate::recognizer::Hit;

/// RFC 5321 §4.5.3.1: the longest parts of an address.
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 255;

/// Endings of files, which are no domains.
const FILES: [&str; 22] = [
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "ico",
    "js",
    "mjs",
    "ts",
    "tsx",
    "jsx",
    "css",
    "html",
    "json",
    "yaml",
    "yml",
    "toml",
    "txt",
    "local",
    "internal",
    "localhost",
];

/// The e-mail address around the `@` at `at`.
pub(crate) fn email(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-'".contains(byte);
    let local = bytes[..at]
        .iter()
        .rev()
        .take(LONGEST_LOCAL + 1)
        .take_while(|byte| is_local(byte));
    let mut start = at - local.count();
    while start < at && !bytes[start].is_ascii_alphanumeric() && bytes[start] != b'_' {
        start += 1;
    }
    if start == at || at - start > LONGEST_LOCAL || matches!(bytes[at - 1], b'.' | b'\'') {
        return None;
    }
    // A password before a host, as in `postgres://name:password@host`.
    let scheme = &bytes[start.saturating_sub(64)..start];
    let scheme = scheme
        .rsplit(|byte| byte.is_ascii_whitespace() || *byte == b'"')
        .next()?;
    if scheme.windows(3).any(|three| three == b"://") && !scheme.contains(&b'?') {
        return None;
    }
    let is_domain = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let length = bytes[at + 1..]
        .iter()
        .take(LONGEST_DOMAIN)
        .take_while(is_domain)
        .count();
    let domain = text[at + 1..=at + length].trim_end_matches(['.', '-']);
    // What has two dots in a row ends before them.
    let domain = domain.split("..").next()?;
    let (host, top) = domain.rsplit_once('.')?;
    let end = at + 1 + domain.len();
    let is_top = (2..=24).contains(&top.len())
        && (top.bytes().all(|byte| byte.is_ascii_alphabetic()) || top.starts_with("xn--"))
        && !FILES.contains(&top.to_ascii_lowercase().as_str());
    let is_host = host.split('.').all(|label| {
        !label.is_empty() && label.len() < 64 && !label.starts_with('-') && !label.ends_with('-')
    });
    // `git@host:path` names a repository, `name@host@host` nobody.
    let is_repository = bytes.get(end) == Some(&b':')
        && bytes
            .get(end + 1)
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/');
    let is_name = is_top && is_host && !is_repository && bytes.get(end) != Some(&b'@');
    is_name.then(|| Hit::new(Kind::Email, start..end, 0.95))
}

const LONGEST_IPV6: usize = 45;

/// The IPv6 address around the `:` at `at`, if that is its first.
pub(crate) fn ipv6(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let before = bytes[..at]
        .iter()
        .rev()
        .take(5)
        .take_while(|byte| byte.is_ascii_hexdigit());
    let start = at - before.count();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let before = start.checked_sub(1).map(|at| bytes[at]);
    // `IP:2001:db8::1` has a label that no part of an address is.
    let is_label = || {
        let label = start.checked_sub(2).map(|at| bytes[at]);
        label.is_some_and(|byte| byte.is_ascii_alphabetic() && !byte.is_ascii_hexdigit())
    };
    let goes_on = before == Some(b':') && !is_label();
    if at - start > 4 || goes_on || before.is_some_and(is_word) {
        return None;
    }
    let rest = bytes[start..].iter().take(LONGEST_IPV6 + 1);
    let length = rest
        .take_while(|byte| byte.is_ascii_hexdigit() || **byte == b':' || **byte == b'.')
        .count();
    let written = text[start..start + length].trim_end_matches(['.', ':']);
    let end = start + written.len();
    if bytes
        .get(end)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        return None;
    }
    // `09:30` has too few parts, and nothing is left out of it (RFC 4291 §2.2).
    let colons = written.bytes().filter(|byte| *byte == b':').count();
    let is_shortened = written.as_bytes().windows(2).any(|two| two == b"::");
    if colons < 6 && !is_shortened {
        return None;
    }
    let address: Ipv6Addr = written.parse().ok()?;
    let first = address.segments()[0];
    // Paths of code such as `abc::def` parse, too: an address begins as one that is in use.
    let is_used = (0x2000..0x4000).contains(&first)
        || first & 0xFE00 == 0xFC00
        || first & 0xFFC0 == 0xFE80
        || address.to_ipv4_mapped().is_some();
    let is_network = bytes.get(end) == Some(&b'/') && written.ends_with("::");
    let has_digit = written.bytes().any(|byte| byte.is_ascii_digit());
    (is_used && has_digit && !is_network).then(|| Hit::new(Kind::Ip, start..end, 0.85))
}

/// The IBAN or passport whose first digit is at `digit`, right behind letters.
pub(crate) fn lettered(text: &str, digit: usize, before: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let is_word = |at: Option<usize>| {
        at.is_some_and(|at| bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_')
    };
    let letter = |back: usize| {
        digit
            .checked_sub(back)
            .filter(|at| bytes[*at].is_ascii_alphabetic())
    };
    if let Some(start) = letter(2).filter(|_| letter(1).is_some())
        && !is_word(start.checked_sub(1))
    {
        return iban(text, start);
    }
    let start = letter(1)?;
    if is_word(start.checked_sub(1)) || start > 0 && matches!(bytes[start - 1], b'-' | b'/') {
        return None;
    }
    passport(text, start, before)
}

fn iban(text: &str, start: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let country = text[start..start + 2].to_ascii_uppercase();
    let length = checksum::iban_length(&country)?;
    let mut compact = Vec::with_capacity(length);
    let mut at = start;
    while compact.len() < length {
        let byte = *bytes.get(at)?;
        if byte.is_ascii_alphanumeric() {
            compact.push(byte.to_ascii_uppercase());
        } else if !matches!(byte, b' ' | b'-')
            || !compact.len().is_multiple_of(4)
            || !bytes[at - 1].is_ascii_alphanumeric()
        {
            return None;
        }
        at += 1;
    }
    let is_longer = bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    (!is_longer && checksum::iban(&compact)).then(|| Hit::new(Kind::Iban, start..at, 0.95))
}

/// A passport is only one by the words around: too many other things are a letter and digits.
fn passport(text: &str, start: usize, before: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let length = bytes[start..]
        .iter()
        .take(12)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let word = &bytes[start..start + length];
    let is_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let is_passport = word.len() == 9
        && b"MSRODGmsrodg".contains(&word[0])
        && (is_digits(&word[1..])
            || is_digits(&word[1..4]) && word[4].is_ascii_alphabetic() && is_digits(&word[5..]));
    let end = start + length;
    if !is_passport
        || bytes
            .get(end)
            .is_some_and(|byte| matches!(byte, b'_' | b'-'))
    {
        return None;
    }
    let context = Context::of(text, start, end, before);
    let score = 0.2 + context.bonus(&[Label::Passport], 0.3, 0.2);
    (score > 0.45).then(|| Hit::new(Kind::KrPassport, start..end, score))
}

/// The places that old licences begin with.
const PLACES: [&str; 17] = [
    "서울", "부산", "경기", "강원", "충북", "충남", "전북", "전남", "경북", "경남", "제주", "대구",
    "인천", "광주", "대전", "울산", "세종",
];

/// Where a licence that begins with the name of a place begins, if one stands right before `digits`.
pub(crate) fn place_before(text: &str, digits: usize) -> Option<usize> {
    let head = text[..digits].trim_end_matches([' ', '-']);
    (digits - head.len() <= 2)
        .then(|| PLACES.iter().find(|place| head.ends_with(*place)))?
        .map(|place| head.len() - place.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_email(text: &str, expect: Option<&str>) {
        let found = email(text, text.find('@').unwrap()).map(|hit| &text[hit.range]);
        assert_eq!(found, expect);
    }

    #[test]
    fn an_address_ends_where_korean_goes_on() {
        check_email("자료는 kim@naver.com으로", Some("kim@naver.com"));
        check_email("(a.b+c@x-y.co.kr).", Some("a.b+c@x-y.co.kr"));
        check_email("mailto:a@b.kr?x", Some("a@b.kr"));
    }

    #[test]
    fn what_only_looks_like_an_address_is_none() {
        check_email("git@github.com:org/repo", None);
        check_email("postgres://kim:pw@db.example.com", None);
        check_email("icon@2x.png", None);
        check_email("@types/node", None);
        check_email("a@b", None);
    }

    #[test]
    fn ipv6_is_told_from_code() {
        let find =
            |text: &str| ipv6(text, text.find(':').unwrap()).map(|hit| text[hit.range].to_owned());
        assert_eq!(find("2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(find("fe80::1ff:fe23로").as_deref(), Some("fe80::1ff:fe23"));
        let labelled = "IP:2001:db8::1";
        let found = ipv6(labelled, 7).map(|hit| &labelled[hit.range]);
        assert_eq!(found, Some("2001:db8::1"));
        assert_eq!(find("abc::def"), None);
        assert_eq!(find("std::fs"), None);
        assert_eq!(find("12:34:56"), None);
        assert_eq!(find("aa:bb:cc:dd:ee:ff"), None);
    }
}
