//! Dynamic registration (RFC 7591, acceptance C1).

use std::net::Ipv4Addr;
use std::time::Duration;

use authorization_server::ClientAddress;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::browser::{Browser, authorize, redemption, request};
use crate::house::{Answer, House, REDIRECT};

fn metadata() -> Value {
    json!({
        "client_name": "Test client",
        "redirect_uris": ["http://localhost:3000/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "software_id": "kept",
    })
}

async fn register(house: &House, metadata: &Value) -> Answer {
    house.post_json("/register", metadata.to_string()).await
}

#[tokio::test]
async fn c1_a_public_client_registers_and_everything_is_echoed() {
    let house = House::start().await;
    let answer = register(&house, &metadata()).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), "no-store");
    let registered = answer.json();
    for (name, value) in metadata().as_object().unwrap() {
        assert_eq!(&registered[name], value, "{name}");
    }
    assert!(registered.get("client_secret").is_none());
    let mut request = request();
    request.insert(
        "client_id",
        registered["client_id"].as_str().unwrap().to_owned(),
    );
    request.insert("redirect_uri", "http://localhost:54321/callback".to_owned());
    assert_eq!(
        house.get(&authorize(&request)).await.status,
        303,
        "with any port"
    );
}

#[tokio::test]
async fn c1_the_same_registration_is_the_same_client() {
    let house = House::start().await;
    let first = register(&house, &metadata()).await.json();
    house.advance(60);
    let second = register(&house, &metadata()).await.json();
    assert_eq!(first["client_id"], second["client_id"]);
    let mut other = metadata();
    other["client_name"] = json!("Another client");
    assert_ne!(
        register(&house, &other).await.json()["client_id"],
        first["client_id"]
    );
}

#[tokio::test]
async fn a_confidential_client_gets_a_secret_that_works_and_is_not_stored() {
    let house = House::start().await;
    let mut confidential = metadata();
    confidential
        .as_object_mut()
        .unwrap()
        .remove("token_endpoint_auth_method");
    let registered = register(&house, &confidential).await.json();
    assert_eq!(
        registered["token_endpoint_auth_method"], "client_secret_basic",
        "RFC 7591 §2"
    );
    assert_eq!(registered["client_secret_expires_at"], 0);
    let client_id = registered["client_id"].as_str().unwrap();
    let secret = registered["client_secret"].as_str().unwrap();
    let form = [("token", "x")];
    assert_eq!(
        house
            .post_as((client_id, secret), "/introspect", &form)
            .await
            .status,
        200
    );
    house
        .post_as((client_id, "wrong"), "/introspect", &form)
        .await
        .refused(401, "invalid_client");

    let page = store::Page::default();
    let kind = store::Kind::new("registered_client");
    for entry in house
        .store
        .list(kind, store::ListBy::All, page)
        .await
        .unwrap()
    {
        assert!(!String::from_utf8_lossy(&entry.body).contains(secret));
    }
}

#[tokio::test]
async fn c1_what_may_not_be_registered() {
    let house = House::start().await;
    let uris = [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://example.com/cb",
        "https://a.example/cb#x",
        "unheard-of:/cb",
    ];
    for uri in uris {
        let mut bad = metadata();
        bad["redirect_uris"] = json!([uri]);
        register(&house, &bad)
            .await
            .refused(400, "invalid_redirect_uri");
    }
    for (name, value) in [
        ("grant_types", json!(["client_credentials"])),
        ("grant_types", json!(["implicit"])),
        ("response_types", json!(["token"])),
        ("token_endpoint_auth_method", json!("magic")),
        ("redirect_uris", json!("http://localhost/")),
        ("application_type", json!("toaster")),
    ] {
        let mut bad = metadata();
        bad[name] = value;
        register(&house, &bad)
            .await
            .refused(400, "invalid_client_metadata");
    }
    house
        .post_json("/register", "no json")
        .await
        .refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn c1_a_client_cannot_give_itself_rights() {
    let house = House::start().await;
    let mut greedy = metadata();
    greedy["token_endpoint_auth_method"] = json!("client_secret_post");
    greedy["grant_types"] = json!(["authorization_code", "client_credentials"]);
    greedy["scope"] = json!("delete:todos");
    register(&house, &greedy)
        .await
        .refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn c1_bodies_end_at_8_kib() {
    let house = House::start().await;
    let mut large = metadata();
    large["client_uri"] = json!(format!("https://a.example/{}", "x".repeat(8 * 1024)));
    register(&house, &large)
        .await
        .refused(413, "invalid_client_metadata");
}

#[tokio::test]
async fn a11_an_old_answer_sent_again_is_neither_echoed_nor_stored() {
    let house = House::start().await;
    let mut again = metadata();
    again["client_id"] = json!("mine");
    again["client_secret"] = json!("canary");
    let answer = register(&house, &again).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body.matches("client_id\"").count(), 1);
    assert!(!answer.body.contains("canary") && !answer.body.contains("mine"));
}

#[tokio::test]
async fn metadata_that_can_be_read_in_two_ways_is_refused() {
    let house = House::start().await;
    for member in [
        r#""client_name":"a","client_name":"b""#,
        r#""x":1,"x":2"#,
        r#""x":{"$serde_json::private::RawValue":"[]"}"#,
    ] {
        let body = format!(r#"{{"redirect_uris":["http://localhost/"],{member}}}"#);
        house
            .post_json("/register", body)
            .await
            .refused(400, "invalid_client_metadata");
    }
}

#[tokio::test]
async fn c1_one_address_registers_so_often_and_no_more() {
    let house = House::with(|settings| {
        settings.registration.as_mut().unwrap().per_address_and_hour = 3;
    })
    .await;
    let from = |last: u8| {
        let mut request = Request::post("/register").body(Body::from("{}")).unwrap();
        let address = ClientAddress(Some(Ipv4Addr::new(192, 0, 2, last).into()));
        request.extensions_mut().insert(address);
        house.send(request)
    };
    for _ in 0..3 {
        assert_eq!(from(1).await.status, 400);
    }
    let limited = from(1).await;
    limited.refused(429, "temporarily_unavailable");
    assert_eq!(limited.header("retry-after"), "3600");
    assert_eq!(from(2).await.status, 400, "another address is not affected");
    house.advance(3600);
    assert_eq!(from(1).await.status, 400, "an hour later it may try again");
}

#[tokio::test]
async fn c1_clients_that_nobody_uses_go_and_clients_in_use_stay() {
    let house = House::with(|settings| {
        let registration = settings.registration.as_mut().unwrap();
        registration.unused_lifetime = Duration::from_secs(1000);
    })
    .await;
    let client_id = used_client(&house).await;
    for _ in 0..3 {
        house.advance(900);
        use_it(&house, &client_id).await;
    }
    house.advance(1000);
    assert_eq!(ask_as(&house, &client_id).await, 400);
}

/// A client that registers itself, of which we know where its answers go.
async fn used_client(house: &House) -> String {
    let mut metadata = metadata();
    metadata["redirect_uris"] = json!([REDIRECT]);
    let registered = register(house, &metadata).await.json();
    registered["client_id"].as_str().unwrap().to_owned()
}

fn request_as(client_id: &str) -> std::collections::BTreeMap<&'static str, String> {
    let mut request = request();
    request.insert("client_id", client_id.to_owned());
    request
}

async fn ask_as(house: &House, client_id: &str) -> u16 {
    let answer = house.get(&authorize(&request_as(client_id))).await;
    answer.status.as_u16()
}

async fn use_it(house: &House, client_id: &str) {
    let code = Browser::new(house)
        .code("alice", &request_as(client_id))
        .await;
    let mut form = redemption(&code);
    form[2].1 = client_id;
    house.post("/token", &form).await.tokens();
}

#[tokio::test]
async fn c1_a_client_stays_for_long_once_it_has_got_tokens() {
    let house = House::start().await;
    let hours = |hours: u64| house.advance(hours * 3600);
    let client_id = used_client(&house).await;
    hours(23);
    assert_eq!(ask_as(&house, &client_id).await, 303, "asked, not used");
    // Registered again, it does not go before those who did so expect it.
    assert_eq!(used_client(&house).await, client_id);
    hours(23);
    assert_eq!(ask_as(&house, &client_id).await, 303);
    hours(1);
    assert_eq!(ask_as(&house, &client_id).await, 400, "nobody used it");
    assert_eq!(used_client(&house).await, client_id);
    use_it(&house, &client_id).await;
    hours(90 * 24 - 1);
    assert_eq!(ask_as(&house, &client_id).await, 303);
    hours(1);
    assert_eq!(ask_as(&house, &client_id).await, 400);
}

#[tokio::test]
async fn registration_can_be_switched_off() {
    let house = House::with(|settings| settings.registration = None).await;
    register(&house, &metadata())
        .await
        .refused(403, "access_denied");
    let metadata = house
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert!(
        metadata.get("registration_endpoint").is_none(),
        "and is not advertised"
    );
}

/// Whoever can write into the file of the store has no key to seal with.
#[tokio::test]
async fn nobody_makes_a_client_by_writing_into_the_store() {
    let house = House::start().await;
    let client = json!({
        "client_id": "planted", "metadata": metadata(), "secret": null, "origin": "administered",
        "created_at": 1_800_000_000, "expires_at": null,
    });
    for kind in ["registered_client", "client"] {
        let entry = store::Entry::new("planted", client.to_string());
        let kind = store::Kind::new(kind);
        house.store.put(kind, "planted", entry).await.unwrap();
        let mut request = request();
        request.insert("client_id", "planted".to_owned());
        request.insert("redirect_uri", "http://localhost:3000/callback".to_owned());
        let answer = house.get(&authorize(&request)).await;
        assert!(answer.status.as_u16() >= 400, "{answer:?}");
    }
}
