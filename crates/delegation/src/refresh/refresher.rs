//! Who gets the next access token: the client of the provider that issued the last one (RFC 6749 §6).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::credential::Credential;

/// How the credentials of providers are renewed; the part that knows where their token endpoints are.
#[async_trait]
pub trait RefreshCredential: fmt::Debug + Send + Sync + 'static {
    /// Asks `provider` once for the successor of `credential`.
    ///
    /// It is called by one caller at a time for one credential, in the whole house.
    async fn refresh(
        &self,
        provider: &str,
        credential: &Credential,
    ) -> Result<Credential, RefreshError>;

    /// Ends, at `provider`, a credential that arrived when the person had just disconnected.
    async fn discard(&self, provider: &str, credential: &Credential);
}

/// Why there is no next access token. The causes are for the log, and hold no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The provider says that the refresh token is good for nothing (`invalid_grant`): only the
    /// person can help.
    #[error("the credential has ended: {cause}")]
    Ended {
        /// What the provider said.
        cause: String,
    },
    /// The provider cannot be reached, or asks to come again; the credential stays as it is.
    #[error("the provider is not available: {cause}")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// What happened.
        cause: String,
    },
    /// The answer cannot be used, or our own credentials there are refused: the operator can help.
    #[error("the provider refuses to renew the credential: {cause}")]
    Refused {
        /// What the provider said.
        cause: String,
    },
}
