//! Which tokens are good (acceptance A8, A9, A10).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use http::Request;
use oauth::client::fetch::{Fetch, Reach, Scripted};
use oauth::error::ErrorCode;
use oauth::jws::Algorithm;
use oauth::jwt::AccessTokenClaims;
use oauth::signing_key::SigningKey;
use resource_server::verify::{RemoteKeySet, Unavailable};
use resource_server::{
    Caller, Issuer, JwtVerifier, TokenStatus, VerifyError, VerifyToken, verify_with,
};
use serde_json::{Value, json};

use crate::support::*;

async fn status(house: &House, token: &str) -> u16 {
    let request = post(&[("authorization", &bearer(token))], call("read"));
    send(&house.protected(), request).await.status.as_u16()
}

#[tokio::test]
async fn a8_tokens_that_are_no_good_are_401() {
    let house = House::new();
    assert_eq!(status(&house, &house.token(|_| {})).await, 200);
    let changes: [(&str, Value); 12] = [
        ("exp", Value::Null),
        ("exp", json!(NOW.0 - 31)),
        ("nbf", json!(NOW.0 + 31)),
        ("iat", json!(NOW.0 + 31)),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("aud", Value::Null),
        ("aud", json!("https://mcp.example/other")),
        ("aud", json!([])),
        ("iss", json!("https://as.example/")),
        ("iss", json!([ISSUER])),
        ("cnf", json!({"jkt": "thumbprint"})),
    ];
    for (name, value) in changes {
        let shown = format!("{name}={value}");
        let token = house.token(|claims| {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value;
            }
        });
        assert_eq!(status(&house, &token).await, 401, "{shown}");
    }
    let claims = json!({"iss": ISSUER, "sub": "alice", "aud": RESOURCE, "exp": NOW.0 + 300});
    for typ in ["JWT", "", "dpop+jwt", "oauth-id-jag+jwt"] {
        let token = house.key.sign(typ, &claims).unwrap();
        assert_eq!(status(&house, &token).await, 401, "{typ}");
    }
    assert_eq!(status(&house, "opaque").await, 401);
}

#[tokio::test]
async fn a8_an_algorithm_outside_the_list_is_refused() {
    let house = House::new();
    let token = house.token(|_| {});
    let strict = house.verifier().algorithms([Algorithm::ES256]);
    let error = strict.verify(&token).await.unwrap_err();
    assert!(
        matches!(&error, VerifyError::Invalid(reason) if reason.contains("EdDSA")),
        "{error}"
    );
}

#[tokio::test]
async fn a10_no_token_is_refused_before_its_end() {
    let house = House::new();
    let token = house.token(|claims| claims["exp"] = json!(NOW.0 + 1800));
    house.clock.advance(Duration::from_secs(1799));
    assert_eq!(status(&house, &token).await, 200);
    house.clock.advance(Duration::from_secs(1 + 30));
    assert_eq!(status(&house, &token).await, 401);
}

#[tokio::test]
async fn audiences_types_and_leeway_can_be_widened() {
    let house = House::new();
    let verifier = house.verifier().also_audience("api://todo").types(["JWT"]);
    let verifier = verifier.leeway(Duration::ZERO);
    let claims =
        json!({"iss": ISSUER, "sub": "alice", "aud": ["x", "api://todo"], "exp": NOW.0 + 1});
    let token = house.key.sign("jwt", &claims).unwrap();
    assert_eq!(verifier.verify(&token).await.unwrap().subject(), "alice");
    house.clock.advance(Duration::from_secs(1));
    verifier.verify(&token).await.unwrap_err();
}

/// A grant that can be ended.
#[derive(Clone, Default)]
struct Grant {
    is_over: Arc<AtomicBool>,
    is_unknown: Arc<AtomicBool>,
}

#[async_trait]
impl TokenStatus for Grant {
    async fn is_live(&self, claims: &AccessTokenClaims) -> Result<bool, Unavailable> {
        assert_eq!(claims.grant_id.as_deref(), Some("g1"));
        if self.is_unknown.load(Ordering::SeqCst) {
            return Err(Unavailable {
                retry_after: Duration::from_secs(7),
            });
        }
        Ok(!self.is_over.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a6_a_token_of_a_revoked_grant_is_refused() {
    let (house, grant) = (House::new(), Grant::default());
    let verifier = house.verifier().token_status(grant.clone());
    let token = house.token(|_| {});
    verifier.verify(&token).await.unwrap();
    grant.is_unknown.store(true, Ordering::SeqCst);
    let error = verifier.verify(&token).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unavailable(_)), "{error}");
    grant.is_unknown.store(false, Ordering::SeqCst);
    grant.is_over.store(true, Ordering::SeqCst);
    let error = verifier.verify(&token).await.unwrap_err();
    assert_eq!(
        error,
        VerifyError::Invalid("the token has been revoked".into())
    );
}

#[tokio::test]
async fn a9_a_key_that_the_issuer_has_just_begun_to_use_is_found() {
    let (house, script) = (House::new(), Scripted::default());
    let keys = "https://as.example/keys";
    let metadata = "https://as.example/.well-known/oauth-authorization-server";
    script.answer_json(metadata, &json!({"issuer": ISSUER, "jwks_uri": keys}));
    script.answer_json(keys, &json!({"keys": [house.key.public()]}));
    let clock = Arc::new(house.clock.clone());
    let issuer = Issuer::parse(ISSUER).unwrap();
    let verifier = JwtVerifier::discover(issuer, RESOURCE, Fetch::through(script.clone()), clock);
    verifier.verify(&house.token(|_| {})).await.unwrap();

    let pkcs8 = SigningKey::generate(Algorithm::ES256).unwrap();
    let next = House {
        key: SigningKey::from_pkcs8(Algorithm::ES256, &pkcs8).unwrap(),
        clock: house.clock.clone(),
    };
    script.answer_json(
        keys,
        &json!({"keys": [house.key.public(), next.key.public()]}),
    );
    verifier.verify(&next.token(|_| {})).await.unwrap();
    verifier.verify(&house.token(|_| {})).await.unwrap();
    assert_eq!(script.requests().len(), 3);
}

#[tokio::test]
async fn b2_without_keys_a_token_is_503_and_keeps_its_worth() {
    let house = House::new();
    let fetch = Fetch::through(Scripted::default());
    let clock = Arc::new(house.clock.clone());
    let keys = RemoteKeySet::at(
        fetch,
        Reach::Configured,
        "https://as.example/keys",
        clock.clone(),
    );
    let verifier = JwtVerifier::new(keys, Issuer::parse(ISSUER).unwrap(), RESOURCE, clock);
    let app = protect(&resource(), verifier);
    let headers = [("authorization", bearer(&house.token(|_| {})))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let answer = send(&app, post(&headers, call("read"))).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert_eq!(
        answer.header("www-authenticate"),
        None,
        "nothing to sign in again for"
    );
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
}

/// A body that comes when `meanwhile` is over.
fn late_body(token: &str, meanwhile: impl Future<Output = ()> + Send + 'static) -> Request<Body> {
    let authorization = bearer(token);
    let request = post(&[("authorization", &authorization)], "");
    let body = futures_util::stream::once(async move {
        meanwhile.await;
        Ok::<_, Infallible>(call("read").to_string())
    });
    request.map(|_| Body::from_stream(body))
}

#[tokio::test(start_paused = true)]
async fn a6_a_token_that_ends_while_its_body_is_on_its_way_is_refused() {
    let house = House::new();
    let (token, app) = (house.token(|_| {}), house.protected());
    let in_time = tokio::time::advance(Duration::from_mins(1));
    let answer = send(&app, late_body(&token, in_time)).await;
    assert_eq!(answer.tool_text(), "alice");

    let clock = house.clock.clone();
    let until_it_ends = async move {
        tokio::time::advance(Duration::from_mins(6)).await;
        clock.advance(Duration::from_mins(6));
    };
    let refused = send(&app, late_body(&token, until_it_ends)).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(refused.challenge().error, Some(ErrorCode::InvalidToken));
}

#[tokio::test(start_paused = true)]
async fn a6_a_token_that_is_revoked_while_its_body_is_on_its_way_is_refused() {
    let asked = Arc::new(AtomicUsize::new(0));
    let is_good = Arc::new(AtomicBool::new(true));
    let verifier = {
        let (asked, is_good) = (Arc::clone(&asked), Arc::clone(&is_good));
        verify_with(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            let verdict = if is_good.load(Ordering::SeqCst) {
                Ok(Caller::new("alice"))
            } else {
                Err(VerifyError::invalid("the token was revoked"))
            };
            std::future::ready(verdict)
        })
    };
    let app = protect(&resource(), verifier);
    let at_once = late_body("token", std::future::ready(()));
    assert_eq!(send(&app, at_once).await.status, 200);
    assert_eq!(
        asked.load(Ordering::SeqCst),
        1,
        "nobody is asked twice for it"
    );

    let until_it_is_revoked = async move {
        tokio::time::advance(Duration::from_millis(100)).await;
        is_good.store(false, Ordering::SeqCst);
    };
    let refused = send(&app, late_body("token", until_it_is_revoked)).await;
    assert_eq!(refused.status, 401, "{refused:?}");
}
