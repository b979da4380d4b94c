//! Lists of names, of which one is known to be a name.

use super::labels::LISTS;
use super::{hangul, hangul_before, is_full, is_short, length_of};
use crate::kind::Kind;
use crate::recognizer::Hit;

/// The most names that are read on from one.
const MOST: usize = 32;
const SCORE: f32 = 0.55;

/// What stands between names.
fn is_between(found: char) -> bool {
    matches!(found, ' ' | ',' | '/' | '.' | '"' | '\'')
}

/// The names that follow one behind the label that ends at `label`.
pub(crate) fn more_behind(text: &str, label: usize, known: &Hit, hits: &mut Vec<Hit>) {
    let may_be_spaced = LISTS.iter().any(|list| {
        let head = &text[..label];
        head.ends_with(list) || head.trim_end_matches(['자', ':', ' ']).ends_with(list)
    });
    let mut at = known.range.end;
    for _ in 0..MOST {
        at += remark(&text[at..]);
        let rest = &text[at..];
        let next = rest.trim_start_matches(is_between);
        let between = &rest[..rest.len() - next.len()];
        let is_list = between.contains([',', '/']) || between == "." || may_be_spaced;
        let word = hangul(next);
        let end = text.len() - next.len() + length_of(&word);
        let is_label = text[end..]
            .trim_start_matches([' ', '"'])
            .starts_with([':', '=']);
        if between.is_empty()
            || between.len() > 5
            || !is_list
            || is_label
            || !is_one(&word, between)
        {
            break;
        }
        hits.push(Hit::new(Kind::KrName, text.len() - next.len()..end, SCORE));
        at = end;
    }
}

/// Whether a word of a list is a name. Short ones need a sign between.
fn is_one(word: &[char], between: &str) -> bool {
    is_full(word) || is_short(word) && between.contains([',', '/', '.'])
}

/// How long a remark in brackets behind a name is, as in `홍길동(팀장), 김철수`.
fn remark(rest: &str) -> usize {
    let is_end = |(_, one): &(usize, char)| *one == ')';
    let inner = rest.strip_prefix('(').map(str::char_indices);
    let end = inner.and_then(|inner| inner.take(12).find(is_end));
    end.map_or(0, |(at, _)| at + 2)
}

/// The names before one that is addressed, as in `홍길동, 김철수 님`.
pub(crate) fn more_before(text: &str, known: &Hit, hits: &mut Vec<Hit>) {
    let mut at = known.range.start;
    for _ in 0..MOST {
        let head = &text[..at];
        let before = head.trim_end_matches(is_between);
        let between = &head[before.len()..];
        let word = hangul_before(before);
        if !between.contains([',', '/']) && between != "."
            || between.len() > 3
            || !is_one(&word, between)
        {
            break;
        }
        at = before.len() - length_of(&word);
        hits.push(Hit::new(Kind::KrName, at..before.len(), SCORE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, label: &str, known: &str, expect: &[&str]) {
        let start = text.find(known).unwrap();
        let known = Hit::new(Kind::KrName, start..start + known.len(), SCORE);
        let mut hits = Vec::new();
        more_behind(text, label.len(), &known, &mut hits);
        more_before(text, &known, &mut hits);
        let names: Vec<&str> = hits.iter().map(|hit| &text[hit.range.clone()]).collect();
        assert_eq!(names, expect, "{text}");
    }

    #[test]
    fn one_name_leads_to_others() {
        check(
            "명단: 김다미, 이규진 / 박소율",
            "명단:",
            "김다미",
            &["이규진", "박소율"],
        );
        check("참석자: 김다미 이규진", "참석자", "김다미", &["이규진"]);
        check("조원: 김다미(3조), 이규진", "조원:", "김다미", &["이규진"]);
        check(
            "이채원, 박서영, 김나연 님",
            "",
            "김나연",
            &["박서영", "이채원"],
        );
    }

    #[test]
    fn what_follows_a_name_is_not_always_one() {
        check("이름: 김다미, 주소지: 서울", "이름:", "김다미", &[]);
        check("이름: 김다미 이규진", "이름:", "김다미", &[]);
    }
}
