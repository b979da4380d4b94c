//! The userinfo endpoint (OpenID Connect Core §5.3).

use axum::body::Body;
use http::Request;

use crate::browser::{Browser, request};
use crate::house::{Answer, House, WHOAMI};

async fn ask(house: &House, authorization: &str) -> Answer {
    let request = Request::get("/userinfo").header("authorization", authorization);
    house.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn claims_follow_the_granted_scope() {
    let house = House::start().await;
    let mut asked = request();
    asked.insert("resource", WHOAMI.to_owned());
    asked.insert("scope", "openid email".to_owned());
    let code = Browser::new(&house).code("alice", &asked).await;
    let tokens = house.redeem(&code).await.tokens();
    let claims = ask(&house, &format!("Bearer {}", tokens.access_token))
        .await
        .json();
    assert_eq!(claims["email"], "alice@example.com");
    assert!(claims.get("name").is_none(), "profile was not granted");
}

#[tokio::test]
async fn a_token_without_openid_and_a_revoked_one_are_refused() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    let authorization = format!("Bearer {}", tokens.access_token);
    let answer = ask(&house, &authorization).await;
    answer.refused(403, "insufficient_scope");
    assert!(
        answer
            .header("www-authenticate")
            .contains("scope=\"openid\"")
    );

    house.redeem("nonsense").await.refused(400, "invalid_grant");
    ask(&house, "Bearer nonsense")
        .await
        .refused(401, "invalid_token");
    let without = house.get("/userinfo").await;
    assert!(without.json().get("error").is_none());
    assert_eq!(
        without.header("www-authenticate"),
        "Bearer",
        "no error without credentials"
    );
}
