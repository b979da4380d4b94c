//! Introspection (RFC 7662, acceptance A7).

use crate::browser::Browser;
use crate::house::{CLIENT, House, ISSUER, TODO};

#[tokio::test]
async fn a7_introspection_is_authenticated() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    let token = ("token", tokens.access_token.as_str());
    house
        .post("/introspect", &[token])
        .await
        .refused(401, "invalid_client");
    house
        .post("/introspect", &[token, ("client_id", CLIENT)])
        .await
        .refused(401, "invalid_client");
    let wrong = house
        .post_as(("service", "wrong"), "/introspect", &[token])
        .await;
    wrong.refused(401, "invalid_client");
    assert_eq!(wrong.header("www-authenticate"), "Basic");
}

#[tokio::test]
async fn a_resource_server_learns_about_tokens_for_it_and_nothing_else() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    let token = ("token", tokens.access_token.as_str());
    let form = [
        token,
        ("client_id", "todo-server"),
        ("client_secret", "guard-secret"),
    ];
    let answer = house.post("/introspect", &form).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let claims = answer.json();
    assert_eq!(claims["active"], true);
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&ISSUER.into(), &TODO.into())
    );
    assert_eq!(claims["scope"], "create:todos");

    let stranger = house
        .post_as(("service", "service-secret"), "/introspect", &[token])
        .await;
    assert_eq!(stranger.json(), serde_json::json!({"active": false}));
}

#[tokio::test]
async fn of_a_dead_token_nothing_is_said() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    house.advance(1801);
    let refresh_token = tokens.refresh_token.unwrap();
    for token in [
        tokens.access_token.as_str(),
        refresh_token.as_str(),
        "nonsense",
    ] {
        let form = [
            ("token", token),
            ("client_id", "todo-server"),
            ("client_secret", "guard-secret"),
        ];
        let answer = house.post("/introspect", &form).await;
        assert_eq!(answer.json(), serde_json::json!({"active": false}));
    }
}
