//! Other rooms get tokens of people that are good (acceptance B3).

use std::time::Duration;

use delegation::{Credential, ValidTokenError, Vault};

use super::*;

const TOKEN: &str = "https://kauth.kakao.com/oauth/token";

/// A house where kim is connected to Kakao, and what it says about kim's token.
async fn connected() -> Vendor {
    let vendor = Vendor::new("kakao", |_| {}).await;
    let house = &vendor.house;
    let credential = Credential {
        access_token: "first".into(),
        refresh_token: Some("r1".into()),
        expires_at: Some(START.plus(Duration::from_hours(6))),
        refresh_expires_at: Some(START.plus(Duration::from_hours(24 * 60))),
        scope: None,
    };
    let vault = Vault::new(house.store.clone(), house.keys.clone());
    vault.put("kim", "vendor", &credential).await.unwrap();
    vendor
}

async fn token(vendor: &Vendor) -> Result<String, ValidTokenError> {
    let tokens = vendor.house.server.valid_tokens();
    let token = tokens.valid_token("kim", "vendor").await?;
    Ok(token.expose().to_owned())
}

#[tokio::test]
async fn b3_b4_a_token_is_renewed_unseen_and_keeps_its_refresh_token() {
    let vendor = connected().await;
    assert_eq!(token(&vendor).await.unwrap(), "first");
    assert!(vendor.house.network.requests().is_empty());
    vendor.house.clock.advance(Duration::from_hours(6));
    let next = json!({"access_token": "second", "token_type": "bearer", "expires_in": "21599"});
    vendor.answer(TOKEN, next);
    assert_eq!(token(&vendor).await.unwrap(), "second");
    assert_eq!(token(&vendor).await.unwrap(), "second");
    assert_eq!(vendor.house.network.requests().len(), 1);
    vendor.house.clock.advance(Duration::from_hours(6));
    token(&vendor).await.unwrap();
    let form = vendor.form_sent_to(TOKEN);
    assert_eq!(field(&form, "refresh_token"), Some("r1"));
    vendor.house.server.settle().await;
}

#[tokio::test]
async fn b1_an_outage_is_no_end_and_an_end_is_tried_once() {
    let vendor = connected().await;
    vendor.house.clock.advance(Duration::from_hours(6));
    vendor.house.network.answer(TOKEN, 500, &[], "oops");
    let error = token(&vendor).await.unwrap_err();
    assert!(
        matches!(error, ValidTokenError::Unavailable { .. }),
        "{error:?}"
    );
    vendor.house.clock.advance(Duration::from_secs(30));
    let ended = r#"{"error":"invalid_grant","error_code":"KOE322"}"#;
    vendor.house.network.answer(TOKEN, 400, &[], ended);
    for _ in 0..3 {
        let error = token(&vendor).await.unwrap_err();
        assert!(
            matches!(error, ValidTokenError::ConnectAgain { .. }),
            "{error:?}"
        );
    }
    assert_eq!(vendor.house.network.requests().len(), 2);
}
