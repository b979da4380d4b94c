//! Whom personal data are about: a value that stands for one person, such as a resident registration number.
//!
//! Who keeps a record of calls has to say whose data were in them, and how many people's (PIPA, safety
//! measures, article 8). The value itself has no place there; its keyed hash has.

use std::collections::BTreeSet;
use std::fmt;

use crate::kind::Kind;
use crate::normalize::fold;
use crate::operator::is_written;

/// A person whom data are about, by a value in the form in which equal ones are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataSubject(String);

/// The types whose values stand for a person, the surest first. Of a business number, a place's telephone,
/// an internet address or a secret nobody can say whose it is.
const TELLING: [Kind; 12] = [
    Kind::KrRrn,
    Kind::KrFrn,
    Kind::UsSsn,
    Kind::KrPassport,
    Kind::KrDriver,
    Kind::Email,
    Kind::KrMobile,
    Kind::PhoneIntl,
    Kind::KrBank,
    Kind::CreditCard,
    Kind::Iban,
    Kind::KrName,
];

impl DataSubject {
    /// Type and value, to be hashed and not to be kept.
    pub fn value(&self) -> &str {
        &self.0
    }

    fn new(kind: &Kind, value: &str) -> Self {
        let folded = fold(value);
        let value = folded.as_ref().map_or(value, |(folded, _)| folded);
        let kept = |one: &char| is_written(*one) || (*kind == Kind::Email && "@.".contains(*one));
        let written = value.chars().filter(kept).flat_map(char::to_lowercase);
        let mut value = String::with_capacity(value.len());
        value.extend(written);
        let value = match kind {
            // The same number with its country and without (E.164).
            Kind::KrMobile | Kind::PhoneIntl => match value.strip_prefix("82") {
                Some(rest) => format!("0{}", rest.trim_start_matches('0')),
                None => value,
            },
            _ => value,
        };
        let kind = match kind {
            Kind::PhoneIntl => &Kind::KrMobile,
            kind => kind,
        };
        Self(format!("{}:{value}", kind.name()))
    }
}

impl fmt::Debug for DataSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataSubject")
    }
}

/// The people whom these values are about.
///
/// A row about one person often has a name, a number and an address. So that nobody counts three times, the
/// values of one type stand for the people: of the type with the most different ones, and of the surest of
/// those.
pub(crate) fn people<'f>(
    found: &(impl Iterator<Item = (&'f Kind, &'f str)> + Clone),
) -> Vec<DataSubject> {
    let mut most = BTreeSet::new();
    for telling in &TELLING {
        let values = found.clone().filter(|(kind, _)| *kind == telling);
        // No type is looked at closer that cannot have more.
        if values.clone().count() > most.len() {
            let people: BTreeSet<_> = values
                .map(|(kind, value)| DataSubject::new(kind, value))
                .collect();
            if people.len() > most.len() {
                most = people;
            }
        }
    }
    most.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(found: &[(Kind, &str)]) -> Vec<String> {
        let found = found.iter().map(|(kind, value)| (kind, *value));
        people(&found).into_iter().map(|one| one.0).collect()
    }

    #[test]
    fn p6_a_person_with_three_values_is_one_person() {
        let row = [
            (Kind::KrName, "김민수"),
            (Kind::KrRrn, "421210-1312230"),
            (Kind::Email, "kim@naver.com"),
        ];
        assert_eq!(values(&row), ["KR_RRN:4212101312230"]);
    }

    #[test]
    fn p6_people_are_counted_by_what_tells_most_of_them_apart() {
        let list = [
            (Kind::KrRrn, "421210-1312230"),
            (Kind::Email, "kim@naver.com"),
            (Kind::Email, "Lee@naver.com"),
            (Kind::Email, "lee@naver.com"),
        ];
        assert_eq!(
            values(&list),
            ["EMAIL:kim@naver.com", "EMAIL:lee@naver.com"]
        );
    }

    #[test]
    fn p6_one_number_is_one_person_however_it_is_written() {
        for (kind, number) in [
            (Kind::KrMobile, "010-1234-5678"),
            (Kind::KrMobile, "０１０ １２３４ ５６７８"),
            (Kind::KrMobile, "+82 10-1234-5678"),
            (Kind::PhoneIntl, "+82 (0)10 1234 5678"),
        ] {
            assert_eq!(values(&[(kind, number)]), ["KR_MOBILE:01012345678"]);
        }
    }

    #[test]
    fn p6_what_is_nobodys_counts_nobody() {
        assert!(values(&[(Kind::Ip, "211.45.7.9"), (Kind::Secret, "hunter2")]).is_empty());
        let shown = format!(
            "{:?}",
            people(&[(&Kind::Email, "kim@naver.com")].into_iter())
        );
        assert_eq!(shown, "[DataSubject]");
    }
}
