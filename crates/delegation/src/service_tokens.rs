//! Tokens that the service gets in its own name (RFC 6749 §4.4), for one resource (RFC 8707).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use oauth::client::fetch::Fetch;
use oauth::client::token::{RETRY_AFTER, TokenError};
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};

use crate::provider_client::ProviderClient;

/// A token is renewed this long before its end, or in the last tenth of its life if that is shorter.
const BUFFER: Duration = Duration::from_mins(5);

/// How long a token lives whose issuer does not say so. Not every request can be repeated when it turns
/// out to have ended, so this is short.
const ASSUMED_LIFETIME: Duration = Duration::from_mins(5);

/// Access tokens of the service itself, one for all calls until it ends. Clones share it.
///
/// One caller asks for all. While no new token is to be had, the old one is handed out until its end;
/// and an issuer that has failed is left alone for as long as it asks, or for 30 seconds, so that
/// nobody waits behind others for an answer that does not come.
#[derive(Clone, Debug)]
pub struct ServiceTokens {
    client: ProviderClient,
    scope: Option<String>,
    resource: Option<String>,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Whoever holds it asks for all.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    failure: Option<Failure>,
}

#[derive(Clone, Debug)]
struct Held {
    token: Secret,
    renew_at: NumericDate,
    ends_at: NumericDate,
}

#[derive(Debug)]
struct Failure {
    error: TokenError,
    at: NumericDate,
    rest: Duration,
}

impl State {
    fn fresh(&self, now: NumericDate) -> Option<Secret> {
        let held = self.held.as_ref().filter(|held| now < held.renew_at);
        held.map(|held| held.token.clone())
    }

    fn good(&self, now: NumericDate) -> Option<Secret> {
        let held = self.held.as_ref().filter(|held| now < held.ends_at);
        held.map(|held| held.token.clone())
    }

    /// Why the issuer is left alone, and until when.
    fn resting(&self, now: NumericDate) -> Option<TokenError> {
        let failure = self.failure.as_ref();
        let failure = failure.filter(|failure| failure.at.is_younger_than(failure.rest, now))?;
        let mut error = failure.error.clone();
        if let TokenError::Unavailable { retry_after, .. } = &mut error {
            *retry_after = failure.rest.saturating_sub(now.since(failure.at));
        }
        Some(error)
    }
}

impl ServiceTokens {
    /// Tokens of `client`, for whatever the issuer gives it.
    pub fn new(client: ProviderClient, fetch: Fetch, clock: Arc<dyn Clock>) -> Self {
        Self {
            client,
            scope: None,
            resource: None,
            fetch,
            clock,
            shared: Arc::default(),
        }
    }

    /// Asks for this scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Asks for tokens that are for this resource alone (RFC 8707 §2).
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// A token that is good.
    ///
    /// # Errors
    ///
    /// When there is none, and the issuer gives none or has given none a moment ago.
    pub async fn token(&self) -> Result<Secret, TokenError> {
        if let Some(token) = self.state().fresh(self.clock.now()) {
            return Ok(token);
        }
        let good = self.state().good(self.clock.now());
        let _turn = match (self.shared.asking.try_lock(), good) {
            (Ok(turn), _) => turn,
            // Somebody asks already, and what there is serves until they are done.
            (Err(_), Some(token)) => return Ok(token),
            (Err(_), None) => self.shared.asking.lock().await,
        };
        // Whoever had the turn before may have got a token, or nothing.
        let now = self.clock.now();
        {
            let state = self.state();
            if let Some(token) = state.fresh(now) {
                return Ok(token);
            }
            if let Some(error) = state.resting(now) {
                return state.good(now).ok_or(error);
            }
        }
        let answer = self.ask().await;
        let now = self.clock.now();
        let mut state = self.state();
        match answer {
            Ok(held) => {
                let token = held.token.clone();
                *state = State {
                    held: Some(held),
                    failure: None,
                };
                Ok(token)
            }
            Err(error) => {
                let token_endpoint = &self.client.token_endpoint;
                tracing::warn!(%error, token_endpoint, "no new token for the service");
                let rest = match error {
                    TokenError::Unavailable { retry_after, .. } => retry_after,
                    _ => RETRY_AFTER,
                };
                state.failure = Some(Failure {
                    error: error.clone(),
                    at: now,
                    rest: rest.clamp(Duration::from_secs(1), Duration::from_hours(1)),
                });
                state.good(now).ok_or(error)
            }
        }
    }

    /// Forgets `token`, which was answered with 401 although its time was not up (RFC 6750 §3.1): it may
    /// have been revoked. The next caller gets another one.
    pub fn refused(&self, token: &Secret) {
        let mut state = self.state();
        let is_refused = |held: &Held| held.token.hash() == token.hash();
        if state.held.as_ref().is_some_and(is_refused) {
            state.held = None;
        }
    }

    async fn ask(&self) -> Result<Held, TokenError> {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        form.extend(self.resource.as_deref().map(|to| ("resource", to)));
        let tokens = self.client.tokens(&self.fetch, &form).await?;
        let token = tokens.access_token;
        if HeaderValue::try_from(token.expose()).is_err() {
            let what = "its token cannot stand in a header".to_owned();
            return Err(TokenError::Unreadable(what));
        }
        let lifetime = tokens.expires_in.unwrap_or(ASSUMED_LIFETIME);
        let now = self.clock.now();
        Ok(Held {
            token,
            renew_at: now.plus(lifetime.saturating_sub(BUFFER.min(lifetime / 10))),
            ends_at: now.plus(lifetime),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}
