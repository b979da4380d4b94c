//! A house for tests: in-memory SQLite, a clock that stands still, the network by script.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use authorization_server::settings::{PreRegisteredClient, Resource, Settings};
use authorization_server::text::Words;
use authorization_server::user::NewUser;
use authorization_server::{AuthorizationServer, Parts};
use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use oauth::client::fetch::{Fetch, FetchError, Fetched, Outgoing, Scripted, Transport};
use oauth::client_metadata::{ClientMetadata, TokenEndpointAuthMethod};
use oauth::issuer::Issuer;
use oauth::messages::TokenResponse;
use oauth::random::OsRandom;
use oauth::redirect_uri::RedirectUri;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::secret::Secret;
use oauth::time::{ManualClock, NumericDate};
use serde_json::Value;
use store::{KeyRing, SharedStore, SqliteStore};
use tokio::sync::RwLock;
use tower::ServiceExt as _;

pub(crate) const ISSUER: &str = "https://as.example";
pub(crate) const TODO: &str = "https://mcp.example/todo/mcp";
pub(crate) const WHOAMI: &str = "https://mcp.example/whoami/mcp";
pub(crate) const PASSWORD: &str = "correct horse battery";
/// A public third-party client that the operator registered, and where its answers go.
pub(crate) const CLIENT: &str = "desktop";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:7777/callback";
/// A public third-party client whose answers go to a site of its own, and where.
pub(crate) const SITE_CLIENT: &str = "site";
pub(crate) const SITE: &str = "https://site.example/callback";
/// The clock of every house starts here.
pub(crate) const START: NumericDate = NumericDate(1_800_000_000);

pub(crate) struct House {
    pub(crate) server: AuthorizationServer,
    pub(crate) clock: ManualClock,
    pub(crate) network: Scripted,
    /// Nothing comes back from the network while somebody has this locked for writing.
    pub(crate) gate: Arc<RwLock<()>>,
    pub(crate) store: SharedStore,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) settings: Settings,
    router: Router,
}

/// The way to the scripted network, which can be cut for a while.
#[derive(Debug)]
struct Line(Scripted, Arc<RwLock<()>>);

#[async_trait]
impl Transport for Line {
    async fn send(&self, request: Outgoing) -> Result<Fetched, FetchError> {
        let _open = self.1.read().await;
        self.0.send(request).await
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Where a redirect leads.
    #[track_caller]
    pub(crate) fn location(&self) -> url::Url {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{self:?}");
        url::Url::parse(self.header("location")).unwrap()
    }

    /// A parameter in the query of a redirect.
    #[track_caller]
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let location = self.location();
        location
            .query_pairs()
            .find(|(known, _)| known == name)
            .map(|(_, v)| v.into_owned())
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"))
            .to_str()
            .unwrap()
    }

    /// Asserts an OAuth error with the status that belongs to it.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status.as_u16(), &self.json()["error"]),
            (status, &error.into()),
            "{self:?}"
        );
    }

    #[track_caller]
    pub(crate) fn tokens(&self) -> TokenResponse {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

/// A client of the operator's making.
pub(crate) fn client(
    client_id: &str,
    secret: Option<&str>,
    method: TokenEndpointAuthMethod,
    grant_types: &[&str],
) -> PreRegisteredClient {
    let metadata = serde_json::json!({
        "client_name": client_id, "redirect_uris": [REDIRECT], "grant_types": grant_types,
    });
    let metadata: ClientMetadata = serde_json::from_value(metadata).unwrap();
    PreRegisteredClient {
        client_id: client_id.to_owned(),
        secret: secret.map(|secret| Secret::from(secret).hash()),
        metadata: ClientMetadata {
            token_endpoint_auth_method: method,
            ..metadata
        },
        first_party: false,
        introspects: Vec::new(),
        exchanges_to: Vec::new(),
        workload: None,
    }
}

fn settings() -> Settings {
    let resource = |indicator: &str, name: &str, scopes: &str| Resource {
        indicator: ResourceIndicator::parse(indicator).unwrap(),
        name: name.to_owned(),
        scopes: scope(scopes),
    };
    let todo_scopes = "create:todos read:todos delete:todos";
    let resources = vec![
        resource(WHOAMI, "Who am I", "openid profile email"),
        resource(TODO, "Todo manager", todo_scopes),
    ];
    let mut settings = Settings::new(Issuer::parse(ISSUER).unwrap(), resources);
    for name in scope(todo_scopes).iter() {
        let words = Words {
            en: format!("May {name}"),
            ko: format!("{name} 허용"),
        };
        settings.scopes.insert(name.to_owned(), words);
    }
    settings.roles.insert("User".into(), scope("create:todos"));
    settings.roles.insert("Admin".into(), scope(todo_scopes));
    let code_flow = ["authorization_code", "refresh_token"];
    let mut service = client(
        "service",
        Some("service-secret"),
        TokenEndpointAuthMethod::ClientSecretBasic,
        &["client_credentials"],
    );
    service.metadata.scope = Some(scope("create:todos"));
    let mut guard = client(
        "todo-server",
        Some("guard-secret"),
        TokenEndpointAuthMethod::ClientSecretPost,
        &["client_credentials"],
    );
    guard.introspects = vec![ResourceIndicator::parse(TODO).unwrap()];
    let public = |client_id| client(client_id, None, TokenEndpointAuthMethod::None, &code_flow);
    let at_site = |client_id| {
        let mut client = public(client_id);
        client.metadata.redirect_uris = vec![RedirectUri::unchecked(SITE)];
        client
    };
    settings.clients = vec![
        public(CLIENT),
        public("other"),
        PreRegisteredClient {
            first_party: true,
            ..at_site("our-own")
        },
        at_site(SITE_CLIENT),
        service,
        guard,
    ];
    settings
}

impl House {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A house whose operator changed the settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let clock = ManualClock::at(START);
        let store: SharedStore = Arc::new(
            SqliteStore::in_memory(Arc::new(clock.clone()))
                .await
                .unwrap(),
        );
        let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
        let house = Self::furnished(settings, clock, store, keys).await;
        for (username, role) in [("alice", "User"), ("admin", "Admin")] {
            let user = NewUser {
                username: username.to_owned(),
                password: Some(Secret::from(PASSWORD)),
                name: Some(format!("{username} of the tests")),
                email: Some(format!("{username}@example.com")),
                email_verified: true,
                roles: vec![role.to_owned()],
            };
            house.server.users().create(user).await.unwrap();
        }
        house
    }

    /// The same house after a restart of the program.
    pub(crate) async fn restarted(self) -> Self {
        Self::furnished(self.settings, self.clock, self.store, self.keys).await
    }

    /// Another server on the same store.
    pub(crate) async fn replica(&self) -> Self {
        Self::furnished(
            self.settings.clone(),
            self.clock.clone(),
            Arc::clone(&self.store),
            Arc::clone(&self.keys),
        )
        .await
    }

    /// The same, after the operator changed the settings.
    pub(crate) async fn restarted_with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self.restarted().await
    }

    async fn furnished(
        settings: Settings,
        clock: ManualClock,
        store: SharedStore,
        keys: Arc<KeyRing>,
    ) -> Self {
        let network = Scripted::default();
        let gate = Arc::default();
        let line = Line(network.clone(), Arc::clone(&gate));
        let parts = Parts {
            store: Arc::clone(&store),
            keys: Arc::clone(&keys),
            clock: Arc::new(clock.clone()),
            random: Arc::new(OsRandom),
            fetch: Fetch::through(line),
        };
        let server = AuthorizationServer::start(settings.clone(), parts)
            .await
            .unwrap();
        let router = server.router();
        Self {
            server,
            clock,
            network,
            gate,
            store,
            keys,
            settings,
            router,
        }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(form_request(path).body(encode(form).into()).unwrap())
            .await
    }

    /// A form from a client that authenticates with `client_secret_basic`.
    pub(crate) async fn post_as(
        &self,
        (client_id, secret): (&str, &str),
        path: &str,
        form: &[(&str, &str)],
    ) -> Answer {
        use base64::Engine as _;
        let pair =
            base64::engine::general_purpose::STANDARD.encode(format!("{client_id}:{secret}"));
        let request = form_request(path).header(AUTHORIZATION, format!("Basic {pair}"));
        self.send(request.body(encode(form).into()).unwrap()).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Whether a resource server would still accept this access token.
    pub(crate) async fn is_accepted(&self, access_token: &str) -> bool {
        let form = [
            ("token", access_token),
            ("client_id", "todo-server"),
            ("client_secret", "guard-secret"),
        ];
        self.post("/introspect", &form).await.json()["active"] == true
    }

    /// Redeems a code as the public client.
    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        self.post("/token", &crate::browser::redemption(code)).await
    }

    /// Redeems a code as the client with a site.
    pub(crate) async fn redeem_at_site(&self, code: &str) -> Answer {
        let mut form = crate::browser::redemption(code);
        (form[2].1, form[3].1) = (SITE_CLIENT, SITE);
        self.post("/token", &form).await
    }

    /// Refreshes as the public client.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", CLIENT),
        ];
        self.post("/token", &form).await
    }
}

fn form_request(path: &str) -> http::request::Builder {
    Request::post(path).header(
        CONTENT_TYPE,
        "application/x-www-form-urlencoded;charset=UTF-8",
    )
}

pub(crate) fn encode(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// Reads what a token says, without asking whether it is still good.
pub(crate) trait ReadToken {
    fn read(&self, token: &str) -> Value;
}

impl ReadToken for AuthorizationServer {
    #[track_caller]
    fn read(&self, token: &str) -> Value {
        let all = oauth::jws::Algorithm::ALL;
        let verified = oauth::jws::verify(token, &self.key_set(), &all).unwrap();
        serde_json::from_slice(&verified.payload).unwrap()
    }
}

/// An ID token of a provider that signs with the secret of its client (HS256, RFC 7518 §3.2).
pub(crate) fn signed_with_secret(secret: &str, claims: &Value) -> String {
    use aws_lc_rs::hmac;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = serde_json::json!({"typ": "JWT", "alg": "HS256"});
    let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
