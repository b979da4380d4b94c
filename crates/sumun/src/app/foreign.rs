//! Verifying the tokens of another authorization server (RFC 8414, RFC 7662, `OpenID` Connect Core §5.3).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use oauth::client::discovery::{self, DiscoveryError};
use oauth::client::fetch::{Fetch, Reach};
use oauth::metadata::AuthorizationServerMetadata;
use oauth::time::{Clock, NumericDate, SystemClock};
use resource_server::verify::Unavailable;
use resource_server::{
    CachedVerifier, Caller, IntrospectionVerifier, JwtVerifier, UserinfoVerifier, VerifyError,
    VerifyToken,
};
use tokio::sync::OnceCell;

use crate::settings::{ForeignIssuer, Verify};

/// How long nobody asks again for metadata that could not be had.
const COOL_DOWN: Duration = Duration::from_secs(5);

/// A verifier for tokens of `foreign`. Nothing is fetched before the first token comes, so that an
/// outage there does not keep this house from starting.
pub(super) fn verifier(foreign: &ForeignIssuer, fetch: &Fetch) -> Arc<dyn VerifyToken> {
    let clock = || Arc::new(SystemClock);
    match &foreign.verify {
        Verify::Jwt { types } => {
            let (issuer, audience) = (foreign.issuer.clone(), foreign.audience.clone());
            let verifier = JwtVerifier::discover(issuer, audience, fetch.clone(), clock());
            Arc::new(CachedVerifier::new(verifier.types(types.clone()), clock()))
        }
        Verify::Introspection { .. } | Verify::Userinfo { .. } => {
            let discovered = Discovered {
                foreign: foreign.clone(),
                fetch: fetch.clone(),
                clock: clock(),
                verifier: OnceCell::new(),
                failed_at: Mutex::new(None),
            };
            Arc::new(CachedVerifier::new(discovered, clock()))
        }
    }
}

/// Says in the log what MCP clients will miss at `foreign`, if anything.
pub(super) async fn report(foreign: ForeignIssuer, fetch: Fetch) {
    let issuer = &foreign.issuer;
    match discovery::discover(&fetch, Reach::Configured, issuer).await {
        Ok(metadata) => {
            for shortcoming in discovery::report(&metadata) {
                tracing::warn!("authorization server {issuer}: {shortcoming}");
            }
        }
        Err(error) => tracing::warn!("authorization server: {error}"),
    }
}

/// A verifier that finds its endpoint when it is first needed.
struct Discovered {
    foreign: ForeignIssuer,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    verifier: OnceCell<Arc<dyn VerifyToken>>,
    failed_at: Mutex<Option<NumericDate>>,
}

/// Where the endpoint is not known.
enum Missing {
    Metadata(DiscoveryError),
    Endpoint(&'static str),
}

#[async_trait]
impl VerifyToken for Discovered {
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        self.verifier
            .get_or_try_init(|| self.find())
            .await?
            .verify(token)
            .await
    }
}

impl Discovered {
    async fn find(&self) -> Result<Arc<dyn VerifyToken>, VerifyError> {
        let unavailable = VerifyError::from(Unavailable {
            retry_after: COOL_DOWN,
        });
        let failed_at = *self
            .failed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if failed_at.is_some_and(|at| at.is_younger_than(COOL_DOWN, self.clock.now())) {
            return Err(unavailable);
        }
        let issuer = &self.foreign.issuer;
        let metadata = discovery::discover(&self.fetch, Reach::Configured, issuer).await;
        let reason = match metadata
            .map_err(Missing::Metadata)
            .and_then(|found| self.build(found))
        {
            Ok(verifier) => return Ok(verifier),
            Err(Missing::Metadata(error)) => error.to_string(),
            Err(Missing::Endpoint(name)) => {
                format!("{issuer} has no {name}: verify in another way")
            }
        };
        tracing::error!("tokens cannot be verified: {reason}");
        *self
            .failed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
        Err(unavailable)
    }

    fn build(
        &self,
        metadata: AuthorizationServerMetadata,
    ) -> Result<Arc<dyn VerifyToken>, Missing> {
        let fetch = self.fetch.clone();
        let issuer = self.foreign.issuer.as_str();
        if let Verify::Introspection {
            client_id,
            client_secret,
        } = &self.foreign.verify
        {
            let endpoint = metadata.introspection_endpoint;
            let endpoint = endpoint.ok_or(Missing::Endpoint("introspection_endpoint"))?;
            let audience = &self.foreign.audience;
            let clock = Arc::clone(&self.clock);
            let verifier = IntrospectionVerifier::new(
                endpoint,
                client_id,
                client_secret.clone(),
                audience,
                fetch,
                clock,
            );
            return Ok(Arc::new(verifier.issuer(issuer)));
        }
        let endpoint = metadata
            .userinfo_endpoint
            .ok_or(Missing::Endpoint("userinfo_endpoint"))?;
        let verifier =
            UserinfoVerifier::for_tokens_without_audience(endpoint, fetch).issuer(issuer);
        Ok(match &self.foreign.verify {
            Verify::Userinfo { scopes } => Arc::new(verifier.scopes(scopes.clone())),
            _ => Arc::new(verifier),
        })
    }
}
