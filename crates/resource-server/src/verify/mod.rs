//! The one question a guard asks: whose is this token? (RFC 6750, RFC 9068, RFC 7662)

mod introspection;
mod jwt;
mod userinfo;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use oauth::client::fetch::{FetchError, Fetched};
use oauth::client::key_set::KeysUnavailable;
use oauth::jwt::TokenError;
use oauth::secret::Secret;

use crate::Caller;

pub use introspection::IntrospectionVerifier;
pub use jwt::{JwtVerifier, TokenStatus};
pub use oauth::client::key_set::{KeySource, RemoteKeySet};
pub use userinfo::UserinfoVerifier;

/// Answers whose a bearer token is.
///
/// [`JwtVerifier`], [`IntrospectionVerifier`] and [`UserinfoVerifier`] cover the standards;
/// [`verify_with`] makes one from a closure. Wrap any of them in a
/// [`CachedVerifier`](crate::CachedVerifier) to ask once and not per request.
#[async_trait]
pub trait VerifyToken: Send + Sync + 'static {
    /// The caller that `token` speaks for, at this moment and for this resource.
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError>;

    /// The caller, if that is known without waiting; a guard asks this first.
    ///
    /// Only a verifier with a memory has anything to say here. The token is as it came; whatever was
    /// verified before is well-formed.
    fn remembered(&self, token: &[u8]) -> Option<Caller> {
        let _ = token;
        None
    }
}

#[async_trait]
impl<V: VerifyToken + ?Sized> VerifyToken for Arc<V> {
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        (**self).verify(token).await
    }

    fn remembered(&self, token: &[u8]) -> Option<Caller> {
        (**self).remembered(token)
    }
}

/// Why there is no caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The token is no good: the client gets 401 and needs another one.
    #[error("{0}")]
    Invalid(String),
    /// Nobody can tell at this moment: the client gets 503 and keeps its token.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl VerifyError {
    /// The token is no good, for this reason; the client sees the reason.
    pub fn invalid(reason: impl fmt::Display) -> Self {
        Self::Invalid(reason.to_string())
    }
}

/// Something that verification depends on is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tokens cannot be verified now; try again in {} seconds", retry_after.as_secs())]
pub struct Unavailable {
    /// When to try again.
    pub retry_after: Duration,
}

impl Unavailable {
    /// What is said when nothing better is known.
    pub(crate) const SOON: Self = Self {
        retry_after: Duration::from_secs(5),
    };
}

impl From<TokenError> for VerifyError {
    fn from(error: TokenError) -> Self {
        Self::invalid(error)
    }
}

impl From<KeysUnavailable> for VerifyError {
    fn from(error: KeysUnavailable) -> Self {
        Self::Unavailable(Unavailable {
            retry_after: error.retry_after,
        })
    }
}

/// A verifier made of an async closure.
///
/// ```
/// use resource_server::{Caller, VerifyError, verify_with};
/// let verifier = verify_with(|token| async move {
///     match token.expose() {
///         "let-me-in" => Ok(Caller::new("alice")),
///         _ => Err(VerifyError::invalid("the token is not known here")),
///     }
/// });
/// # let _: Box<dyn resource_server::VerifyToken> = Box::new(verifier);
/// ```
pub fn verify_with<F, Answer>(verify: F) -> impl VerifyToken
where
    F: Fn(Secret) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Caller, VerifyError>> + Send + 'static,
{
    VerifyWith(verify)
}

struct VerifyWith<F>(F);

#[async_trait]
impl<F, Answer> VerifyToken for VerifyWith<F>
where
    F: Fn(Secret) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Caller, VerifyError>> + Send + 'static,
{
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        (self.0)(Secret::from(token)).await
    }
}

/// Sorts an issuer's answer about a token: usable, or a verdict on the issuer instead of the token.
fn usable(answer: Result<Fetched, FetchError>, asked: &str) -> Result<Fetched, Unavailable> {
    let fetched = answer.map_err(|error| {
        tracing::warn!(%error, asked, "the issuer does not answer");
        Unavailable::SOON
    })?;
    let status = fetched.status;
    if status.is_server_error() || status.as_u16() == 429 {
        tracing::warn!(%status, asked, "the issuer cannot answer");
        let retry_after = fetched
            .retry_after()
            .unwrap_or(Unavailable::SOON.retry_after);
        return Err(Unavailable { retry_after });
    }
    Ok(fetched)
}
