//! Numbers as people write them: groups of digits with separators between, and what stands around.

use std::ops::Range;

/// What stands between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    Hyphen,
    Dot,
    Space,
    Bracket,
    Tilde,
    Slash,
    /// `_`
    LowLine,
}

/// Digits without a break.
#[derive(Debug, Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
    digits: usize,
}

/// All groups that hang together.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says what stands at one place"
)]
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    groups: Vec<Group>,
    /// `separators[i]` stands behind group `i`.
    separators: Vec<Separator>,
    plus: bool,
    bracket: bool,
    /// It goes on from a word, as in `SKU-1234`.
    pub(crate) is_glued: bool,
    /// The first and the last group are parts of words.
    head_is_word: bool,
    tail_is_word: bool,
}

/// More groups than any number has; what is longer is cut, so that time stays linear.
const MOST_GROUPS: usize = 48;
/// The most groups of one number.
pub(crate) const WIDEST: usize = 6;
pub(crate) const MOST_DIGITS: usize = 20;
/// The fewest digits of any number but an address.
const FEWEST_DIGITS: usize = 7;

impl Cluster {
    /// Reads the cluster whose first digit is at `start` into `self`, and says where it ends.
    pub(crate) fn read(&mut self, whole: &str, start: usize) -> usize {
        let text = whole.as_bytes();
        self.groups.clear();
        self.separators.clear();
        let before = start.checked_sub(1).map(|at| text[at]);
        let earlier = start.checked_sub(2).map(|at| text[at]);
        let is_word = |byte: Option<u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        self.bracket = before == Some(b'(') || before == Some(b'+') && earlier == Some(b'(');
        self.plus = before == Some(b'+') && !is_word(earlier);
        self.head_is_word = is_word(before) || before == Some(b',') && goes_on(text, start);
        self.is_glued = matches!(before, Some(b'-' | b'_' | b'#')) && is_word(earlier)
            || matches!(before, Some(b'#' | b'$'));
        let mut at = start;
        loop {
            let from = at;
            while at < text.len() && text[at].is_ascii_digit() {
                at += 1;
            }
            self.groups.push(Group {
                start: from,
                end: at,
                digits: at - from,
            });
            if self.groups.len() == MOST_GROUPS {
                break;
            }
            let Some((separator, next)) = separator(text, at) else {
                break;
            };
            self.separators.push(separator);
            at = next;
        }
        if !self.is_long() {
            return at;
        }
        let after = text.get(at).copied();
        self.tail_is_word = after.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            || after == Some(b',') && goes_on(text, at + 1)
            || !self.ends_as_address() && is_unit(&whole[at..]);
        at
    }

    /// Whether the last four groups are those of an address, of which there are no amounts.
    fn ends_as_address(&self) -> bool {
        let is_dot = |separator: &Separator| *separator == Separator::Dot;
        self.separators.len() >= 3 && self.separators.iter().rev().take(3).all(is_dot)
    }

    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there may be a number in it: it has seven digits, or four groups as an address has.
    pub(crate) fn is_long(&self) -> bool {
        let digits = || self.groups.iter().map(|group| group.digits).sum::<usize>();
        self.groups.len() >= 4 || digits() >= FEWEST_DIGITS
    }

    /// Without the spaces between digits, as in `0 1 0 - 1 2 3 4 - 5 6 7 8`, if somebody wrote it so: with
    /// single digits in a row, or with spaces beside hyphens.
    pub(crate) fn without_spaces(&self) -> Option<Self> {
        let is_space = |at: usize| self.separators[at] == Separator::Space;
        let is_single = |at: usize| self.groups[at].digits == 1;
        let is_spelled = (2..self.groups.len())
            .any(|at| (at - 2..at).all(is_space) && (at - 2..=at).all(is_single));
        let has_both = self.separators.contains(&Separator::Space)
            && self.separators.contains(&Separator::Hyphen);
        // `2026-11-21 04:51` is a time, and logs are full of them.
        let is_date = self.groups.len() > 3
            && [4, 2, 2] == [0, 1, 2].map(|at| self.groups[at].digits)
            && self.separators[2] == Separator::Space;
        if !is_spelled && !has_both || is_date {
            return None;
        }
        let mut whole = Self {
            groups: vec![self.groups[0]],
            separators: Vec::new(),
            ..*self
        };
        for (at, group) in self.groups.iter().enumerate().skip(1) {
            match whole.groups.last_mut() {
                Some(last) if is_space(at - 1) => {
                    last.end = group.end;
                    last.digits += group.digits;
                }
                _ => {
                    whole.separators.push(self.separators[at - 1]);
                    whole.groups.push(*group);
                }
            }
        }
        Some(whole)
    }

    /// Groups `range` as a number, unless they are only a part of one.
    pub(crate) fn number<'t>(&self, text: &'t str, range: Range<usize>) -> Option<Number<'t>> {
        let (first, last) = (range.start, range.end - 1);
        let groups = &self.groups[range];
        let digits: usize = groups.iter().map(|group| group.digits).sum();
        let inner = &self.separators[first..last];
        let is_address = groups.len() == 4 && inner.iter().all(|one| *one == Separator::Dot);
        if !(FEWEST_DIGITS..=MOST_DIGITS).contains(&digits) && !is_address
            || first == 0 && self.head_is_word
            || last + 1 == self.groups.len() && self.tail_is_word
        {
            return None;
        }
        let parts = |separator: Option<&Separator>| {
            separator.is_none_or(|one| match one {
                Separator::Space | Separator::Tilde | Separator::Slash | Separator::Bracket => true,
                Separator::Hyphen => is_address,
                Separator::Dot | Separator::LowLine => false,
            })
        };
        let outer = first.checked_sub(1).map(|at| &self.separators[at]);
        if !parts(outer) || !parts(self.separators.get(last)) {
            return None;
        }
        let mut number = Number {
            text,
            start: groups[0].start,
            end: groups[groups.len() - 1].end,
            digits: [0; MOST_DIGITS],
            count: digits,
            lens: [0; WIDEST],
            groups: groups.len(),
            separators: [None; WIDEST],
            plus: first == 0 && self.plus,
            bracket: first == 0 && self.bracket,
        };
        if digits > MOST_DIGITS {
            return None;
        }
        let mut count = 0;
        for (at, group) in groups.iter().enumerate() {
            for byte in &text.as_bytes()[group.start..group.end] {
                if byte.is_ascii_digit() {
                    number.digits[count] = byte - b'0';
                    count += 1;
                }
            }
            number.lens[at] = u8::try_from(group.digits).unwrap_or(u8::MAX);
            number.separators[at] = inner.get(at).copied();
        }
        Some(number)
    }
}

/// Where the digits at `start` end, if they are too few for any number and no others follow them.
pub(crate) fn few_digits(text: &[u8], start: usize) -> Option<usize> {
    let rest = &text[start..];
    let count = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let is_joined = || match rest[count] {
        // Most sentences and words end so.
        b'.' | b' '
            if rest
                .get(count + 1)
                .is_some_and(|next| next.is_ascii_alphabetic() || *next >= 0x80) =>
        {
            false
        }
        b')' | b' ' | b'-' | b'.' | b'~' | b'/' | b'_' => separator(text, start + count).is_some(),
        _ => false,
    };
    (count < FEWEST_DIGITS && !is_joined()).then_some(start + count)
}

/// What stands at `at`, if it joins two groups, and where the next group begins.
fn separator(text: &[u8], at: usize) -> Option<(Separator, usize)> {
    let mut next = at;
    let mut kind = None;
    if text.get(next) == Some(&b')') {
        kind = Some(Separator::Bracket);
        next += 1;
    }
    let spaces = usize::from(text.get(next) == Some(&b' '));
    next += spaces;
    match text.get(next) {
        Some(b'-') => {
            kind = kind.or(Some(Separator::Hyphen));
            next += 1;
        }
        Some(b'.') if spaces == 0 => {
            kind = kind.or(Some(Separator::Dot));
            next += 1;
            return text.get(next)?.is_ascii_digit().then_some((kind?, next));
        }
        Some(sign @ (b'~' | b'/' | b'_')) => {
            kind = kind.or(Some(match sign {
                b'~' => Separator::Tilde,
                b'/' => Separator::Slash,
                _ => Separator::LowLine,
            }));
            next += 1;
        }
        _ if spaces == 1 => kind = kind.or(Some(Separator::Space)),
        _ => {}
    }
    if text.get(next) == Some(&b' ') && kind.is_some_and(|one| one != Separator::Space) {
        next += 1;
    }
    if text.get(next) == Some(&b'(') && text.get(next + 1) == Some(&b'0') {
        next += 1;
    }
    text.get(next)?.is_ascii_digit().then_some((kind?, next))
}

/// Whether the comma before `at` stands between thousands, as in `12,345`, and not between fields.
fn goes_on(text: &[u8], at: usize) -> bool {
    let count = |digits: &mut dyn Iterator<Item = &u8>| {
        digits
            .take(4)
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let before = count(&mut text[..at - 1].iter().rev());
    let behind = count(&mut text[at..].iter());
    let next = text.get(at + behind);
    (1..=3).contains(&before) && behind == 3 && !matches!(next, Some(b'-' | b'.' | b' '))
}

/// Whether a unit follows, which makes a number an amount.
fn is_unit(rest: &str) -> bool {
    let word = rest.strip_prefix(' ').unwrap_or(rest);
    let mut behind = word.chars();
    let Some(first) = behind.next() else {
        return false;
    };
    // Some are parts of other words as often: what is `만` or `일` by chance.
    let mut is_doubtful = false;
    let long = match first {
        '원' | '억' | '건' | '%' | '년' | '월' | '초' | '명' | '엔' | '톤' | '℃' | '°' | '㎡'
        | '층' => "",
        '만' if word.starts_with("만원") => "원",
        '만' | '일' | '호' | '개' | '점' | '회' => {
            is_doubtful = true;
            ""
        }
        '달' => "러",
        '번' => "째",
        '포' => "인트",
        _ => return false,
    };
    let Some(behind) = behind.as_str().strip_prefix(long) else {
        return false;
    };
    // `01012345678로` has no unit. Behind a space, a unit is a word of its own, and `110-234-567890 명재인` is a
    // name behind an account.
    let Some(next) = behind.chars().next().filter(|next| !next.is_ascii()) else {
        return true;
    };
    let is_spaced = word.len() < rest.len();
    !is_doubtful && (!is_spaced || "은는이가을를의에으로과와도만까부씩당".contains(next))
}

/// Groups of digits that may be one number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'t> {
    text: &'t str,
    pub(crate) start: usize,
    pub(crate) end: usize,
    digits: [u8; MOST_DIGITS],
    count: usize,
    lens: [u8; WIDEST],
    groups: usize,
    separators: [Option<Separator>; WIDEST],
    /// It begins with `+`.
    pub(crate) plus: bool,
    /// It begins in brackets.
    pub(crate) bracket: bool,
}

impl<'t> Number<'t> {
    pub(crate) fn digits(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    /// How long each group is.
    pub(crate) fn lens(&self) -> &[u8] {
        &self.lens[..self.groups]
    }

    /// Whether nothing stands between the digits.
    pub(crate) fn is_plain(&self) -> bool {
        self.groups == 1
    }

    /// Whether every separator is of one kind. Tildes, slashes and low lines are hyphens that
    /// somebody wrote in another way.
    pub(crate) fn is_separated_by(&self, separator: Separator) -> bool {
        let is_all = |kind: Separator| {
            let mut separators = self.separators[..self.groups - 1].iter();
            separators.all(|one| *one == Some(kind))
        };
        let others = [Separator::Tilde, Separator::Slash, Separator::LowLine];
        self.groups > 1
            && (is_all(separator)
                || separator == Separator::Hyphen && others.into_iter().any(is_all))
    }

    /// Where it begins as a telephone number, with `+` and the bracket.
    pub(crate) fn dialled_from(&self) -> usize {
        // A bracket that closes behind the number is not a part of it.
        let opens = self.bracket && self.separators[0] == Some(Separator::Bracket);
        self.start - usize::from(self.plus) - usize::from(opens)
    }

    /// The first `count` digits as a number.
    pub(crate) fn prefix(&self, count: usize) -> u32 {
        let first = self.digits.iter().take(count.min(self.count));
        first.fold(0, |sum, digit| sum * 10 + u32::from(*digit))
    }

    /// The value of a group of at most nine digits.
    pub(crate) fn group(&self, at: usize) -> u32 {
        let from: usize = self.lens[..at].iter().map(|len| usize::from(*len)).sum();
        let len = usize::from(self.lens[at]).min(9);
        self.digits
            .iter()
            .skip(from)
            .take(len)
            .fold(0, |sum, digit| sum * 10 + u32::from(*digit))
    }

    pub(crate) fn text(&self) -> &'t str {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&[u8]>) {
        let mut cluster = Cluster::default();
        cluster.read(text, 0);
        let whole = cluster.without_spaces();
        let number = whole
            .as_ref()
            .and_then(|whole| whole.number(text, 0..whole.len()));
        assert_eq!(number.as_ref().map(Number::lens), expect, "{text}");
    }

    #[test]
    fn digits_with_spaces_between_are_one_number() {
        check("0 1 0 - 1 2 3 4 - 5 6 7 8", Some(&[3, 4, 4]));
        check("0 1 0-1234-5678", Some(&[3, 4, 4]));
        check("010-12 34-56 78", Some(&[3, 4, 4]));
        check("0 1 0 1 2 3 4 5 6 7 8", Some(&[11]));
        check("010 1234 5678", None);
        check("010-1234-5678", None);
    }

    #[test]
    fn a_unit_is_no_beginning_of_a_word() {
        assert!(is_unit("명"));
        assert!(is_unit(" 명이"));
        assert!(!is_unit(" 명재인"));
    }
}
