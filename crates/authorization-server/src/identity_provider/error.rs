//! Why an identity provider did not let somebody in, for callers and for the log.

use std::time::Duration;

use oauth::client::authorization::CallbackError;
use oauth::client::id_token::IdTokenError;
use oauth::client::token::{RETRY_AFTER, Said, TokenError};

use crate::reason::Reason;

/// Why an identity provider brought nothing.
///
/// The text is for the log of the operator: what the provider said stands in it, short and without
/// secrets. Clients and people see none of it (acceptance B8).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityProviderError {
    /// The person said no.
    #[error("the person did not agree at `{provider}`: {said}")]
    Denied {
        /// Which provider.
        provider: String,
        /// What it said.
        said: Said,
    },
    /// It cannot be reached or asks to come again; nobody is to blame for anything.
    #[error("`{provider}` is not available: {cause}")]
    Unavailable {
        /// Which provider.
        provider: String,
        /// When to try again.
        retry_after: Duration,
        /// What happened.
        cause: String,
    },
    /// The credential has ended; the person has to sign in there again.
    #[error("the credential of `{provider}` has ended: {cause}")]
    CredentialEnded {
        /// Which provider.
        provider: String,
        /// What it said.
        cause: String,
    },
    /// Its answer must not be used, or it refuses ours.
    #[error("the sign-in through `{provider}` is refused: {refusal}")]
    Refused {
        /// Which provider.
        provider: String,
        /// Why.
        refusal: Refusal,
    },
}

/// Why a sign-in is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What came back through the browser does not fit.
    #[error(transparent)]
    Callback(CallbackError),
    /// The token endpoint brought no tokens.
    #[error(transparent)]
    Token(TokenError),
    /// There is no ID token, though there must be one.
    #[error("the answer holds no ID token; is the scope `openid` among the scopes?")]
    NoIdToken,
    /// The ID token does not stand up.
    #[error(transparent)]
    IdToken(IdTokenError),
    /// The profile cannot be read.
    #[error("the profile cannot be used: {0}")]
    Profile(String),
    /// Nothing says who signed in.
    #[error("there is no subject at `{0}`")]
    NoSubject(String),
    /// The profile belongs to somebody else than the ID token (`OpenID` Connect Core §5.3.2).
    #[error("the profile belongs to another subject than the ID token")]
    OtherSubject,
    /// Something that the operator demands is not so.
    #[error("`{0}` does not have the required value")]
    RequiredClaim(String),
    /// Its metadata lacks something, or is somebody else's.
    #[error("its metadata cannot be used: {0}")]
    Metadata(String),
}

impl IdentityProviderError {
    /// The code for the log.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Denied { .. } => Reason::IdentityProviderDenied,
            Self::Unavailable { .. } => Reason::IdentityProviderUnavailable,
            Self::CredentialEnded { .. } | Self::Refused { .. } => Reason::IdentityProviderRefused,
        }
    }

    /// Whether the person has not signed in anew, though they were asked to.
    pub(crate) fn is_unproved(&self) -> bool {
        let auth_time = IdTokenError::Claim("auth_time");
        matches!(self, Self::Refused { refusal: Refusal::IdToken(error), .. } if *error == auth_time)
    }

    pub(super) fn refused(provider: &str, refusal: Refusal) -> Self {
        let provider = provider.to_owned();
        Self::Refused { provider, refusal }
    }

    pub(super) fn unavailable(provider: &str, cause: impl Into<String>) -> Self {
        Self::Unavailable {
            provider: provider.to_owned(),
            retry_after: RETRY_AFTER,
            cause: cause.into(),
        }
    }

    pub(super) fn of_callback(provider: &str, error: CallbackError) -> Self {
        match error {
            CallbackError::Denied(said) => Self::Denied {
                provider: provider.to_owned(),
                said,
            },
            CallbackError::Unavailable(said) => Self::unavailable(provider, said.to_string()),
            other => Self::refused(provider, Refusal::Callback(other)),
        }
    }

    pub(super) fn of_token(provider: &str, error: TokenError) -> Self {
        match error {
            TokenError::Unavailable { retry_after, cause } => Self::Unavailable {
                provider: provider.to_owned(),
                retry_after,
                cause,
            },
            other => Self::refused(provider, Refusal::Token(other)),
        }
    }

    pub(super) fn of_id_token(provider: &str, error: IdTokenError) -> Self {
        match error {
            IdTokenError::Keys(keys) => Self::Unavailable {
                provider: provider.to_owned(),
                retry_after: keys.retry_after,
                cause: keys.to_string(),
            },
            other => Self::refused(provider, Refusal::IdToken(other)),
        }
    }
}
