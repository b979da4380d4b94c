//! Names behind the labels of fields, and behind the words with which people introduce themselves.

use std::sync::LazyLock;

use super::labels::{BEING, FIELDS, FIRM, LOOSE, OF_THINGS, PARENTS, THINGS, TITLES};
use super::words::PARTICLES;
use super::{
    Trust, Words, hangul, is_closed, is_full, is_hangul, is_name, is_plain, is_short,
    is_with_particle, length_of, set,
};
use crate::kind::Kind;
use crate::recognizer::Hit;

static FIRM_LABELS: LazyLock<Words> = LazyLock::new(|| set(FIRM));
static LOOSE_LABELS: LazyLock<Words> = LazyLock::new(|| set(LOOSE));

/// The name behind the label that stands at `start..end`.
pub(crate) fn behind_label(text: &str, start: usize, end: usize) -> Option<Hit> {
    let label = &text[start..end];
    // `등록자 홍길동`: whoever does something, with the end of the word alone.
    let is_role = label.ends_with(' ');
    // `결제자:` and whoever else is named by what they do: the sign belongs to the label.
    let (label, end) = match label.strip_suffix([':', ' ']) {
        Some(label) => (label, end - 1),
        None if begins_a_word(text, start, label) || LOOSE_LABELS.contains(label) => (label, end),
        None => return None,
    };
    // `권한 구조:` is no `1조:`.
    if label == "조" && text[..start].ends_with(is_hangul) {
        return None;
    }
    // `구분:`, `성분:`, `지분:` are about no one, as `보내신 분:` is.
    // `제품명:` is a label of a thing.
    if matches!(label, "명" | "명칭") && THINGS.iter().any(|thing| text[..start].ends_with(thing))
    {
        return None;
    }
    if label == "분" && text[..start].ends_with(NOUNS_OF_PARTS) {
        return None;
    }
    let (from, at, is_given) = sign_behind(text, label, end);
    // Most labels have no name behind them, and that is soon seen.
    if !matches!(text.as_bytes().get(at), Some(0xEA..=0xED)) || at == from {
        return None;
    }
    if is_role && (is_given || !text[..start].ends_with(is_hangul)) {
        return None;
    }
    let is_topic = !is_given && text[end..from].ends_with(['은', '는', '이', '가']);
    let is_written_otherwise = label
        .bytes()
        .any(|byte| byte == b' ' || byte.is_ascii_uppercase());
    let is_firm = FIRM_LABELS.contains(label)
        || is_written_otherwise
            && FIRM_LABELS.contains(label.replace(' ', "").to_ascii_lowercase().as_str());
    // Without a sign, nearly any label may stand before a name that ends a field.
    let is_loose = !is_given && !label.is_ascii();
    if !is_given && label.is_ascii() {
        return None;
    }
    let rest = text.get(at..)?;
    let word = hangul(rest);
    if word.len() == 1 && (is_given || is_firm) {
        return spelled(rest).map(|length| Hit::new(Kind::KrName, at..at + length, 0.7));
    }
    let ends = |length: usize| match word.get(length) {
        None => true,
        Some(next) => {
            let tail: String = word[length..].iter().collect();
            let is_title = || TITLES.iter().any(|title| tail.starts_with(title.as_str()));
            let is_said = || BEING.iter().any(|being| tail.starts_with(being));
            length > 2 && (PARTICLES.contains(*next) || is_title() || is_said())
                || length == 2 && is_firm && is_said()
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
    let bytes = length_of(&word[..length]);
    let rest = &rest[bytes..];
    // `대표는 홍길동입니다`: a sentence says who it is, and ends with that, or goes on to the next one.
    let next = word.get(length);
    let ends = next.map_or_else(
        || rest.starts_with(" 맞") || rest.starts_with(", ") && is_full(&word[..length]),
        |next| "이입예라".contains(*next),
    ) || is_firm && is_full(&word[..length]) && is_end(rest);
    if !is_given && is_topic && !ends {
        return None;
    }
    let is_field = (is_full(&word[..length]) || is_short(&word[..length]))
        && (is_end(rest) || goes_on(word[length - 1], rest))
        || is_described(rest);
    if is_loose && !is_firm && !is_topic && !is_field {
        return None;
    }
    if label.eq_ignore_ascii_case("name") && is_of_thing(text, start, at + bytes) {
        return None;
    }
    let score = if is_given { 0.75 } else { 0.6 };
    Some(Hit::new(Kind::KrName, at..at + bytes, score))
}

/// Whether brackets follow with what is said of persons: `(주민등록번호 …`, `(남/52세)`, `(1970…`.
fn is_described(rest: &str) -> bool {
    let inner = rest.trim_start_matches(' ').strip_prefix('(');
    inner.is_some_and(|inner| {
        let is_said = ["주민", "남", "여", "만 "]
            .iter()
            .any(|word| inner.starts_with(word));
        is_said || inner.starts_with(|one: char| one.is_ascii_digit())
    })
}

/// Whether a field called `name` is one of a thing, which has a price or is counted.
fn is_of_thing(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let before = &bytes[start.saturating_sub(NEIGHBOURS)..start];
    let before = &before[memchr::memrchr(b'}', before).map_or(0, |at| at + 1)..];
    let behind = &bytes[end..bytes.len().min(end + NEIGHBOURS)];
    let behind = &behind[..memchr::memchr(b'}', behind).unwrap_or(behind.len())];
    let is_in = |piece: &[u8]| {
        let has = |word: &str| memchr::memmem::find(piece, word.as_bytes()).is_some();
        OF_THINGS.iter().any(|word| has(word))
    };
    is_in(before) || is_in(behind)
}

/// How far from a name the other fields of its object are looked at.
const NEIGHBOURS: usize = 96;

/// What stands before `분` in words for parts and kinds.
const NOUNS_OF_PARTS: [char; 14] = [
    '구', '성', '지', '부', '처', '수', '염', '양', '당', '신', '명', '본', '배', '전',
];

/// How long a remark in brackets is behind a label, if the sign of the label stands behind it.
fn remark(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('(')?;
    let (end, _) = inner.char_indices().take(12).find(|(_, one)| *one == ')')?;
    let length = end + 2;
    rest[length..]
        .trim_start_matches(' ')
        .starts_with(':')
        .then_some(length)
}

/// Whether a field ends there: with the text, a sign, a number, or the label of the next one.
fn is_end(rest: &str) -> bool {
    if rest.starts_with(is_hangul) {
        return false;
    }
    let rest = rest.trim_start_matches(' ');
    let is_sign = |one: char| ",./|;()<\n\r\"'+→♥☎☏".contains(one) || one.is_ascii_alphanumeric();
    let word: String = rest
        .chars()
        .take_while(|one| is_hangul(*one))
        .take(8)
        .collect();
    rest.chars().next().is_none_or(is_sign)
        || LOOSE_LABELS.contains(word.as_str())
        || FIRM_LABELS.contains(word.as_str())
        || FIELDS.contains(&word.as_str())
        || word.chars().count() > 2 && word.ends_with(['자', '인'])
        // Or with the sign of it.
        || !word.is_empty() && rest[word.len()..].trim_start_matches(' ').starts_with(':')
}

/// Whether a sentence goes on behind a name that ends in `last`: with a particle that fits, or with what
/// says who it is.
fn goes_on(last: char, rest: &str) -> bool {
    if BEING.iter().any(|being| rest.starts_with(being)) {
        return true;
    }
    let particles: &[&str] = if is_closed(last) {
        &["은", "이", "을", "과", "의", "도", "에게", "께서"]
    } else {
        &["는", "가", "를", "와", "의", "도", "에게", "께서"]
    };
    // `기재하는`, `도구라는` are verbs.
    if matches!(last, '하' | '라') && rest.starts_with('는') {
        return false;
    }
    let mut tails = particles.iter().filter_map(|one| rest.strip_prefix(one));
    tails.any(|tail| tail.starts_with([' ', ',', '.', '\n']))
}

/// How long a name is that was written syllable by syllable, as in `성 명 : 홍 길 동`.
fn spelled(rest: &str) -> Option<usize> {
    let mut all = rest.char_indices();
    let mut name = Vec::new();
    while name.len() < 3 {
        let syllable = all.next().filter(|(_, one)| is_hangul(*one))?;
        name.push(syllable.1);
        let behind = all.clone().next().map(|(_, one)| one);
        if name.len() < 3 {
            all.next().filter(|(_, one)| *one == ' ')?;
        } else if behind.is_some_and(is_hangul) {
            return None;
        }
    }
    is_name(&name, Trust::Usual).then(|| all.offset())
}

/// The name of whoever says who they are, as in `저는 홍길동입니다`, behind the word that ends at `end`.
pub(crate) fn introduced(text: &str, end: usize) -> Option<Hit> {
    let rest = &text[end..];
    let word = rest.trim_start_matches([' ', ',', '.', '!', '~', '\n']);
    let at = text.len() - word.len();
    if at > end
        && at < end + 6
        && let Some(bytes) = said(text, at, is_full)
    {
        return Some(Hit::new(Kind::KrName, at..at + bytes, 0.6));
    }
    // `안녕하세요, 어제 전화드린 홍길동입니다`
    if !text[..end].ends_with("안녕하세요") {
        return None;
    }
    let far = rest.char_indices().nth(FARTHEST);
    let far = far.map_or(rest, |(at, _)| &rest[..at]);
    let far = far.split(['\n', '.', '?']).next()?;
    let being = far.find("입니다")?;
    let start = end + far[..being].rfind([' ', ',']).map(|at| at + 1)?;
    let bytes = said(text, start, is_plain)?;
    Some(Hit::new(Kind::KrName, start..start + bytes, 0.55))
}

/// How far behind a greeting, in characters, people say who they are.
const FARTHEST: usize = 40;

/// How long the name at `at` is, if it says who somebody is.
fn said(text: &str, at: usize, is_one: fn(&[char]) -> bool) -> Option<usize> {
    let word = hangul(&text[at..]);
    let is_good = |length: &usize| {
        let tail: String = word.iter().skip(*length).collect();
        let behind = &text[at + length_of(&word[..word.len().min(*length)])..];
        let is_parent = || PARENTS.iter().any(|parent| behind.starts_with(parent));
        word.get(..*length).is_some_and(is_one)
            && (BEING.iter().any(|being| tail.starts_with(being)) || is_parent())
    };
    let length = [4, 3].into_iter().find(is_good)?;
    Some(length_of(&word[..length]))
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
    // `직원명부:` goes on from `직원명`.
    if label.ends_with('명') && text[at..].starts_with("부") {
        at += "부".len();
    }
    // `참석자(5명):` says more about the label; `담당(홍길동)` has the value in brackets.
    if let Some(length) = remark(&text[at..]) {
        at += length;
    }
    let from = at;
    let mut is_given = false;
    while at < from + 8
        && let Some(byte) = bytes.get(at)
    {
        match byte {
            b' ' | b'\t' | b'*' | b'[' | b'\\' => {}
            b'(' => is_given |= at == from,
            b':' | b'=' | b'"' | b'\'' | b'>' | b'|' => is_given = true,
            b'-' if at > from && !label.is_ascii() => is_given = true,
            b'{' | b'\n' | b'\r' if is_given => {}
            _ => break,
        }
        at += 1;
    }
    (from, at, is_given)
}
