//! Why something could not be managed.

use oauth::scope::Scope;
use store::StoreError;

use crate::reason::Reason;
use crate::user::UserError;

/// Why nothing was changed, or nothing found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManageError {
    /// There is no such thing, or no longer.
    #[error("there is no {kind} `{name}`")]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// What it should be called.
        name: String,
    },
    /// Another one has the name.
    #[error("there is a {kind} `{name}` already; choose another name, or change that one")]
    Taken {
        /// What was to be made.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The settings file declares it, so it changes there alone.
    #[error("the {kind} `{name}` is declared in the settings file; change it there")]
    Declared {
        /// What was to be changed.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Something else would mean nothing without it.
    #[error("the {kind} `{name}` is still in use by {user}; change that first")]
    InUse {
        /// What was to be removed.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What uses it.
        user: String,
    },
    /// A value that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// Nobody gives away, or takes over, rights of management that they do not hold.
    #[error("this needs rights of management that you do not hold yourself: {0}")]
    MoreThanOwn(Scope),
    /// Nobody locks themselves out.
    #[error("you cannot {0} yourself; let somebody else do it, or use the command line")]
    Own(&'static str),
    /// Somebody changed it since it was read.
    #[error("it was changed meanwhile; read it again, and decide anew")]
    ChangedMeanwhile,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ManageError {
    pub(super) fn unknown(kind: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        Self::Unknown { kind, name }
    }

    pub(super) fn taken(kind: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        Self::Taken { kind, name }
    }

    pub(super) fn declared(kind: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        Self::Declared { kind, name }
    }

    pub(super) fn in_use(kind: &'static str, name: &str, user: String) -> Self {
        let name = name.to_owned();
        Self::InUse { kind, name, user }
    }

    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }

    /// The stable code.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unknown { .. } => Reason::NotFound,
            Self::Taken { .. } => Reason::NameTaken,
            Self::Declared { .. } => Reason::DeclaredInSettings,
            Self::InUse { .. } => Reason::StillInUse,
            // The cursor of a list is the caller's word, too.
            Self::Invalid(_) | Self::Store(StoreError::UnknownCursor) => Reason::MalformedRequest,
            Self::MoreThanOwn(_) => Reason::MoreThanOwnRights,
            Self::Own(_) => Reason::OwnAccount,
            Self::ChangedMeanwhile => Reason::ChangedMeanwhile,
            Self::Store(_) => Reason::StoreFailed,
        }
    }
}

impl From<UserError> for ManageError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::UsernameTaken(name) => Self::taken("user", &name),
            UserError::Unknown(subject) => Self::unknown("user", &subject),
            UserError::Store(error) => Self::Store(error),
            UserError::UsernameMalformed | UserError::PasswordLength => {
                Self::Invalid(error.to_string())
            }
        }
    }
}
