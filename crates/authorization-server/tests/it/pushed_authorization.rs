//! Authorization requests that are pushed before the browser is sent (RFC 9126).

use std::collections::BTreeMap;

use http::StatusCode;
use oauth::client_metadata::TokenEndpointAuthMethod;

use crate::browser::{Browser, request};
use crate::house::{Answer, CLIENT, House, REDIRECT, client, encode};

async fn push(house: &House, request: &BTreeMap<&str, String>) -> Answer {
    let form: Vec<_> = request
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    house.post("/par", &form).await
}

async fn pushed(house: &House) -> String {
    let answer = push(house, &request()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(answer.json()["expires_in"], 90);
    assert_eq!(answer.header("cache-control"), "no-cache, no-store");
    answer.json()["request_uri"].as_str().unwrap().to_owned()
}

fn link(client_id: &str, request_uri: &str) -> String {
    let parameters = [("client_id", client_id), ("request_uri", request_uri)];
    format!("/authorize?{}", encode(&parameters))
}

/// Opens a pushed request; the grant that it began.
async fn open(browser: &mut Browser<'_>, request_uri: &str) -> String {
    let begun = browser.get(&link(CLIENT, request_uri)).await;
    let grant = begun.parameter("grant").unwrap();
    let page = browser.get(&format!("/login?grant={grant}")).await;
    assert_eq!(page.status, 200, "{page:?}");
    grant
}

#[tokio::test]
async fn a_pushed_request_leads_to_a_code() {
    let house = House::start().await;
    let request_uri = pushed(&house).await;
    assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:"));
    let mut browser = Browser::new(&house);
    let grant = open(&mut browser, &request_uri).await;
    let answer = browser.approve(&grant, "admin", &["create:todos"]).await;
    assert!(answer.location().as_str().starts_with(REDIRECT));
    assert_eq!(answer.parameter("state").as_deref(), Some("st4te"));
    let code = answer.parameter("code").unwrap();
    house.redeem(&code).await.tokens();
}

#[tokio::test]
async fn rfc9126_section_4_what_stands_beside_the_request_uri_counts_for_nothing() {
    let house = House::start().await;
    let request_uri = pushed(&house).await;
    let evil = encode(&[("redirect_uri", "https://evil.example/"), ("state", "evil")]);
    let mut browser = Browser::new(&house);
    let begun = browser
        .get(&format!("{}&{evil}", link(CLIENT, &request_uri)))
        .await;
    let grant = begun.parameter("grant").unwrap();
    browser.get(&format!("/login?grant={grant}")).await;
    let answer = browser.approve(&grant, "admin", &["create:todos"]).await;
    assert!(answer.location().as_str().starts_with(REDIRECT));
    assert_eq!(answer.parameter("state").as_deref(), Some("st4te"));
}

#[tokio::test]
async fn c6_a_pushed_request_may_be_opened_again_until_somebody_decides() {
    let house = House::start().await;
    for decision in ["approve", "deny"] {
        let request_uri = pushed(&house).await;
        // The client looks at the address itself, without a browser.
        let looked = house.get(&link(CLIENT, &request_uri)).await;
        assert_eq!(looked.location().path(), "/login");
        let mut browser = Browser::new(&house);
        open(&mut browser, &request_uri).await;
        let grant = open(&mut browser, &request_uri).await;
        if decision == "approve" {
            browser.approve(&grant, "admin", &["create:todos"]).await;
        } else {
            let form = [("grant", &*grant), ("action", "deny")];
            browser.post("/login", &form).await;
        }
        let late = browser.get(&link(CLIENT, &request_uri)).await;
        assert_eq!(late.status, 400, "{late:?}");
        assert!(late.body.contains("request_uri_unknown"));
    }
}

#[tokio::test]
async fn a_request_uri_is_for_its_client_and_for_a_short_time() {
    let house = House::start().await;
    let request_uri = pushed(&house).await;
    let stolen = house.get(&link("other", &request_uri)).await;
    assert_eq!(stolen.status, 400);
    assert!(stolen.body.contains("request_uri_unknown"));
    let nobody = format!("/authorize?{}", encode(&[("request_uri", &request_uri)]));
    assert_eq!(house.get(&nobody).await.status, 400);
    for made_up in [
        "urn:ietf:params:oauth:request_uri:x",
        "https://evil.example/request",
    ] {
        assert_eq!(
            house.get(&link(CLIENT, made_up)).await.status,
            400,
            "{made_up}"
        );
    }
    house.advance(89);
    assert_eq!(house.get(&link(CLIENT, &request_uri)).await.status, 303);
    house.advance(1);
    assert_eq!(house.get(&link(CLIENT, &request_uri)).await.status, 400);
}

#[tokio::test]
async fn everything_is_checked_when_it_is_pushed() {
    let house = House::start().await;
    let check = async |name: &'static str, value: &str, error: &str| {
        let mut request = request();
        request.insert(name, value.to_owned());
        push(&house, &request).await.refused(400, error);
    };
    check("redirect_uri", "https://evil.example/", "invalid_request").await;
    check("code_challenge_method", "plain", "invalid_request").await;
    check("response_type", "token", "unsupported_response_type").await;
    check("scope", "fly:away", "invalid_scope").await;
    check("resource", "https://elsewhere.example/", "invalid_target").await;
    check("max_age", "soon", "invalid_request").await;
    check("request", "e30.e30.", "request_not_supported").await;
    check(
        "request_uri",
        "urn:ietf:params:oauth:request_uri:x",
        "invalid_request",
    )
    .await;
}

#[tokio::test]
async fn a_confidential_client_proves_itself_before_its_request_is_read() {
    let house = House::with(|settings| {
        settings.clients.push(client(
            "web",
            Some("web-secret"),
            TokenEndpointAuthMethod::ClientSecretBasic,
            &["authorization_code"],
        ));
    })
    .await;
    let mut request = request();
    request.insert("client_id", "web".to_owned());
    push(&house, &request).await.refused(401, "invalid_client");
    let form: Vec<_> = request
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = house.post_as(("web", "web-secret"), "/par", &form).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn rfc9126_section_5_a_house_may_require_pushed_requests() {
    let house = House::with(|s| s.require_pushed_authorization_requests = true).await;
    let metadata = house
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    let refused = Browser::new(&house).open(&request()).await.1;
    assert_eq!(
        refused.parameter("error").as_deref(),
        Some("invalid_request")
    );
    assert_eq!(refused.parameter("state").as_deref(), Some("st4te"));
    let request_uri = pushed(&house).await;
    assert_eq!(house.get(&link(CLIENT, &request_uri)).await.status, 303);
}

#[tokio::test]
async fn rfc9126_section_6_a_client_may_require_it_of_itself() {
    let house = House::start().await;
    let metadata = serde_json::json!({
        "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none",
        "require_pushed_authorization_requests": true,
    });
    let registered = house
        .post_json("/register", metadata.to_string())
        .await
        .json();
    assert_eq!(registered["require_pushed_authorization_requests"], true);
    let mut request = request();
    request.insert(
        "client_id",
        registered["client_id"].as_str().unwrap().to_owned(),
    );
    let refused = Browser::new(&house).open(&request).await.1;
    assert_eq!(
        refused.parameter("error").as_deref(),
        Some("invalid_request")
    );
    assert_eq!(push(&house, &request).await.status, StatusCode::CREATED);
}
