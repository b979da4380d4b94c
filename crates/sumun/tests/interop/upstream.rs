//! Our client role against npm `oidc-provider`: what it issues is renewed, rotated and ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use authorization_server::identity_provider::{
    Arrival, IdentityProvider, IdentityProviderError, IdentityProviderSettings, Leg,
};
use authorization_server::settings::{Resource, Settings};
use authorization_server::{AuthorizationServer, Parts};
use axum::Router;
use axum::routing::get;
use delegation::{ProviderClient, ProviderClients, RefreshSettings, ValidTokens, Vault};
use oauth::client::authorization::CallbackAnswer;
use oauth::client::fetch::Fetch;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::issuer::Issuer as OwnIssuer;
use oauth::random::OsRandom;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::{Clock as _, SystemClock};
use store::{KeyRing, SharedStore, SqliteStore};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::driver::Driver;
use crate::foreign_issuer::{BORA, Issuer};
use crate::http_client;

/// A house of ours in this process, of which only the callback is served, and the provider.
struct Road {
    issuer: Issuer,
    server: AuthorizationServer,
    _callback: JoinSet<()>,
}

impl Road {
    async fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let page = Router::new().route("/callback/corp", get(|| async { "Back again." }));
        let mut callback = JoinSet::new();
        callback.spawn(async move { axum::serve(listener, page).await.unwrap() });
        let redirect_uri = format!("{own}/callback/corp");
        let issuer = Issuer::start(&[("--redirect-uri", &redirect_uri)]).await;

        let (client_id, secret) = issuer.credentials("web");
        let mut corp =
            IdentityProviderSettings::new("corp", "oidc", client_id, Some(secret.into()));
        let scopes = ["openid", "profile", "email", "offline_access"];
        let prompt = ("prompt".to_owned(), "consent".to_owned());
        corp.overrides.issuer = Some(issuer.get("issuer").to_owned());
        corp.overrides.token_endpoint_auth_method = Some("client_secret_post".to_owned());
        corp.overrides.scopes = Some(scopes.map(str::to_owned).to_vec());
        corp.overrides.authorization_parameters = Some([prompt].into());
        let resource = Resource {
            indicator: ResourceIndicator::parse(&format!("{own}/mcp")).unwrap(),
            name: "A server".to_owned(),
            scopes: Scope::empty(),
        };
        let mut settings = Settings::new(OwnIssuer::parse(&own).unwrap(), vec![resource]);
        settings.identity_providers = vec![corp];
        let clock = Arc::new(SystemClock);
        let parts = Parts {
            store: Arc::new(SqliteStore::in_memory(clock.clone()).await.unwrap()),
            keys: Arc::new(KeyRing::ephemeral(&OsRandom)),
            clock,
            random: Arc::new(OsRandom),
            fetch: Fetch::new().unwrap(),
        };
        Self {
            issuer,
            server: AuthorizationServer::start(settings, parts).await.unwrap(),
            _callback: callback,
        }
    }

    fn provider(&self) -> &IdentityProvider {
        self.server.identity_providers().get("corp").unwrap()
    }

    /// Bora goes there in a browser, and comes back.
    async fn walk(&self) -> Arrival {
        let leg = Leg::begin(&OsRandom, None);
        let url = self
            .provider()
            .authorization_url(&leg, "a-state")
            .await
            .unwrap();
        let browser = Driver::new("browser.mjs").flag(url.as_str()).person(BORA);
        let sign_in = browser.run().await;
        let landed = url::Url::parse(sign_in["finalUrl"].as_str().unwrap()).unwrap();
        let value = |name: &str| {
            let found = landed.query_pairs().find(|(known, _)| known == name);
            found.map(|(_, value)| value.into_owned())
        };
        let answer = CallbackAnswer {
            code: value("code"),
            state: value("state"),
            iss: value("iss"),
            error: value("error"),
            error_description: value("error_description"),
        };
        self.provider()
            .finish(&leg, "a-state", &answer)
            .await
            .unwrap()
    }
}

#[track_caller]
fn assert_ended<T: std::fmt::Debug>(result: Result<T, IdentityProviderError>) {
    let error = result.unwrap_err();
    let is_end = matches!(error, IdentityProviderError::CredentialEnded { .. });
    assert!(is_end, "{error:?}");
}

#[tokio::test]
async fn b3_b4_credentials_of_a_real_provider_are_rotated() {
    let road = Road::begin().await;
    let first = road.walk().await.credential;
    let second = road.provider().refresh(&first).await.unwrap();
    let refresh_token = |of: &Option<oauth::secret::Secret>| of.as_ref().unwrap().hash();
    assert_ne!(
        refresh_token(&first.refresh_token),
        refresh_token(&second.refresh_token)
    );
    assert_ne!(first.access_token.hash(), second.access_token.hash());
    // It takes a second use of the old one for theft, and ends everything (RFC 9700 §4.14.2).
    assert_ended(road.provider().refresh(&first).await);
    assert_ended(road.provider().refresh(&second).await);
}

#[tokio::test]
async fn a_credential_of_a_real_provider_is_ended_there() {
    let road = Road::begin().await;
    let arrival = road.walk().await;
    assert_eq!(arrival.identity.subject, "bora");
    let token = arrival.credential.access_token.expose();
    let userinfo = road.issuer.get("userinfo_endpoint");
    assert_eq!(http_client::get(userinfo, Some(token)).await.status, 200);
    road.provider().revoke(&arrival.credential).await.unwrap();
    assert_eq!(http_client::get(userinfo, Some(token)).await.status, 401);
    assert_ended(road.provider().refresh(&arrival.credential).await);
}

/// The tokens of one process, with a connection of its own to the store that all of them share.
async fn process(road: &Road, data: &std::path::Path, keys: &Arc<KeyRing>) -> (ValidTokens, Vault) {
    let clock = Arc::new(SystemClock);
    let store: SharedStore = Arc::new(SqliteStore::open(data, clock.clone()).await.unwrap());
    let (client_id, secret) = road.issuer.credentials("web");
    let client = ProviderClient {
        token_endpoint: road.issuer.get("token_endpoint").to_owned(),
        client_id: client_id.to_owned(),
        client_secret: Some(secret.into()),
        auth_method: TokenEndpointAuthMethod::ClientSecretPost,
    };
    let providers = ProviderClients::new(Fetch::new().unwrap(), clock.clone());
    let parts = delegation::Parts {
        store: Arc::clone(&store),
        keys: Arc::clone(keys),
        clock,
        random: Arc::new(OsRandom),
        refresher: Arc::new(providers.with("corp", client)),
    };
    let tokens = ValidTokens::new(parts, RefreshSettings::default());
    (tokens, Vault::new(store, Arc::clone(keys)))
}

/// A provider that takes the second use of a refresh token for theft does not notice how many callers
/// there are: at the moment of expiry, 200 of them in two processes are one to it, time after time.
#[tokio::test]
async fn two_hundred_callers_survive_a_provider_with_rotation_and_reuse_detection() {
    let road = Road::begin().await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("sumun.db");
    let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
    let (here, vault) = process(&road, &data, &keys).await;
    let (there, _) = process(&road, &data, &keys).await;
    let mut credential = road.walk().await.credential;
    for _ in 0..3 {
        credential.expires_at = Some(SystemClock.now().minus(Duration::from_secs(1)));
        vault.put("us", "corp", &credential).await.unwrap();
        let callers = (0..200).map(|n| [&here, &there][n % 2].valid_token("us", "corp"));
        let tokens = futures_util::future::join_all(callers).await;
        let tokens: BTreeSet<_> = tokens
            .into_iter()
            .map(|token| token.unwrap().expose().to_owned())
            .collect();
        assert_eq!(tokens.len(), 1, "there was one renewal");
        let token = tokens.first().unwrap();
        assert_ne!(token, credential.access_token.expose());
        let userinfo = road.issuer.get("userinfo_endpoint");
        assert_eq!(http_client::get(userinfo, Some(token)).await.status, 200);
        credential = vault.get("us", "corp").await.unwrap().unwrap();
    }
}
