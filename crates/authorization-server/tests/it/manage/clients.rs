//! Clients: third-party applications, registered on a developer's behalf.

use oauth::messages::TokenResponse;

use super::*;
use crate::browser::{VERIFIER, at_site, redemption};
use crate::house::{CLIENT, SITE};

const CALLBACK: &str = "https://shop.example/callback";

fn shop() -> Value {
    json!({"client_name": "Shop", "redirect_uris": [CALLBACK], "scope": "create:todos openid"})
}

/// What the shop gets when a person agrees to everything.
async fn tokens(controls: &Controls, id: &str, secret: &str) -> TokenResponse {
    let mut request = request();
    request.insert("client_id", id.to_owned());
    request.insert("redirect_uri", CALLBACK.to_owned());
    let mut browser = Browser::new(&controls.house);
    let (grant, page) = browser.open(&request).await;
    assert!(page.body.contains("Shop"), "the person is asked: {page:?}");
    let answer = browser
        .approve(&grant, "alice", &["create:todos", "read:todos"])
        .await;
    let code = answer.parameter("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    controls
        .house
        .post_as((id, secret), "/token", &form)
        .await
        .tokens()
}

#[tokio::test]
async fn a_third_party_application_is_registered_and_people_are_asked() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let answer = controls.post(&token, "/clients", shop()).await;
    let view = answer.done(201);
    let (id, secret) = (
        view["client_id"].as_str().unwrap(),
        view["client_secret"].as_str().unwrap(),
    );
    assert_eq!(
        answer.header("location"),
        format!("{ISSUER}/manage/v1/clients/{id}")
    );
    assert_eq!(view["first_party"], false);
    let shown = controls.get(&token, &format!("/clients/{id}")).await;
    assert!(!shown.body.contains(secret), "a11: it is shown once");
    let got = tokens(&controls, id, secret).await;
    assert_eq!(
        got.scope.to_string(),
        "create:todos",
        "no more than the operator allows"
    );
}

#[tokio::test]
async fn a_client_for_itself_has_the_scope_that_it_was_given() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let new = json!({"client_name": "Robot", "grant_types": ["client_credentials"],
        "scope": "read:todos", "token_endpoint_auth_method": "client_secret_basic"});
    let view = controls.post(&token, "/clients", new).await.done(201);
    let robot = (
        view["client_id"].as_str().unwrap(),
        view["client_secret"].as_str().unwrap(),
    );
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "read:todos"),
    ];
    let tokens = controls
        .house
        .post_as(robot, "/token", &form)
        .await
        .tokens();
    assert!(controls.house.is_accepted(&tokens.access_token).await);
    controls
        .delete(&token, &format!("/clients/{}", robot.0))
        .await
        .done(204);
    assert!(
        !controls.house.is_accepted(&tokens.access_token).await,
        "at once"
    );
}

#[tokio::test]
async fn what_rfc7591_forbids_cannot_be_registered_here_either() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    for (member, value) in [
        ("redirect_uris", json!(["javascript:alert(1)"])),
        ("redirect_uris", json!(["http://shop.example/callback"])),
        ("redirect_uris", json!([])),
        ("client_name", json!(" ")),
        ("token_endpoint_auth_method", json!("password")),
        ("grant_types", json!(["implicit"])),
        ("jwks_uri", json!("http://shop.example/keys")),
        ("scope", json!("fly:to-the-moon")),
        ("first_party", json!(true)),
        ("client_id", json!("console")),
    ] {
        let mut bad = shop();
        bad[member] = value;
        controls
            .post(&token, "/clients", bad)
            .await
            .problem(400, "malformed_request");
    }
}

#[tokio::test]
async fn a_client_changes_and_gets_another_secret() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let view = controls.post(&token, "/clients", shop()).await.done(201);
    let id = view["client_id"].as_str().unwrap();
    let path = format!("/clients/{id}");
    let change =
        json!({"client_name": "Shop two", "client_uri": "https://shop.example", "scope": null});
    let changed = controls.patch(&token, &path, change).await.done(200);
    assert_eq!(changed["client_name"], "Shop two");
    assert_eq!(changed["redirect_uris"], json!([CALLBACK]));
    assert_eq!(changed["scope"], Value::Null);
    controls
        .patch(&token, &path, json!({"redirect_uris": []}))
        .await
        .problem(400, "malformed_request");

    let old = view["client_secret"].as_str().unwrap();
    let rotated = controls
        .post(&token, &format!("{path}/secret"), json!({}))
        .await
        .done(200);
    let new = rotated["client_secret"].as_str().unwrap();
    let form = [("token", "x")];
    controls
        .house
        .post_as((id, old), "/revoke", &form)
        .await
        .refused(401, "invalid_client");
    assert_eq!(
        controls
            .house
            .post_as((id, new), "/revoke", &form)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn clients_of_the_settings_and_clients_that_registered_themselves_are_shown() {
    let controls = Controls::start().await;
    let token = controls.token(ALL).await;
    let declared = format!("/clients/{CLIENT}");
    assert_eq!(
        controls.get(&token, &declared).await.done(200)["origin"],
        "settings"
    );
    let change = json!({"client_name": "Other"});
    controls
        .patch(&token, &declared, change.clone())
        .await
        .problem(409, "declared_in_settings");
    controls
        .delete(&token, &declared)
        .await
        .problem(409, "declared_in_settings");
    controls
        .post(&token, &format!("{declared}/secret"), json!({}))
        .await
        .problem(409, "declared_in_settings");

    let body =
        json!({"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"});
    let registered = controls
        .house
        .post_json("/register", body.to_string())
        .await
        .json();
    let registered = format!("/clients/{}", registered["client_id"].as_str().unwrap());
    assert_eq!(
        controls.get(&token, &registered).await.done(200)["origin"],
        "self_registered"
    );
    controls
        .patch(&token, &registered, change)
        .await
        .problem(400, "malformed_request");
    let all = controls.get(&token, "/clients").await.done(200);
    assert_eq!(
        all["items"].as_array().unwrap().len(),
        controls.house.settings.clients.len() + 1
    );
    controls.delete(&token, &registered).await.done(204);
    controls
        .get(&token, &registered)
        .await
        .problem(404, "not_found");
}

/// The name of a public client is made of its metadata, so whoever knows these can have it registered again.
#[tokio::test]
async fn what_was_allowed_to_a_client_that_was_removed_stays_void_when_it_registers_again() {
    let controls = Controls::start().await;
    let house = &controls.house;
    let metadata = json!({
        "redirect_uris": [SITE], "token_endpoint_auth_method": "none", "client_name": "Again",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let register = async || {
        let registered = house.post_json("/register", metadata.to_string()).await;
        let client_id = registered.json()["client_id"].clone();
        client_id.as_str().unwrap().to_owned()
    };
    let client_id = register().await;
    let mut asked = at_site(request());
    asked.insert("client_id", client_id.clone());
    let mut browser = Browser::new(house);
    let redeem = async |code: &str| {
        let mut form = redemption(code);
        (form[2].1, form[3].1) = (&client_id, SITE);
        house.post("/token", &form).await
    };
    let tokens = redeem(&browser.code("admin", &asked).await).await.tokens();
    let waiting = browser.code("admin", &asked).await;
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_deref().unwrap()),
        ("client_id", &client_id),
    ];
    assert!(house.is_accepted(&tokens.access_token).await);

    house.advance(120);
    let token = controls.token(ALL).await;
    let path = format!("/clients/{client_id}");
    controls.delete(&token, &path).await.done(204);
    assert!(!house.is_accepted(&tokens.access_token).await);
    assert_eq!(register().await, client_id);
    assert!(!house.is_accepted(&tokens.access_token).await);
    house
        .post("/token", &refresh)
        .await
        .refused(400, "invalid_grant");
    redeem(&waiting).await.refused(400, "invalid_grant");

    let (grant, page) = browser.open(&asked).await;
    assert_eq!(page.status, 200, "people are asked again: {page:?}");
    let both = ["create:todos", "read:todos"];
    let answer = browser.approve(&grant, "admin", &both).await;
    let tokens = redeem(&answer.parameter("code").unwrap()).await.tokens();
    assert!(house.is_accepted(&tokens.access_token).await);
    let (_, again) = browser.open(&asked).await;
    assert!(
        again.parameter("code").is_some(),
        "and once only: {again:?}"
    );
}
