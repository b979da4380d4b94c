//! How clients prove themselves, and client credentials (RFC 6749 §2.3, §4.4, RFC 7523).

use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::jwk::JwkSet;
use oauth::jws::Algorithm;
use oauth::signing_key::SigningKey;
use serde_json::{Value, json};

use crate::house::{CLIENT, House, ISSUER, ReadToken as _, START, TODO, client, scope};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn assertion_key() -> SigningKey {
    let pkcs8 = SigningKey::generate(Algorithm::ES256).unwrap();
    SigningKey::from_pkcs8(Algorithm::ES256, &pkcs8).unwrap()
}

/// A house that knows the client `signer` by its key.
async fn house_with_signer(key: &SigningKey) -> House {
    let keys = JwkSet {
        keys: vec![key.public().clone()],
    };
    House::with(|settings| {
        let method = TokenEndpointAuthMethod::PrivateKeyJwt;
        let mut signer = client("signer", None, method, &["client_credentials"]);
        signer.metadata.jwks = Some(keys);
        signer.metadata.scope = Some(scope("create:todos"));
        settings.clients.push(signer);
    })
    .await
}

fn claims() -> Value {
    json!({"iss": "signer", "sub": "signer", "aud": ISSUER, "exp": START.0 + 60, "jti": "once"})
}

fn form(assertion: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
    ]
}

#[tokio::test]
async fn client_credentials_by_every_method() {
    let key = assertion_key();
    let house = house_with_signer(&key).await;
    let grant = [
        ("grant_type", "client_credentials"),
        ("scope", "create:todos"),
    ];
    let tokens = house
        .post_as(("service", "service-secret"), "/token", &grant)
        .await
        .tokens();
    let claims_of = house.server.read(&tokens.access_token);
    assert_eq!(
        claims_of["sub"], "service",
        "RFC 9068 §2.2: the client acts for itself"
    );
    assert_eq!(
        claims_of["aud"], TODO,
        "the scope says which resource is meant"
    );
    assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none());

    let assertion = key.sign("JWT", &claims()).unwrap();
    let tokens = house.post("/token", &form(&assertion)).await.tokens();
    assert_eq!(tokens.scope, scope("create:todos"));
}

#[tokio::test]
async fn the_method_is_the_one_that_was_registered() {
    let house = House::start().await;
    let grant = ("grant_type", "client_credentials");
    let secret = ("client_secret", "service-secret");
    let in_form = [grant, ("client_id", "service"), secret];
    house
        .post("/token", &in_form)
        .await
        .refused(401, "invalid_client");
    let twice = house
        .post_as(("service", "service-secret"), "/token", &[grant, secret])
        .await;
    twice.refused(400, "invalid_request");
    let public = house.post("/token", &[grant, ("client_id", CLIENT)]).await;
    public.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn a11_a_wrong_secret_says_nothing_but_that() {
    let house = House::start().await;
    let grant = [("grant_type", "client_credentials")];
    for credentials in [
        ("service", "wrong"),
        ("service", ""),
        ("nobody", "service-secret"),
    ] {
        let answer = house.post_as(credentials, "/token", &grant).await;
        answer.refused(401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "Basic");
        assert!(!answer.body.contains("service-secret"));
    }
}

#[tokio::test]
async fn a_client_without_a_scope_of_its_own_is_told_so() {
    let house = House::with(|settings| {
        let method = TokenEndpointAuthMethod::ClientSecretPost;
        let poor = client("poor", Some("poor-secret"), method, &["client_credentials"]);
        settings.clients.push(poor);
    })
    .await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "poor"),
        ("client_secret", "poor-secret"),
        ("scope", "create:todos"),
    ];
    let answer = house.post("/token", &form).await;
    answer.refused(400, "invalid_scope");
    let reason = "the operator has given this client no scope of its own";
    assert!(answer.body.contains(reason), "{answer:?}");
}

#[tokio::test]
async fn an_assertion_is_good_once() {
    let key = assertion_key();
    let house = house_with_signer(&key).await;
    let assertion = key.sign("JWT", &claims()).unwrap();
    assert_eq!(house.post("/token", &form(&assertion)).await.status, 200);
    house
        .post("/token", &form(&assertion))
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn assertions_that_prove_nothing() {
    let key = assertion_key();
    let house = house_with_signer(&key).await;
    let bad: [(&str, Value); 7] = [
        ("iss", json!("other")),
        ("sub", json!("service")),
        ("aud", json!("https://elsewhere.example")),
        ("exp", json!(START.0 - 31)),
        ("exp", json!(START.0 + 3600)),
        ("nbf", json!(START.0 + 3600)),
        ("jti", Value::Null),
    ];
    for (name, value) in bad {
        let mut claims = claims();
        claims[name] = value;
        let assertion = key.sign("JWT", &claims).unwrap();
        let mut form = form(&assertion).to_vec();
        form.push(("client_id", "signer"));
        house
            .post("/token", &form)
            .await
            .refused(401, "invalid_client");
    }
    let foreign = assertion_key().sign("JWT", &claims()).unwrap();
    house
        .post("/token", &form(&foreign))
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn a_client_gets_no_more_than_the_operator_allowed() {
    let house = House::start().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "create:todos delete:todos"),
    ];
    let answer = house
        .post_as(("service", "service-secret"), "/token", &form)
        .await;
    answer.refused(400, "invalid_scope");
}

#[tokio::test]
async fn the_documented_path_answers_as_well() {
    let house = House::start().await;
    let form = [("grant_type", "client_credentials")];
    let answer = house
        .post_as(("service", "service-secret"), "/oauth2/token", &form)
        .await;
    assert_eq!(answer.json()["expires_in"], 1800);
}

#[tokio::test]
async fn what_is_no_token_request() {
    let house = House::start().await;
    let unknown = [("grant_type", "password"), ("client_id", CLIENT)];
    house
        .post("/token", &unknown)
        .await
        .refused(400, "unsupported_grant_type");
    house
        .post("/token", &[("client_id", CLIENT)])
        .await
        .refused(400, "invalid_request");
    house
        .post("/token", &[])
        .await
        .refused(401, "invalid_client");
    house
        .post_json("/token", "{}")
        .await
        .refused(400, "invalid_request");
    let twice = [("client_id", CLIENT), ("client_id", "other")];
    house
        .post("/token", &twice)
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn a9_keys_at_an_address_are_asked_for_once_and_again_when_they_change() {
    const KEYS: &str = "https://signer.example/keys";
    let house = House::with(|settings| {
        let method = TokenEndpointAuthMethod::PrivateKeyJwt;
        let mut signer = client("signer", None, method, &["client_credentials"]);
        signer.metadata.jwks_uri = Some(KEYS.to_owned());
        signer.metadata.scope = Some(scope("create:todos"));
        settings.clients.push(signer);
    })
    .await;
    let jti = |jti: String| {
        let mut claims = claims();
        claims["jti"] = jti.into();
        claims
    };
    let key = assertion_key();
    let publish = |key: &SigningKey| {
        let keys = vec![key.public().clone()];
        house.network.answer_json(KEYS, &JwkSet { keys });
    };
    let unpublished = key.sign("JWT", &jti("unpublished".to_owned())).unwrap();
    let answer = house.post("/token", &form(&unpublished)).await;
    answer.refused(401, "invalid_client");
    assert!(answer.body.contains("jwks_uri"), "{answer:?}");

    publish(&key);
    house.advance(30);
    for n in 0..5 {
        let assertion = key.sign("JWT", &jti(n.to_string())).unwrap();
        assert_eq!(house.post("/token", &form(&assertion)).await.status, 200);
    }
    assert_eq!(house.network.requests().len(), 2);

    let next = assertion_key();
    publish(&next);
    let assertion = next.sign("JWT", &jti("next".to_owned())).unwrap();
    assert_eq!(house.post("/token", &form(&assertion)).await.status, 200);
    for n in 0..5 {
        let old = key.sign("JWT", &jti(format!("old {n}"))).unwrap();
        house
            .post("/token", &form(&old))
            .await
            .refused(401, "invalid_client");
    }
    assert_eq!(house.network.requests().len(), 3, "garbage asks nobody");
}

#[tokio::test]
async fn nobody_makes_us_ask_for_keys_any_number_of_times() {
    let house = House::with(|settings| {
        for n in 0..2 {
            let method = TokenEndpointAuthMethod::PrivateKeyJwt;
            let mut signer = client("signer", None, method, &["client_credentials"]);
            signer.client_id = format!("signer{n}");
            signer.metadata.jwks_uri = Some(format!("https://signer.example/{n}"));
            settings.clients.push(signer);
        }
    })
    .await;
    let key = assertion_key();
    let garbage = key.sign("JWT", &claims()).unwrap();
    let attempt = async |n: u32| {
        let signer = format!("signer{}", n % 2);
        let mut form = form(&garbage).to_vec();
        form.push(("client_id", &signer));
        house.post("/token", &form).await
    };
    for n in 0..300 {
        attempt(n).await.refused(401, "invalid_client");
    }
    attempt(0).await.refused(429, "temporarily_unavailable");
    house.advance(600);
    attempt(0).await.refused(401, "invalid_client");
}
