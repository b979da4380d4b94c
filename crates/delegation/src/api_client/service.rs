//! The credential of the service itself: headers that do not change, or tokens of its own.

use std::sync::Arc;

use http::HeaderName;
use oauth::secret::Secret;

use crate::service_tokens::ServiceTokens;

/// How the service proves who it is. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct ServiceAccount(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Headers(Arc<[(HeaderName, Secret)]>),
    Tokens(ServiceTokens),
}

impl ServiceAccount {
    /// Headers with every call, such as the key of an application.
    pub fn headers(headers: impl IntoIterator<Item = (HeaderName, Secret)>) -> Self {
        Self(Kind::Headers(headers.into_iter().collect()))
    }

    /// Tokens that the service gets for itself, one for all calls until it ends.
    pub fn tokens(tokens: ServiceTokens) -> Self {
        Self(Kind::Tokens(tokens))
    }
}
