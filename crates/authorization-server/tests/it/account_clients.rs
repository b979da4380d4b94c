//! Clients of every kind on the page that says who may act for a person.

use http::StatusCode;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::grant_type::DEVICE_CODE;
use serde_json::json;

use crate::browser::{Browser, at_site, redemption, request};
use crate::house::{Answer, House, PASSWORD, REDIRECT, SITE, TODO, client};

const DOCUMENT: &str = "https://app.example/oauth/client.json";

async fn page_of<'a>(house: &'a House, who: &str) -> (Browser<'a>, Answer) {
    let mut browser = Browser::new(house);
    let form = [("username", who), ("password", PASSWORD)];
    browser.post("/account/sign-in", &form).await;
    let page = browser.get("/account/clients").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    (browser, page)
}

/// Presses the button of the only client on the page.
async fn revoke(browser: &mut Browser<'_>, page: &Answer) {
    let field = |name: &str| {
        let start = format!("name=\"{name}\" value=\"");
        let rest = page.body.split(&start).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (account, client) = (field("account"), field("client"));
    let form = [("account", &*account), ("client", &client)];
    let answer = browser.post("/account/clients", &form).await;
    assert_eq!(
        answer.parameter("notice").as_deref(),
        Some("client-revoked")
    );
}

#[track_caller]
fn shows(page: &Answer, words: &[&str]) {
    for words in words {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
}

#[tokio::test]
async fn a_client_with_a_metadata_document_is_shown_without_asking_anybody() {
    let house = House::start().await;
    let document = json!({
        "client_id": DOCUMENT, "client_name": "App", "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
    });
    house.network.answer_json(DOCUMENT, &document);
    let mut asked = request();
    asked.insert("client_id", DOCUMENT.to_owned());
    let code = Browser::new(&house).code("alice", &asked).await;
    let mut form = redemption(&code);
    form[2].1 = DOCUMENT;
    let tokens = house.post("/token", &form).await.tokens();
    let so_far = house.network.requests().len();

    let (_, page) = page_of(&house, "alice").await;
    shows(&page, &["<bdi>App</bdi>", "<strong>app.example</strong>"]);
    // The document is stale by now, and its host is down: the page needs neither.
    house.network.unplug(DOCUMENT);
    house.advance(2 * 86_400);
    let (mut browser, page) = page_of(&house, "alice").await;
    shows(&page, &["<bdi>app.example</bdi>", "May create:todos"]);
    revoke(&mut browser, &page).await;
    assert!(!house.is_accepted(&tokens.access_token).await);
    assert_eq!(house.network.requests().len(), so_far);
}

#[tokio::test]
async fn a6_a_device_is_shown_and_its_access_taken_back() {
    let house = House::with(|settings| {
        let grant_types = [DEVICE_CODE, "refresh_token"];
        let tv = client("tv", None, TokenEndpointAuthMethod::None, &grant_types);
        settings.clients.push(tv);
    })
    .await;
    let form = [
        ("client_id", "tv"),
        ("scope", "create:todos"),
        ("resource", TODO),
    ];
    let device = house.post("/device_authorization", &form).await.json();
    let mut browser = Browser::new(&house);
    let form = [("user_code", device["user_code"].as_str().unwrap())];
    let grant = browser.post("/device", &form).await;
    let grant = grant.parameter("grant").unwrap();
    browser.get(&format!("/login?grant={grant}")).await;
    browser.approve(&grant, "alice", &["create:todos"]).await;
    house.advance(5);
    let form = [
        ("grant_type", DEVICE_CODE),
        ("device_code", device["device_code"].as_str().unwrap()),
        ("client_id", "tv"),
    ];
    let tokens = house.post("/token", &form).await.tokens();

    let (mut browser, page) = page_of(&house, "alice").await;
    shows(&page, &["<bdi>tv</bdi>", "A device without a browser"]);
    revoke(&mut browser, &page).await;
    assert!(!house.is_accepted(&tokens.access_token).await);
}

#[tokio::test]
async fn a_client_of_the_house_is_shown_and_can_be_stopped() {
    let house = House::start().await;
    let mut asked = at_site(request());
    asked.insert("client_id", "our-own".into());
    asked.insert("scope", "create:todos".into());
    let code = Browser::new(&house).code("alice", &asked).await;
    let mut form = redemption(&code);
    (form[2].1, form[3].1) = ("our-own", SITE);
    let tokens = house.post("/token", &form).await.tokens();
    let (mut browser, page) = page_of(&house, "alice").await;
    shows(&page, &["<bdi>our-own</bdi>", "Belongs to this service"]);
    revoke(&mut browser, &page).await;
    assert!(!house.is_accepted(&tokens.access_token).await);
}

#[tokio::test]
async fn a_client_that_is_gone_is_not_shown() {
    let house = House::start().await;
    let metadata = json!({
        "client_name": "Passing", "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
    });
    let answer = house.post_json("/register", metadata.to_string()).await;
    let registered = answer.json();
    let mut asked = request();
    asked.insert(
        "client_id",
        registered["client_id"].as_str().unwrap().to_owned(),
    );
    Browser::new(&house).code("alice", &asked).await;
    let (_, page) = page_of(&house, "alice").await;
    shows(&page, &["<bdi>Passing</bdi>"]);
    house.advance(91 * 86_400);
    let (_, page) = page_of(&house, "alice").await;
    shows(&page, &["No application may do anything for you."]);
}
