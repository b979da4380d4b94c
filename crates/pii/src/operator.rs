//! What is done with a finding.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// What is done with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Operator {
    /// Its letters and digits become `*`; what tells its type apart stays.
    Mask,
    /// It is encrypted for this type, tool and subject.
    Encrypt,
    /// A stand-in takes its place, which becomes the value again where the policy says so.
    Tokenize,
    /// The whole message is refused.
    Reject,
    /// It stays.
    Allow,
}

impl Operator {
    /// Its name, as policies and records write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Encrypt => "encrypt",
            Self::Tokenize => "tokenize",
            Self::Reject => "reject",
            Self::Allow => "allow",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether it is a letter or a digit. Of Hangul that is known at once.
pub(crate) fn is_written(one: char) -> bool {
    ('가'..='힣').contains(&one) || one.is_alphanumeric()
}

/// The value with its shape, and without what identifies anybody.
pub fn mask(kind: &Kind, value: &str) -> String {
    let count = value.chars().filter(|one| is_written(*one)).count();
    // How many letters and digits stay at the beginning and at the end.
    let (head, tail) = match kind {
        Kind::KrMobile | Kind::KrLandline if value.starts_with('0') && count > 8 => (3, 0),
        Kind::KrRrn | Kind::KrFrn if count == 13 => (2, 0),
        Kind::CreditCard if count > 12 => (0, 4),
        Kind::KrName if count > 1 => (1, 0),
        _ => (0, 0),
    };
    let domain = match kind {
        Kind::Email => value.find('@').unwrap_or(value.len()),
        _ => value.len(),
    };
    let mut seen = 0;
    let hide = |(at, one): (usize, char)| {
        if at >= domain || !is_written(one) {
            return one;
        }
        seen += 1;
        if seen <= head || seen > count - tail {
            one
        } else {
            '*'
        }
    };
    let mut masked = String::with_capacity(value.len());
    masked.extend(value.char_indices().map(hide));
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_the_shape() {
        assert_eq!(mask(&Kind::KrMobile, "010-1234-5678"), "010-****-****");
        assert_eq!(mask(&Kind::KrName, "홍길동"), "홍**");
        assert_eq!(mask(&Kind::Email, "kim@naver.com"), "***@naver.com");
        assert_eq!(
            mask(&Kind::CreditCard, "4111 1111 1111 1111"),
            "**** **** **** 1111"
        );
        assert_eq!(mask(&Kind::Secret, "sk-a1"), "**-**");
        assert_eq!(mask(&Kind::KrRrn, "900101-1234567"), "90****-*******");
    }
}
