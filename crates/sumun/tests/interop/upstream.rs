//! Our client role against npm `oidc-provider`: what it issues is renewed, rotated and ended.

use std::sync::Arc;

use authorization_server::identity_provider::{
    Arrival, IdentityProvider, IdentityProviderError, IdentityProviderSettings, Leg,
};
use authorization_server::settings::{Resource, Settings};
use authorization_server::{AuthorizationServer, Parts};
use axum::Router;
use axum::routing::get;
use oauth::client::authorization::CallbackAnswer;
use oauth::client::fetch::Fetch;
use oauth::issuer::Issuer as OwnIssuer;
use oauth::random::OsRandom;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::SystemClock;
use store::{KeyRing, SqliteStore};
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
        let leg = Leg::begin(self.provider(), &OsRandom, None);
        let url = self.provider().authorization_url(&leg).await.unwrap();
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
        self.provider().finish(&leg, &answer).await.unwrap()
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
