//! The stand-in API by itself: who gets in, and that it is as strict as a good provider.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use examples::demo_api::{ACCESS_TOKEN_LIFETIME, DemoApi, RegisteredClient};
use http::{Request, StatusCode};
use oauth::pkce::CodeVerifier;
use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::client::send;

pub(crate) const REDIRECT: &str = "https://sumun.example/callback/demo-api";

pub(crate) struct World {
    pub(crate) api: DemoApi,
    pub(crate) router: Router,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        let client = RegisteredClient {
            client_id: "sumun".to_owned(),
            client_secret: "s3cret".into(),
            redirect_uri: REDIRECT.to_owned(),
        };
        let clock = Arc::new(ManualClock::at(NumericDate(1_795_851_485)));
        let api = DemoApi::new(client, clock.clone(), Arc::new(OsRandom));
        Self {
            router: api.router(),
            api,
            clock,
        }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body));
        send(&self.router, request.unwrap()).await
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let client = [("client_id", "sumun"), ("client_secret", "s3cret")];
        self.post("/oauth/token", &[&client, form].concat()).await
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        send(&self.router, request.body(Body::empty()).unwrap()).await
    }

    /// Where the browser is sent after `username` agreed.
    async fn agreed(&self, username: &str, verifier: &CodeVerifier) -> url::Url {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", "sumun"),
                ("redirect_uri", REDIRECT),
                ("response_type", "code"),
                ("state", "st"),
                ("code_challenge", verifier.challenge().as_str()),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let request = Request::get(format!("/oauth/authorize?{query}"));
        let page = self
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap());
        let page = page.await.unwrap();
        assert_eq!(page.status(), 200);
        let page = axum::body::to_bytes(page.into_body(), 99_999)
            .await
            .unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        let name = page.split("name=\"request\" value=\"").nth(1).unwrap();
        let name = name.split('"').next().unwrap();
        let form = format!("request={name}&account={username}&action=approve");
        let request = Request::post("/oauth/choose")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form));
        let back = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let location = back.headers()["location"].to_str().unwrap();
        url::Url::parse(location).unwrap()
    }

    /// The tokens of an account.
    pub(crate) async fn tokens_of(&self, username: &str) -> Value {
        let verifier = CodeVerifier::random(&OsRandom);
        let back = self.agreed(username, &verifier).await;
        let code = back.query_pairs().find(|(name, _)| name == "code");
        let code = code.unwrap().1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", verifier.expose()),
        ];
        let (status, tokens) = self.token(&form).await;
        assert_eq!(status, 200, "{tokens}");
        let (status, _) = self.token(&form).await;
        assert_eq!(status, 400, "a code works once");
        tokens
    }
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

#[tokio::test]
async fn people_and_the_service_get_what_is_theirs() {
    let world = World::new();
    let mina = world.tokens_of("mina").await;
    let mina = text(&mina, "access_token");
    let (_, service) = world.token(&[("grant_type", "client_credentials")]).await;
    let service = text(&service, "access_token");
    let activity = "/user/activity?startDate=2026-11-01&endDate=2026-11-02";
    for (path, token, status) in [
        ("/health", None, 200),
        ("/user/profile", None, 401),
        ("/user/profile", Some("made-up"), 401),
        ("/user/profile", Some(mina), 200),
        ("/user/profile", Some(service), 403),
        (activity, Some(mina), 200),
        ("/system/errors?hours=24&limit=5", Some(service), 200),
        ("/system/errors", Some(mina), 403),
        ("/system/errors?hours=169", Some(service), 400),
        (
            "/user/activity?startDate=2026-11-02&endDate=2026-11-01",
            Some(mina),
            400,
        ),
        (
            "/user/activity?startDate=x&endDate=2026-11-01",
            Some(mina),
            400,
        ),
    ] {
        let (found, body) = world.get(path, token).await;
        assert_eq!(found.as_u16(), status, "{path} {body}");
    }
    let (_, profile) = world.get("/user/profile", Some(mina)).await;
    assert_eq!(profile["name"], "Mina Park");
    let (_, errors) = world
        .get("/system/errors?hours=24&limit=5", Some(service))
        .await;
    assert_eq!(
        (errors["errors"].as_array().unwrap().len(), &errors["total"]),
        (5, &json!(62))
    );
    world.clock.advance(ACCESS_TOKEN_LIFETIME);
    assert_eq!(world.get("/user/profile", Some(mina)).await.0, 401);
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_the_connection() {
    let world = World::new();
    let first = world.tokens_of("joon").await;
    let refresh = |token: String| {
        let world = &world;
        async move {
            let form = [("grant_type", "refresh_token"), ("refresh_token", &*token)];
            world.token(&form).await
        }
    };
    let (status, second) = refresh(text(&first, "refresh_token").into()).await;
    assert_eq!(status, 200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(world.api.refreshes(), 1);
    assert_eq!(refresh(text(&first, "refresh_token").into()).await.0, 400);
    assert_eq!(
        refresh(text(&second, "refresh_token").into()).await.0,
        400,
        "all of it ends"
    );
    let access = text(&second, "access_token");
    assert_eq!(world.get("/user/profile", Some(access)).await.0, 401);
    // Another connection of the same account is not touched.
    world.clock.advance(Duration::from_secs(1));
    let other = world.tokens_of("joon").await;
    let other = text(&other, "access_token");
    assert_eq!(world.get("/user/profile", Some(other)).await.0, 200);
}
