//! Signing keys: overlap, restarts, and the other algorithm (acceptance A9).

use oauth::jws::Algorithm;

use crate::browser::Browser;
use crate::house::House;

const DAY: u64 = 24 * 3600;

#[tokio::test]
async fn a9_tokens_of_the_previous_key_stay_valid_until_they_end() {
    let house = House::start().await;
    let first = house.server.key_set().keys[0].kid.clone();
    house.advance(30 * DAY);
    house.server.maintain().await.unwrap();
    assert_eq!(
        house.server.key_set().keys.len(),
        2,
        "the next key is published ahead"
    );
    let tokens = Browser::new(&house).tokens("alice").await;
    assert_eq!(kid_of(&tokens.access_token), first, "and does not sign yet");

    house.advance(15 * 60);
    house.server.maintain().await.unwrap();
    assert!(house.is_accepted(&tokens.access_token).await);
    let newer = Browser::new(&house).tokens("alice").await;
    assert_ne!(kid_of(&newer.access_token), first);

    house.advance(36 * 60);
    house.server.maintain().await.unwrap();
    let remaining = &house.server.key_set().keys;
    assert_eq!(remaining.len(), 1, "the old key goes after its last token");
    assert_ne!(remaining[0].kid, first);
}

#[tokio::test]
async fn a9_a_restart_invalidates_nothing() {
    let house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    let house = house.restarted().await;
    assert!(house.is_accepted(&tokens.access_token).await);
    assert_eq!(
        house.refresh(&tokens.refresh_token.unwrap()).await.status,
        200
    );
}

#[tokio::test]
async fn another_algorithm_takes_over_with_overlap() {
    let mut house = House::start().await;
    let tokens = Browser::new(&house).tokens("alice").await;
    house.settings.signing_algorithm = Algorithm::ES256;
    let house = house.restarted().await;
    assert!(house.is_accepted(&tokens.access_token).await);
    house.advance(15 * 60);
    house.server.maintain().await.unwrap();
    let newer = Browser::new(&house).tokens("alice").await;
    assert!(house.is_accepted(&newer.access_token).await);
    assert_eq!(header_of(&newer.access_token)["alg"], "ES256");
}

#[tokio::test]
async fn the_key_set_is_public_and_holds_no_private_part() {
    let house = House::start().await;
    let answer = house.get("/jwks").await;
    let key = &answer.json()["keys"][0];
    assert_eq!((&key["kty"], &key["alg"]), (&"OKP".into(), &"EdDSA".into()));
    assert!(key.get("d").is_none());
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
}

fn header_of(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(header)
        .unwrap();
    serde_json::from_slice(&header).unwrap()
}

fn kid_of(token: &str) -> Option<String> {
    header_of(token)["kid"].as_str().map(str::to_owned)
}
