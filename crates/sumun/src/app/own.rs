//! Verifying our own tokens without leaving the process (RFC 9068), and hearing of revocations at once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use authorization_server::{AuthorizationServer, Revocation};
use oauth::client::key_set::{KeySource, KeysUnavailable};
use oauth::jwk::JwkSet;
use oauth::jwt::AccessTokenClaims;
use oauth::resource::ResourceIndicator;
use oauth::time::SystemClock;
use resource_server::verify::Unavailable;
use resource_server::{CachedVerifier, Caller, Issuer, JwtVerifier, TokenStatus};
use resource_server::{VerifyError, VerifyToken};
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

/// Replicas have clocks of their own, which time synchronisation keeps this close.
const LEEWAY: Duration = Duration::from_secs(5);

/// Verifies tokens of our own authorization server for one resource.
pub(super) struct OwnVerifier {
    cached: CachedVerifier<JwtVerifier>,
    server: AuthorizationServer,
    revocations: Mutex<Receiver<Revocation>>,
    /// How many revocations had been told when all of them were last forgotten here.
    heard: AtomicU64,
}

impl OwnVerifier {
    /// Tokens that `server` issues under the name `issuer` for `resource`.
    pub(super) fn new(
        server: &AuthorizationServer,
        issuer: Issuer,
        resource: &ResourceIndicator,
    ) -> Self {
        // Asked first: what is told in between is heard, and not taken for heard.
        let heard = AtomicU64::new(server.revocations_told());
        let revocations = Mutex::new(server.subscribe());
        let keys = Keys(server.clone());
        let clock = Arc::new(SystemClock);
        let verifier = JwtVerifier::new(keys, issuer, resource.as_str(), clock)
            .leeway(LEEWAY)
            .token_status(Status(server.clone()));
        Self {
            cached: CachedVerifier::new(verifier, Arc::new(SystemClock)),
            server: server.clone(),
            revocations,
            heard,
        }
    }

    /// Forgets what was revoked since the last request.
    ///
    /// It is done here and not in a task of its own: a revocation is told before it is answered, so
    /// whoever calls after that answer is refused (acceptance A6).
    fn hear(&self) {
        if self.heard.load(Ordering::SeqCst) != self.server.revocations_told() {
            self.hear_all();
        }
    }

    #[cold]
    fn hear_all(&self) {
        let mut revocations = self
            .revocations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let told = self.server.revocations_told();
        loop {
            match revocations.try_recv() {
                Ok(Revocation::Grant(grant)) => self.cached.revoke_grant(&grant),
                Ok(Revocation::Token(token)) => self.cached.revoke_token(&token),
                Ok(Revocation::Client(client)) => {
                    self.cached.forget(|caller| may_end_with(caller, &client));
                }
                // More was revoked than the channel holds, and nobody knows what.
                Err(TryRecvError::Lagged(_)) => self.cached.forget(|_| true),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        // After all was forgotten, since others pass by without waiting once they see this.
        self.heard.store(told, Ordering::SeqCst);
    }
}

#[async_trait]
impl VerifyToken for OwnVerifier {
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        self.hear();
        self.cached.verify(token).await
    }

    fn remembered(&self, token: &[u8]) -> Option<Caller> {
        self.hear();
        self.cached.remembered(token)
    }
}

/// Whether the token of `caller` may end when `client` is gone.
///
/// A token that was exchanged (RFC 8693) names the client that exchanged it, and ends with a grant that
/// may be of any other: which one, the authorization server is asked once more.
fn may_end_with(caller: &Caller, client: &str) -> bool {
    caller.client_id() == Some(client) || caller.actor().is_some()
}

/// The keys of the authorization server, as they are at this moment.
struct Keys(AuthorizationServer);

#[async_trait]
impl KeySource for Keys {
    async fn keys(&self) -> Result<Arc<JwkSet>, KeysUnavailable> {
        Ok(self.0.key_set())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the keys of our own authorization server")
    }
}

/// Whether the grant behind a token is still alive.
struct Status(AuthorizationServer);

#[async_trait]
impl TokenStatus for Status {
    async fn is_live(&self, claims: &AccessTokenClaims) -> Result<bool, Unavailable> {
        self.0.is_live(claims).await.map_err(|error| {
            let error = anyhow::Error::from(error);
            tracing::error!("the grant of a token could not be looked up: {error:#}");
            Unavailable {
                retry_after: LEEWAY,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_client_that_is_gone_takes_along_what_was_exchanged_for_its_tokens() {
        let plain = |client: &str| Caller::new("alice").with_client_id(client);
        assert!(may_end_with(&plain("editor"), "editor"));
        assert!(!may_end_with(&plain("other"), "editor"));
        let exchanged = plain("gateway").with_claim("act", json!({"sub": "gateway"}));
        assert!(may_end_with(&exchanged, "editor"));
    }
}
