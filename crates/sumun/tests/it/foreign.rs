//! Servers that accept the tokens of another authorization server: here that of a neighbouring house.

use crate::house::{House, SETTINGS};
use crate::http_client::{get, post_form};

const SECRET: &str = "canary-client-secret";

/// A house whose `/neighbour` accepts what `issuer` gives out for its own `/hello`.
async fn trusting(issuer: &str, how: &str) -> House {
    let server = format!(
        "[[servers]]\nname = \"hello\"\npath = \"/neighbour\"\nauthorization_server = \"{issuer}\"\n{how}"
    );
    House::with_settings(&format!("{SETTINGS}\n{server}")).await
}

fn introspection(issuer: &str) -> String {
    format!(
        "verify = \"introspection\"\nclient_id = \"neighbour\"\n\
         client_secret = \"canary-neighbour-secret\"\naudience = \"{issuer}/hello\"\n"
    )
}

#[tokio::test]
async fn tokens_verified_by_signature() {
    let issuer = House::with_settings(SETTINGS).await;
    let how = format!("verify = \"jwt\"\naudience = \"{}/hello\"\n", issuer.url);
    let house = trusting(&issuer.url, &how).await;
    let address = format!("{}/neighbour", house.url);

    let token = issuer.client_token("robot", SECRET, "mcp.access").await;
    let answer = get(&address, Some(&token)).await;
    assert_eq!(answer.status, 200, "{answer:?}\n{}", house.log());
    let own = house.client_token("robot", SECRET, "mcp.access").await;
    assert_eq!(
        get(&address, Some(&own)).await.status,
        401,
        "another issuer"
    );
    let other = issuer.client_token("robot", SECRET, "create:todos").await;
    assert_eq!(
        get(&address, Some(&other)).await.status,
        401,
        "another audience"
    );

    let metadata = format!(
        "{}/.well-known/oauth-protected-resource/neighbour",
        house.url
    );
    let metadata = get(&metadata, None).await.json();
    assert_eq!(
        metadata["authorization_servers"],
        serde_json::json!([issuer.url])
    );
}

#[tokio::test]
async fn tokens_verified_by_introspection() {
    let issuer = House::with_settings(SETTINGS).await;
    let house = trusting(&issuer.url, &introspection(&issuer.url)).await;
    let address = format!("{}/neighbour", house.url);

    let token = issuer.client_token("robot", SECRET, "mcp.access").await;
    let answer = get(&address, Some(&token)).await;
    assert_eq!(answer.status, 200, "{answer:?}\n{}", house.log());
    let revoked = issuer.client_token("robot", SECRET, "mcp.access").await;
    let form = format!("client_id=robot&client_secret={SECRET}&token={revoked}");
    assert_eq!(
        post_form(&format!("{}/revoke", issuer.url), &form)
            .await
            .status,
        200
    );
    assert_eq!(get(&address, Some(&revoked)).await.status, 401);
}

/// A token that nobody can look at is not a bad token (acceptance B2).
#[tokio::test]
async fn b2_an_outage_of_the_issuer_is_503_and_keeps_nobody_from_starting() {
    let issuer = House::with_settings(SETTINGS).await;
    let token = issuer.client_token("robot", SECRET, "mcp.access").await;
    let url = issuer.url.clone();
    issuer.stop("TERM").await;
    let house = trusting(&url, &introspection(&url)).await;
    let answer = get(&format!("{}/neighbour", house.url), Some(&token)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    let (_, log) = house.stop("TERM").await;
    assert!(log.contains(&format!("`{url}` cannot be reached")), "{log}");
}

#[tokio::test]
async fn tokens_verified_by_userinfo() {
    let issuer = House::with_settings(SETTINGS).await;
    let how = "verify = \"userinfo\"\nscope = [\"mcp.access\"]\n";
    let house = trusting(&issuer.url, how).await;
    // A client that acts for itself is no person, so userinfo has nothing to say about it.
    let token = issuer.client_token("robot", SECRET, "mcp.access").await;
    let answer = get(&format!("{}/neighbour", house.url), Some(&token)).await;
    assert_eq!(answer.status, 401, "{answer:?}\n{}", house.log());
}
