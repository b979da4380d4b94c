//! Names that no word speaks for, beside what is found of a person: a number, an address, an account.

use std::ops::Range;

use super::labels::{BEING, OF_NUMBERS};
use super::{Trust, hangul, hangul_before, is_full, is_name, is_plain, is_short, length_of};
use crate::kind::Kind;
use crate::recognizer::Hit;

/// How far from what is found a field with a name may stand.
const NEAR: usize = 64;
const SCORE: f32 = 0.55;

/// Whether it belongs to a person, so that a name may stand beside it.
fn is_personal(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Email
            | Kind::KrMobile
            | Kind::KrLandline
            | Kind::PhoneIntl
            | Kind::KrRrn
            | Kind::KrFrn
            | Kind::KrPassport
            | Kind::KrDriver
            | Kind::KrBank
            | Kind::CreditCard
    )
}

/// The names beside hits.
pub(crate) fn beside(text: &str, hits: &mut Vec<Hit>) {
    let known = hits.len();
    let mut read = 0..0;
    for at in 0..known {
        let hit = &hits[at];
        if is_personal(&hit.kind) {
            let (start, end) = (hit.range.start, hit.range.end);
            let found = [before(text, start, &hit.kind), behind(text, end)];
            hits.extend(found.into_iter().flatten());
            for near in [line_before(text, start), line_behind(text, end)] {
                read = fields(text, near, &read, hits);
            }
        }
    }
}

/// The name right before, as in `홍길동 010-…` or `홍길동 <hong@…>`.
fn before(text: &str, start: usize, kind: &Kind) -> Option<Hit> {
    let (is_mail, is_account) = (*kind == Kind::Email, *kind == Kind::KrBank);
    let is_between = |one: char| {
        matches!(
            one,
            ' ' | '\t' | '(' | '<' | '[' | '"' | '\'' | '=' | ':' | '☎' | '☏' | '→' | '-'
        )
    };
    let mut head = text[..start].trim_end_matches(is_between);
    let between = &text[head.len()..start];
    if between.contains('<') && is_mail {
        // RFC 5322 §3.4: what stands before an address in brackets is whose it is.
        let word = hangul_before(head);
        if word.len() == 2 && is_name(&word, Trust::Usual) || is_full(&word) {
            return Some(Hit::new(
                Kind::KrName,
                head.len() - length_of(&word)..head.len(),
                SCORE,
            ));
        }
    }
    let end = head
        .bytes()
        .next_back()
        .map(|byte| byte.to_ascii_lowercase());
    let is_word = |word: &&&str| {
        let from = head.len().checked_sub(word.len());
        let ends_alike = word
            .bytes()
            .next_back()
            .map(|byte| byte.to_ascii_lowercase())
            == end;
        ends_alike
            && from
                .is_some_and(|from| head.as_bytes()[from..].eq_ignore_ascii_case(word.as_bytes()))
    };
    // Where neither a word nor Hangul ends, there is nothing to look for.
    if end.is_none_or(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic() && byte != b')') {
        return None;
    }
    if let Some(word) = OF_NUMBERS.iter().find(is_word) {
        head = text[..head.len() - word.len()].trim_end_matches([' ', '(', ',', '/']);
    }
    // `홍길동 신한 110-…`
    if is_account && let Some(bank) = BANKS.iter().find(|bank| head.ends_with(**bank)) {
        head = head[..head.len() - bank.len()].trim_end_matches(' ');
    }
    // `홍길동 (팀장) - 010-…`
    head = without_remark(head);
    let word = hangul_before(head);
    let is_near = start - head.len() <= 28;
    let is_good =
        is_plain(&word) || is_short(&word) && is_alone(&head[..head.len() - length_of(&word)]);
    (is_near && is_good).then(|| {
        Hit::new(
            Kind::KrName,
            head.len() - length_of(&word)..head.len(),
            SCORE,
        )
    })
}

/// Banks, as they stand between an account and whose it is.
const BANKS: [&str; 13] = [
    "은행",
    "뱅크",
    "금고",
    "국민",
    "신한",
    "우리",
    "하나",
    "농협",
    "기업",
    "수협",
    "신협",
    "우체국",
    "제일",
];

/// Without a remark in brackets at its end.
fn without_remark(head: &str) -> &str {
    let mut all = head.char_indices().rev();
    if all.next().is_none_or(|(_, one)| one != ')') {
        return head;
    }
    let open = all.take(7).find(|(_, one)| *one == '(');
    open.map_or(head, |(at, _)| head[..at].trim_end_matches(' '))
}

/// Whether a field or a line begins behind `before`, which a short name needs: with nothing else before it.
fn is_alone(before: &str) -> bool {
    let before = before.trim_end_matches(' ');
    before.is_empty() || before.ends_with(['\n', ',', '/', '|', '"', '\'', '.', '>', '(', ']', ':'])
}

/// The name right behind, as in `110-… 홍길동으로`.
fn behind(text: &str, end: usize) -> Option<Hit> {
    let rest = &text[end..];
    let next = rest.trim_start_matches([' ', '(', '/', ',']);
    let skipped = rest.len() - next.len();
    if !(1..=4).contains(&skipped) || !begins_hangul(next.as_bytes()) {
        return None;
    }
    let word = hangul(next);
    let is_good = |length: &usize| {
        let Some((name, tail)) = word.split_at_checked(*length) else {
            return false;
        };
        if !is_plain(name) {
            return tail.is_empty() && is_short(name);
        }
        let tail: String = tail.iter().collect();
        let is_said = BEING.iter().any(|being| tail.starts_with(being));
        tail.is_empty() || is_said || FOLLOWING.contains(&tail.as_str())
    };
    let length = [4, 3, 2].into_iter().find(is_good)?;
    let at = end + skipped;
    Some(Hit::new(
        Kind::KrName,
        at..at + length_of(&word[..length]),
        SCORE,
    ))
}

/// What may be glued to the name behind an account.
const FOLLOWING: [&str; 6] = ["으로", "로", "앞", "앞으로", "님", "씨"];

/// The end of the line before `start`, as far as it is near; from its first edge, unless the line begins.
fn line_before(text: &str, start: usize) -> Range<usize> {
    let far = start.saturating_sub(NEAR);
    let bytes = &text.as_bytes()[far..start];
    let first = memchr::memrchr(b'\n', bytes).map(|at| at + 1);
    let edge = || bytes.iter().position(|byte| is_edge(*byte));
    let first = first.or_else(|| (far == 0).then_some(0)).or_else(edge);
    first.map_or(start, |at| far + at)..start
}

/// The line behind `end`, as far as it is near.
fn line_behind(text: &str, end: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let near = &bytes[end..bytes.len().min(end + NEAR)];
    let first = near.iter().position(|byte| is_edge(*byte));
    let length = memchr::memchr(b'\n', near).map_or(near.len(), |at| at + 1);
    end + first.map_or(length, |at| at.min(length))..end + length
}

/// What stands between fields.
const EDGES: [bool; 256] = {
    let mut edges = [false; 256];
    let all = b",|\t;:/()<>[]\"'\n";
    let mut at = 0;
    while at < all.len() {
        edges[all[at] as usize] = true;
        at += 1;
    }
    edges
};

fn is_edge(byte: u8) -> bool {
    EDGES[usize::from(byte)]
}

/// The fields near by that are nothing but a name. Where they begin and end, there are edges. Says which have been
/// read: those are not read again, since what is near one hit is often near the next one.
fn fields(
    text: &str,
    near: Range<usize>,
    read: &Range<usize>,
    hits: &mut Vec<Hit>,
) -> Range<usize> {
    let bytes = text.as_bytes();
    let read = if read.contains(&near.start) {
        read.clone()
    } else {
        near.start..near.start
    };
    let mut from = read.end;
    while let Some(rest) = bytes.get(from..near.end)
        && let Some(length) = rest.iter().position(|byte| is_edge(*byte))
    {
        let field = &text[from..from + length];
        let name = field.trim_matches(' ');
        // What ends with a colon is a label.
        if is_word(name.as_bytes()) && bytes[from + length] != b':' {
            let word = hangul(name);
            if length_of(&word) == name.len() && (is_plain(&word) || is_short(&word)) {
                let start = from + field.len() - field.trim_start_matches(' ').len();
                hits.push(Hit::new(Kind::KrName, start..start + name.len(), SCORE));
            }
        }
        from += length + 1;
    }
    read.start..from
}

/// Whether it may be two, three or four syllables, by its length and its first byte.
fn is_word(name: &[u8]) -> bool {
    matches!(name.len(), 6 | 9 | 12) && begins_hangul(name)
}

/// Whether it may begin with a syllable: all of them have three bytes, of which the first is one of these.
fn begins_hangul(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0xEA..=0xED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, value: &str, kind: Kind, expect: &[&str]) {
        let start = text.find(value).unwrap();
        let mut hits = vec![Hit::new(kind, start..start + value.len(), 0.9)];
        beside(text, &mut hits);
        let mut names: Vec<&str> = hits[1..]
            .iter()
            .map(|hit| &text[hit.range.clone()])
            .collect();
        names.dedup();
        assert_eq!(names, expect, "{text}");
    }

    #[test]
    fn whose_number_it_is_stands_beside_it() {
        check("박두온 (010-1)", "010-1", Kind::KrMobile, &["박두온"]);
        check("석하늘 연락처 010-1", "010-1", Kind::KrMobile, &["석하늘"]);
        check("110-1 서지안으로", "110-1", Kind::KrBank, &["서지안"]);
        check("서율 <yul@a.kr>", "yul@a.kr", Kind::Email, &["서율"]);
        check("5,나세온,F,010-1", "010-1", Kind::KrMobile, &["나세온"]);
        check("1. 편도윤 010-1", "010-1", Kind::KrMobile, &["편도윤"]);
        check(
            "* 박서진 (팀장) - 010-1",
            "010-1",
            Kind::KrMobile,
            &["박서진"],
        );
        check("부산 / 김솔 / 010-1", "010-1", Kind::KrMobile, &["김솔"]);
        check("환불 110-1 구가람으로", "110-1", Kind::KrBank, &["구가람"]);
        check("강나래 농협 110-1", "110-1", Kind::KrBank, &["강나래"]);
        check("여권 정보: 인지훈, M1", "M1", Kind::KrPassport, &["인지훈"]);
        check("인예린 <in@a.kr>", "in@a.kr", Kind::Email, &["인예린"]);
    }

    #[test]
    fn other_words_beside_numbers_are_no_names() {
        check("사무실 02-1", "02-1", Kind::KrLandline, &[]);
        check("전화로 010-1", "010-1", Kind::KrMobile, &[]);
        check("전화라 +61-1", "+61-1", Kind::PhoneIntl, &[]);
        check("배송지 : 제주 / 010-1", "010-1", Kind::KrMobile, &[]);
        check("입금: 신협 110-1", "110-1", Kind::KrBank, &[]);
        check("02-1 신한은행", "02-1", Kind::KrLandline, &[]);
        check("서율 <1.2.3.4>", "1.2.3.4", Kind::Ip, &[]);
    }
}
