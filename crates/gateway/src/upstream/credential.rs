//! What the gateway shows an upstream to be let in: nothing, fixed headers, or a token of its own
//! (RFC 6749 §4.4).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use oauth::client::fetch::Fetch;
use oauth::client::token::{TokenEndpoint, TokenError};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};

use super::settings::UpstreamCredential;
use super::trouble::Trouble;

/// How long a token lives whose server does not say.
const UNKNOWN_LIFETIME: Duration = Duration::from_mins(5);
/// How long before its end a token is renewed, at most.
const EARLY: Duration = Duration::from_mins(1);

/// What is added to every request to one upstream.
#[derive(Debug)]
pub(super) enum Credential {
    None,
    Headers(Vec<(HeaderName, HeaderValue)>),
    Token(Box<ServiceToken>),
}

impl Credential {
    pub(super) fn new(
        settings: &UpstreamCredential,
        fetch: &Fetch,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, String> {
        Ok(match settings {
            UpstreamCredential::None => Self::None,
            UpstreamCredential::Headers(headers) => {
                let headers = headers.iter().map(|(name, value)| {
                    let invalid = || format!("`{name}` is no header, or its value cannot be sent");
                    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
                    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| invalid())?;
                    value.set_sensitive(true);
                    Ok((key, value))
                });
                Self::Headers(headers.collect::<Result<_, String>>()?)
            }
            UpstreamCredential::ClientCredentials {
                token_endpoint,
                client_id,
                client_secret,
                scope,
                resource,
            } => Self::Token(Box::new(ServiceToken {
                url: token_endpoint.to_string(),
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                scope: scope.to_string(),
                resource: resource.clone(),
                fetch: fetch.clone(),
                clock: clock.clone(),
                token: Mutex::new(None),
                renewing: tokio::sync::Mutex::new(()),
            })),
        })
    }

    /// Adds it to the headers of a request.
    pub(super) async fn apply(&self, headers: &mut HeaderMap) -> Result<(), Trouble> {
        match self {
            Self::None => {}
            Self::Headers(fixed) => {
                for (name, value) in fixed {
                    headers.insert(name.clone(), value.clone());
                }
            }
            Self::Token(token) => {
                headers.insert(AUTHORIZATION, token.value().await?);
            }
        }
        Ok(())
    }

    /// Whether a refusal may be mended by a new credential.
    pub(super) fn is_renewable(&self) -> bool {
        matches!(self, Self::Token(_))
    }

    /// Drops what was refused; true if there may be a better one.
    pub(super) fn forget(&self) -> bool {
        match self {
            Self::Token(token) => token.lock().take().is_some(),
            _ => false,
        }
    }
}

/// A token of the gateway's own, asked for when it is needed and renewed before it ends.
pub(super) struct ServiceToken {
    url: String,
    client_id: String,
    client_secret: Secret,
    scope: String,
    resource: Option<String>,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    token: Mutex<Option<Held>>,
    /// Whoever holds it asks for all.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Held {
    header: HeaderValue,
    renew_at: NumericDate,
    ends_at: NumericDate,
}

impl ServiceToken {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> Option<Held> {
        let now = self.clock.now();
        self.lock().clone().filter(|held| now < held.ends_at)
    }

    async fn value(&self) -> Result<HeaderValue, Trouble> {
        let is_fresh = |held: &Held| self.clock.now() < held.renew_at;
        if let Some(held) = self.held().filter(is_fresh) {
            return Ok(held.header);
        }
        let _only_one = self.renewing.lock().await;
        let held = self.held();
        if let Some(held) = held.as_ref().filter(|held| is_fresh(held)) {
            return Ok(held.header.clone());
        }
        match (self.ask().await, held) {
            (Ok(new), _) => {
                *self.lock() = Some(new.clone());
                Ok(new.header)
            }
            // The old one is still good for a while.
            (Err(error), Some(old)) => {
                tracing::warn!(%error, token_endpoint = self.url, "no new token for an upstream");
                Ok(old.header)
            }
            (Err(error), None) => {
                tracing::warn!(%error, token_endpoint = self.url, "no token for an upstream");
                let retry_after = match error {
                    TokenError::Unavailable { retry_after, .. } => Some(retry_after),
                    _ => None,
                };
                Err(Trouble::Unusable {
                    reason: "cannot be asked, because the gateway gets no token for it".to_owned(),
                    retry_after,
                })
            }
        }
    }

    async fn ask(&self) -> Result<Held, TokenError> {
        let endpoint = TokenEndpoint {
            url: &self.url,
            client_id: &self.client_id,
            client_secret: Some(&self.client_secret),
            auth_method: TokenEndpointAuthMethod::ClientSecretBasic,
        };
        let mut form = vec![("grant_type", "client_credentials")];
        if !self.scope.is_empty() {
            form.push(("scope", &self.scope));
        }
        if let Some(resource) = &self.resource {
            form.push(("resource", resource));
        }
        let tokens = endpoint.tokens(&self.fetch, &form).await?;
        let lifetime = tokens.expires_in.unwrap_or(UNKNOWN_LIFETIME);
        let bearer = format!("Bearer {}", tokens.access_token.expose());
        let mut header = HeaderValue::from_str(&bearer)
            .map_err(|_| TokenError::Unreadable("its token is no header".to_owned()))?;
        header.set_sensitive(true);
        let now = self.clock.now();
        Ok(Held {
            header,
            renew_at: now.plus(lifetime.saturating_sub(EARLY.min(lifetime / 4))),
            ends_at: now.plus(lifetime),
        })
    }
}

impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ServiceToken");
        shown.field("url", &self.url).finish_non_exhaustive()
    }
}
