//! Verifying JWT access tokens by the keys of their issuer (RFC 9068 §4).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use oauth::client::fetch::{Fetch, Reach};
use oauth::client::key_set::{KeySource, RemoteKeySet};
use oauth::issuer::Issuer;
use oauth::jwk::JwkSet;
use oauth::jws::{Algorithm, JwsError};
use oauth::jwt::{AccessTokenClaims, Expectation, TokenError, verify_access_token};
use oauth::time::Clock;

use crate::Caller;
use crate::verify::{Unavailable, VerifyError, VerifyToken};

/// Whether a token that verifies is still wanted; asked after everything else was found good.
///
/// A signature cannot be taken back, but a grant can: an authorization server in the same process
/// answers for the grant that the token names.
#[async_trait]
pub trait TokenStatus: Send + Sync + 'static {
    /// Whether the token with these claims is alive.
    async fn is_live(&self, claims: &AccessTokenClaims) -> Result<bool, Unavailable>;
}

/// Verifies JWT access tokens by the strict profile: `at+jwt` only, `iss`, `aud`, `exp` and `sub`
/// required, asymmetric algorithms only, no token that is bound to a key.
pub struct JwtVerifier {
    keys: Arc<dyn KeySource>,
    expected: Expectation,
    clock: Arc<dyn Clock>,
    status: Option<Arc<dyn TokenStatus>>,
}

impl JwtVerifier {
    /// Tokens of `issuer` for `audience`, signed by one of `keys`.
    pub fn new(
        keys: impl KeySource,
        issuer: Issuer,
        audience: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let expected = Expectation::strict(issuer, audience);
        Self {
            keys: Arc::new(keys),
            expected,
            clock,
            status: None,
        }
    }

    /// Tokens of `issuer` for `audience`; the keys are found by discovery, at first use.
    pub fn discover(
        issuer: Issuer,
        audience: impl Into<String>,
        fetch: Fetch,
        clock: Arc<dyn Clock>,
    ) -> Self {
        // The operator wrote the issuer, so it may be a private one.
        let keys =
            RemoteKeySet::of_issuer(fetch, Reach::Configured, issuer.clone(), Arc::clone(&clock));
        Self::new(keys, issuer, audience, clock)
    }

    /// Tokens of `issuer` for `audience`, signed by one of these keys, which never change.
    pub fn with_fixed_keys(
        keys: JwkSet,
        issuer: Issuer,
        audience: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::new(Arc::new(keys), issuer, audience, clock)
    }

    /// Also accepts tokens for `audience`, such as an API identifier that the issuer uses instead of
    /// the address of the resource.
    pub fn also_audience(mut self, audience: impl Into<String>) -> Self {
        self.expected.audiences.push(audience.into());
        self
    }

    /// Accepts these values of the `typ` header instead of `at+jwt`.
    ///
    /// Some issuers write `JWT`. Beware that they may give ID tokens the same type: then `aud` alone
    /// keeps an ID token from being used as an access token.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.expected.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Accepts these signature algorithms only.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.expected.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How far the clocks of issuer and resource server may differ; 30 seconds by default.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway;
        self
    }

    /// Asks `status` about every token that verifies.
    pub fn token_status(mut self, status: impl TokenStatus) -> Self {
        self.status = Some(Arc::new(status));
        self
    }

    async fn claims(&self, token: &str) -> Result<AccessTokenClaims, VerifyError> {
        let now = self.clock.now();
        let keys = self.keys.keys().await?;
        match verify_access_token(token, &keys, &self.expected, now) {
            Err(TokenError::Signature(JwsError::UnknownKey)) => {
                let newer = self.keys.keys_after_miss(&keys).await?;
                Ok(verify_access_token(token, &newer, &self.expected, now)?)
            }
            verdict => Ok(verdict?),
        }
    }
}

#[async_trait]
impl VerifyToken for JwtVerifier {
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        let claims = self.claims(token).await?;
        if let Some(status) = &self.status
            && !status.is_live(&claims).await?
        {
            return Err(VerifyError::invalid("the token has been revoked"));
        }
        Ok(Caller::from(claims))
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifier")
            .field("expected", &self.expected)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
