//! Korean names: a family name and a given name before `님`, `씨` or a title, or behind a label.

mod words;

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::kind::Kind;
use crate::recognizer::Hit;
use words::{
    AFTER_SSI, BEFORE, CLANS, FAMILY, FAMILY_OF_TWO, FIRM, FIRST, GIVEN, LOOSE, NO_NAMES,
    NOUN_ENDS, OF_CLANS, PARTICLES, ROLES, SECOND, SINGLE, SURE_PARTICLES,
};
pub(crate) use words::{LABELS, TITLES};

fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_ascii_whitespace().collect()
}

static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| set(NO_NAMES));
static GIVEN_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| set(GIVEN));
static ROLE_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| set(ROLES));
static CLAN_PLACES: LazyLock<HashSet<&str>> = LazyLock::new(|| set(CLANS));
static FIRM_LABELS: LazyLock<HashSet<&str>> = LazyLock::new(|| set(FIRM));

/// How much the words around say that a name stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Only what is made as names are is one.
    Usual,
    /// Whatever begins with a family name is one, unless it is known to be something else.
    High,
}

/// Whether a word is made as a name is.
fn is_name(word: &[char], trust: Trust) -> bool {
    if !(2..=5).contains(&word.len()) {
        return false;
    }
    let text: String = word.iter().collect();
    if KNOWN.contains(text.as_str()) || is_role(word) {
        return false;
    }
    let is_of_two = FAMILY_OF_TWO.iter().any(|family| text.starts_with(family));
    let is_short = |given: &[char]| given.len() == 1 && SECOND.contains(given[0]);
    if is_of_two
        && word.len() > 2
        && (is_given(&word[2..]) || is_short(&word[2..]) || trust == Trust::High && word.len() == 4)
    {
        return true;
    }
    FAMILY.contains(word[0])
        && (is_given(&word[1..])
            || trust == Trust::High && word.len() == 3 && !NOUN_ENDS.contains(word[2]))
}

/// Whether a word says what somebody is or does.
fn is_role(word: &[char]) -> bool {
    let end: String = word[word.len().saturating_sub(2)..].iter().collect();
    word.len() > 2 && ROLE_WORDS.contains(end.as_str())
}

fn is_given(given: &[char]) -> bool {
    let text: String = given.iter().collect();
    if GIVEN_WORDS.contains(text.as_str()) {
        return true;
    }
    match given {
        [one] => SINGLE.contains(*one),
        [first, second] => {
            let is_old =
                *second == '자' && "영순미숙경정명춘옥말화금희복은애길연인선".contains(*first);
            let is_noun = *second == '자' && !is_old
                || matches!(
                    given,
                    ['무' | '사' | '구', '원'] | ['호' | '대' | '차' | '치', '인']
                )
                || matches!(*first, '의' | '치') && *second == '사';
            !is_noun && FIRST.contains(*first) && SECOND.contains(*second)
        }
        _ => false,
    }
}

/// A family and where it comes from, as in `전주이씨`.
fn is_clan(word: &[char]) -> bool {
    let [.., one, two, family] = word else {
        return false;
    };
    let place: String = [*one, *two].iter().collect();
    OF_CLANS.contains(*family) && CLAN_PLACES.contains(place.as_str())
}

fn is_hangul(found: char) -> bool {
    ('가'..='힣').contains(&found)
}

/// The name before the title that stands at `start..end`.
pub(crate) fn before_title(text: &str, start: usize, end: usize) -> Option<Hit> {
    let title = &text[start..end];
    let after = text[end..].chars().next();
    let is_free = after.is_none_or(|after| !is_hangul(after));
    let may_follow = is_free
        || after.is_some_and(|after| match title {
            "님" => after != '들',
            "씨" => AFTER_SSI.contains(after),
            _ => after == '님' || PARTICLES.contains(after),
        });
    if !may_follow {
        return None;
    }
    let head = text[..start].trim_end_matches(' ');
    if start - head.len() > 2 {
        return None;
    }
    let mut word: Vec<char> = head
        .chars()
        .rev()
        .take(8)
        .take_while(|one| is_hangul(*one))
        .collect();
    if word.len() > 7 {
        return None;
    }
    word.reverse();
    let is_plain_title = title == "님" || title == "씨";
    // `한 명`, `두 군` and the like: other titles want a full name.
    let is_apart = head.len() < start;
    let is_polite = is_plain_title || after == Some('님') && is_apart;
    let least = if is_polite { 2 } else { 3 };
    let is_good = |name: &[char]| {
        name.len() >= least
            && is_name(name, Trust::Usual)
            && !(title == "씨" && head.len() == start && is_clan(name))
    };
    let name = if is_good(&word) {
        &word[..]
    } else {
        let whole: String = word.iter().collect();
        let known = BEFORE.iter().find(|known| whole.starts_with(**known))?;
        let name = &word[known.chars().count()..];
        (name.len() >= 3 && is_good(name)).then_some(name)?
    };
    let bytes: usize = name.iter().map(|one| one.len_utf8()).sum();
    let score = if is_plain_title { 0.85 } else { 0.6 };
    Some(Hit::new(
        Kind::KrName,
        head.len() - bytes..head.len(),
        score,
    ))
}

/// The name behind the label that stands at `start..end`.
pub(crate) fn behind_label(text: &str, start: usize, end: usize) -> Option<Hit> {
    let label = &text[start..end];
    // `결제자:` and whoever else is named by what they do: the sign belongs to the label.
    let (label, end) = match label.strip_suffix(':') {
        Some(label) => (label, end - 1),
        None if begins_a_word(text, start, label) => (label, end),
        None => return None,
    };
    let (from, at, is_given) = sign_behind(text, label, end);
    let is_topic = !is_given && text[end..from].ends_with(['은', '는', '이', '가']);
    let is_firm = FIRM_LABELS.contains(label.replace(' ', "").to_ascii_lowercase().as_str());
    let is_loose = !is_given && LOOSE.contains(&label);
    if at == from || !is_given && (label.is_ascii() || !is_firm && !is_topic && !is_loose) {
        return None;
    }
    let rest = text.get(at..)?;
    let word: Vec<char> = rest
        .chars()
        .take(9)
        .take_while(|one| is_hangul(*one))
        .collect();
    let ends = |length: usize| match word.get(length) {
        None => true,
        Some(next) => {
            let tail: String = word[length..].iter().collect();
            length > 2
                && (PARTICLES.contains(*next) || TITLES.iter().any(|title| tail.starts_with(title)))
        }
    };
    let trust = if is_given && is_firm {
        Trust::High
    } else {
        Trust::Usual
    };
    let is_good = |length: &usize| {
        let length = *length;
        word.len() >= length
            && ends(length)
            && is_name(&word[..length], trust)
            && (is_given || !is_with_particle(&word[..length]))
    };
    let length = [4, 3, 2].into_iter().find(is_good)?;
    let next = word.get(length);
    // `대표는 홍길동입니다`: a sentence says who it is, and ends with that.
    if !is_given && is_topic && !next.is_some_and(|next| "입이예임".contains(*next)) {
        return None;
    }
    let bytes: usize = word[..length].iter().map(|one| one.len_utf8()).sum();
    let is_end = rest[bytes..]
        .trim_start_matches(' ')
        .chars()
        .next()
        .is_none_or(|one| ",./|;)\n".contains(one));
    if is_loose && !is_firm && !is_topic && (length < 3 || !is_end) {
        return None;
    }
    let score = if is_given { 0.75 } else { 0.6 };
    Some(Hit::new(Kind::KrName, at..at + bytes, score))
}

/// A label is not the end of another word, unless it is a part of a key such as `holderName`.
fn begins_a_word(text: &str, start: usize, label: &str) -> bool {
    let bytes = text.as_bytes();
    if label.is_ascii() {
        return start
            .checked_sub(1)
            .is_none_or(|at| !bytes[at].is_ascii_lowercase() || bytes[start].is_ascii_uppercase());
    }
    !text[..start].chars().next_back().is_some_and(is_hangul)
}

/// Where a label ends, where its value begins, and whether there is a sign between.
fn sign_behind(text: &str, label: &str, end: usize) -> (usize, usize, bool) {
    let bytes = text.as_bytes();
    let mut at = end;
    // The rest of a key: `holder_name`, `nameKo`.
    while label.is_ascii()
        && at < end + 12
        && bytes
            .get(at)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        at += 1;
    }
    for extra in ["(한글)", "(국문)", "님", "은 ", "는 ", "이 ", "가 ", "명"] {
        if text[at..].starts_with(extra) {
            at += extra.trim_end().len();
            break;
        }
    }
    let from = at;
    let mut is_given = false;
    while at < from + 8
        && let Some(byte) = bytes.get(at)
    {
        match byte {
            b' ' | b'\t' | b'*' | b'[' => {}
            b'(' => is_given |= at == from,
            b':' | b'=' | b'"' | b'\'' | b'>' | b'|' => is_given = true,
            b'\n' | b'\r' if is_given => {}
            _ => break,
        }
        at += 1;
    }
    (from, at, is_given)
}

/// Whether a word is rather a noun and its particle: `명단을`, `방문은`.
fn is_with_particle(word: &[char]) -> bool {
    let [stem @ .., last] = word else {
        return false;
    };
    let given: String = word[1..].iter().collect();
    if GIVEN_WORDS.contains(given.as_str()) {
        return false;
    }
    let stem: String = stem.iter().collect();
    SURE_PARTICLES.contains(*last) || PARTICLES.contains(*last) && KNOWN.contains(stem.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let places = |words: &'static [&'static str]| {
            words.iter().flat_map(move |word| text.match_indices(word))
        };
        let titled = places(&TITLES).find_map(|(at, word)| before_title(text, at, at + word.len()));
        let found = titled.or_else(|| {
            places(&LABELS).find_map(|(at, word)| behind_label(text, at, at + word.len()))
        });
        assert_eq!(found.map(|hit| &text[hit.range]), expect, "{text}");
    }

    #[test]
    fn addressed_people_have_names() {
        check("아버지 황수빈 씨의 예전 번호", Some("황수빈"));
        check("담당자:독고현우 님", Some("독고현우"));
        check("허준님께", Some("허준"));
        check("김민수 고객님", Some("김민수"));
        check("이영희 팀장님께 전달", Some("이영희"));
    }

    #[test]
    fn labelled_people_have_names() {
        check(r#"{"holder":"황보채원"}"#, Some("황보채원"));
        check("예금주: 진경희", Some("진경희"));
        check("성명 김철수", Some("김철수"));
    }

    #[test]
    fn common_nouns_are_no_names() {
        for text in [
            "이모님!",
            "안내원님",
            "수강생님",
            "오늘 날씨 좋네요",
            "볍씨 파종",
            "고객님",
            "손님",
            "선생님",
            "주문자님",
            "오늘 씨앗",
            "하나님",
            "이용자님",
            "부모님",
            "사장님",
            "이름: 미정",
        ] {
            check(text, None);
        }
    }
}
