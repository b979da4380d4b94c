//! Clients named by their metadata document (CIMD, acceptance C3).

use authorization_server::ClientAddress;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::browser::{Browser, authorize, redemption, request};
use crate::house::{Answer, House, REDIRECT};

const ADDRESS: &str = "https://app.example/oauth/client.json";

fn document() -> Value {
    json!({
        "client_id": ADDRESS,
        "client_name": "App",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    })
}

fn request_of_app() -> std::collections::BTreeMap<&'static str, String> {
    let mut request = request();
    request.insert("client_id", ADDRESS.to_owned());
    request
}

async fn visit(house: &House) -> Answer {
    house.get(&authorize(&request_of_app())).await
}

#[tokio::test]
async fn a_client_needs_no_registration() {
    let house = House::start().await;
    house.network.answer_json(ADDRESS, &document());
    let code = Browser::new(&house).code("alice", &request_of_app()).await;
    let mut form = redemption(&code);
    form[2].1 = ADDRESS;
    let tokens = house.post("/token", &form).await.tokens();
    assert!(tokens.refresh_token.is_some());
}

#[tokio::test]
async fn c3_documents_that_are_refused() {
    let house = House::start().await;
    let json = [("content-type", "application/json")];
    house.network.answer(
        ADDRESS,
        302,
        &[("location", "https://app.example/other")],
        "",
    );
    assert_eq!(
        visit(&house).await.status,
        400,
        "redirects are not followed"
    );
    assert_eq!(house.network.requests().len(), 1);
    house
        .network
        .answer(ADDRESS, 206, &json, document().to_string());
    assert_eq!(visit(&house).await.status, 400, "only 200 is success");
    for (name, value) in [
        ("client_id", json!("https://app.example/oauth/Client.json")),
        ("client_secret", json!("s")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("redirect_uris", json!(["http://evil.example/"])),
        ("client_name", Value::Null),
    ] {
        let mut bad = document();
        bad[name] = value;
        house.network.answer_json(ADDRESS, &bad);
        assert_eq!(visit(&house).await.status, 400, "{name}");
    }
    house.network.unplug(ADDRESS);
    assert_eq!(visit(&house).await.status, 400);
}

#[tokio::test]
async fn c3_failures_are_not_remembered_and_good_documents_are() {
    let house = House::start().await;
    assert_eq!(visit(&house).await.status, 400);
    let headers = [("cache-control", "max-age=600")];
    house
        .network
        .answer(ADDRESS, 200, &headers, document().to_string());
    assert_eq!(
        visit(&house).await.status,
        303,
        "mended, and at once it works"
    );
    house.network.unplug(ADDRESS);
    house.advance(599);
    assert_eq!(
        visit(&house).await.status,
        303,
        "remembered as long as its headers say"
    );
    house.advance(1);
    assert_eq!(visit(&house).await.status, 400);
}

#[tokio::test]
async fn c3_special_use_addresses_are_never_asked() {
    let house = House::start().await;
    for address in [
        "https://127.0.0.1/c",
        "https://[::1]/c",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/c",
        "http://app.example/c",
        "https://app.example/",
        "https://user@app.example/c",
    ] {
        let mut request = request();
        request.insert("client_id", address.to_owned());
        assert_eq!(
            house.get(&authorize(&request)).await.status,
            400,
            "{address}"
        );
    }
    assert!(house.network.requests().is_empty());
}

#[tokio::test]
async fn metadata_documents_can_be_switched_off() {
    let house = House::with(|settings| settings.client_id_metadata_documents = false).await;
    house.network.answer_json(ADDRESS, &document());
    assert_eq!(visit(&house).await.status, 400);
    let metadata = house
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert_eq!(metadata["client_id_metadata_document_supported"], false);
}

/// A stranger asks about more and more clients that are named by addresses of their choice.
async fn ask_about(house: &House, path: &str, last: u8, times: u32) -> Vec<u16> {
    let caller = ClientAddress(Some([192, 0, 2, last].into()));
    let mut statuses = Vec::new();
    for n in 0..times {
        let address = format!("https://stranger.example/{last}?n={n}");
        let query = crate::house::encode(&[("client_id", &address)]);
        let request = Request::get(format!("{path}?{query}")).extension(caller);
        let answer = house.send(request.body(Body::empty()).unwrap()).await;
        statuses.push(answer.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn nobody_makes_us_ask_for_any_number_of_addresses() {
    for path in ["/authorize", "/logout"] {
        let house = House::start().await;
        let statuses = ask_about(&house, path, 1, 302).await;
        assert_eq!(statuses[299..], [400, 429, 429], "{path}");
        assert_eq!(house.network.requests().len(), 300);
        assert_eq!(ask_about(&house, path, 2, 1).await, [400], "{path}");
        house.advance(600);
        assert_eq!(ask_about(&house, path, 1, 1).await, [400], "{path}");
        // Who is known already needs nobody to be asked.
        let mut request = request();
        request.insert("client_id", crate::house::CLIENT.to_owned());
        assert_eq!(house.get(&authorize(&request)).await.status, 303);
    }
}

#[tokio::test]
async fn nor_does_a_client_that_never_proves_itself() {
    let house = House::start().await;
    let mut last = 0;
    for n in 0..301 {
        let address = format!("https://stranger.example/{n}");
        let form = [("grant_type", "refresh_token"), ("client_id", &*address)];
        last = house.post("/token", &form).await.status.as_u16();
    }
    assert_eq!(last, 429);
    assert_eq!(house.network.requests().len(), 300);
}
