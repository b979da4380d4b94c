//! The end of a connection: the person withdraws at the provider, or nothing uses it any more.

use std::sync::Arc;

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use http::{Request, StatusCode};
use oauth::messages::TokenResponse;

use super::*;
use crate::browser::{Browser, request};
use crate::fragile::{Crash, Fragile};
use crate::house::{Answer, CLIENT as MCP_CLIENT, ReadToken as _, encode};

const TOKEN: &str = "https://nid.naver.com/oauth2.0/token";
const ME: &str = "https://openapi.naver.com/v1/nid/me";
const REVOKE: &str = "https://nid.naver.com/oauth2.0/revoke";

/// A house whose people come from Naver.
async fn naver() -> Vendor {
    let vendor = Vendor::new("naver-classic", |_| {}).await;
    let tokens = json!({"access_token": "a", "refresh_token": "r", "token_type": "bearer",
        "expires_in": "3600"});
    vendor.answer(TOKEN, tokens);
    vendor.answer(
        ME,
        json!({"resultcode": "00", "message": "success",
        "response": {"id": "32742776", "nickname": "mina"}}),
    );
    vendor.house.network.answer(REVOKE, 200, &[], "");
    vendor
}

/// Signs in through the provider, and gives a client what it asks for.
async fn sign_in(vendor: &Vendor, browser: &mut Browser<'_>) -> TokenResponse {
    let (grant, _) = browser.open(&request()).await;
    let form = [
        ("grant", grant.as_str()),
        ("action", "provider:vendor"),
        ("scope", "create:todos"),
    ];
    let away = browser.post("/login", &form).await;
    let state = away.parameter("state").unwrap();
    let path = format!(
        "/callback/vendor?{}",
        encode(&[("code", "c"), ("state", &state)])
    );
    let code = browser.get(&path).await.parameter("code").unwrap();
    vendor.house.redeem(&code).await.tokens()
}

/// A notice as Naver sends it.
fn notice(subject: &str, secret: &str, sent_at: i64) -> Vec<(&'static str, String)> {
    let key = oauth::md5::digest(secret.as_bytes());
    let cipher = UnboundCipherKey::new(&AES_128, &key).unwrap();
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(cipher).unwrap();
    let mut text = subject.as_bytes().to_vec();
    let DecryptionContext::Iv128(vector) = cipher.encrypt(&mut text).unwrap() else {
        panic!("CBC has a vector");
    };
    let sealed = URL_SAFE_NO_PAD.encode([AsRef::<[u8; 16]>::as_ref(&vector), &text[..]].concat());
    let message = format!("clientId={CLIENT}&encryptUniqueId={sealed}&timestamp={sent_at}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), message.as_bytes());
    vec![
        ("clientId", CLIENT.to_owned()),
        ("encryptUniqueId", sealed),
        ("timestamp", sent_at.to_string()),
        ("signature", URL_SAFE_NO_PAD.encode(tag)),
    ]
}

async fn send(vendor: &Vendor, notice: &[(&'static str, String)]) -> Answer {
    let form: Vec<_> = notice
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    vendor.house.post("/unlink/vendor", &form).await
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.get("/account").await.status == StatusCode::OK
}

/// What the provider was told about ended tokens, once all work is done.
async fn revocations(vendor: &Vendor) -> usize {
    vendor.house.server.settle().await;
    let requests = vendor.house.network.requests();
    requests
        .iter()
        .filter(|request| request.url.as_str() == REVOKE)
        .count()
}

#[tokio::test]
async fn b7_a_person_who_withdraws_is_signed_out_everywhere() {
    let vendor = naver().await;
    let house = &vendor.house;
    let (mut laptop, mut phone) = (Browser::new(house), Browser::new(house));
    let tokens = [
        sign_in(&vendor, &mut laptop).await,
        sign_in(&vendor, &mut phone).await,
    ];
    let mut other = Browser::new(house);
    let others = other.tokens("alice").await;

    let answer = send(&vendor, &notice("32742776", SECRET, START.0)).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::NO_CONTENT, "")
    );
    for tokens in &tokens {
        assert!(!house.is_accepted(&tokens.access_token).await);
        house
            .refresh(tokens.refresh_token.as_deref().unwrap())
            .await
            .refused(400, "invalid_grant");
    }
    assert!(!is_signed_in(&mut laptop).await && !is_signed_in(&mut phone).await);
    assert!(house.is_accepted(&others.access_token).await && is_signed_in(&mut other).await);
    assert_eq!(
        revocations(&vendor).await,
        0,
        "Naver has ended its tokens itself"
    );
}

#[tokio::test]
async fn b7_a_notice_counts_once_and_the_person_may_come_back() {
    let vendor = naver().await;
    let mut browser = Browser::new(&vendor.house);
    sign_in(&vendor, &mut browser).await;
    let notice = notice("32742776", SECRET, START.0);
    assert_eq!(send(&vendor, &notice).await.status, StatusCode::NO_CONTENT);
    let tokens = sign_in(&vendor, &mut browser).await;
    // Somebody who has overheard it sends it again, also with the signature in another spelling.
    assert_eq!(send(&vendor, &notice).await.status, StatusCode::NO_CONTENT);
    let mut respelt = notice;
    respelt[3].1 += "=";
    assert_eq!(send(&vendor, &respelt).await.status, StatusCode::NO_CONTENT);
    assert!(vendor.house.is_accepted(&tokens.access_token).await);
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn b7_a_notice_that_failed_half_way_counts_when_it_comes_again() {
    let mut vendor = naver().await;
    let tokens = sign_in(&vendor, &mut Browser::new(&vendor.house)).await;
    let store = Fragile::over(Arc::clone(&vendor.house.store));
    vendor.house.store = Arc::clone(&store) as _;
    vendor.house = vendor.house.restarted().await;
    let notice = notice("32742776", SECRET, START.0);
    store.doom(Crash {
        after: 1,
        is_written: false,
    });
    send(&vendor, &notice).await.refused(500, "server_error");
    assert!(store.mend() && vendor.house.is_accepted(&tokens.access_token).await);
    assert_eq!(send(&vendor, &notice).await.status, StatusCode::NO_CONTENT);
    assert!(!vendor.house.is_accepted(&tokens.access_token).await);
}

#[tokio::test]
async fn b7_what_naver_did_not_sign_ends_nothing() {
    let vendor = naver().await;
    let mut browser = Browser::new(&vendor.house);
    sign_in(&vendor, &mut browser).await;
    let good = || notice("32742776", SECRET, START.0);
    let changed = |part: usize, value: &str| {
        let mut notice = good();
        notice[part].1 = value.to_owned();
        notice
    };
    for (refused, status) in [
        (notice("32742776", "guess", START.0), 403),
        (changed(0, "another-client"), 403),
        (changed(1, "AAAA"), 403),
        (changed(2, "1800000001"), 403),
        (changed(3, "AAAA"), 403),
        (changed(3, ""), 400),
        (notice("32742776", SECRET, START.0 - 301), 400),
        (notice("32742776", SECRET, START.0 + 301), 400),
    ] {
        send(&vendor, &refused)
            .await
            .refused(status, "invalid_request");
    }
    let form: Vec<(&str, &str)> = Vec::new();
    vendor
        .house
        .post("/unlink/vendor", &form)
        .await
        .refused(400, "invalid_request");
    vendor
        .house
        .post("/unlink/nobody", &form)
        .await
        .refused(404, "invalid_request");
    assert!(is_signed_in(&mut browser).await);
    // Somebody who was never here is gone already.
    let stranger = notice("1", SECRET, START.0);
    assert_eq!(
        send(&vendor, &stranger).await.status,
        StatusCode::NO_CONTENT
    );
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn b7_a_notice_may_stand_in_the_query() {
    let vendor = naver().await;
    let mut browser = Browser::new(&vendor.house);
    sign_in(&vendor, &mut browser).await;
    let notice = notice("32742776", SECRET, START.0);
    let form: Vec<_> = notice
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let request = Request::post(format!("/unlink/vendor?{}", encode(&form)));
    let request = request.body(axum::body::Body::empty()).unwrap();
    assert_eq!(
        vendor.house.send(request).await.status,
        StatusCode::NO_CONTENT
    );
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn a6_a_credential_ends_upstream_with_the_last_thing_that_uses_it() {
    let vendor = naver().await;
    let house = &vendor.house;
    let (mut laptop, mut phone) = (Browser::new(house), Browser::new(house));
    let first = sign_in(&vendor, &mut laptop).await;
    let tokens = sign_in(&vendor, &mut phone).await;
    let end = async |tokens: &TokenResponse| {
        let token = tokens.refresh_token.as_deref().unwrap();
        let form = [("token", token), ("client_id", MCP_CLIENT)];
        assert_eq!(house.post("/revoke", &form).await.status, StatusCode::OK);
    };
    let claims = house.server.read(&tokens.access_token);
    let account = [("account", claims["sub"].as_str().unwrap())];
    end(&first).await;
    laptop.post("/logout/confirm", &account).await;
    assert!(is_signed_in(&mut phone).await && !is_signed_in(&mut laptop).await);
    assert_eq!(revocations(&vendor).await, 0, "the phone is signed in");
    phone.post("/logout/confirm", &account).await;
    assert!(!is_signed_in(&mut phone).await);
    assert_eq!(
        revocations(&vendor).await,
        0,
        "a client may act for the person"
    );
    end(&tokens).await;
    assert_eq!(
        revocations(&vendor).await,
        2,
        "both tokens of the credential"
    );
    end(&tokens).await;
    assert_eq!(revocations(&vendor).await, 2);
}

#[tokio::test]
async fn a6_what_ends_by_itself_is_found_by_housekeeping() {
    let vendor = naver().await;
    let house = &vendor.house;
    sign_in(&vendor, &mut Browser::new(house)).await;
    house.server.maintain().await.unwrap();
    assert_eq!(revocations(&vendor).await, 0);
    // Longer than a session and an unused refresh token live.
    house.advance(40 * 24 * 60 * 60);
    house.network.answer(REVOKE, 503, &[], "");
    house.server.maintain().await.unwrap();
    assert_eq!(
        revocations(&vendor).await,
        1,
        "a provider that is down does not stop the end here"
    );
    house.server.maintain().await.unwrap();
    assert_eq!(revocations(&vendor).await, 1);
}

#[tokio::test]
async fn b1_b3_clients_renew_their_tokens_while_the_provider_is_away() {
    let vendor = naver().await;
    let house = &vendor.house;
    let tokens = sign_in(&vendor, &mut Browser::new(house)).await;
    // Longer than the token of the provider lives, and nobody is there to renew it.
    for address in [TOKEN, ME, REVOKE] {
        house.network.unplug(address);
    }
    house.advance(2 * 60 * 60);
    let before = house.network.requests().len();
    let renewed = house
        .refresh(tokens.refresh_token.as_deref().unwrap())
        .await
        .tokens();
    assert!(house.is_accepted(&renewed.access_token).await);
    assert_eq!(
        house.network.requests().len(),
        before,
        "the provider is not asked"
    );
}
