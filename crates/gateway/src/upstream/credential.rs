//! What the gateway shows an upstream to be let in: nothing, fixed headers, or a token of its own
//! (RFC 6749 §4.4).

use std::sync::Arc;

use delegation::{ProviderClient, ServiceTokens};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use oauth::client::fetch::Fetch;
use oauth::client::token::TokenError;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::secret::Secret;
use oauth::time::Clock;

use super::settings::UpstreamCredential;
use super::trouble::Trouble;

/// What is added to every request to one upstream.
#[derive(Debug)]
pub(super) enum Credential {
    None,
    Headers(Vec<(HeaderName, HeaderValue)>),
    Tokens(Box<ServiceTokens>),
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
                    Ok((key, sensitive(value.expose()).ok_or_else(invalid)?))
                });
                Self::Headers(headers.collect::<Result<_, String>>()?)
            }
            UpstreamCredential::ClientCredentials {
                token_endpoint,
                client_id,
                client_secret,
                scope,
                resource,
            } => {
                let client = ProviderClient {
                    token_endpoint: token_endpoint.to_string(),
                    client_id: client_id.clone(),
                    client_secret: Some(client_secret.clone()),
                    auth_method: TokenEndpointAuthMethod::ClientSecretBasic,
                };
                let mut tokens = ServiceTokens::new(client, fetch.clone(), clock.clone());
                if !scope.is_empty() {
                    tokens = tokens.scope(scope.to_string());
                }
                if let Some(resource) = resource {
                    tokens = tokens.resource(resource);
                }
                Self::Tokens(Box::new(tokens))
            }
        })
    }

    /// The token that goes with a request, where the credential is one.
    pub(super) async fn token(&self) -> Result<Option<Secret>, Trouble> {
        let Self::Tokens(tokens) = self else {
            return Ok(None);
        };
        let token = tokens.token().await;
        token.map(Some).map_err(|error| Trouble::Unusable {
            reason: "cannot be asked, because the gateway gets no token for it".to_owned(),
            retry_after: match error {
                TokenError::Unavailable { retry_after, .. } => Some(retry_after),
                _ => None,
            },
        })
    }

    /// Drops a token that was refused, so that the next one is another.
    pub(super) fn refused(&self, token: &Secret) {
        if let Self::Tokens(tokens) = self {
            tokens.refused(token);
        }
    }

    /// Adds it, with its `token` if it is one, to the headers of a request.
    pub(super) fn apply(
        &self,
        token: Option<&Secret>,
        headers: &mut HeaderMap,
    ) -> Result<(), Trouble> {
        if let Self::Headers(fixed) = self {
            for (name, value) in fixed {
                headers.insert(name.clone(), value.clone());
            }
        }
        if let Some(token) = token {
            let value = sensitive(&format!("Bearer {}", token.expose()));
            let value = value.ok_or_else(|| Trouble::unusable("cannot be sent our token"))?;
            headers.insert(AUTHORIZATION, value);
        }
        Ok(())
    }
}

/// A header that no log shows; none if `text` cannot stand in one.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
