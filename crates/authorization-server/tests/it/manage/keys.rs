//! Signing keys: seen, and rotated before their time.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a9_a_key_that_is_made_early_takes_over_and_breaks_no_token() {
    let controls = Controls::start().await;
    let token = controls.token("manage:keys").await;
    let before = controls.get(&token, "/keys").await.done(200);
    assert_eq!(before["items"][0]["state"], "signing");
    let next = controls.post(&token, "/keys", json!({})).await.done(201);
    assert_eq!(next["state"], "next");
    let again = controls.post(&token, "/keys", json!({})).await.done(201);
    assert_eq!(again["kid"], next["kid"], "one next key is enough");
    let published = controls.house.get("/jwks").await.body;
    assert!(
        published.contains(next["kid"].as_str().unwrap()),
        "before it signs"
    );

    controls.house.advance(Duration::from_mins(16).as_secs());
    controls.house.server.maintain().await.unwrap();
    let after = controls.get(&token, "/keys").await.done(200);
    let states: Vec<_> = after["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["state"])
        .collect();
    assert_eq!(
        states,
        ["signing", "retired"],
        "the token of the old key still opens"
    );
}
