//! The words at which the scanner stops to look closer: labels, titles, names and beginnings of secrets.

use crate::lexicon::Lexicon;
use crate::name;
use crate::secret::{self, PREFIXES};

/// What a word begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// A secret as its issuer begins it, by its place among those.
    Prefix(u8),
    SecretName,
    Option,
    ShortOption,
    Address,
    Pem,
    Title,
    Introduction,
    NameLabel,
}

/// All words. A title that is a label as well is a title.
pub(crate) fn words() -> impl Iterator<Item = (&'static str, Trigger)> {
    let prefixes = (0..).zip(PREFIXES.iter().map(|prefix| prefix.text));
    let titles = name::TITLES.iter().map(String::as_str);
    let titles = titles.chain(name::CLOSINGS).chain(name::OF_PERSONS);
    let labels = name::LABELS.iter().map(String::as_str);
    prefixes
        .map(|(place, text)| (text, Trigger::Prefix(place)))
        .chain(secret::NAMES.map(|text| (text, Trigger::SecretName)))
        .chain(secret::OPTIONS.map(|text| (text, Trigger::Option)))
        .chain([(secret::SHORT_OPTION, Trigger::ShortOption)])
        .chain([("://", Trigger::Address), (secret::PEM, Trigger::Pem)])
        .chain(titles.map(|text| (text, Trigger::Title)))
        .chain(name::SELVES.map(|text| (text, Trigger::Introduction)))
        .chain(labels.map(|text| (text, Trigger::NameLabel)))
}

/// Where they are looked up.
pub(crate) fn lexicon() -> Lexicon<Trigger> {
    Lexicon::of(words())
}
