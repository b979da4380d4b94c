//! APIs that our servers call, as checked.

use std::time::Duration;

use oauth::secret::Secret;

/// An API that a server calls, as the service and as the person who called.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// Its base address.
    pub(crate) url: String,
    /// What the service proves itself with there.
    pub(crate) service: Service,
    /// Where people connect the accounts that it works with; one of the identity providers.
    pub(crate) identity_provider: String,
    /// How long one request may take.
    pub(crate) timeout: Duration,
    /// For development alone: calls carry no credential.
    pub(crate) skips_authentication: bool,
}

/// The credentials of the service.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// Its name.
    pub(crate) client_id: String,
    /// Its secret.
    pub(crate) client_secret: Secret,
    /// Where it gets tokens (RFC 6749 §4.4), if it does not send its secret with every call.
    pub(crate) token_endpoint: Option<String>,
}
