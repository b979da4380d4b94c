//! Names that no word speaks for, beside what is found of a person: a number, an address, an account.

use super::labels::OF_NUMBERS;
use super::{Trust, hangul, hangul_before, is_name, is_plain, length_of};
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
    for at in 0..known {
        let hit = &hits[at];
        if is_personal(&hit.kind) {
            let (start, end) = (hit.range.start, hit.range.end);
            let is_mail = hit.kind == Kind::Email;
            let found = [before(text, start, is_mail), behind(text, end)];
            hits.extend(found.into_iter().flatten());
            fields(text, floor(text, start.saturating_sub(NEAR))..start, hits);
            fields(text, end..floor(text, text.len().min(end + NEAR)), hits);
        }
    }
}

/// The name right before, as in `홍길동 010-…` or `홍길동 <hong@…>`.
fn before(text: &str, start: usize, is_mail: bool) -> Option<Hit> {
    let is_between = |one: char| " \t(<[\"'=:".contains(one);
    let mut head = text[..start].trim_end_matches(is_between);
    let between = &text[head.len()..start];
    if between.contains('<') && is_mail {
        // RFC 5322 §3.4: what stands before an address in brackets is whose it is.
        let word = hangul_before(head);
        if word.len() == 2 && is_name(&word, Trust::Usual) {
            return Some(Hit::new(
                Kind::KrName,
                head.len() - length_of(&word)..head.len(),
                SCORE,
            ));
        }
    }
    let is_word = |word: &&&str| {
        let from = head.len().checked_sub(word.len());
        from.and_then(|from| head.get(from..))
            .is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    if let Some(word) = OF_NUMBERS.iter().find(is_word) {
        head = text[..head.len() - word.len()].trim_end_matches([' ', '(', ',', '/']);
    }
    let word = hangul_before(head);
    let is_near = start - head.len() <= 28;
    (is_near && is_plain(&word)).then(|| {
        Hit::new(
            Kind::KrName,
            head.len() - length_of(&word)..head.len(),
            SCORE,
        )
    })
}

/// The name right behind, as in `110-… 홍길동으로`.
fn behind(text: &str, end: usize) -> Option<Hit> {
    let rest = &text[end..];
    let next = rest.trim_start_matches([' ', '(', '/', ',']);
    let skipped = rest.len() - next.len();
    if !(1..=4).contains(&skipped) {
        return None;
    }
    let word = hangul(next);
    let is_good = |length: &usize| {
        let tail: String = word.iter().skip(*length).collect();
        let may_follow = tail.is_empty() || FOLLOWING.contains(&tail.as_str());
        may_follow && word.get(..*length).is_some_and(is_plain)
    };
    let length = [4, 3].into_iter().find(is_good)?;
    let at = end + skipped;
    Some(Hit::new(
        Kind::KrName,
        at..at + length_of(&word[..length]),
        SCORE,
    ))
}

/// What may be glued to the name behind an account.
const FOLLOWING: [&str; 6] = ["으로", "로", "앞", "앞으로", "님", "씨"];

/// The fields near by that are nothing but a name.
fn fields(text: &str, near: std::ops::Range<usize>, hits: &mut Vec<Hit>) {
    let is_edge = |one: char| ",|\t;/·()<>[]\"'\n".contains(one);
    let piece = &text[near.clone()];
    let mut from = near.start;
    let mut edges = piece
        .match_indices(is_edge)
        .map(|(at, edge)| (near.start + at, edge.len()));
    // What stands before the first edge is no whole field, unless the text begins there.
    let mut is_whole = near.start == 0;
    while let Some((at, length)) = edges.next() {
        let field = &text[from..at];
        let name = field.trim_matches(' ');
        let word = hangul(name);
        if is_whole && !word.is_empty() && length_of(&word) == name.len() && is_plain(&word) {
            let start = from + field.len() - field.trim_start_matches(' ').len();
            hits.push(Hit::new(Kind::KrName, start..start + name.len(), SCORE));
        }
        is_whole = true;
        from = at + length;
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
