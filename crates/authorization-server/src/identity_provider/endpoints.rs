//! Where an identity provider is: as written, or as its metadata tells (OpenID Connect Discovery §4).

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use oauth::client::discovery::{DiscoveryError, discover};
use oauth::client::fetch::{Fetch, Reach};
use oauth::issuer::Issuer;
use oauth::metadata::AuthorizationServerMetadata;
use oauth::time::{Clock, NumericDate};
use tokio::sync::Mutex;

use super::error::{IdentityProviderError, Refusal};
use super::rules::{Endpoints, Rules, protected};

/// How long metadata is used before it is read again.
const FRESH: Duration = Duration::from_hours(1);
/// How long metadata still serves while the provider cannot be reached (acceptance B2).
const USABLE: Duration = Duration::from_hours(24);
/// A failure causes at most one try in this time.
const COOL_DOWN: Duration = Duration::from_secs(10);

/// The addresses of a provider at this moment.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) endpoints: Endpoints,
    /// Whether it promises `iss` in its answers (RFC 9207 §3).
    pub(super) names_itself: bool,
}

/// The addresses of a provider, found when they are first needed and kept through outages.
#[derive(Debug)]
pub(super) struct EndpointFinder {
    written: Known,
    /// The issuer to ask; `None` when everything is written.
    issuer: Option<Issuer>,
    found: RwLock<Found>,
    /// Held across a request, so that there is only one at a time.
    finding: Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct Found {
    known: Option<(Arc<Known>, NumericDate)>,
    failed_at: Option<NumericDate>,
}

impl EndpointFinder {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            written: Known {
                endpoints: rules.endpoints.clone(),
                names_itself: rules.callback_iss,
            },
            issuer: rules.issuer.clone().filter(|_| rules.discovery),
            found: RwLock::default(),
            finding: Mutex::default(),
        }
    }

    /// The addresses of `provider`.
    pub(super) async fn find(
        &self,
        provider: &str,
        fetch: &Fetch,
        clock: &dyn Clock,
    ) -> Result<Arc<Known>, IdentityProviderError> {
        let Some(issuer) = &self.issuer else {
            return Ok(Arc::new(self.written.clone()));
        };
        if let Some(known) = self.younger_than(FRESH, clock.now()) {
            return Ok(known);
        }
        let _turn = self.finding.lock().await;
        let now = clock.now();
        if let Some(known) = self.younger_than(FRESH, now) {
            return Ok(known);
        }
        let failed_at = self.read().failed_at;
        if failed_at.is_some_and(|failed_at| failed_at.is_younger_than(COOL_DOWN, now)) {
            let cause = "its metadata could not be read a moment ago";
            let known = self.younger_than(USABLE, now);
            return known.ok_or_else(|| IdentityProviderError::unavailable(provider, cause));
        }
        let found = match discover(fetch, Reach::Configured, issuer).await {
            Ok(metadata) => self.merge(metadata),
            Err(error) => {
                self.write().failed_at = Some(now);
                if let Some(known) = self.younger_than(USABLE, now) {
                    tracing::warn!(provider, %error, "the last known metadata is used");
                    return Ok(known);
                }
                return Err(match error {
                    DiscoveryError::Unavailable { .. } => {
                        IdentityProviderError::unavailable(provider, error.to_string())
                    }
                    _ => metadata_refused(provider, error.to_string()),
                });
            }
        };
        let known = found.map_err(|reason| metadata_refused(provider, reason))?;
        let known = Arc::new(known);
        *self.write() = Found {
            known: Some((Arc::clone(&known), now)),
            failed_at: None,
        };
        Ok(known)
    }

    /// What the operator wrote wins over what the metadata says.
    fn merge(&self, metadata: AuthorizationServerMetadata) -> Result<Known, String> {
        let written = self.written.endpoints.clone();
        let either = |written: Option<String>, found: Option<String>| match (written, found) {
            (Some(written), _) => Ok(Some(written)),
            (None, Some(found)) => protected("issuer", found)
                .map(Some)
                .map_err(|error| error.to_string()),
            (None, None) => Ok(None),
        };
        Ok(Known {
            endpoints: Endpoints {
                authorization: either(written.authorization, metadata.authorization_endpoint)?,
                token: either(written.token, metadata.token_endpoint)?,
                userinfo: either(written.userinfo, metadata.userinfo_endpoint)?,
                email_list: written.email_list,
                revocation: either(written.revocation, metadata.revocation_endpoint)?,
                jwks: either(written.jwks, metadata.jwks_uri)?,
            },
            names_itself: self.written.names_itself
                || metadata.authorization_response_iss_parameter_supported,
        })
    }

    fn younger_than(&self, age: Duration, now: NumericDate) -> Option<Arc<Known>> {
        let (known, since) = self.read().known?;
        since.is_younger_than(age, now).then_some(known)
    }

    fn read(&self) -> Found {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Found> {
        self.found.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn metadata_refused(provider: &str, reason: String) -> IdentityProviderError {
    IdentityProviderError::refused(provider, Refusal::Metadata(reason))
}
