//! Workloads: programs whose platform vouches for them (MCP workload identity federation, RFC 7523).

use authorization_server::settings::{PreRegisteredClient, Settings, TrustedIssuer, Workload};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::grant_type;
use oauth::jwk::JwkSet;
use serde_json::{Value, json};

use crate::foreign_issuer::{ForeignIssuer, KEYS, with, with_header};
use crate::house::{Answer, House, ISSUER, ReadToken as _, START, TODO, WHOAMI, client, scope};

const PLATFORM: &str = "https://kubernetes.example";
const SUBJECT: &str = "system:serviceaccount:tools:router";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn with_router(settings: &mut Settings) {
    settings.trusted_issuers = vec![TrustedIssuer {
        jwks_uri: Some(KEYS.to_owned()),
        ..TrustedIssuer::new(PLATFORM)
    }];
    let method = TokenEndpointAuthMethod::PrivateKeyJwt;
    let grants = ["client_credentials", grant_type::JWT_BEARER];
    let mut router = client("router", None, method, &grants);
    router.workload = Some(Workload {
        issuer: PLATFORM.to_owned(),
        subject: SUBJECT.to_owned(),
    });
    router.metadata.jwks = Some(JwkSet::default());
    router.metadata.scope = Some(scope("create:todos"));
    settings.clients.push(router);
}

async fn house_with(change: impl FnOnce(&mut Settings)) -> (House, ForeignIssuer) {
    let house = House::with(|settings| {
        with_router(settings);
        change(settings);
    })
    .await;
    let platform = ForeignIssuer::new();
    platform.publish(&house);
    (house, platform)
}

async fn house() -> (House, ForeignIssuer) {
    house_with(|_| {}).await
}

fn claims() -> Value {
    json!({
        "iss": PLATFORM, "sub": SUBJECT, "aud": ISSUER, "jti": "once",
        "iat": START.0, "exp": START.0 + 600,
    })
}

/// The way of MCP: the assertion is all there is.
async fn as_grant(house: &House, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", grant_type::JWT_BEARER),
        ("assertion", assertion),
    ];
    form.extend(more);
    house.post("/token", &form).await
}

/// The way of RFC 7523 §2.2: the assertion proves the client.
async fn as_proof(house: &House, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
    ];
    form.extend(more);
    house.post("/token", &form).await
}

#[track_caller]
fn check_token(house: &House, answer: &Answer) {
    let tokens = answer.tokens();
    assert!(tokens.refresh_token.is_none());
    let token = house.server.read(&tokens.access_token);
    assert_eq!(
        (&token["sub"], &token["client_id"]),
        (&json!("router"), &json!("router"))
    );
    assert_eq!(
        (&token["aud"], &token["scope"]),
        (&json!(TODO), &json!("create:todos"))
    );
}

#[tokio::test]
async fn a_workload_needs_nothing_but_the_token_of_its_platform() {
    let (house, platform) = house().await;
    let names: [&[(&str, &str)]; 2] = [
        &[("resource", TODO)],
        &[("resource", TODO), ("client_id", "router")],
    ];
    for (n, name) in names.into_iter().enumerate() {
        let claims = with(&claims(), "jti", json!(format!("grant {n}")));
        let answer = as_grant(&house, &platform.sign("JWT", &claims), name).await;
        check_token(&house, &answer);
        let claims = with(&claims, "jti", json!(format!("proof {n}")));
        let answer = as_proof(&house, &platform.sign("JWT", &claims), name).await;
        check_token(&house, &answer);
    }
}

#[tokio::test]
async fn an_assertion_is_used_once_unless_the_operator_says_otherwise() {
    let (house, platform) = house().await;
    let assertion = platform.sign("JWT", &claims());
    check_token(&house, &as_grant(&house, &assertion, &[]).await);
    as_grant(&house, &assertion, &[])
        .await
        .refused(400, "invalid_grant");
    as_proof(&house, &assertion, &[])
        .await
        .refused(401, "invalid_client");

    let reuse = |settings: &mut Settings| settings.trusted_issuers[0].single_use = false;
    let (house, platform) = house_with(reuse).await;
    let mounted = platform.sign("JWT", &with(&claims(), "jti", Value::Null));
    for _ in 0..3 {
        check_token(&house, &as_grant(&house, &mounted, &[]).await);
        check_token(&house, &as_proof(&house, &mounted, &[]).await);
    }
    house.advance(631);
    as_grant(&house, &mounted, &[])
        .await
        .refused(400, "invalid_grant");
}

#[tokio::test]
async fn claims_that_prove_nothing() {
    let (house, platform) = house().await;
    let bad = [
        ("iss", json!("https://other.example")),
        ("sub", json!("system:serviceaccount:tools:router2")),
        ("sub", json!("system:serviceaccount:tools:*")),
        ("sub", json!("System:serviceaccount:tools:router")),
        ("sub", json!("router")),
        ("aud", json!("https://elsewhere.example")),
        ("aud", json!([ISSUER, "https://elsewhere.example"])),
        ("aud", json!([])),
        ("exp", json!(START.0 - 31)),
        ("exp", json!(START.0 + 3600 + 31)),
        ("iat", json!(START.0 - 3600)),
        ("iat", json!(START.0 + 31)),
        ("nbf", json!(START.0 + 31)),
        ("jti", Value::Null),
        ("cnf", json!({"jkt": "x"})),
    ];
    for (name, value) in bad {
        let assertion = platform.sign("JWT", &with(&claims(), name, value.clone()));
        let router = [("client_id", "router")];
        let grant = as_grant(&house, &assertion, &router).await;
        grant.refused(400, "invalid_grant");
        let nameless = as_grant(&house, &assertion, &[]).await;
        nameless.refused(400, "invalid_grant");
        let proof = as_proof(&house, &assertion, &router).await;
        proof.refused(401, "invalid_client");
    }
    for audience in [format!("{ISSUER}/token"), format!("{ISSUER}/oauth2/token")] {
        let claims = with(&claims(), "jti", json!(audience));
        let claims = with(&claims, "aud", json!([audience]));
        let answer = as_grant(&house, &platform.sign("JWT", &claims), &[]).await;
        check_token(&house, &answer);
    }
}

#[tokio::test]
async fn a8_other_signatures_and_other_kinds_of_tokens() {
    let (house, platform) = house().await;
    let good = platform.sign("JWT", &claims());
    let bad = [
        ForeignIssuer::new().sign("JWT", &claims()),
        with_header(&good, &json!({"alg": "none", "typ": "JWT"})),
        with_header(&good, &json!({"alg": "HS256"})),
        platform.sign("at+jwt", &claims()),
        platform.sign("dpop+jwt", &claims()),
        platform.sign("logout+jwt", &claims()),
    ];
    for assertion in bad {
        let router = [("client_id", "router")];
        let grant = as_grant(&house, &assertion, &router).await;
        assert!(grant.status.is_client_error(), "{grant:?}");
        as_proof(&house, &assertion, &router)
            .await
            .refused(401, "invalid_client");
    }
    // The platform says nothing about people, whatever it signs.
    let people = platform.sign("oauth-id-jag+jwt", &claims());
    let answer = as_grant(&house, &people, &[("client_id", "router")]).await;
    answer.refused(401, "invalid_client");
    for typ in ["JWT", "JOSE", "client-authentication+jwt"] {
        let claims = with(&claims(), "jti", json!(typ));
        let answer = as_grant(&house, &platform.sign(typ, &claims), &[]).await;
        check_token(&house, &answer);
    }
}

#[tokio::test]
async fn the_assertion_is_the_only_proof() {
    let (house, platform) = house().await;
    let assertion = platform.sign("JWT", &claims());
    let twice = [
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &assertion),
    ];
    as_grant(&house, &assertion, &twice)
        .await
        .refused(400, "invalid_grant");
    let with_secret = [("client_id", "router"), ("client_secret", "x")];
    let answer = as_grant(&house, &platform.sign("JWT", &claims()), &with_secret).await;
    answer.refused(401, "invalid_client");
    let nothing = [
        ("grant_type", "client_credentials"),
        ("client_id", "router"),
    ];
    house
        .post("/token", &nothing)
        .await
        .refused(401, "invalid_client");
    // Nobody else can use it, with or without a secret.
    let other = as_grant(&house, &assertion, &[("client_id", "desktop")]).await;
    other.refused(400, "invalid_grant");
    let form = [
        ("grant_type", grant_type::JWT_BEARER),
        ("assertion", assertion.as_str()),
    ];
    let service = house
        .post_as(("service", "service-secret"), "/token", &form)
        .await;
    service.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn a_workload_gets_no_more_than_its_client() {
    let (house, platform) = house().await;
    let assertion = platform.sign("JWT", &claims());
    let wider = as_grant(&house, &assertion, &[("scope", "delete:todos")]).await;
    wider.refused(400, "invalid_scope");
    let claims = with(&claims(), "jti", json!("elsewhere"));
    let elsewhere = platform.sign("JWT", &claims);
    let elsewhere = as_grant(&house, &elsewhere, &[("resource", "https://x.example")]).await;
    elsewhere.refused(400, "invalid_target");
    let claims = with(&claims, "jti", json!("whoami"));
    let whoami = as_grant(
        &house,
        &platform.sign("JWT", &claims),
        &[("resource", WHOAMI)],
    )
    .await;
    whoami.refused(400, "invalid_scope");

    let one_way = |settings: &mut Settings| {
        let router = settings.clients.last_mut().unwrap();
        router.metadata.grant_types = vec!["client_credentials".to_owned()];
    };
    let (house, platform) = house_with(one_way).await;
    let assertion = platform.sign("JWT", &claims);
    let grant = as_grant(&house, &assertion, &[]).await;
    grant.refused(400, "unsupported_grant_type");
    let next = platform.sign("JWT", &with(&claims, "jti", json!("next")));
    check_token(&house, &as_proof(&house, &next, &[]).await);
}

#[tokio::test]
async fn b2_a_platform_that_does_not_answer_is_no_verdict() {
    let (house, platform) = house().await;
    house.network.unplug(KEYS);
    let assertion = platform.sign("JWT", &claims());
    let grant = as_grant(&house, &assertion, &[]).await;
    grant.refused(503, "temporarily_unavailable");
    let proof = as_proof(&house, &assertion, &[]).await;
    proof.refused(503, "temporarily_unavailable");
}

#[tokio::test]
async fn settings_that_contradict_themselves() {
    let (house, _) = house().await;
    let changes: [fn(&mut PreRegisteredClient); 5] = [
        |router| router.workload.as_mut().unwrap().issuer.push('/'),
        |router| router.workload.as_mut().unwrap().subject.clear(),
        |router| {
            router.metadata.token_endpoint_auth_method = TokenEndpointAuthMethod::None;
            router.metadata.grant_types = vec!["authorization_code".to_owned()];
        },
        |router| router.metadata.jwks = Some(ForeignIssuer::new().key_set()),
        |router| {
            router.metadata.jwks = None;
            router.metadata.jwks_uri = Some("https://router.example/keys".to_owned());
        },
    ];
    for change in changes {
        let mut settings = house.settings.clone();
        change(settings.clients.last_mut().unwrap());
        settings.check().unwrap_err();
    }
    let mut settings = house.settings.clone();
    let twin = PreRegisteredClient {
        client_id: "twin".to_owned(),
        ..settings.clients.last().unwrap().clone()
    };
    settings.clients.push(twin);
    settings.check().unwrap_err();
    assert_eq!(house.settings.check(), Ok(()));
}
