//! The built-in recognizers of numbers: shape, check, labels and how sure each makes us.

use smallvec::SmallVec;

use crate::checksum;
use crate::context::Label;
use crate::kind::Kind;
use crate::number::{MOST_DIGITS, Number, Separator};

/// What recognizes one type among numbers.
pub(crate) struct NumberRecognizer {
    pub(crate) kind: Kind,
    /// How sure shape and check digits are, without any words around.
    pub(crate) shape: fn(&Number<'_>) -> Option<Shape>,
    /// The labels that speak for it.
    pub(crate) labels: &'static [Label],
}

/// What a shape alone says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) score: f32,
    /// What a label of something harmless takes away.
    pub(crate) doubt: f32,
    /// What a label of something that happens takes away.
    pub(crate) event: f32,
}

impl Shape {
    /// With less doubt where only something happens: the shape says more than `접수`.
    fn beside_events(self, event: f32) -> Self {
        Self { event, ..self }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is the answer of a shape")]
const fn shape(score: f32, doubt: f32) -> Option<Shape> {
    Some(Shape {
        score,
        doubt,
        event: doubt,
    })
}

/// The recognizers; of two that are equally sure, the first is right.
pub(crate) const NUMBERS: [NumberRecognizer; 11] = [
    NumberRecognizer {
        kind: Kind::KrMobile,
        shape: mobile,
        labels: &[Label::Phone],
    },
    NumberRecognizer {
        kind: Kind::KrLandline,
        shape: landline,
        labels: &[Label::Phone],
    },
    NumberRecognizer {
        kind: Kind::KrRrn,
        shape: resident,
        labels: &[Label::Rrn, Label::Frn],
    },
    NumberRecognizer {
        kind: Kind::KrFrn,
        shape: foreigner,
        labels: &[Label::Frn, Label::Rrn],
    },
    NumberRecognizer {
        kind: Kind::CreditCard,
        shape: card,
        labels: &[Label::Card],
    },
    NumberRecognizer {
        kind: Kind::Ip,
        shape: ip,
        labels: &[Label::Ip],
    },
    NumberRecognizer {
        kind: Kind::KrBrn,
        shape: business,
        labels: &[Label::Brn],
    },
    NumberRecognizer {
        kind: Kind::KrDriver,
        shape: driver,
        labels: &[Label::Driver],
    },
    NumberRecognizer {
        kind: Kind::UsSsn,
        shape: ssn,
        labels: &[Label::Ssn],
    },
    NumberRecognizer {
        kind: Kind::PhoneIntl,
        shape: phone_intl,
        labels: &[Label::Phone],
    },
    NumberRecognizer {
        kind: Kind::KrBank,
        shape: bank,
        labels: &[Label::Bank],
    },
];

/// Digits, or how long groups of them are: as many as a number has, and the one that is added.
type Digits = SmallVec<[u8; MOST_DIGITS + 1]>;

/// The digits of a Korean number as dialled at home, and its groups without the country.
fn national(number: &Number<'_>) -> Option<(Digits, Digits, bool)> {
    let digits = number.digits();
    let lens = number.lens();
    let is_mobile = digits.starts_with(&[8, 2, 1, 0]) && lens == [12];
    if !digits.starts_with(&[8, 2]) || !(number.plus || lens[0] == 2 || is_mobile) {
        return (digits[0] == 0 && !number.plus).then(|| (digits.into(), lens.into(), false));
    }
    let mut rest = Digits::from(&digits[2..]);
    let mut groups = Digits::from(lens);
    if groups[0] == 2 {
        groups.remove(0);
    } else {
        // In `+8 2…` they are no code of a country.
        groups[0] = groups[0].checked_sub(2)?;
    }
    if groups.len() > 1 && groups[0] == 1 && rest[0] == 0 {
        // `+82 (0)10`
        groups.remove(0);
        groups[0] += 1;
    } else if rest.first() != Some(&0) {
        rest.insert(0, 0);
        groups[0] += 1;
    }
    Some((rest, groups, true))
}

fn mobile(number: &Number<'_>) -> Option<Shape> {
    if !(9..=14).contains(&number.digits().len()) {
        return None;
    }
    let (digits, lens, is_abroad) = national(number)?;
    if !(digits.len() == 10 || digits.len() == 11)
        || !digits.starts_with(&[0, 1])
        || !matches!(digits[2], 0 | 1 | 6..=9)
        || digits[2] == 0 && digits.len() == 10 && lens.len() == 1
        // What examples show.
        || digits[3..].iter().all(|digit| *digit == 0)
    {
        return None;
    }
    match lens.as_slice() {
        [3, 3 | 4, 4] => shape(0.75, 0.2),
        // `821012345678` is many other things as well.
        [11] if is_abroad && !number.plus && number.is_plain() => shape(0.2, 0.3),
        [11] | [3, 8] | [7, 4] if is_abroad => shape(0.75, 0.2),
        [11] => Some(shape(0.7, 0.3)?.beside_events(0.1)),
        [10] => shape(0.5, 0.3),
        [3, 7 | 8] | [6 | 7, 4] => shape(0.6, 0.3),
        _ => None,
    }
}

fn landline(number: &Number<'_>) -> Option<Shape> {
    if !(8..=14).contains(&number.digits().len()) {
        return None;
    }
    let (digits, lens, is_abroad) = national(number)?;
    let area = match digits.as_slice() {
        [0, 2, ..] => 2,
        [0, 3, 1..=3, ..] | [0, 4 | 6, 1..=4, ..] | [0, 5, 1..=5, ..] | [0, 7, 0, ..] => 3,
        [0, 5, 0, 2..=8, ..] => 4,
        _ => return None,
    };
    let rest = digits.len() - area;
    // No exchange begins with two zeros; examples do.
    if !(7..=8).contains(&rest) || digits[area..].starts_with(&[0, 0]) {
        return None;
    }
    let is_area = lens.first().is_some_and(|len| usize::from(*len) == area);
    match &lens[..] {
        [_, 3 | 4, 4] if is_area => shape(0.7, 0.2),
        [_, 7 | 8] if is_area => shape(0.5, 0.4),
        [_] if is_abroad => shape(0.7, 0.2),
        [_] => shape(0.45, 0.4),
        _ => None,
    }
}

/// A real day; the first digit of the second half says which century it lies in.
fn birth(number: &Number<'_>) -> Option<bool> {
    let digits = number.digits();
    if digits.len() != 13 || !matches!(number.lens(), [13] | [6, 7]) {
        return None;
    }
    let pair = |at: usize| u32::from(digits[at]) * 10 + u32::from(digits[at + 1]);
    let (year, month, day) = (pair(0), pair(2), pair(4));
    let century = match digits[6] {
        1 | 2 | 5 | 6 => 1900,
        3 | 4 | 7 | 8 => 2000,
        _ => return None,
    };
    let year = century + year;
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && year != 1900 => 29,
        2 => 28,
        _ => return None,
    };
    // Nobody who was registered is born in the second half of the century.
    ((1..=days).contains(&day) && year < 2050).then_some(year > 2020 || year == 2020 && month >= 10)
}

fn registration(number: &Number<'_>, is_checked: bool) -> Option<Shape> {
    // Since October 2020 the last digits are random.
    let is_random = birth(number)?;
    let checked = if is_checked { 0.25 } else { 0.0 };
    if number.is_separated_by(Separator::Hyphen) {
        let waived = if is_checked || is_random { 0.0 } else { -0.05 };
        let event = match (is_checked, is_random) {
            (true, _) => 0.2,
            (_, true) => 0.1,
            _ => 0.5,
        };
        return Some(shape(0.6 + checked + waived, 0.5)?.beside_events(event));
    }
    if number.is_plain() {
        let is_article = checksum::ean13(number.digits()) && number.prefix(2) == 88;
        // Milliseconds since 1970 are other numbers than days of birth by chance alone.
        let is_moment = matches!(number.prefix(2), 15..=19);
        let score = if is_checked && !is_article { 0.5 } else { 0.2 };
        let event = if is_moment { 0.6 } else { 0.0 };
        return Some(shape(score, 0.6)?.beside_events(event));
    }
    shape(0.35 + checked, 0.5)
}

fn resident(number: &Number<'_>) -> Option<Shape> {
    matches!(number.digits().get(6), Some(1..=4))
        .then(|| registration(number, checksum::resident(number.digits())))?
}

fn foreigner(number: &Number<'_>) -> Option<Shape> {
    matches!(number.digits().get(6), Some(5..=8))
        .then(|| registration(number, checksum::foreigner(number.digits())))?
}

/// Whether the first digits are those of an issuer of cards of that length.
fn is_issuer(number: &Number<'_>) -> bool {
    let (two, three, four) = (number.prefix(2), number.prefix(3), number.prefix(4));
    match number.digits().len() {
        14 => matches!(two, 36 | 38 | 39) || matches!(three, 300..=305),
        15 => matches!(two, 34 | 37),
        13 => two / 10 == 4,
        16 => {
            two / 10 == 4
                || matches!(two, 51..=55 | 62 | 64 | 65)
                || matches!(four, 2221..=2720 | 3528..=3589 | 6011)
        }
        19 => two / 10 == 4 || two == 62,
        _ => false,
    }
}

fn card(number: &Number<'_>) -> Option<Shape> {
    let is_grouped = match number.lens() {
        [4, 4, 4, 4] | [4, 6, 4 | 5] | [4, 4, 4, 4, 3] => true,
        [13..=19] => false,
        _ => return None,
    };
    // Forms show zeros.
    if !checksum::luhn(number.digits()) || number.prefix(4) == 0 {
        return None;
    }
    match (is_issuer(number), is_grouped) {
        (true, true) => shape(0.8, 0.25),
        (true, false) if number.digits().len() == 13 => shape(0.3, 0.5),
        (true, false) => shape(0.6, 0.5),
        // Cards of Korea that are read nowhere else.
        (false, true) if number.prefix(2) == 94 => shape(0.6, 0.4),
        (false, true) => shape(0.35, 0.5),
        (false, false) => shape(0.15, 0.5),
    }
}

fn ip(number: &Number<'_>) -> Option<Shape> {
    if number.lens().len() != 4 || !number.is_separated_by(Separator::Dot) {
        return None;
    }
    for (at, len) in number.lens().iter().enumerate() {
        let least = [0, 0, 10, 100].get(usize::from(*len))?;
        if number.group(at) > 255 || number.group(at) < *least {
            return None;
        }
    }
    // RFC 9700 §2.1.3.4 is a section.
    if number.text()[..number.start].ends_with('§') {
        return None;
    }
    let behind = number.text()[number.end..].trim_start_matches(' ');
    if ["버전", "빌드", "릴리스", "version", "release"]
        .iter()
        .filter_map(|word| behind.strip_prefix(word))
        // `… 버전 2.1` speaks of what follows.
        .any(|rest| {
            !rest
                .trim_start_matches([' ', ':'])
                .starts_with(|one: char| one.is_ascii_digit())
        })
    {
        return None;
    }
    let is_network = number.text()[number.end..].starts_with('/') && number.group(3) == 0;
    // This machine, nobody, everybody, masks: nobody's address.
    let is_nobody = matches!(number.group(0), 0 | 127 | 255) || is_network;
    // Few digits are as often those of a version or a heading.
    let score = match number.digits().len() {
        4 => 0.3,
        5 | 6 if number.lens()[0] == 1 => 0.3,
        5 | 6 => 0.55,
        _ => 0.7,
    };
    (!is_nobody).then_some(shape(score, 0.5))?
}

fn business(number: &Number<'_>) -> Option<Shape> {
    // Nobody has the number of zeros that forms show.
    if !checksum::business(number.digits()) || number.prefix(3) == 0 {
        return None;
    }
    match number.lens() {
        [3, 2, 5] if number.is_separated_by(Separator::Hyphen) => {
            Some(shape(0.7, 0.4)?.beside_events(0.2))
        }
        [3, 2, 5] => shape(0.45, 0.4),
        [10] => shape(0.15, 0.4),
        _ => None,
    }
}

fn driver(number: &Number<'_>) -> Option<Shape> {
    if number.digits().len() != 12 || !matches!(number.prefix(2), 11..=26 | 28) {
        return None;
    }
    match number.lens() {
        [2, 2, 6, 2] if number.is_separated_by(Separator::Hyphen) => shape(0.6, 0.4),
        [2, 2, 6, 2] => shape(0.3, 0.4),
        [12] | [2, 10] | [4, 8] | [4, 6, 2] | [2, 2, 8] => shape(0.15, 0.4),
        _ => None,
    }
}

fn ssn(number: &Number<'_>) -> Option<Shape> {
    if number.digits().len() != 9 || !matches!(number.lens(), [9] | [3, 2, 4]) {
        return None;
    }
    let digits = number.digits();
    let area = number.prefix(3);
    if area == 0 || area == 666 || area >= 900 || digits[3..5] == [0, 0] || digits[5..] == [0; 4] {
        return None;
    }
    if number.is_separated_by(Separator::Hyphen) {
        shape(0.6, 0.4)
    } else {
        shape(0.15, 0.4)
    }
}

/// Codes of two digits (ITU-T E.164).
const COUNTRIES: [u32; 44] = [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
    57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

fn phone_intl(number: &Number<'_>) -> Option<Shape> {
    let digits = number.digits();
    // `0082-10-…`, as it is dialled from abroad.
    if number.lens().len() > 2
        && digits.starts_with(&[0, 0])
        && number.lens()[0] == 4
        && COUNTRIES.contains(&number.prefix(4))
    {
        return (10..=15)
            .contains(&digits.len())
            .then_some(shape(0.6, 0.3))?;
    }
    if number.plus {
        let is_home = digits.starts_with(&[8, 2]);
        return (!is_home && digits[0] != 0 && (8..=15).contains(&digits.len()))
            .then_some(shape(0.75, 0.3))?;
    }
    let (lens, digits) = match number.lens() {
        [1, rest @ ..] if digits[0] == 1 => (rest, &digits[1..]),
        lens => (lens, digits),
    };
    if digits.len() != 10 || digits[0] < 2 || digits[3] < 2 {
        return None;
    }
    match lens {
        [3, 3, 4] if number.bracket => shape(0.65, 0.3),
        [3, 3, 4] if number.is_separated_by(Separator::Space) => shape(0.35, 0.3),
        [3, 3, 4] => shape(0.5, 0.3),
        [10] => shape(0.12, 0.3),
        _ => None,
    }
}

/// Banks whose names are other words as well, with the groups in which they write their accounts.
const GROUPED: [(&str, &[u8]); 3] = [
    ("하나", &[3, 6, 5]),
    ("우리", &[4, 3, 6]),
    ("기업", &[3, 6, 2, 3]),
];

/// Whether one of those banks stands right before its account.
fn is_grouped_by_bank(number: &Number<'_>) -> bool {
    let known = GROUPED.iter().find(|(_, lens)| *lens == number.lens());
    let head = number.text()[..number.start].trim_end_matches([' ', ':', ')', '(']);
    let before = known.and_then(|(bank, _)| head.strip_suffix(bank));
    before.is_some_and(|before| !before.ends_with(|one: char| ('가'..='힣').contains(&one)))
}

/// Whether it is called an account right before: nothing less makes one of a mobile number.
fn is_called_account(number: &Number<'_>) -> bool {
    let head = number.text()[..number.start].trim_end_matches([' ', ':', '=', '"', '\'']);
    ["계좌번호", "계좌", "account", "acct", "통장"]
        .iter()
        .any(|word| {
            let from = head.len().checked_sub(word.len());
            from.and_then(|from| head.get(from..))
                .is_some_and(|end| end.eq_ignore_ascii_case(word))
        })
}

fn bank(number: &Number<'_>) -> Option<Shape> {
    let is_account = (10..=16).contains(&number.digits().len())
        && number.lens().len() <= 5
        && !number.plus
        && (number.is_plain()
            || number.is_separated_by(Separator::Hyphen)
            || number.is_separated_by(Separator::Space)
            || number.is_separated_by(Separator::Dot) && number.lens().len() == 3);
    // What is made as the numbers of telephones or of people are is no account unless it is called one.
    let is_other = || match number.lens() {
        [11] | [3, 3 | 4, 4] => matches!(number.digits(), [0, 1, 0 | 1 | 6..=9, ..]),
        [6, 7] => number.is_separated_by(Separator::Hyphen) && birth(number).is_some(),
        _ => false,
    };
    if !is_account || is_other() && !is_called_account(number) {
        return None;
    }
    shape(
        if is_grouped_by_bank(number) {
            0.55
        } else {
            0.2
        },
        0.5,
    )
}

#[cfg(test)]
mod tests {
    use crate::scanner::Scanner;

    #[track_caller]
    fn check(text: &str, expect: Option<(&str, &str)>) {
        let found = Scanner::new().scan(text);
        let first = found.first();
        let first = first.map(|finding| (finding.kind.name(), finding.value.as_str()));
        assert_eq!(first, expect, "{text}");
    }

    #[test]
    fn what_happens_vetoes_no_certain_shape() {
        for text in ["접수 {}", "주문자 {}", r#"{"id":"{}"}"#, "택배 {}"] {
            let of = |value: &str| text.replace("{}", value);
            check(&of("421210-1312230"), Some(("KR_RRN", "421210-1312230")));
            check(&of("01012345678"), Some(("KR_MOBILE", "01012345678")));
        }
        check(r#"{"id":"1701234567890"}"#, None);
        check("관리코드 14-56-505112-71", None);
        check("제조번호 13-52-946369-77", None);
    }

    #[test]
    fn what_is_made_as_a_telephone_number_is_no_account() {
        check(
            "농협 직원 010-5555-1234",
            Some(("KR_MOBILE", "010-5555-1234")),
        );
        check(
            "국민연금 문의 010-5555-1234",
            Some(("KR_MOBILE", "010-5555-1234")),
        );
        check("계좌번호 010-5555-1234", Some(("KR_BANK", "010-5555-1234")));
    }

    #[test]
    fn banks_that_are_other_words_are_known_by_their_groups() {
        check(
            "하나 636-226712-47600",
            Some(("KR_BANK", "636-226712-47600")),
        );
        check("우리 7540-389-425656", Some(("KR_BANK", "7540-389-425656")));
        check("우리 7540-3898-4256", None);
        check("하나로마트 636-226712-47600", None);
    }

    #[test]
    fn versions_sections_and_zeros_are_nobodys() {
        check("zlib 1.2.13.1", None);
        check("RFC 9700 §2.1.30.45", None);
        check("카드번호 0000-0000-0000-0000", None);
        check(
            "서버 121.188.73.200 버전 2.1",
            Some(("IP", "121.188.73.200")),
        );
        check("121.188.73.200 만 허용", Some(("IP", "121.188.73.200")));
        check("host-121.188.73.200", Some(("IP", "121.188.73.200")));
    }

    #[test]
    fn interfaces_have_names_of_their_own() {
        check(r#"{"bizrno":"1208147521"}"#, Some(("KR_BRN", "1208147521")));
        check(
            r#"{"pspt_no":"M12345678"}"#,
            Some(("KR_PASSPORT", "M12345678")),
        );
        check(
            r#"{"drvLcnsNo":"241234567812"}"#,
            Some(("KR_DRIVER", "241234567812")),
        );
        check("taxpayer id 219-45-6789", Some(("US_SSN", "219-45-6789")));
        check("wa.me/821012345678", Some(("KR_MOBILE", "821012345678")));
        check("대표번호 0212345678", Some(("KR_LANDLINE", "0212345678")));
    }
}
