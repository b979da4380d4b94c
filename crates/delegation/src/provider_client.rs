//! An ordinary client of providers: token endpoints and who we are there (RFC 6749 §4.4, §6).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use oauth::client::fetch::Fetch;
use oauth::client::token::{TokenEndpoint, TokenError, Tokens};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};

use crate::credential::Credential;
use crate::refresh::{RefreshCredential, RefreshError};

/// A client that is registered at a provider.
#[derive(Clone, Debug)]
pub struct ProviderClient {
    /// The token endpoint of the provider.
    pub token_endpoint: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there, if we have one.
    pub client_secret: Option<Secret>,
    /// How the secret is sent.
    pub auth_method: TokenEndpointAuthMethod,
}

impl ProviderClient {
    pub(crate) async fn tokens(
        &self,
        fetch: &Fetch,
        form: &[(&str, &str)],
    ) -> Result<Tokens, TokenError> {
        let endpoint = TokenEndpoint {
            url: &self.token_endpoint,
            client_id: &self.client_id,
            client_secret: self.client_secret.as_ref(),
            auth_method: self.auth_method,
        };
        endpoint.tokens(fetch, form).await
    }
}

impl Credential {
    /// What is kept of the answer of a token endpoint that came at `now`.
    pub fn from_tokens(tokens: Tokens, now: NumericDate) -> Self {
        Self {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            expires_at: tokens.expires_in.map(|lifetime| now.plus(lifetime)),
            refresh_expires_at: tokens.refresh_expires_in.map(|lifetime| now.plus(lifetime)),
            scope: tokens.scope,
        }
    }
}

/// Providers that keep to the standard, by their ids: for servers without an authorization server of
/// their own in the same process.
#[derive(Clone, Debug)]
pub struct ProviderClients {
    providers: BTreeMap<String, ProviderClient>,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
}

impl ProviderClients {
    /// No provider yet.
    pub fn new(fetch: Fetch, clock: Arc<dyn Clock>) -> Self {
        Self {
            providers: BTreeMap::new(),
            fetch,
            clock,
        }
    }

    /// Adds the provider that connections call `id`.
    pub fn with(mut self, id: impl Into<String>, client: ProviderClient) -> Self {
        self.providers.insert(id.into(), client);
        self
    }
}

#[async_trait]
impl RefreshCredential for ProviderClients {
    async fn refresh(
        &self,
        provider: &str,
        credential: &Credential,
    ) -> Result<Credential, RefreshError> {
        let client = self.providers.get(provider);
        let client = client.ok_or_else(|| RefreshError::Refused {
            cause: "no such provider is configured".to_owned(),
        })?;
        let refresh_token = credential.refresh_token.as_ref();
        let refresh_token = refresh_token.ok_or_else(|| RefreshError::Ended {
            cause: "there is nothing to renew it with".to_owned(),
        })?;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ];
        match client.tokens(&self.fetch, &form).await {
            Ok(tokens) => Ok(Credential::from_tokens(tokens, self.clock.now())),
            // RFC 6749 §5.2: every other code speaks of us, not of the person.
            Err(TokenError::Refused(said)) if said.code() == "invalid_grant" => {
                let cause = said.to_string();
                Err(RefreshError::Ended { cause })
            }
            Err(TokenError::Unavailable { retry_after, cause }) => {
                Err(RefreshError::Unavailable { retry_after, cause })
            }
            Err(error) => Err(RefreshError::Refused {
                cause: error.to_string(),
            }),
        }
    }

    /// Nothing is known of a revocation endpoint; what was issued ends by itself.
    async fn discard(&self, _: &str, _: &Credential) {}
}
