//! The types of personal data, and the names they have on the wire.

use std::fmt;
use std::sync::Arc;

/// A type of personal data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A Korean mobile number.
    KrMobile,
    /// A Korean number of a place, or an internet telephone.
    KrLandline,
    /// A number of another country.
    PhoneIntl,
    /// A Korean name that is addressed or labelled as one.
    KrName,
    /// A resident registration number.
    KrRrn,
    /// A foreigner registration number.
    KrFrn,
    /// A Korean passport.
    KrPassport,
    /// A Korean driver's licence.
    KrDriver,
    /// A business registration number.
    KrBrn,
    /// A Korean bank account.
    KrBank,
    /// A payment card.
    CreditCard,
    /// An address of the internet, version 4 or 6.
    Ip,
    /// An international bank account number (ISO 13616).
    Iban,
    /// A social security number of the United States.
    UsSsn,
    /// A key, a token or a password.
    Secret,
    /// What an operator's own pattern finds.
    Custom(Arc<str>),
}

/// Every built-in type with its name.
const NAMES: [(Kind, &str); 16] = [
    (Kind::Email, "EMAIL"),
    (Kind::KrMobile, "KR_MOBILE"),
    (Kind::KrLandline, "KR_LANDLINE"),
    (Kind::PhoneIntl, "PHONE_INTL"),
    (Kind::KrName, "KR_NAME"),
    (Kind::KrRrn, "KR_RRN"),
    (Kind::KrFrn, "KR_FRN"),
    (Kind::KrPassport, "KR_PASSPORT"),
    (Kind::KrDriver, "KR_DRIVER"),
    (Kind::KrBrn, "KR_BRN"),
    (Kind::KrBank, "KR_BANK"),
    (Kind::CreditCard, "CREDIT_CARD"),
    (Kind::Ip, "IP"),
    (Kind::Iban, "IBAN"),
    (Kind::UsSsn, "US_SSN"),
    (Kind::Secret, "SECRET"),
];

impl Kind {
    /// The name, as findings report it and policies write it.
    pub fn name(&self) -> &str {
        match self {
            Self::Custom(name) => name,
            built_in => NAMES
                .iter()
                .find(|(kind, _)| kind == built_in)
                .map_or("", |(_, name)| name),
        }
    }

    /// The type of that name; a name that no built-in type has is an operator's own.
    pub fn named(name: &str) -> Self {
        let built_in = NAMES.iter().find(|(_, known)| *known == name);
        built_in.map_or_else(|| Self::Custom(name.into()), |(kind, _)| kind.clone())
    }

    /// Every built-in type.
    pub fn built_in() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(kind, _)| kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_name_back() {
        for kind in Kind::built_in() {
            assert_eq!(Kind::named(kind.name()), kind);
            assert!(!kind.name().is_empty());
        }
        assert_eq!(Kind::named("EMPLOYEE_NO").name(), "EMPLOYEE_NO");
    }
}
