//! A provider that dies in each step: nobody is blamed, and nothing is lost (acceptance B1, B2).

use std::time::Duration;

use delegation::Credential;

use super::*;

const ISSUER: &str = "https://id.example";

async fn vendor() -> Vendor {
    let vendor = Vendor::new("oidc", |own| own.overrides.issuer = Some(ISSUER.into())).await;
    vendor.publish_metadata(ISSUER, json!({}));
    vendor
}

#[track_caller]
fn retry_after(result: Result<impl std::fmt::Debug, IdentityProviderError>) -> u64 {
    match result.unwrap_err() {
        IdentityProviderError::Unavailable { retry_after, .. } => retry_after.as_secs(),
        other => panic!("this is an outage: {other:?}"),
    }
}

#[tokio::test]
async fn b1_a_provider_that_dies_in_each_step_is_unavailable() {
    let vendor = vendor().await;
    let network = &vendor.house.network;
    let leg = begun();
    let id_token = vendor.id_token(&leg, ISSUER, json!({})).await;
    let metadata = "https://id.example/.well-known/openid-configuration";

    let steps = [
        "https://id.example/token",
        "https://id.example/keys",
        "https://id.example/me",
    ];
    assert_eq!(retry_after(vendor.finish(&leg).await), 30);
    network.answer(
        steps[0],
        503,
        &[("retry-after", "120")],
        "<html>db1.internal down</html>",
    );
    assert_eq!(retry_after(vendor.finish(&leg).await), 120);
    vendor.answer(steps[0], json!({"access_token": "a", "id_token": id_token}));
    network.unplug(steps[1]);
    assert_eq!(retry_after(vendor.finish(&leg).await), 30);
    vendor.house.advance(31);
    vendor.publish_key(steps[1]);
    assert_eq!(retry_after(vendor.finish(&leg).await), 30);
    network.answer(steps[2], 429, &[("retry-after", "5")], "");
    assert_eq!(retry_after(vendor.finish(&leg).await), 5);
    vendor.answer(steps[2], json!({"sub": "subject-1"}));
    assert!(vendor.finish(&leg).await.is_ok());
    network.unplug(metadata);
    assert!(vendor.finish(&leg).await.is_ok(), "its addresses are known");
}

#[tokio::test]
async fn b2_known_addresses_serve_through_an_outage_for_a_bounded_time() {
    let vendor = vendor().await;
    let network = &vendor.house.network;
    let metadata = "https://id.example/.well-known/openid-configuration";
    let asked = || {
        network
            .requests()
            .iter()
            .filter(|r| r.url.as_str() == metadata)
            .count()
    };
    network.answer(metadata, 503, &[], "");
    let leg = begun();
    retry_after(vendor.provider().authorization_url(&leg, STATE).await);
    retry_after(vendor.provider().authorization_url(&leg, STATE).await);
    assert_eq!(asked(), 1, "a dead provider is left alone for a while");
    vendor.house.advance(11);
    vendor.publish_metadata(ISSUER, json!({}));
    vendor.sent_to(&leg).await;
    vendor.sent_to(&leg).await;
    assert_eq!(asked(), 2, "and a living one is not asked again and again");

    network.answer(metadata, 503, &[], "");
    vendor.house.advance(2 * 60 * 60);
    vendor.sent_to(&leg).await;
    assert_eq!(asked(), 3);
    vendor.house.advance(23 * 60 * 60);
    retry_after(vendor.provider().authorization_url(&leg, STATE).await);
}

#[tokio::test]
async fn b2_a_clock_that_is_set_back_neither_prolongs_an_outage_nor_keeps_addresses() {
    let vendor = vendor().await;
    let network = &vendor.house.network;
    let metadata = "https://id.example/.well-known/openid-configuration";
    let yesterday = START.minus(Duration::from_hours(24));
    let asked = || {
        let requests = network.requests();
        let asked = requests.iter().filter(|r| r.url.as_str() == metadata);
        asked.count()
    };
    network.answer(metadata, 503, &[], "");
    let leg = begun();
    retry_after(vendor.provider().authorization_url(&leg, STATE).await);
    vendor.house.clock.set(yesterday);
    vendor.publish_metadata(ISSUER, json!({}));
    vendor.sent_to(&leg).await;
    assert_eq!(asked(), 2, "the failure lies in the future");
    let earlier = yesterday.minus(Duration::from_hours(1));
    vendor.house.clock.set(earlier);
    vendor.sent_to(&leg).await;
    assert_eq!(asked(), 3, "nobody knows how old the addresses are");
}

#[tokio::test]
async fn b1_an_outage_while_renewing_leaves_the_credential_as_it_is() {
    let vendor = vendor().await;
    let token = "https://id.example/token";
    let credential = Credential {
        access_token: "a".into(),
        refresh_token: Some("r".into()),
        expires_at: Some(START),
        refresh_expires_at: Some(START.plus(Duration::from_hours(1))),
        scope: Some("openid".into()),
    };
    retry_after(vendor.provider().refresh(&credential).await);
    vendor
        .house
        .network
        .answer(token, 400, &[], r#"{"error":"invalid_client"}"#);
    let refused = vendor.provider().refresh(&credential).await.unwrap_err();
    assert!(
        matches!(refused, IdentityProviderError::Refused { .. }),
        "it is we who are refused"
    );
    vendor
        .house
        .network
        .answer(token, 400, &[], r#"{"error":"invalid_grant"}"#);
    let ended = vendor.provider().refresh(&credential).await.unwrap_err();
    assert!(
        matches!(ended, IdentityProviderError::CredentialEnded { .. }),
        "{ended}"
    );

    // Whatever an answer leaves out stays; what it says is taken.
    vendor.answer(token, json!({"access_token": "b", "expires_in": "60"}));
    let renewed = vendor.provider().refresh(&credential).await.unwrap();
    assert_eq!(renewed.refresh_token.as_ref().unwrap().expose(), "r");
    assert_eq!(renewed.refresh_expires_at, credential.refresh_expires_at);
    assert_eq!(renewed.scope.as_deref(), Some("openid"));
    assert_eq!(renewed.expires_at, Some(START.plus(Duration::from_mins(1))));
    vendor.answer(
        token,
        json!({"access_token": "c", "refresh_token": "s", "scope": "x",
        "refresh_token_expires_in": 7200}),
    );
    let renewed = vendor.provider().refresh(&renewed).await.unwrap();
    assert_eq!(renewed.refresh_token.unwrap().expose(), "s");
    assert_eq!(
        renewed.refresh_expires_at,
        Some(START.plus(Duration::from_hours(2)))
    );
    assert_eq!(
        (renewed.scope.as_deref(), renewed.expires_at),
        (Some("x"), None)
    );
}
