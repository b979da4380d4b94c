//! Tokens that are bound to a key (RFC 9449 §5 to §10).

use authorization_server::settings::Settings;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Request;
use http::header::CONTENT_TYPE;
use oauth::dpop::{ProvenRequest, sign_proof};
use oauth::jws::Algorithm;
use oauth::messages::TokenResponse;
use oauth::random::OsRandom;
use oauth::signing_key::SigningKey;
use oauth::time::NumericDate;
use serde_json::Value;

use crate::browser::{Browser, redemption, request};
use crate::house::{Answer, CLIENT, House, ISSUER, START, encode, scope};
use crate::token_exchange;

/// The key of a client, and proofs of it.
struct Holder(SigningKey);

impl Holder {
    fn new() -> Self {
        let pkcs8 = SigningKey::generate(Algorithm::ES256).unwrap();
        Self(SigningKey::from_pkcs8(Algorithm::ES256, &pkcs8).unwrap())
    }

    fn thumbprint(&self) -> String {
        self.0.public().thumbprint().unwrap()
    }

    fn proof(&self, path: &str, nonce: Option<&str>, now: NumericDate) -> String {
        let request = ProvenRequest {
            method: "POST",
            uri: &format!("{ISSUER}{path}"),
            access_token: None,
        };
        sign_proof(&self.0, &request, nonce, now, &OsRandom)
    }

    async fn post(&self, house: &House, path: &str, form: &[(&str, &str)]) -> Answer {
        post(house, path, form, &self.proof(path, None, START)).await
    }

    async fn redeem(&self, house: &House, code: &str) -> Answer {
        self.post(house, "/token", &redemption(code)).await
    }

    async fn refresh(&self, house: &House, token: &str) -> Answer {
        self.post(house, "/token", &refreshing(token)).await
    }
}

async fn post(house: &House, path: &str, form: &[(&str, &str)], proof: &str) -> Answer {
    let request = Request::post(path)
        .header("host", "evil.example")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("dpop", proof)
        .body(Body::from(encode(form)))
        .unwrap();
    house.send(request).await
}

fn refreshing(token: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", CLIENT),
    ]
}

fn claims(tokens: &TokenResponse) -> Value {
    let payload = tokens.access_token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn code(house: &House) -> String {
    Browser::new(house).code("alice", &request()).await
}

#[tokio::test]
async fn tokens_are_bound_to_the_key_of_the_proof() {
    let (house, holder) = (House::start().await, Holder::new());
    let tokens = holder.redeem(&house, &code(&house).await).await.tokens();
    assert_eq!(tokens.token_type, "DPoP");
    assert_eq!(claims(&tokens)["cnf"]["jkt"], holder.thumbprint());
    let plain = house.redeem(&code(&house).await).await.tokens();
    assert_eq!(
        (plain.token_type.as_str(), claims(&plain).get("cnf")),
        ("Bearer", None)
    );
}

#[tokio::test]
async fn the_refresh_token_of_a_public_client_is_bound_too() {
    let (house, holder) = (House::start().await, Holder::new());
    let tokens = holder.redeem(&house, &code(&house).await).await.tokens();
    let refresh_token = tokens.refresh_token.unwrap();
    let thief = Holder::new().refresh(&house, &refresh_token).await;
    thief.refused(400, "invalid_dpop_proof");
    house
        .refresh(&refresh_token)
        .await
        .refused(400, "invalid_dpop_proof");
    let next = holder.refresh(&house, &refresh_token).await.tokens();
    assert_eq!(claims(&next)["cnf"]["jkt"], holder.thumbprint());
    let after = next.refresh_token.unwrap();
    Holder::new()
        .refresh(&house, &after)
        .await
        .refused(400, "invalid_dpop_proof");
    assert_eq!(
        holder.refresh(&house, &after).await.status,
        200,
        "the theft cost nothing"
    );
}

#[tokio::test]
async fn a_code_can_be_bound_before_it_is_issued() {
    let (house, holder) = (House::start().await, Holder::new());
    let mut asked = request();
    asked.insert("dpop_jkt", holder.thumbprint());
    let code = Browser::new(&house).code("alice", &asked).await;
    Holder::new()
        .redeem(&house, &code)
        .await
        .refused(400, "invalid_dpop_proof");
    house.redeem(&code).await.refused(400, "invalid_dpop_proof");
    assert_eq!(holder.redeem(&house, &code).await.status, 200);
}

#[tokio::test]
async fn a_pushed_request_binds_its_code_to_the_key_that_pushed_it() {
    let (house, holder) = (House::start().await, Holder::new());
    let asked = request();
    let form: Vec<(&str, &str)> = asked
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let pushed = holder.post(&house, "/par", &form).await;
    assert_eq!(pushed.status, 201, "{pushed:?}");
    let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let by_reference = [
        ("client_id", CLIENT.to_owned()),
        ("request_uri", request_uri),
    ];
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&by_reference.into()).await;
    let answer = browser.approve(&grant, "alice", &["create:todos"]).await;
    let code = answer.parameter("code").unwrap();
    house.redeem(&code).await.refused(400, "invalid_dpop_proof");
    assert_eq!(holder.redeem(&house, &code).await.status, 200);

    let other = Holder::new().thumbprint();
    let mut contradicting = form;
    contradicting.push(("dpop_jkt", &other));
    holder
        .post(&house, "/par", &contradicting)
        .await
        .refused(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn a_proof_works_once_and_for_its_own_address() {
    let (house, holder) = (House::start().await, Holder::new());
    let proof = holder.proof("/token", None, START);
    let first = code(&house).await;
    assert_eq!(
        post(&house, "/token", &redemption(&first), &proof)
            .await
            .status,
        200
    );
    let second = code(&house).await;
    let again = post(&house, "/token", &redemption(&second), &proof).await;
    again.refused(400, "invalid_dpop_proof");
    let elsewhere = holder.proof("/revoke", None, START);
    let answer = post(&house, "/token", &redemption(&second), &elsewhere).await;
    answer.refused(400, "invalid_dpop_proof");
    assert_eq!(
        holder.redeem(&house, &second).await.status,
        200,
        "the code was not burned"
    );
}

#[tokio::test]
async fn a_nonce_helps_clocks_that_are_wrong_and_can_be_required() {
    let yesterday = NumericDate(START.0 - 86_400);
    for required in [false, true] {
        let house = House::with(|settings| settings.dpop_nonce_required = required).await;
        let holder = Holder::new();
        let code = code(&house).await;
        let now = if required { START } else { yesterday };
        let proof = holder.proof("/token", None, now);
        let answer = post(&house, "/token", &redemption(&code), &proof).await;
        answer.refused(400, "use_dpop_nonce");
        let nonce = answer.header("dpop-nonce");
        let proof = holder.proof("/token", Some(nonce), now);
        assert_eq!(
            post(&house, "/token", &redemption(&code), &proof)
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_client_that_registered_for_bound_tokens_gets_no_others() {
    let bound =
        |settings: &mut Settings| settings.clients[0].metadata.dpop_bound_access_tokens = true;
    let house = House::with(bound).await;
    let code = code(&house).await;
    house.redeem(&code).await.refused(400, "invalid_dpop_proof");
    assert_eq!(Holder::new().redeem(&house, &code).await.status, 200);
}

#[tokio::test]
async fn a_bound_token_is_exchanged_for_a_bound_one_alone() {
    let house = House::with(token_exchange::with_gateway).await;
    let (holder, gateway) = (Holder::new(), Holder::new());
    let bound = holder.redeem(&house, &code(&house).await).await.tokens();
    let plain = house.redeem(&code(&house).await).await.tokens();
    let exchange = async |subject: &TokenResponse, proof: Option<&Holder>| {
        let form = token_exchange::request(&subject.access_token, token_exchange::LEDGER);
        let (id, secret) = token_exchange::GATEWAY;
        let basic = STANDARD.encode(format!("{id}:{secret}"));
        let mut request = Request::post("/token")
            .header("authorization", format!("Basic {basic}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(holder) = proof {
            request = request.header("dpop", holder.proof("/token", None, START));
        }
        house
            .send(request.body(Body::from(encode(&form))).unwrap())
            .await
    };
    let refused = exchange(&bound, None).await;
    refused.refused(400, "invalid_dpop_proof");
    assert!(
        refused.body.contains("send a DPoP proof of your own"),
        "{refused:?}"
    );
    for subject in [&bound, &plain] {
        let next = exchange(subject, Some(&gateway)).await.tokens();
        assert_eq!(next.token_type, "DPoP");
        assert_eq!(claims(&next)["cnf"]["jkt"], gateway.thumbprint());
    }
    let next = exchange(&plain, None).await.tokens();
    assert_eq!(
        (next.token_type.as_str(), claims(&next).get("cnf")),
        ("Bearer", None)
    );
}

#[tokio::test]
async fn userinfo_needs_a_proof_for_a_bound_token() {
    let (house, holder) = (House::start().await, Holder::new());
    let mut asked = request();
    asked.insert("scope", "openid create:todos".to_owned());
    let mut browser = Browser::new(&house);
    let (grant, _) = browser.open(&asked).await;
    let answer = browser
        .approve(&grant, "alice", &["openid", "create:todos"])
        .await;
    let code = answer.parameter("code").unwrap();
    let tokens = holder.redeem(&house, &code).await.tokens();
    let uri = format!("{ISSUER}/userinfo");
    let ask = |scheme: &str, proof: Option<String>| {
        let authorization = format!("{scheme} {}", tokens.access_token);
        let mut request = Request::get("/userinfo").header("authorization", authorization);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        house.send(request.body(Body::empty()).unwrap())
    };
    let proof = |holder: &Holder| {
        let request = ProvenRequest {
            method: "GET",
            uri: &uri,
            access_token: Some(&tokens.access_token),
        };
        Some(sign_proof(&holder.0, &request, None, START, &OsRandom))
    };
    assert_eq!(ask("Bearer", None).await.status, 401);
    assert_eq!(ask("DPoP", None).await.status, 401);
    assert_eq!(ask("DPoP", proof(&Holder::new())).await.status, 401);
    let garbage = ask("DPoP", Some("garbage".to_owned())).await;
    garbage.refused(401, "invalid_dpop_proof");
    assert_eq!(
        garbage.header("www-authenticate"),
        r#"DPoP error="invalid_dpop_proof""#
    );
    let answer = ask("DPoP", proof(&holder)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["sub"].is_string()),
        (200, true)
    );
}

#[tokio::test]
async fn a_bound_token_that_was_stolen_manages_nothing() {
    let with_management = |settings: &mut Settings| {
        settings.management = true;
        let of_admin = settings.roles.get_mut("Admin").unwrap();
        *of_admin = of_admin.union(&scope("manage:read"));
    };
    let (house, holder) = (House::with(with_management).await, Holder::new());
    let mut asked = request();
    asked.insert("resource", format!("{ISSUER}/manage"));
    asked.insert("scope", "manage:read".to_owned());
    let code = async || Browser::new(&house).code("admin", &asked).await;
    let status = async |scheme: &str, tokens: TokenResponse| {
        let authorization = format!("{scheme} {}", tokens.access_token);
        let request = Request::get("/manage/v1/users").header("authorization", authorization);
        let answer = house.send(request.body(Body::empty()).unwrap()).await;
        answer.status.as_u16()
    };
    for scheme in ["Bearer", "DPoP"] {
        let bound = holder.redeem(&house, &code().await).await.tokens();
        assert_eq!(status(scheme, bound).await, 401, "{scheme}");
    }
    let unbound = house.redeem(&code().await).await.tokens();
    assert_eq!(status("Bearer", unbound).await, 200);
}

#[tokio::test]
async fn a7_metadata_says_which_proofs_are_accepted() {
    let house = House::start().await;
    let metadata = house
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert_eq!(metadata["dpop_signing_alg_values_supported"][0], "ES256");
}
