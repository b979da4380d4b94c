//! Grants: what people have allowed, seen and revoked.

use super::*;
use crate::house::{CLIENT, TODO};

#[tokio::test]
async fn a6_a_revoked_grant_ends_its_tokens() {
    let controls = Controls::start().await;
    let token = controls.token("manage:grants").await;
    let of_alice = Browser::new(&controls.house).tokens("alice").await;
    let of_admin = Browser::new(&controls.house).tokens("admin").await;
    let alice = controls.id("alice").await;
    let grants = controls
        .get(&token, &format!("/grants?user={alice}&client_id={CLIENT}"))
        .await
        .done(200);
    let grant = &grants["items"][0];
    assert_eq!(grants["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&grant["user"], &grant["resource"]),
        (&json!(alice), &json!(TODO))
    );
    assert_eq!(grant["scope"], "create:todos");

    let path = format!("/grants/{}", grant["id"].as_str().unwrap());
    assert_eq!(&controls.get(&token, &path).await.done(200), grant);
    controls.delete(&token, &path).await.done(204);
    assert!(!controls.house.is_accepted(&of_alice.access_token).await);
    assert!(controls.house.is_accepted(&of_admin.access_token).await);
    controls.get(&token, &path).await.problem(404, "not_found");
}

#[tokio::test]
async fn grants_that_nobody_gave_are_not_listed() {
    let controls = Controls::start().await;
    let token = controls.token("manage:read").await;
    Browser::new(&controls.house).open(&request()).await;
    assert_eq!(
        controls.get(&token, "/grants").await.done(200)["items"],
        json!([])
    );
    Browser::new(&controls.house).tokens("alice").await;
    Browser::new(&controls.house).open(&request()).await;
    let page = controls.get(&token, "/grants?limit=1").await.done(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let none = controls
        .get(&token, "/grants?client_id=other")
        .await
        .done(200);
    assert_eq!(none, json!({"items": []}));
}
