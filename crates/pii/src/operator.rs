//! What is done with a finding.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::fernet::{Binding, FernetError, FernetKeys};
use crate::kind::Kind;
use crate::recognizer::Finding;

/// What is done with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Operator {
    /// Its letters and digits become `*`; what tells its type apart stays.
    Mask,
    /// It is encrypted for this type, tool and subject.
    Encrypt,
    /// A stand-in takes its place, for which the caller's store knows the value.
    Tokenize,
    /// The whole text is refused.
    Reject,
    /// It stays.
    Allow,
}

/// Why no operated text came out. The text is not passed on then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The policy refuses the type.
    #[error("the text holds {0}, which the policy refuses")]
    Rejected(Kind),
    /// Encryption or stand-ins are asked for, and nothing is there to make them.
    #[error("nothing is there to {0} with")]
    NotEquipped(&'static str),
    /// The value could not be encrypted.
    #[error("the value cannot be encrypted")]
    Encryption(#[from] FernetError),
    /// The store of stand-ins failed.
    #[error("the store of stand-ins failed: {0}")]
    StandIns(String),
}

/// Remembers values under stand-ins; whose they are is the implementor's rule.
pub trait StandIns {
    /// The stand-in for a value, such as `tok_EMAIL_3f9a…`: new, or the one it already has.
    ///
    /// # Errors
    ///
    /// When the value cannot be remembered.
    fn stand_in(&mut self, kind: &Kind, value: &str) -> Result<String, String>;
}

/// What operators work with.
#[derive(Default)]
pub struct Equipment<'a> {
    /// The keys for encryption, with a source of random bytes, the time in seconds, and what for.
    pub encryption: Option<Encryption<'a>>,
    /// Where values are kept while stand-ins travel.
    pub stand_ins: Option<&'a mut dyn StandIns>,
}

impl std::fmt::Debug for Equipment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Equipment").finish_non_exhaustive()
    }
}

/// What encryption needs.
pub struct Encryption<'a> {
    /// The keys.
    pub keys: &'a FernetKeys,
    /// Fills a buffer with random bytes.
    pub random: &'a mut dyn FnMut(&mut [u8]),
    /// The time in seconds.
    pub now: u64,
    /// The tool in whose call the value stands.
    pub tool: &'a str,
    /// The subject of the caller.
    pub subject: &'a str,
}

impl std::fmt::Debug for Encryption<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption")
            .field("tool", &self.tool)
            .finish_non_exhaustive()
    }
}

impl Operator {
    /// What stands in the place of the finding; nothing if it stays.
    ///
    /// # Errors
    ///
    /// When the finding is refused, or the equipment is missing or fails.
    pub fn apply(
        self,
        finding: &Finding,
        equipment: &mut Equipment<'_>,
    ) -> Result<Option<String>, OperatorError> {
        match self {
            Self::Allow => Ok(None),
            Self::Reject => Err(OperatorError::Rejected(finding.kind.clone())),
            Self::Mask => Ok(Some(mask(&finding.kind, &finding.value))),
            Self::Encrypt => {
                let with = equipment
                    .encryption
                    .as_mut()
                    .ok_or(OperatorError::NotEquipped("encrypt"))?;
                let mut iv = [0; 16];
                (with.random)(&mut iv);
                let binding = Binding {
                    kind: finding.kind.name(),
                    tool: with.tool,
                    subject: with.subject,
                };
                Ok(Some(with.keys.encrypt(
                    &finding.value,
                    binding,
                    with.now,
                    iv,
                )?))
            }
            Self::Tokenize => {
                let store = equipment
                    .stand_ins
                    .as_mut()
                    .ok_or(OperatorError::NotEquipped("tokenize"))?;
                let stand_in = store.stand_in(&finding.kind, &finding.value);
                Ok(Some(stand_in.map_err(OperatorError::StandIns)?))
            }
        }
    }
}

/// The value with its shape, and without what identifies anybody.
pub fn mask(kind: &Kind, value: &str) -> String {
    let count = value.chars().filter(|one| one.is_alphanumeric()).count();
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
        if at >= domain || !one.is_alphanumeric() {
            return one;
        }
        seen += 1;
        if seen <= head || seen > count - tail {
            one
        } else {
            '*'
        }
    };
    value.char_indices().map(hide).collect()
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
