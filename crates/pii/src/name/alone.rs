//! Names that stand in a sentence where nothing speaks for them: a usual family and a usual given name, with nothing
//! behind them but a particle that fits.

use std::sync::LazyLock;

use super::words::{ENDING_NOUNS, USUAL_GIVEN};
use super::{
    IS_FAMILY, IS_FIRST, IS_RARE, IS_SECOND, KNOWN, MOSTLY, WordSet, is_closed, is_role, length_of,
    may_be,
};
use crate::kind::Kind;
use crate::recognizer::Hit;

const SCORE: f32 = 0.55;

/// The longest particle, in syllables.
const LONGEST_TAIL: usize = 3;

pub(super) static USUAL: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(USUAL_GIVEN));

/// Particles behind a syllable that ends in a consonant.
const CLOSED: [&str; 5] = ["은", "이", "을", "과", "아"];
/// Those behind one that does not, and behind the `이` by which a name that does is called among friends.
const OPEN: [&str; 8] = ["는", "가", "를", "와", "야", "랑", "네", "라고"];
/// Those behind either.
const EITHER: [&str; 12] = [
    "의",
    "도",
    "만",
    "한테",
    "에게",
    "께",
    "께서",
    "하고",
    "한테서",
    "에게서",
    "까지",
    "씨",
];

/// The names of a text.
pub(crate) fn alone(text: &str, hits: &mut Vec<Hit>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(start) = next_word(bytes, at) {
        let mut end = start + 3;
        while is_hangul(bytes, end) {
            end += 3;
        }
        let syllables = (end - start) / 3;
        if (3..=3 + LONGEST_TAIL).contains(&syllables) {
            hits.extend(name_at(text, start, end));
        }
        at = end;
    }
}

/// Where the next Hangul begins. Other text is passed over by eight bytes.
fn next_word(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        while let Some(eight) = bytes.get(at..)?.first_chunk()
            && u64::from_le_bytes(*eight) & ASCII == 0
        {
            at += eight.len();
        }
        at += bytes[at..].iter().position(|byte| *byte >= 0x80)?;
        if is_hangul(bytes, at) {
            return Some(at);
        }
        at += 1;
    }
}

/// The bits that no byte of ASCII has.
const ASCII: u64 = u64::from_ne_bytes([0x80; 8]);

/// Whether a syllable begins there: all of them have three bytes, of which the first is one of these. (Some other signs
/// begin so as well, and are told apart by who reads them.)
fn is_hangul(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(0xEA..=0xED))
}

/// The name at the beginning of a word.
fn name_at(text: &str, start: usize, end: usize) -> Option<Hit> {
    let mut word = text[start..end].chars();
    // Most words are none, and that is to be seen soon.
    let mut next = |place| {
        let next = word.next()?;
        (super::is_hangul(next) && may_be(next, place)).then_some(next)
    };
    let name = [next(IS_FAMILY)?, next(IS_FIRST)?, next(IS_SECOND)?];
    let goes_on = text[..start].ends_with(char::is_alphanumeric);
    if goes_on || !fits(name[2], word.as_str()) || !USUAL.contains(&name[1..]) {
        return None;
    }
    // These begin many words, but hardly one that goes on as a given name does.
    let is_rare = may_be(name[0], IS_RARE) && !"공방구".contains(name[0]);
    // `이상은`, `주민수`: a noun and what is glued to it.
    let is_word = |word: &[char]| KNOWN.contains(word) || MOSTLY.contains(word);
    let is_noun = is_word(&name[..2]) && ENDING_NOUNS.contains(name[2]);
    let is_other = is_rare || is_noun || is_word(&name) || is_role(&name);
    (!is_other).then(|| Hit::new(Kind::KrName, start..start + length_of(&name), SCORE))
}

/// Whether what stands behind a name that ends in `last` is nothing, or a particle.
fn fits(last: char, tail: &str) -> bool {
    let is_open = |tail: &str| OPEN.contains(&tail) || EITHER.contains(&tail);
    let is_particle = if is_closed(last) {
        CLOSED.contains(&tail)
            || EITHER.contains(&tail)
            || tail.strip_prefix('이').is_some_and(is_open)
    } else {
        is_open(tail)
    };
    tail.is_empty() || is_particle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let mut hits = Vec::new();
        alone(text, &mut hits);
        let names: Vec<&str> = hits.iter().map(|hit| &text[hit.range.clone()]).collect();
        assert_eq!(names, expect, "{text}");
    }

    #[test]
    fn people_are_spoken_of_by_their_names_alone() {
        check("어제 박서윤이 올린 글", &["박서윤"]);
        check("김은정은 이영호와 등산", &["김은정", "이영호"]);
        check("최민준 오늘 생일이래", &["최민준"]);
        check("발표는 정유진, 자료는 한지훈", &["정유진", "한지훈"]);
        check("황채은·은나은 공저, “박현우”가", &["황채은", "박현우"]);
    }

    #[test]
    fn words_that_only_look_like_names_are_none() {
        for text in [
            "이상은 없습니다",
            "주민수가 늘었다",
            "한정식 집에서",
            "조정은 내일",
            "이용수 집계",
            "김은정보통신",
            "기준수를 넘음",
            "강서윤활유",
            "유지연장 신청",
            "정동진 해돋이",
            "설정은 그대로",
        ] {
            check(text, &[]);
        }
    }
}
