//! Why there is no valid token, for callers.

use std::sync::Arc;
use std::time::Duration;

use store::StoreError;

/// Why there is no valid token. Nothing that a provider said stands in it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidTokenError {
    /// The person has not connected the provider, or the credential has ended in its time.
    #[error("the account at `{provider}` is not connected: connect it")]
    NotConnected {
        /// Which provider.
        provider: String,
    },
    /// The provider has ended the credential, and only the person can help.
    #[error("the connection to `{provider}` has ended: connect the account again")]
    ConnectAgain {
        /// Which provider.
        provider: String,
    },
    /// The provider does not answer, and no token is left that would still be good.
    #[error("`{provider}` is not available: try again in {} seconds", retry_after.as_secs())]
    Unavailable {
        /// Which provider.
        provider: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// An API refuses a token that was renewed a moment ago: another one would not help.
    #[error("the token of `{provider}` was renewed a moment ago, and is refused all the same")]
    JustRenewed {
        /// Which provider.
        provider: String,
    },
    /// The store does not answer.
    #[error("the credential cannot be read or written")]
    Store(#[source] Arc<StoreError>),
}

impl ValidTokenError {
    /// Whether the person can help by connecting the account.
    pub fn needs_person(&self) -> bool {
        matches!(self, Self::NotConnected { .. } | Self::ConnectAgain { .. })
    }
}

impl From<StoreError> for ValidTokenError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
