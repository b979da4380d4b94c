//! Tokens are ended where they were issued, in the way of each provider (acceptance A6).

use delegation::Credential;

use super::*;

fn credential() -> Credential {
    Credential {
        access_token: "a+/=".into(),
        refresh_token: Some("r".into()),
        expires_at: None,
        refresh_expires_at: None,
        scope: None,
    }
}

#[tokio::test]
async fn a6_naver_is_told_by_form_and_line_by_its_own_parameter() {
    let vendor = Vendor::new("naver", |_| {}).await;
    let url = "https://nid.naver.com/oauth2.0/revoke";
    vendor.house.network.answer(url, 200, &[], "");
    vendor.provider().revoke(&credential()).await.unwrap();
    assert_eq!(vendor.house.network.requests().len(), 2, "both tokens");
    let form = vendor.form_sent_to(url);
    for (name, value) in [
        ("token", "a+/="),
        ("token_type_hint", "access_token"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
    ] {
        assert_eq!(field(&form, name), Some(value));
    }

    let vendor = Vendor::new("line", |_| {}).await;
    let url = "https://api.line.me/oauth2/v2.1/revoke";
    vendor.house.network.answer(url, 200, &[], "");
    vendor.provider().revoke(&credential()).await.unwrap();
    assert_eq!(vendor.house.network.requests().len(), 1);
    assert_eq!(
        field(&vendor.form_sent_to(url), "access_token"),
        Some("a+/=")
    );
}

#[tokio::test]
async fn the_older_way_of_naver_can_be_set() {
    let vendor = Vendor::new("naver-classic", |own| {
        let fields = &mut own.overrides;
        fields.revocation_endpoint = Some("https://nid.naver.com/oauth2.0/token".into());
        fields.revocation_token_parameter = Some("access_token".into());
        let more = [("grant_type", "delete"), ("service_provider", "NAVER")];
        let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
        fields.revocation_parameters = Some(more.into());
    })
    .await;
    let url = "https://nid.naver.com/oauth2.0/token";
    vendor.answer(url, json!({"access_token": "a", "result": "success"}));
    vendor.provider().revoke(&credential()).await.unwrap();
    assert_eq!(
        field(&vendor.form_sent_to(url), "grant_type"),
        Some("delete")
    );
    vendor.answer(url, json!({"error": "unauthorized_client"}));
    assert!(
        vendor.provider().revoke(&credential()).await.is_err(),
        "an error inside 200"
    );
}

#[tokio::test]
async fn kakao_ends_a_token_by_itself_and_needs_one_that_is_good() {
    let vendor = Vendor::new("kakao", |_| {}).await;
    let (logout, token) = (
        "https://kapi.kakao.com/v1/user/logout",
        "https://kauth.kakao.com/oauth/token",
    );
    let bearer_of_last = || {
        let requests = vendor.house.network.requests();
        requests.last().unwrap().headers["authorization"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    vendor.answer(logout, json!({"id": 1}));
    vendor.provider().revoke(&credential()).await.unwrap();
    assert_eq!(bearer_of_last(), "Bearer a+/=");

    let old = Credential {
        expires_at: Some(START),
        ..credential()
    };
    vendor.answer(
        token,
        json!({"access_token": "fresh", "token_type": "bearer"}),
    );
    vendor.provider().revoke(&old).await.unwrap();
    assert_eq!(bearer_of_last(), "Bearer fresh");
    vendor.house.network.answer(
        logout,
        401,
        &[],
        r#"{"msg":"this access token does not exist","code":-401}"#,
    );
    vendor.provider().revoke(&old).await.unwrap();
    vendor.house.network.answer(
        token,
        400,
        &[],
        r#"{"error":"invalid_grant","error_code":"KOE322"}"#,
    );
    vendor.provider().revoke(&old).await.unwrap();
    vendor.house.network.answer(token, 500, &[], "");
    assert!(vendor.provider().revoke(&old).await.is_err());
}

#[tokio::test]
async fn github_is_told_by_a_document() {
    let vendor = Vendor::new("github", |_| {}).await;
    let url = "https://api.github.com/applications/our-client/token";
    for (status, is_ended) in [
        (204, true),
        (404, true),
        (422, true),
        (401, false),
        (500, false),
    ] {
        vendor.house.network.answer(url, status, &[], "");
        let ended = vendor.provider().revoke(&credential()).await;
        assert_eq!(ended.is_ok(), is_ended, "{status}: {ended:?}");
    }
    let sent = &vendor.house.network.requests()[0];
    assert_eq!(
        (sent.method.as_str(), &sent.body[..]),
        ("DELETE", &br#"{"access_token":"a+/="}"#[..])
    );
    assert!(
        sent.headers["authorization"]
            .to_str()
            .unwrap()
            .starts_with("Basic ")
    );
}

#[tokio::test]
async fn a_provider_that_offers_nothing_is_not_asked() {
    let vendor = Vendor::new("github", |own| {
        own.overrides.revocation = Some("none".into());
    })
    .await;
    vendor.provider().revoke(&credential()).await.unwrap();
    assert!(vendor.house.network.requests().is_empty());
}
