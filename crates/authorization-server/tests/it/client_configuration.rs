//! Management of registrations (RFC 7592).

use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::browser::{Browser, VERIFIER, authorize, request};
use crate::house::{Answer, House, ISSUER};

const REDIRECT: &str = "https://app.example/callback";

fn metadata() -> Value {
    json!({
        "client_name": "Managed",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
    })
}

/// A client that registered itself, as it remembers itself.
struct Managed {
    client_id: String,
    secret: String,
    token: String,
    path: String,
}

impl Managed {
    async fn register(house: &House) -> Self {
        let answer = house.post_json("/register", metadata().to_string()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let registered = answer.json();
        let member = |name: &str| registered[name].as_str().unwrap().to_owned();
        let uri = member("registration_client_uri");
        let path = uri.strip_prefix(ISSUER).unwrap().to_owned();
        assert_eq!(path, format!("/register/{}", member("client_id")));
        Self {
            client_id: member("client_id"),
            secret: member("client_secret"),
            token: member("registration_access_token"),
            path,
        }
    }

    async fn ask(&self, house: &House, method: Method, body: impl Into<Body>) -> Answer {
        send(house, method, &self.path, Some(&self.token), body).await
    }

    /// An update to `metadata()` after `change`.
    async fn update(&self, house: &House, change: impl FnOnce(&mut Value)) -> Answer {
        let mut metadata = metadata();
        metadata["client_id"] = json!(self.client_id);
        change(&mut metadata);
        self.ask(house, Method::PUT, metadata.to_string()).await
    }

    /// The whole way to tokens, for alice.
    async fn tokens(&self, house: &House) -> oauth::messages::TokenResponse {
        let mut asked = request();
        asked.insert("client_id", self.client_id.clone());
        asked.insert("redirect_uri", REDIRECT.to_owned());
        let code = Browser::new(house).code("alice", &asked).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("client_id", &self.client_id),
            ("client_secret", &self.secret),
            ("code_verifier", VERIFIER),
        ];
        house.post("/token", &form).await.tokens()
    }
}

async fn send(
    house: &House,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.header(CONTENT_TYPE, "application/json");
    house.send(request.body(body.into()).unwrap()).await
}

/// Whether the token endpoint takes `secret` as that of the client.
async fn authenticates(house: &House, client_id: &str, secret: &str) -> bool {
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("client_id", client_id),
        ("client_secret", secret),
    ];
    house.post("/token", &form).await.json()["error"] == "invalid_grant"
}

#[tokio::test]
async fn rfc7592_section_2_1_a_client_reads_what_is_registered() {
    let house = House::start().await;
    let client = Managed::register(&house).await;
    let answer = client.ask(&house, Method::GET, Body::empty()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let read = answer.json();
    assert_eq!(read["client_id"], json!(client.client_id));
    assert_eq!(read["client_name"], "Managed");
    assert_eq!(read["registration_access_token"], json!(client.token));
    assert!(
        read.get("client_secret").is_none(),
        "only its hash is known"
    );
}

#[tokio::test]
async fn a11_the_registration_token_is_not_stored() {
    let house = House::start().await;
    let client = Managed::register(&house).await;
    let kind = store::Kind::new("registered_client");
    let entry = house.store.get(kind, &client.client_id).await.unwrap();
    let body = entry.unwrap().body;
    assert!(!String::from_utf8_lossy(&body).contains(&client.token));
}

#[tokio::test]
async fn rfc7592_section_2_2_an_update_replaces_everything() {
    let house = House::start().await;
    let client = Managed::register(&house).await;
    let moved = "https://app.example/moved";
    let answer = client
        .update(&house, |metadata| {
            metadata["redirect_uris"] = json!([moved]);
            metadata.as_object_mut().unwrap().remove("client_name");
        })
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["redirect_uris"], json!([moved]));
    let read = client.ask(&house, Method::GET, Body::empty()).await.json();
    assert!(read.get("client_name").is_none(), "{read}");
    let mut asked = request();
    asked.insert("client_id", client.client_id.clone());
    asked.insert("redirect_uri", REDIRECT.to_owned());
    assert_eq!(
        house.get(&authorize(&asked)).await.status,
        400,
        "the old one is gone"
    );
}

#[tokio::test]
async fn rfc7592_section_2_2_who_shows_the_secret_keeps_it_and_who_does_not_gets_another() {
    let house = House::start().await;
    let client = Managed::register(&house).await;
    let kept = client
        .update(&house, |metadata| {
            metadata["client_secret"] = json!(client.secret);
        })
        .await
        .json();
    assert_eq!(kept["client_secret"], json!(client.secret));
    assert!(authenticates(&house, &client.client_id, &client.secret).await);

    let rotated = client.update(&house, |_| {}).await.json();
    let secret = rotated["client_secret"].as_str().unwrap();
    assert_ne!(secret, client.secret);
    assert!(authenticates(&house, &client.client_id, secret).await);
    assert!(!authenticates(&house, &client.client_id, &client.secret).await);
}

#[tokio::test]
async fn rfc7592_section_2_2_what_an_update_may_not_say() {
    let house = House::start().await;
    let client = Managed::register(&house).await;
    for (name, value, error) in [
        ("client_id", json!("another"), "invalid_client_metadata"),
        ("client_id", json!(7), "invalid_client_metadata"),
        ("client_secret", json!("chosen"), "invalid_client_metadata"),
        (
            "registration_access_token",
            json!(client.token),
            "invalid_client_metadata",
        ),
        ("client_id_issued_at", json!(1), "invalid_client_metadata"),
        (
            "redirect_uris",
            json!(["javascript:alert(1)"]),
            "invalid_redirect_uri",
        ),
        (
            "grant_types",
            json!(["client_credentials"]),
            "invalid_client_metadata",
        ),
        (
            "response_types",
            json!(["token"]),
            "invalid_client_metadata",
        ),
    ] {
        let answer = client.update(&house, |m| m[name] = value.clone()).await;
        answer.refused(400, error);
    }
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(8 * 1024));
    let answer = client.ask(&house, Method::PUT, large).await;
    answer.refused(413, "invalid_client_metadata");
    let read = client.ask(&house, Method::GET, Body::empty()).await.json();
    assert_eq!(read["redirect_uris"], json!([REDIRECT]));
    assert!(authenticates(&house, &client.client_id, &client.secret).await);
}

#[tokio::test]
async fn rfc7592_section_2_3_a_client_that_leaves_takes_its_grants_with_it() {
    let house = House::start().await;
    let client = Managed::register(&house).await;
    let tokens = client.tokens(&house).await;
    assert!(house.is_accepted(&tokens.access_token).await);
    let mut revocations = house.server.subscribe();

    let answer = client.ask(&house, Method::DELETE, Body::empty()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (204, ""));
    assert!(!house.is_accepted(&tokens.access_token).await);
    let told = revocations.try_recv().unwrap();
    assert_eq!(
        told,
        authorization_server::Revocation::Client(client.client_id.clone())
    );
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_deref().unwrap()),
        ("client_id", &client.client_id),
        ("client_secret", &client.secret),
    ];
    let answer = house.post("/token", &refresh).await;
    answer.refused(401, "invalid_client");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = client.ask(&house, method, "{}").await;
        answer.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn rfc7592_section_2_a_wrong_token_and_an_unknown_client_look_the_same() {
    let house = House::start().await;
    let client = Managed::register(&house).await;
    let other = Managed::register(&house).await;
    let public = json!({
        "redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none",
    });
    let public = house
        .post_json("/register", public.to_string())
        .await
        .json();
    let public = format!("/register/{}", public["client_id"].as_str().unwrap());
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        for (path, token) in [
            (&*client.path, "wrong"),
            (&client.path, &other.token),
            (&client.path, &client.secret),
            ("/register/unknown", &client.token),
            ("/register/desktop", &client.token),
            (&public, &client.token),
            (&public, ""),
        ] {
            let answer = send(&house, method.clone(), path, Some(token), "no json").await;
            answer.refused(401, "invalid_token");
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer error=\"invalid_token\""
            );
            let text = answer.json()["error_description"].to_string();
            assert!(text.contains("token is not valid"), "{text}");
        }
        let nothing = send(&house, method, &client.path, None, "{}").await;
        assert_eq!(nothing.status, 401);
        assert_eq!(nothing.header("www-authenticate"), "Bearer");
    }
    let still = client.ask(&house, Method::GET, Body::empty()).await;
    assert_eq!(still.status, 200, "nothing has happened to it");
}

#[tokio::test]
async fn c1_a_registration_that_strangers_share_has_no_token() {
    let house = House::start().await;
    let public = json!({
        "redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none",
    });
    for _ in 0..2 {
        let registered = house
            .post_json("/register", public.to_string())
            .await
            .json();
        assert!(registered.get("registration_access_token").is_none());
        assert!(registered.get("registration_client_uri").is_none());
    }
}

#[tokio::test]
async fn management_can_be_switched_off() {
    let mut house = House::start().await;
    let client = Managed::register(&house).await;
    let rules = house.settings.registration.as_mut();
    rules.unwrap().management = false;
    let house = house.restarted().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = client.ask(&house, method, "{}").await;
        answer.refused(403, "access_denied");
    }
    let registered = house.post_json("/register", metadata().to_string()).await;
    assert!(registered.json().get("registration_access_token").is_none());
}

#[tokio::test]
async fn d4_programs_in_browsers_manage_their_registration() {
    let house = House::start().await;
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/register/x")
        .header("origin", "http://localhost:6274")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization");
    let answer = house.send(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("access-control-allow-methods")
            .contains("DELETE")
    );
}
