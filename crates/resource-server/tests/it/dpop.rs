//! Tokens that are bound to a key (RFC 9449 §7 to §9, §11).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use oauth::dpop::{ProvenRequest, sign_proof};
use oauth::jws::Algorithm;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::signing_key::SigningKey;
use oauth::time::{Clock as _, NumericDate};
use resource_server::{Caller, Dpop, RequireBearer, RequireScope};
use serde_json::json;

use crate::support::{
    Answer, House, NOW, RESOURCE, bearer, call, message, post, protect, resource, scope, send,
};

/// A client with a key, and a token that is bound to it.
struct Client {
    key: SigningKey,
    token: String,
}

impl Client {
    fn new(house: &House) -> Self {
        let pkcs8 = SigningKey::generate(Algorithm::ES256).unwrap();
        let key = SigningKey::from_pkcs8(Algorithm::ES256, &pkcs8).unwrap();
        let token = house.token(|claims| claims["cnf"] = json!({"jkt": key.public().thumbprint()}));
        Self { key, token }
    }

    fn proof(&self, nonce: Option<&str>, now: NumericDate) -> String {
        let request = ProvenRequest {
            method: "POST",
            uri: RESOURCE,
            access_token: Some(&self.token),
        };
        sign_proof(&self.key, &request, nonce, now, &OsRandom)
    }

    async fn call(&self, app: &Router, proof: &str) -> Answer {
        let authorization = format!("DPoP {}", self.token);
        let headers = [("authorization", authorization.as_str()), ("dpop", proof)];
        send(app, post(&headers, call("read"))).await
    }
}

/// A guard that has been there for a while.
fn dpop(house: &House) -> Dpop {
    house.clock.set(NumericDate(NOW.0 - 600));
    let dpop = Dpop::new(Arc::new(house.clock.clone()));
    house.clock.set(NOW);
    dpop
}

fn protected(house: &House, dpop: Dpop) -> Router {
    protect(&resource().dpop(dpop), house.verifier())
}

fn challenges(answer: &Answer) -> Vec<&str> {
    let values = answer.headers.get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_bound_token_works_with_a_proof_once() {
    let house = House::new();
    let (app, client) = (protected(&house, dpop(&house)), Client::new(&house));
    let proof = client.proof(None, NOW);
    assert_eq!(client.call(&app, &proof).await.tool_text(), "alice");
    let again = client.call(&app, &proof).await;
    assert_eq!(again.status, 401);
    assert!(
        challenges(&again)[0].starts_with("DPoP error=\"invalid_dpop_proof\""),
        "{again:?}"
    );
    let next = client.call(&app, &client.proof(None, NOW)).await;
    assert_eq!(next.status, 200);
}

#[tokio::test]
async fn a8_a_bound_token_is_no_bearer_token() {
    let house = House::new();
    let client = Client::new(&house);
    for app in [house.protected(), protected(&house, dpop(&house))] {
        let authorization = bearer(&client.token);
        let headers = [("authorization", authorization.as_str())];
        let answer = send(&app, post(&headers, call("read"))).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
}

#[tokio::test]
async fn a8_a_token_bound_in_an_unknown_way_is_of_no_use() {
    let house = House::new();
    let app = protected(&house, dpop(&house));
    let mut client = Client::new(&house);
    client.token = house.token(|claims| claims["cnf"] = json!({"x5t#S256": "AA"}));
    for scheme in ["Bearer", "DPoP"] {
        let authorization = format!("{scheme} {}", client.token);
        let proof = client.proof(None, NOW);
        let headers = [("authorization", authorization.as_str()), ("dpop", &proof)];
        assert_eq!(
            send(&app, post(&headers, call("read"))).await.status,
            401,
            "{scheme}"
        );
    }
}

#[tokio::test]
async fn an_unbound_token_does_not_become_bound_by_a_proof() {
    let house = House::new();
    let app = protected(&house, dpop(&house));
    let mut client = Client::new(&house);
    client.token = house.token(|_| {});
    let answer = client.call(&app, &client.proof(None, NOW)).await;
    assert_eq!(answer.status, 401);
    let authorization = bearer(&client.token);
    let headers = [("authorization", authorization.as_str())];
    assert_eq!(send(&app, post(&headers, call("read"))).await.status, 200);
}

#[tokio::test]
async fn a_thief_of_the_token_needs_the_key() {
    let house = House::new();
    let (app, client) = (protected(&house, dpop(&house)), Client::new(&house));
    let thief = Client {
        token: client.token.clone(),
        ..Client::new(&house)
    };
    let answer = thief.call(&app, &thief.proof(None, NOW)).await;
    assert_eq!(answer.status, 401);
    let authorization = format!("DPoP {}", client.token);
    let (one, two) = (client.proof(None, NOW), client.proof(None, NOW));
    let none = [("authorization", authorization.as_str())];
    let twice = [none[0], ("dpop", &one), ("dpop", &two)];
    for headers in [&none[..], &twice[..]] {
        let answer = send(&app, post(headers, call("read"))).await;
        assert_eq!(answer.status, 401, "{}", headers.len());
    }
}

#[tokio::test]
async fn a_client_with_a_wrong_clock_is_helped_by_a_nonce() {
    let house = House::new();
    let (app, client) = (protected(&house, dpop(&house)), Client::new(&house));
    let yesterday = NumericDate(NOW.0 - 86_400);
    let answer = client.call(&app, &client.proof(None, yesterday)).await;
    assert_eq!(answer.status, 401);
    assert!(
        challenges(&answer)[0].starts_with("DPoP error=\"use_dpop_nonce\""),
        "{answer:?}"
    );
    let nonce = answer.header("dpop-nonce").unwrap();
    let proof = client.proof(Some(nonce), yesterday);
    assert_eq!(client.call(&app, &proof).await.status, 200);
    assert_eq!(client.call(&app, &proof).await.status, 401, "once");
}

#[tokio::test]
async fn a_required_nonce_is_asked_for_and_grows_old() {
    let house = House::new();
    let app = protected(&house, dpop(&house).require_nonce());
    let client = Client::new(&house);
    let first = client.call(&app, &client.proof(None, NOW)).await;
    let nonce = first.header("dpop-nonce").unwrap().to_owned();
    assert_eq!(
        client
            .call(&app, &client.proof(Some(&nonce), NOW))
            .await
            .status,
        200
    );
    house.clock.advance(Duration::from_mins(2));
    let late = client
        .call(&app, &client.proof(Some(&nonce), house.clock.now()))
        .await;
    assert_eq!(
        (late.status.as_u16(), late.header("dpop-nonce").is_some()),
        (401, true)
    );
}

/// What was used is remembered by each process by itself (RFC 9449 §11.1).
#[tokio::test]
async fn rfc9449_section_11_1_a_proof_is_not_used_again_after_a_restart() {
    let house = House::new();
    let client = Client::new(&house);
    let shared = Secret::from("key of all replicas");
    let started = || Dpop::new(Arc::new(house.clock.clone())).nonce_key(&shared);
    let before = protected(&house, dpop(&house).nonce_key(&shared));
    // One client's clock is ahead by as much as is tolerated, the other's proof answers a nonce.
    let ahead = client.proof(None, NumericDate(NOW.0 + 10));
    assert_eq!(client.call(&before, &ahead).await.status, 200);
    let yesterday = NumericDate(NOW.0 - 86_400);
    let asked = client.call(&before, &client.proof(None, yesterday)).await;
    let answering = client.proof(asked.header("dpop-nonce"), yesterday);
    assert_eq!(client.call(&before, &answering).await.status, 200);

    let after = protected(&house, started());
    for seconds in 0..=2 {
        for proof in [&ahead, &answering, &client.proof(None, house.clock.now())] {
            let refused = client.call(&after, proof).await;
            assert!(
                challenges(&refused)[0].starts_with("DPoP error=\"use_dpop_nonce\""),
                "{seconds}: {refused:?}"
            );
            let nonce = refused.header("dpop-nonce");
            let answer = client.call(&after, &client.proof(nonce, yesterday)).await;
            assert_eq!(answer.status, 200, "{seconds}: {answer:?}");
        }
        house.clock.advance(Duration::from_secs(1));
    }
    // Soon nobody needs a nonce any more, and the old proofs are too old.
    house.clock.set(NumericDate(NOW.0 + 11));
    let usual = client.proof(None, house.clock.now());
    assert_eq!(client.call(&after, &usual).await.status, 200);
    assert_eq!(client.call(&after, &ahead).await.status, 401);
}

#[tokio::test]
async fn a_clock_that_is_set_back_locks_nobody_out() {
    let house = House::new();
    house.clock.set(NumericDate(NOW.0 + 3600));
    let app = protected(&house, Dpop::new(Arc::new(house.clock.clone())));
    house.clock.set(NOW);
    let client = Client::new(&house);
    let proof = client.proof(None, NOW);
    assert_eq!(client.call(&app, &proof).await.status, 200);
    assert_eq!(client.call(&app, &proof).await.status, 401, "once");
}

#[tokio::test]
async fn challenges_and_metadata_say_what_is_accepted() {
    let house = House::new();
    let tokenless = || post(&[], message("tools/list", &json!({})));
    let both = send(&protected(&house, dpop(&house)), tokenless()).await;
    assert!(
        challenges(&both)[0].starts_with("Bearer ") && challenges(&both)[1].starts_with("DPoP ")
    );
    let only = protected(&house, dpop(&house).require_bound_tokens());
    assert!(challenges(&send(&only, tokenless()).await)[0].starts_with("DPoP "));
    let token = house.token(|_| {});
    let authorization = bearer(&token);
    let headers = [("authorization", authorization.as_str())];
    assert_eq!(send(&only, post(&headers, call("read"))).await.status, 401);
    let metadata = resource().dpop(dpop(&house).require_bound_tokens());
    let metadata = serde_json::to_value(metadata.metadata()).unwrap();
    assert_eq!(metadata["dpop_bound_access_tokens_required"], true);
    assert_eq!(metadata["dpop_signing_alg_values_supported"][0], "ES256");
    let plain = serde_json::to_value(resource().metadata()).unwrap();
    assert!(
        plain.get("dpop_signing_alg_values_supported").is_none(),
        "{plain}"
    );
}

#[tokio::test]
async fn other_routes_know_their_address_by_the_origin() {
    let house = House::new();
    let guard = RequireBearer::new(house.verifier()).dpop(dpop(&house), "https://mcp.example");
    let app = Router::new()
        .route(
            "/me",
            get(|caller: Caller| async move { caller.subject().to_owned() }),
        )
        .route(
            "/more",
            get(|| async {}).layer(RequireScope::new(scope("more"))),
        )
        .layer(guard);
    let client = Client::new(&house);
    let ask = |path: &str, uri: &str| {
        let request = ProvenRequest {
            method: "GET",
            uri,
            access_token: Some(&client.token),
        };
        Request::get(path)
            .header("host", "evil.example")
            .header("authorization", format!("DPoP {}", client.token))
            .header(
                "dpop",
                sign_proof(&client.key, &request, None, NOW, &OsRandom),
            )
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(
        send(&app, ask("/me?x=1", "https://mcp.example/me"))
            .await
            .body,
        "alice"
    );
    assert_eq!(
        send(&app, ask("/me", "https://evil.example/me"))
            .await
            .status,
        401
    );
    let refused = send(&app, ask("/more", "https://mcp.example/more")).await;
    assert_eq!(refused.status, 403);
    assert!(challenges(&refused)[0].starts_with("DPoP error=\"insufficient_scope\""));
}
