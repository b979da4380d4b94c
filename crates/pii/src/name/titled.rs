//! Names before what people are called: `님`, `씨`, titles, and particles that only persons have.

use super::labels::{CLOSINGS, OF_PERSONS};
use super::words::{AFTER_SSI, BEFORE, PARTICLES};
use super::{
    GIVEN_WORDS, OF_TWO, Trust, glued_before, hangul, hangul_before, is_clan, is_closed, is_hangul,
    is_name, is_plain, is_short, is_with_particle, length_of,
};
use crate::kind::Kind;
use crate::recognizer::Hit;

/// The name before the title that stands at `start..end`.
pub(crate) fn before_title(text: &str, start: usize, end: usize) -> Option<Hit> {
    let title = &text[start..end];
    let after = text[end..].chars().next();
    let is_free = after.is_none_or(|after| !is_hangul(after));
    let may_follow = is_free
        || after.is_some_and(|after| match title {
            "님" => true,
            _ if OF_PERSONS.contains(&title) => true,
            _ if CLOSINGS.contains(&title) => false,
            "씨" => AFTER_SSI.contains(after),
            _ => matches!(after, '님' | '분') || PARTICLES.contains(after),
        });
    if !may_follow {
        return None;
    }
    let head = text[..start].trim_end_matches(' ');
    if start - head.len() > 2 {
        return None;
    }
    let is_many = title == "님" && after == Some('들');
    let is_apart = head.len() < start;
    // `…한의원` is a place.
    if title == "의원" && !is_apart {
        return None;
    }
    let head = without_age(head);
    let is_plain_title = title == "님" || title == "씨";
    if is_plain_title && !head.ends_with(is_hangul) {
        let inner = without_marks(head);
        if inner.len() < head.len() {
            return marked(inner);
        }
    }
    let word = hangul_before(head);
    // What is too long for a name and what is glued to it has a greeting before it.
    if is_plain_title
        && (word.is_empty() || word.len() > 3)
        && let Some(name) = greeted(head)
    {
        return Some(name);
    }
    if word.len() < 2 || is_many && !is_plain(&word) {
        return None;
    }
    if OF_PERSONS.contains(&title) {
        let is_full = !is_apart && is_plain(&word);
        return is_full.then(|| named(head, &word, 0.55));
    }
    // `한 명`, `두 군` and the like: other titles want a full name, or one that is hardly anything else.
    let is_polite = is_plain_title || after == Some('님') && is_apart;
    let least = if is_polite || is_apart && is_short(&word) {
        2
    } else {
        3
    };
    let is_good = |name: &[char]| {
        name.len() >= least
            && is_name(name, Trust::Usual)
            && (is_plain_title || !is_apart || !is_other_word(name))
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
    let score = if is_plain_title { 0.85 } else { 0.6 };
    Some(named(head, name, score))
}

/// The name of who is called upon, as in `@홍길동`, where the sign ends at `end`.
pub(crate) fn called(text: &str, end: usize) -> Option<Hit> {
    let is_word = text[..end - 1].ends_with(char::is_alphanumeric);
    let word = hangul(&text[end..]);
    let name = word.get(..3).filter(|_| !is_word)?;
    let is_all = word.get(3).is_none_or(|next| matches!(next, '님' | '씨'));
    let length = length_of(name);
    (is_all && is_plain(name)).then(|| Hit::new(Kind::KrName, end..end + length, 0.6))
}

/// The name within quotation marks or brackets that `inner` ends with, as in `“홍길동” 님`.
fn marked(inner: &str) -> Option<Hit> {
    let word = hangul_before(inner);
    let is_marked = !inner[..inner.len() - length_of(&word)].ends_with([' ', '.']);
    let is_good = is_name(&word, Trust::Usual) && !is_with_particle(&word);
    (is_marked && is_good).then(|| named(inner, &word, 0.7))
}

/// Without the marks or the end tag that close a name, as in `<b>홍길동</b>`.
fn without_marks(head: &str) -> &str {
    if let Some(open) = head.strip_suffix('>').and_then(|tag| tag.rfind('<'))
        && head.len() - open <= 12
        && head[open + 1..].starts_with('/')
    {
        return &head[..open];
    }
    let mark = |one: char| MARKS.contains(one);
    let inner = head.trim_end_matches(mark);
    if head.len() - inner.len() <= 6 {
        inner
    } else {
        head
    }
}

/// What closes a name.
const MARKS: &str = "\"'`*_)]】」』›»’”>";

/// The name before a title to which a greeting is glued, or whatever ends a word of its own, as in
/// `안녕하세요홍길동님`.
fn greeted(head: &str) -> Option<Hit> {
    let word = glued_before(head);
    let whole: String = word.iter().collect();
    // Behind a whole sentence, whatever is made as a name is one.
    let greeting = GREETINGS.iter().find_map(|greeting| {
        let at = whole.rfind(greeting)? + greeting.len();
        Some(whole[..at].chars().count())
    });
    if let Some(name) = greeting.and_then(|at| word.get(at..)) {
        return is_name(name, Trust::Usual).then(|| named(head, name, 0.7));
    }
    let is_of_two = |from: &usize| OF_TWO.contains(&word[*from..from + 2]);
    let of_two = word.len().checked_sub(4).filter(is_of_two);
    let (before, name) = word.split_at(of_two.or_else(|| word.len().checked_sub(3))?);
    // `영업1팀홍길동님`, `10시홍길동님`
    let is_counted = || {
        let digit = head[..head.len() - whole.len()].chars().next_back();
        matches!(before, [one] if "팀시반호층번조".contains(*one))
            && digit.is_some_and(|one| one.is_ascii_digit())
    };
    let is_role = before.ends_with(&['신', '자']);
    ((is_role || is_counted()) && is_plain(name)).then(|| named(head, name, 0.7))
}

/// To what a name is glued by whoever is in a hurry.
const GREETINGS: [&str; 5] = [
    "안녕하세요",
    "감사합니다",
    "반갑습니다",
    "죄송합니다",
    "혹시",
];

/// The name that `head` ends with.
fn named(head: &str, name: &[char], score: f32) -> Hit {
    let start = head.len() - length_of(name);
    Hit::new(Kind::KrName, start..head.len(), score)
}

/// Without the age that newspapers put behind a name, as in `홍길동(42) 씨`.
fn without_age(head: &str) -> &str {
    let mut all = head.char_indices().rev();
    if all.next().is_none_or(|(_, one)| one != ')') {
        return head;
    }
    let Some((open, _)) = all.take(6).find(|(_, one)| *one == '(') else {
        return head;
    };
    // `27`, `27세`, `27.여`
    let is_age = head[open + 1..].starts_with(|one: char| one.is_ascii_digit());
    if is_age { &head[..open] } else { head }
}

/// Whether a word before a title is rather one that belongs to it, as in `설정한 고객` or `함수가 책임`.
fn is_other_word(word: &[char]) -> bool {
    let [.., before, last] = word else {
        return false;
    };
    if GIVEN_WORDS.contains(&word[1..]) {
        return false;
    }
    match last {
        '을' | '과' => is_closed(*before),
        '는' | '가' | '를' | '와' => !is_closed(*before),
        '의' | '에' | '별' => true,
        // `요한` and the like are names, `정확한` and `방대한` are not.
        '한' => !"요승태재종준민규주".contains(*before),
        '해' => !"다은미준".contains(*before),
        _ => false,
    }
}
