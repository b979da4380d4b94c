//! Verification by asking the issuer: introspection and userinfo (acceptance B2, RFC 7662).

use std::sync::Arc;

use oauth::client::fetch::{Fetch, Scripted};
use oauth::secret::Secret;
use resource_server::{
    CachedVerifier, IntrospectionVerifier, UserinfoVerifier, VerifyError, VerifyToken,
};
use serde_json::{Value, json};

use crate::support::*;

const ENDPOINT: &str = "https://as.example/introspect";

fn verifier(house: &House, script: &Scripted) -> IntrospectionVerifier {
    let fetch = Fetch::through(script.clone());
    let clock = Arc::new(house.clock.clone());
    let secret = Secret::from("canary");
    IntrospectionVerifier::new(ENDPOINT, "rs", secret, RESOURCE, fetch, clock).issuer(ISSUER)
}

fn active() -> Value {
    json!({"active": true, "sub": "alice", "aud": [RESOURCE], "iss": ISSUER, "exp": NOW.0 + 60,
        "scope": "a b", "client_id": "c1", "roles": ["Admin"]})
}

#[tokio::test]
async fn an_active_token_has_a_caller() {
    let (house, script) = (House::new(), Scripted::default());
    script.answer_json(ENDPOINT, &active());
    let caller = verifier(&house, &script).verify("opaque").await.unwrap();
    assert_eq!(
        (caller.subject(), caller.client_id()),
        ("alice", Some("c1"))
    );
    assert_eq!(caller.scopes(), &scope("a b"));
    assert_eq!(caller.roles().collect::<Vec<_>>(), ["Admin"]);
    assert_eq!(
        (caller.issuer(), caller.audience()),
        (Some(ISSUER), &[RESOURCE.to_owned()][..])
    );
    let requests = script.requests();
    assert_eq!(
        requests[0].body,
        "token=opaque&token_type_hint=access_token"
    );
    assert_eq!(requests[0].headers["authorization"], "Basic cnM6Y2FuYXJ5");
}

#[tokio::test]
async fn a6_an_introspected_token_is_forgotten_when_it_or_its_grant_is_revoked() {
    let (house, script) = (House::new(), Scripted::default());
    let mut answer = active();
    (answer["jti"], answer["grant_id"]) = (json!("t1"), json!("g1"));
    script.answer_json(ENDPOINT, &answer);
    let clock = Arc::new(house.clock.clone());
    let cached = CachedVerifier::new(verifier(&house, &script), clock);
    let asked = async || {
        cached.verify("opaque").await.unwrap();
        script.requests().len()
    };
    assert_eq!((asked().await, asked().await), (1, 1));
    cached.revoke_token("t1");
    assert_eq!((asked().await, asked().await), (2, 2));
    cached.revoke_grant("g1");
    assert_eq!((asked().await, asked().await), (3, 3));
    cached.revoke_token("t2");
    cached.revoke_grant("g2");
    assert_eq!(asked().await, 3, "those are of others");
}

#[tokio::test]
async fn rs24_an_answer_that_does_not_fit_is_no_caller() {
    let (house, script) = (House::new(), Scripted::default());
    for (name, value) in [
        ("active", json!(false)),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("aud", Value::Null),
        ("aud", json!("https://mcp.example/other")),
        ("iss", json!("https://other.example")),
        ("exp", json!(NOW.0)),
        ("nbf", json!(NOW.0 + 1)),
    ] {
        let shown = format!("{name}={value}");
        let mut answer = active();
        if value.is_null() {
            answer.as_object_mut().unwrap().remove(name);
        } else {
            answer[name] = value;
        }
        script.answer_json(ENDPOINT, &answer);
        let error = verifier(&house, &script)
            .verify("opaque")
            .await
            .unwrap_err();
        assert!(matches!(error, VerifyError::Invalid(_)), "{shown}: {error}");
    }
}

#[tokio::test]
async fn rs18_a_missing_audience_is_accepted_only_where_it_was_asked_for() {
    let (house, script) = (House::new(), Scripted::default());
    let mut answer = active();
    answer.as_object_mut().unwrap().remove("aud");
    script.answer_json(ENDPOINT, &answer);
    let lenient = verifier(&house, &script).accept_missing_audience();
    lenient.verify("opaque").await.unwrap();
    answer["aud"] = json!("https://mcp.example/other");
    script.answer_json(ENDPOINT, &answer);
    lenient.verify("opaque").await.unwrap_err();
}

#[tokio::test]
async fn b2_an_issuer_in_trouble_is_503() {
    let (house, script) = (House::new(), Scripted::default());
    let retry_after = async |verifier: &dyn VerifyToken| match verifier.verify("opaque").await {
        Err(VerifyError::Unavailable(unavailable)) => unavailable.retry_after.as_secs(),
        other => panic!("{other:?}"),
    };
    let introspection = verifier(&house, &script);
    assert_eq!(retry_after(&introspection).await, 5, "unreachable");
    script.answer(ENDPOINT, 503, &[("retry-after", "17")], "");
    assert_eq!(retry_after(&introspection).await, 17);
    // The issuer refuses us, not the token.
    script.answer(ENDPOINT, 401, &[], "");
    assert_eq!(retry_after(&introspection).await, 5);
    script.answer(ENDPOINT, 200, &[], "<html>");
    assert_eq!(retry_after(&introspection).await, 5);

    let userinfo =
        UserinfoVerifier::for_tokens_without_audience(ENDPOINT, Fetch::through(script.clone()));
    assert_eq!(retry_after(&userinfo).await, 5);
    script.answer(ENDPOINT, 429, &[("retry-after", "9")], "");
    assert_eq!(retry_after(&userinfo).await, 9);
    let answer = send(
        &protect(&resource(), userinfo),
        post(&[("authorization", "Bearer x")], call("read")),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (503, Some("9"))
    );
}

#[tokio::test]
async fn userinfo_gives_the_claims_of_a_token() {
    let script = Scripted::default();
    let fetch = Fetch::through(script.clone());
    let verifier = UserinfoVerifier::for_tokens_without_audience(ENDPOINT, fetch)
        .issuer(ISSUER)
        .scopes(scope("read:todos"));
    script.answer_json(
        ENDPOINT,
        &json!({"sub": "alice", "email": "alice@example.com"}),
    );
    let caller = verifier.verify("opaque").await.unwrap();
    assert_eq!((caller.subject(), caller.issuer()), ("alice", Some(ISSUER)));
    assert_eq!(caller.claims()["email"], "alice@example.com");
    assert_eq!(caller.scopes(), &scope("read:todos"));
    assert_eq!(
        script.requests()[0].headers["authorization"],
        "Bearer opaque"
    );

    script.answer(ENDPOINT, 401, &[], "");
    let error = verifier.verify("opaque").await.unwrap_err();
    assert!(matches!(error, VerifyError::Invalid(_)), "{error}");
    script.answer_json(ENDPOINT, &json!({"email": "nobody@example.com"}));
    let error = verifier.verify("opaque").await.unwrap_err();
    assert!(matches!(error, VerifyError::Invalid(_)), "{error}");
}
