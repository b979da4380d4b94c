//! A house to attack: an authorization server in memory with an identity provider that nobody can reach,
//! and a network on which one client lives.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use authorization_server::identity_provider::IdentityProviderSettings;
use authorization_server::settings::{Resource, Settings};
use authorization_server::{AuthorizationServer, Parts};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use oauth::client::fetch::{Fetch, Scripted};
use oauth::issuer::Issuer;
use oauth::random::OsRandom;
use oauth::resource::ResourceIndicator;
use oauth::secret::Secret;
use oauth::time::{ManualClock, NumericDate};
use store::{KeyRing, SqliteStore};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

/// The client that lives on the network, and the address of its metadata document.
pub(crate) const CLIENT: &str = "https://client.example/app";

/// A well-formed document of that client.
pub(crate) const DOCUMENT: &str = r#"{
    "client_id": "https://client.example/app",
    "client_name": "App",
    "redirect_uris": ["https://client.example/callback", "http://127.0.0.1/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "none"
}"#;

/// How many attacks share a day: limits and caches of the day before are gone.
const ATTACKS_A_DAY: u64 = 16;

pub(crate) struct House {
    runtime: Runtime,
    router: Router,
    store: Arc<SqliteStore>,
    clock: ManualClock,
    /// What the network answers.
    pub(crate) network: Scripted,
    attacks: u64,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl House {
    fn build() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a process that fuzzes may have a runtime");
        let clock = ManualClock::at(NumericDate(1_800_000_000));
        let network = Scripted::default();
        let issuer = Issuer::parse("https://as.example").expect("it is an issuer");
        let indicator = ResourceIndicator::parse("https://mcp.example/whoami/mcp");
        let resource = Resource {
            indicator: indicator.expect("it is a resource"),
            name: "Who am I".to_owned(),
            scopes: "openid profile".parse().expect("it is a scope"),
        };
        let mut settings = Settings::new(issuer, vec![resource]);
        let secret = Some(Secret::from("our secret there"));
        let mut provider = IdentityProviderSettings::new("idp", "oidc", "us", secret);
        provider.overrides.issuer = Some("https://idp.example".to_owned());
        settings.identity_providers.push(provider);
        let started = runtime.block_on(async {
            let store = SqliteStore::in_memory(Arc::new(clock.clone())).await?;
            let store = Arc::new(store);
            let parts = Parts {
                store: Arc::clone(&store) as _,
                keys: Arc::new(KeyRing::ephemeral(&OsRandom)),
                clock: Arc::new(clock.clone()),
                random: Arc::new(OsRandom),
                fetch: Fetch::through(network.clone()),
            };
            let server = AuthorizationServer::start(settings, parts).await;
            Ok::<_, store::StoreError>((store, server))
        });
        let (store, server) = started.expect("memory is always there");
        let server = server.expect("the settings are good");
        Self {
            runtime,
            router: server.router(),
            store,
            clock,
            network,
            attacks: 0,
        }
    }

    /// Sends a request. No stranger may bring the house into trouble, so a status of 500 and more is
    /// a finding.
    pub(crate) fn attack(&mut self, request: Request<Body>) -> Answer {
        self.attacks += 1;
        if self.attacks.is_multiple_of(ATTACKS_A_DAY) {
            self.clock.advance(Duration::from_hours(24));
        }
        self.runtime.block_on(async {
            if self.attacks.is_multiple_of(ATTACKS_A_DAY * 64) {
                let swept = self.store.sweep().await;
                swept.expect("memory is always there");
            }
            let Ok(response) = self.router.clone().oneshot(request).await;
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await;
            let body = body.expect("the house finishes what it begins to say");
            let (status, headers) = (parts.status, parts.headers);
            assert!(!status.is_server_error(), "{status}: {body:?}");
            Answer {
                status,
                headers,
                body,
            }
        })
    }
}

/// Attacks the one house of this process.
pub(crate) fn with_house<T>(attack: impl FnOnce(&mut House) -> T) -> T {
    static HOUSE: OnceLock<Mutex<House>> = OnceLock::new();
    let house = HOUSE.get_or_init(|| Mutex::new(House::build()));
    attack(&mut house.lock().unwrap_or_else(PoisonError::into_inner))
}
