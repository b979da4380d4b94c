//! A provider with an API behind one transport, and a client of both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use delegation::{
    ApiClient, Credential, Parts, ProviderClient, ProviderClients, RefreshSettings, ValidTokens,
    Vault,
};
use http::{HeaderMap, StatusCode};
use oauth::client::fetch::{Fetch, FetchError, Fetched, Outgoing, Transport};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::{Clock as _, ManualClock, NumericDate};
use store::{KeyRing, SharedStore, SqliteStore};

pub(crate) const NOW: NumericDate = NumericDate(1_000_000);
pub(crate) const API: &str = "https://api.example/v1";
pub(crate) const TOKEN: &str = "https://as.example/token";
pub(crate) const CLIENT_SECRET: &str = "canary-s3";

/// What an address answers: a status with headers and a body, or nothing in time, or nothing at all.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    With(u16, Vec<(&'static str, String)>, String),
    /// A status, and all that was sent as the words of an error.
    Echo(u16),
    TooSlow,
    Unplugged,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Whose access token it is.
    pub(crate) good: BTreeMap<String, String>,
    /// Answers of the API instead of its own.
    pub(crate) api: Option<Answer>,
    /// Answers of the token endpoint instead of its own.
    pub(crate) token: Option<Answer>,
    pub(crate) sent: Vec<Outgoing>,
    issued: u32,
}

/// The API answers with the name of the person whose token it is; the provider rotates.
#[derive(Clone, Default)]
pub(crate) struct Network(pub(crate) Arc<Mutex<State>>);

impl Network {
    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// How many requests went to addresses that begin with `prefix`.
    pub(crate) fn sent_to(&self, prefix: &str) -> usize {
        let state = self.state();
        let sent = state.sent.iter();
        sent.filter(|request| request.url.as_str().starts_with(prefix))
            .count()
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

fn token_of(request: &Outgoing) -> String {
    let header = request.headers.get("authorization");
    let header = header.map_or("", |value| value.to_str().unwrap());
    header.trim_start_matches("Bearer ").to_owned()
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Outgoing) -> Result<Fetched, FetchError> {
        // Others have a turn while an answer is on its way.
        tokio::task::yield_now().await;
        let mut state = self.state();
        let is_token = request.url.as_str() == TOKEN;
        let scripted = if is_token {
            state.token.clone()
        } else {
            state.api.clone()
        };
        let answer = scripted.unwrap_or_else(|| {
            if is_token {
                state.issue(&request)
            } else {
                match state.good.get(&token_of(&request)) {
                    Some(name) => Answer::With(200, vec![], format!(r#"{{"name":"{name}"}}"#)),
                    None => Answer::With(401, vec![], r#"{"message":"ended"}"#.into()),
                }
            }
        });
        let answer = match answer {
            Answer::Echo(status) => {
                let header = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
                let said: Vec<_> = request.headers.values().map(header).collect();
                let body = serde_json::json!({"message": said.join(" ")});
                Answer::With(status, vec![], body.to_string())
            }
            other => other,
        };
        state.sent.push(request);
        match answer {
            Answer::Echo(_) => unreachable!("it has become an answer"),
            Answer::TooSlow => Err(FetchError::Deadline),
            Answer::Unplugged => Err(FetchError::Unreachable("no route".into())),
            Answer::With(status, headers, body) => {
                let header = |(name, value): (&str, String)| -> (http::HeaderName, _) {
                    (name.parse().unwrap(), value.parse().unwrap())
                };
                Ok(Fetched {
                    status: StatusCode::from_u16(status).unwrap(),
                    headers: headers.into_iter().map(header).collect::<HeaderMap>(),
                    body: body.into(),
                })
            }
        }
    }
}

impl State {
    fn issue(&mut self, request: &Outgoing) -> Answer {
        self.issued += 1;
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body)
            .into_owned()
            .collect();
        let name = match form["grant_type"].as_str() {
            "client_credentials" => "service",
            _ => form["refresh_token"].split('-').nth(2).unwrap(),
        };
        let (access, refresh) = (
            format!("canary-access-{name}-{}", self.issued),
            format!("canary-refresh-{name}-{}", self.issued),
        );
        self.good.insert(access.clone(), name.to_owned());
        let body = format!(
            r#"{{"access_token":"{access}","refresh_token":"{refresh}","expires_in":"3600"}}"#
        );
        Answer::With(200, vec![], body)
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) network: Network,
    pub(crate) vault: Vault,
    pub(crate) tokens: ValidTokens,
    pub(crate) fetch: Fetch,
}

pub(crate) fn provider_client() -> ProviderClient {
    ProviderClient {
        token_endpoint: TOKEN.to_owned(),
        client_id: "us".to_owned(),
        client_secret: Some(Secret::from(CLIENT_SECRET)),
        auth_method: TokenEndpointAuthMethod::ClientSecretPost,
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let clock = ManualClock::at(NOW);
        let store = SqliteStore::in_memory(Arc::new(clock.clone())).await;
        let store: SharedStore = Arc::new(store.unwrap());
        let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
        let network = Network::default();
        let fetch = Fetch::through(network.clone());
        let providers = ProviderClients::new(fetch.clone(), Arc::new(clock.clone()));
        let parts = Parts {
            store: Arc::clone(&store),
            keys: Arc::clone(&keys),
            clock: Arc::new(clock.clone()),
            random: Arc::new(OsRandom),
            refresher: Arc::new(providers.with("calendar", provider_client())),
        };
        let settings = RefreshSettings {
            poll_interval: Duration::from_millis(1),
            ..RefreshSettings::default()
        };
        Self {
            vault: Vault::new(store, keys),
            tokens: ValidTokens::new(parts, settings),
            clock,
            network,
            fetch,
        }
    }

    /// `name` connects an account.
    pub(crate) async fn connect(&self, name: &str) {
        let access_token = format!("canary-access-{name}");
        let credential = Credential {
            access_token: Secret::from(access_token.clone()),
            refresh_token: Some(Secret::from(format!("canary-refresh-{name}"))),
            expires_at: Some(self.clock.now().plus(Duration::from_hours(1))),
            refresh_expires_at: None,
            scope: None,
        };
        self.vault.put(name, "calendar", &credential).await.unwrap();
        let mut state = self.network.state();
        state.good.insert(access_token, name.to_owned());
    }

    pub(crate) fn client(&self) -> ApiClient {
        let client = ApiClient::new(API, self.fetch.clone()).unwrap();
        client.people(self.tokens.clone(), "calendar")
    }
}
