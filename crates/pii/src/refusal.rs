//! Why a message is not passed on, and what was found in it.

use thiserror::Error;

use crate::document::DocumentError;
use crate::fernet::FernetError;
use crate::kind::Kind;
use crate::operator::Operator;

/// So many findings of a type, and what was done with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// The type.
    pub kind: Kind,
    /// What was done.
    pub action: Operator,
    /// With how many.
    pub count: u32,
}

impl Acted {
    /// Counts these findings with the same ones in `all`.
    pub(crate) fn add_to(self, all: &mut Vec<Self>) {
        let same = all
            .iter_mut()
            .find(|one| one.kind == self.kind && one.action == self.action);
        match same {
            Some(one) => one.count = one.count.saturating_add(self.count),
            None => all.push(self),
        }
    }
}

/// A message that may not be passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct PolicyRefusal {
    /// Why.
    pub reason: RefusalReason,
    /// What was found in it, as far as it was scanned.
    pub findings: Vec<Acted>,
}

/// Why a message may not be passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The policy refuses the type.
    #[error("the message holds {0}, which the policy for personal data refuses")]
    Rejected(Kind),
    /// It is larger than what is scanned.
    #[error("the message is larger than {0} bytes, and nothing is passed on that is not scanned")]
    TooLarge(usize),
    /// It is not UTF-8.
    #[error("the message is not UTF-8")]
    NotUtf8,
    /// It cannot be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Nothing is there to encrypt or tokenize with.
    #[error("the policy says {0}, but there are no keys for it")]
    NoKeys(Operator),
    /// A replacement could not be made.
    #[error("a value could not be encrypted")]
    Encryption(#[from] FernetError),
    /// What was replaced does not fit where it stands.
    #[error(
        "with its personal data replaced, the result does not fit the output schema of the tool at `{place}` ({keyword}); \
         choose another action for this place, or `allow`"
    )]
    NoLongerFits {
        /// Where, as a JSON pointer into the structured result.
        place: String,
        /// Which keyword of the schema refuses it.
        keyword: String,
    },
}

impl RefusalReason {
    /// A stable code for logs and records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "pii_rejected",
            Self::TooLarge(_) => "pii_too_large",
            Self::NotUtf8 => "pii_not_utf8",
            Self::Document(_) => "pii_unreadable",
            Self::NoKeys(_) => "pii_no_keys",
            Self::Encryption(_) => "pii_encryption_failed",
            Self::NoLongerFits { .. } => "pii_schema_mismatch",
        }
    }

    pub(crate) fn with(self, findings: &[Acted]) -> PolicyRefusal {
        PolicyRefusal {
            reason: self,
            findings: findings.to_vec(),
        }
    }
}

impl From<RefusalReason> for PolicyRefusal {
    fn from(reason: RefusalReason) -> Self {
        reason.with(&[])
    }
}
