//! The credential of the service itself: headers that do not change, or client credentials
//! (RFC 6749 §4.4).

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use oauth::client::fetch::Fetch;
use oauth::client::token::TokenError;
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};
use tokio::sync::Mutex;

use crate::provider_client::ProviderClient;

/// A token is replaced this long before its end, or in the middle of its life if that is short.
const BUFFER: Duration = Duration::from_mins(5);

/// How long a token lives whose issuer does not say so.
const ASSUMED_LIFETIME: Duration = Duration::from_hours(1);

/// How the service proves who it is. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct ServiceAccount(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Headers(Arc<[(HeaderName, Secret)]>),
    Client(Arc<ServiceClient>),
}

impl ServiceAccount {
    /// Headers with every call, such as the key of an application.
    pub fn headers(headers: impl IntoIterator<Item = (HeaderName, Secret)>) -> Self {
        Self(Kind::Headers(headers.into_iter().collect()))
    }

    /// Tokens that the service gets for itself, one for all calls until it ends.
    pub fn client_credentials(
        client: ProviderClient,
        scope: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Kind::Client(Arc::new(ServiceClient {
            client,
            scope,
            clock,
            current: Mutex::default(),
        })))
    }
}

/// A client that gets tokens in its own name.
#[derive(Debug)]
pub(super) struct ServiceClient {
    client: ProviderClient,
    scope: Option<String>,
    clock: Arc<dyn Clock>,
    /// The token, and when it is due. Whoever renews it holds the lock, so that the others wait.
    current: Mutex<Option<(Secret, NumericDate)>>,
}

impl ServiceClient {
    /// A token that is good for a while, and another one than `refused`.
    pub(super) async fn token(
        &self,
        fetch: &Fetch,
        refused: Option<&Secret>,
    ) -> Result<Secret, TokenError> {
        let mut current = self.current.lock().await;
        let now = self.clock.now();
        if let Some((token, due)) = &*current
            && now < *due
            && refused.is_none_or(|refused| refused.hash() != token.hash())
        {
            return Ok(token.clone());
        }
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let tokens = self.client.tokens(fetch, &form).await?;
        let lifetime = tokens.expires_in.unwrap_or(ASSUMED_LIFETIME);
        let due = now.plus(lifetime.saturating_sub(BUFFER.min(lifetime / 2)));
        *current = Some((tokens.access_token.clone(), due));
        Ok(tokens.access_token)
    }
}
