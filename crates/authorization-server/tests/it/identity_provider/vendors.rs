//! Every bundled preset against answers in the wire format of its vendor.

use authorization_server::identity_provider::Identity;

use super::*;

const NAVER_TOKEN: &str = "https://nid.naver.com/oauth2.0/token";
const NAVER_ME: &str = "https://openapi.naver.com/v1/nid/me";

fn identity(subject: &str) -> Identity {
    Identity {
        subject: subject.to_owned(),
        username: None,
        name: None,
        email: None,
        email_verified: false,
    }
}

fn naver_profile() -> Value {
    json!({"resultcode": "00", "message": "success", "response": {
        "id": "32742776", "nickname": "할일", "name": "오픈 API",
        "email": "openapi@naver.com", "gender": "F", "age": "40-49",
    }})
}

#[tokio::test]
async fn b5_naver_classic_wants_state_and_secret_in_the_form() {
    let vendor = Vendor::new("naver-classic", |_| {}).await;
    let leg = begun();
    let url = vendor.sent_to(&leg).await;
    assert!(
        url.as_str()
            .starts_with("https://nid.naver.com/oauth2.0/authorize?")
    );
    assert_eq!(parameter(&url, "state").as_deref(), Some(STATE));
    for unknown in ["code_challenge", "nonce", "scope", "resource"] {
        assert_eq!(parameter(&url, unknown), None);
    }
    vendor.answer(
        NAVER_TOKEN,
        json!({
            "access_token": "AAAAQosjWDJieBiQZc3to9YQp6HDLvrmyKC+6+iZ3gq7qrkqf50ljZC+Lgoqrg",
            "refresh_token": "c8ceMEJisO4Se7uGisHoX0f5JEii7JnipglQipkOn5Zp3tyP7dHQoP0zNKHUq2gY",
            "token_type": "bearer", "expires_in": "3600",
        }),
    );
    vendor.answer(NAVER_ME, naver_profile());
    let arrival = vendor.finish(&leg).await.unwrap();
    let expected = Identity {
        username: Some("할일".into()),
        name: Some("오픈 API".into()),
        email: Some("openapi@naver.com".into()),
        ..identity("32742776")
    };
    assert_eq!(
        arrival.identity, expected,
        "the address is not called verified"
    );
    assert_eq!(
        arrival.credential.expires_at,
        Some(START.plus(std::time::Duration::from_hours(1)))
    );
    let form = vendor.form_sent_to(NAVER_TOKEN);
    assert_eq!(field(&form, "state"), Some(STATE));
    assert_eq!(field(&form, "client_secret"), Some(SECRET));
    assert_eq!(
        field(&form, "redirect_uri"),
        Some("https://as.example/callback/vendor")
    );
    assert_eq!(field(&form, "code_verifier"), None);
}

#[tokio::test]
async fn b4_naver_says_no_inside_200_and_keeps_the_refresh_token() {
    let vendor = Vendor::new("naver-classic", |_| {}).await;
    let leg = begun();
    vendor.answer(
        NAVER_TOKEN,
        json!({
            "error": "invalid_request", "error_description": "no valid data in session",
        }),
    );
    let refused = vendor.finish(&leg).await.unwrap_err();
    assert!(
        matches!(refused, IdentityProviderError::Refused { .. }),
        "{refused}"
    );
    vendor.answer(NAVER_TOKEN, json!({"error": "server_error"}));
    let down = vendor.finish(&leg).await.unwrap_err();
    assert!(
        matches!(down, IdentityProviderError::Unavailable { .. }),
        "{down}"
    );

    vendor.answer(NAVER_TOKEN, json!({
        "access_token": "first", "refresh_token": "kept", "token_type": "bearer", "expires_in": "60",
    }));
    // A profile of another time: the token was good, the API says it is not.
    vendor.answer(
        NAVER_ME,
        json!({"resultcode": "024", "message": "Authentication failed"}),
    );
    let refused = vendor.finish(&leg).await.unwrap_err();
    assert!(refused.to_string().contains("/resultcode"), "{refused}");
    vendor.answer(NAVER_ME, naver_profile());
    let credential = vendor.finish(&leg).await.unwrap().credential;

    vendor.answer(
        NAVER_TOKEN,
        json!({
            "access_token": "second", "token_type": "bearer", "expires_in": "3600",
        }),
    );
    let renewed = vendor.provider().refresh(&credential).await.unwrap();
    assert_eq!(renewed.access_token.expose(), "second");
    assert_eq!(renewed.refresh_token.unwrap().expose(), "kept");
    let form = vendor.form_sent_to(NAVER_TOKEN);
    assert_eq!(field(&form, "grant_type"), Some("refresh_token"));
    assert_eq!(field(&form, "refresh_token"), Some("kept"));
}

#[tokio::test]
async fn naver_with_openid_knows_pkce_and_one_subject() {
    let vendor = Vendor::new("naver", |_| {}).await;
    let leg = begun();
    let url = vendor.sent_to(&leg).await;
    assert_eq!(parameter(&url, "scope").as_deref(), Some("openid"));
    assert_eq!(
        parameter(&url, "code_challenge_method").as_deref(),
        Some("S256")
    );
    let token = "https://nid.naver.com/oauth2/token";
    vendor.publish_key("https://nid.naver.com/oauth2/jwks");
    let claims = json!({"iss": "https://nid.naver.com", "aud": CLIENT, "sub": "32742776",
        "iat": START.0, "exp": START.0 + 3600});
    let id_token = vendor.key.sign("JWT", &claims).unwrap();
    vendor.answer(
        token,
        json!({
            "access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 3600,
            "id_token": id_token,
        }),
    );
    vendor.answer(NAVER_ME, naver_profile());
    let arrival = vendor.finish(&leg).await.unwrap();
    assert_eq!(arrival.identity.subject, "32742776");
    let form = vendor.form_sent_to(token);
    assert_eq!(field(&form, "state"), Some(STATE));
    assert!(field(&form, "code_verifier").is_some());

    // The profile of somebody else is not put under this name.
    let mut other = naver_profile();
    other["response"]["id"] = "1".into();
    vendor.answer(NAVER_ME, other);
    let refused = vendor.finish(&leg).await.unwrap_err();
    assert!(refused.to_string().contains("another subject"), "{refused}");
}

#[tokio::test]
async fn kakao_numbers_its_people_and_qualifies_their_addresses() {
    let vendor = Vendor::new("kakao", |own| {
        own.overrides.scopes = Some(vec!["account_email".into(), "profile_nickname".into()]);
    })
    .await;
    let leg = begun();
    let scope = parameter(&vendor.sent_to(&leg).await, "scope");
    assert_eq!(scope.as_deref(), Some("account_email,profile_nickname"));
    let (token, me) = (
        "https://kauth.kakao.com/oauth/token",
        "https://kapi.kakao.com/v2/user/me",
    );
    vendor.answer(
        token,
        json!({
            "token_type": "bearer", "access_token": "a", "expires_in": 43199, "refresh_token": "r",
            "refresh_token_expires_in": 5_184_000, "scope": "account_email profile_nickname",
        }),
    );
    let profile = |verified: bool| {
        json!({"id": 123_456_789_012_345_678_i64,
            "connected_at": "2022-04-11T01:45:28Z", "kakao_account": {
                "profile": {"nickname": "홍길동"}, "email": "sample@sample.com",
                "is_email_valid": true, "is_email_verified": verified,
        }})
    };
    for verified in [true, false] {
        vendor.answer(me, profile(verified));
        let arrival = vendor.finish(&leg).await.unwrap();
        let expected = Identity {
            name: Some("홍길동".into()),
            email: Some("sample@sample.com".into()),
            email_verified: verified,
            ..identity("123456789012345678")
        };
        assert_eq!(arrival.identity, expected);
        let end = START.plus(std::time::Duration::from_hours(60 * 24));
        assert_eq!(arrival.credential.refresh_expires_at, Some(end));
    }
    let body = r#"{"error":"invalid_grant","error_description":"authorization code not found for code=x",
        "error_code":"KOE320"}"#;
    vendor.house.network.answer(token, 400, &[], body);
    let refused = vendor.finish(&leg).await.unwrap_err();
    assert!(refused.to_string().contains("invalid_grant"), "{refused}");
}

#[tokio::test]
async fn line_signs_with_the_channel_secret() {
    let vendor = Vendor::new("line", |_| {}).await;
    let leg = begun();
    let claims =
        json!({"sub": "U1234", "name": "Taro", "picture": "https://x", "amr": ["linesso"]});
    let claims = vendor.claims(&leg, "https://access.line.me", claims).await;
    let tokens = |secret: &str| {
        json!({
            "access_token": "a", "expires_in": 2_592_000, "refresh_token": "r", "scope": "profile",
            "token_type": "Bearer", "id_token": hs256(&claims, secret),
        })
    };
    vendor.answer(
        "https://api.line.me/oauth2/v2.1/userinfo",
        json!({"sub": "U1234", "name": "Taro"}),
    );
    let token = "https://api.line.me/oauth2/v2.1/token";
    vendor.answer(token, tokens(SECRET));
    let arrival = vendor.finish(&leg).await.unwrap();
    assert_eq!(
        (
            arrival.identity.subject.as_str(),
            arrival.identity.name.as_deref()
        ),
        ("U1234", Some("Taro"))
    );
    let end = START.plus(std::time::Duration::from_hours(90 * 24));
    assert_eq!(
        arrival.credential.refresh_expires_at,
        Some(end),
        "the answer does not say it"
    );
    vendor.answer(token, tokens("another secret"));
    assert!(vendor.finish(&leg).await.is_err());
}

#[tokio::test]
async fn b6_entra_gets_scopes_instead_of_a_resource_and_admits_one_tenant() {
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let vendor = Vendor::new("entra", |own| {
        own.variables.insert("tenant".into(), tenant.into());
    })
    .await;
    let leg = begun();
    let base = format!("https://login.microsoftonline.com/{tenant}");
    let url = vendor.sent_to(&leg).await;
    assert!(
        url.as_str()
            .starts_with(&format!("{base}/oauth2/v2.0/authorize?"))
    );
    assert_eq!(parameter(&url, "resource"), None);
    vendor.publish_key(&format!("{base}/discovery/v2.0/keys"));
    let token = format!("{base}/oauth2/v2.0/token");
    let arrive = async |tid: &str, iss: &str| {
        let issuer = format!("https://login.microsoftonline.com/{iss}/v2.0");
        let more = json!({"tid": tid, "sub": "AAAA", "oid": "0000", "email": "boss@corp.example",
            "email_verified": true, "preferred_username": "boss@corp.example", "ver": "2.0"});
        let id_token = vendor.id_token(&leg, &issuer, more).await;
        vendor.answer(&token, json!({
            "token_type": "Bearer", "scope": "openid profile email", "expires_in": 3599,
            "ext_expires_in": 3599, "access_token": "a", "refresh_token": "r", "id_token": id_token,
        }));
        vendor.finish(&leg).await
    };
    let arrival = arrive(tenant, tenant).await.unwrap();
    assert!(
        !arrival.identity.email_verified,
        "any administrator can write such an address"
    );
    let form = vendor.form_sent_to(&token);
    assert_eq!(
        field(&form, "scope"),
        Some("openid profile email offline_access")
    );
    assert_eq!(field(&form, "resource"), None);
    let other = "11111111-86f1-41af-91ab-2d7cd011db47";
    let refused = arrive(other, other).await.unwrap_err();
    assert!(refused.to_string().contains("/tid"), "{refused}");
    let refused = arrive(tenant, other).await.unwrap_err();
    assert!(refused.to_string().contains("`iss`"), "{refused}");
}

#[tokio::test]
async fn b6_a_resource_is_forwarded_or_replaced_where_that_is_set() {
    for (rule, expected) in [
        ("forward", "https://mcp.example/todo/mcp"),
        ("https://api.corp.example", "https://api.corp.example"),
    ] {
        let vendor = Vendor::new("naver", |own| own.overrides.resource = Some(rule.into())).await;
        let url = vendor.sent_to(&begun()).await;
        assert_eq!(parameter(&url, "resource").as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn google_is_discovered_and_one_of_its_domains_can_be_demanded() {
    let vendor = Vendor::new("google", |own| {
        own.overrides.required_claims = Some([("/hd".into(), "corp.example".into())].into());
    })
    .await;
    let issuer = "https://accounts.google.com";
    vendor.publish_metadata(issuer, json!({}));
    let leg = begun();
    let url = vendor.sent_to(&leg).await;
    assert_eq!(parameter(&url, "access_type").as_deref(), Some("offline"));
    assert_eq!(parameter(&url, "prompt").as_deref(), Some("consent"));
    vendor.answer(
        &format!("{issuer}/me"),
        json!({"sub": "subject-1", "name": "Ada",
        "email": "ada@corp.example", "email_verified": true, "hd": "corp.example"}),
    );
    // Both spellings of the issuer are in use.
    for (iss, hd, is_welcome) in [
        (issuer, "corp.example", true),
        ("accounts.google.com", "corp.example", true),
        (issuer, "other.example", false),
        ("https://accounts.google.example", "corp.example", false),
    ] {
        let id_token = vendor
            .id_token(&leg, iss, json!({"hd": hd, "azp": CLIENT}))
            .await;
        vendor.answer(
            &format!("{issuer}/token"),
            json!({"access_token": "a", "expires_in": 3599,
            "scope": "openid", "token_type": "Bearer", "id_token": id_token}),
        );
        let arrival = vendor.finish(&leg).await;
        assert_eq!(arrival.is_ok(), is_welcome, "{iss} {hd}: {arrival:?}");
        if let Ok(arrival) = arrival {
            assert!(arrival.identity.email_verified);
        }
    }
}

#[tokio::test]
async fn github_says_no_inside_200_and_its_tokens_have_no_end() {
    let vendor = Vendor::new("github", |_| {}).await;
    let leg = begun();
    let scope = parameter(&vendor.sent_to(&leg).await, "scope");
    assert_eq!(scope.as_deref(), Some("read:user user:email"));
    let token = "https://github.com/login/oauth/access_token";
    vendor.answer(token, json!({"error": "bad_verification_code",
        "error_description": "The code passed is incorrect or expired.", "error_uri": "https://docs.github.com/"}));
    let refused = vendor.finish(&leg).await.unwrap_err();
    assert!(
        refused.to_string().contains("bad_verification_code"),
        "{refused}"
    );
    vendor.answer(
        token,
        json!({"access_token": "gho_16C7e42F292c6912E7710c838347Ae178B4a",
        "scope": "read:user,user:email", "token_type": "bearer"}),
    );
    vendor.answer(
        "https://api.github.com/user",
        json!({"login": "octocat", "id": 583_231,
        "name": "The Octocat", "email": null}),
    );
    let emails = "https://api.github.com/user/emails";
    let listed = json!([
        {"email": "old@example.com", "primary": false, "verified": true, "visibility": null},
        {"email": "octocat@github.example", "primary": true, "verified": true, "visibility": "private"},
    ]);
    vendor.answer(emails, &listed);
    let identified = vendor.finish(&leg).await.unwrap().identity;
    assert_eq!(identified.email.as_deref(), Some("octocat@github.example"));
    assert!(identified.email_verified);
    vendor.house.network.answer(emails, 503, &[], "");
    let down = vendor.finish(&leg).await.unwrap_err();
    assert!(
        matches!(down, IdentityProviderError::Unavailable { .. }),
        "{down}"
    );
    vendor
        .house
        .network
        .answer(emails, 404, &[], r#"{"message":"Not Found"}"#);
    let arrival = vendor.finish(&leg).await.unwrap();
    let expected = Identity {
        username: Some("octocat".into()),
        name: Some("The Octocat".into()),
        ..identity("583231")
    };
    assert_eq!(arrival.identity, expected);
    let credential = arrival.credential;
    assert_eq!(
        (credential.expires_at, credential.refresh_expires_at),
        (None, None)
    );
    assert!(credential.refresh_token.is_none());
    let ended = vendor.provider().refresh(&credential).await.unwrap_err();
    assert!(
        matches!(ended, IdentityProviderError::CredentialEnded { .. }),
        "{ended}"
    );
}

#[tokio::test]
async fn logto_keycloak_and_auth0_are_found_by_their_names() {
    for (preset, variables, issuer, algorithm) in [
        (
            "logto",
            vec![("domain", "house.logto.app")],
            "https://house.logto.app/oidc",
            Algorithm::ES384,
        ),
        (
            "keycloak",
            vec![("base", "https://id.example"), ("realm", "corp")],
            "https://id.example/realms/corp",
            Algorithm::RS256,
        ),
        (
            "auth0",
            vec![("domain", "house.eu.auth0.com")],
            "https://house.eu.auth0.com/",
            Algorithm::RS256,
        ),
        ("oidc", vec![], "https://id.example", Algorithm::EdDSA),
    ] {
        let vendor = Vendor::new(preset, |own| {
            own.overrides.issuer = (preset == "oidc").then(|| issuer.to_owned());
            for (name, value) in &variables {
                own.variables
                    .insert((*name).to_owned(), (*value).to_owned());
            }
        });
        let vendor = vendor.await.signing(algorithm);
        vendor.publish_metadata(issuer, json!({}));
        let leg = begun();
        let below = |path: &str| format!("{}/{path}", issuer.trim_end_matches('/'));
        let url = vendor.sent_to(&leg).await;
        assert!(url.as_str().starts_with(&below("authorize?")), "{preset}");
        let id_token = vendor.id_token(&leg, issuer, json!({})).await;
        vendor.answer(&below("token"), json!({"access_token": "a", "token_type": "Bearer",
            "expires_in": 300, "refresh_token": "r", "refresh_expires_in": 0, "id_token": id_token}));
        vendor.answer(
            &below("me"),
            json!({"sub": "subject-1", "name": "Ada",
            "email": "ada@corp.example", "email_verified": true}),
        );
        let arrival = vendor
            .finish(&leg)
            .await
            .unwrap_or_else(|error| panic!("{preset}: {error}"));
        assert_eq!(arrival.identity.subject, "subject-1");
        assert_eq!(
            arrival.identity.email_verified,
            preset != "oidc",
            "{preset}"
        );
        assert_eq!(arrival.credential.refresh_expires_at, None, "0 is no end");
    }
}

#[tokio::test]
async fn a_provider_that_no_preset_knows_is_described_in_the_settings() {
    let vendor = Vendor::new("oauth2", |own| {
        let fields = &mut own.overrides;
        fields.authorization_endpoint = Some("https://id.example/go?flavour=new".into());
        fields.token_endpoint = Some("https://id.example/token".into());
        fields.userinfo_endpoint = Some("https://api.id.example/whoami".into());
        fields.subject_at = Some("/user/uuid".into());
        fields.email_at = Some("/user/mails/0".into());
        fields.email_verified_at = Some(vec!["/user/checked".into()]);
        fields.token_parameters = Some([("audience".into(), "us".into())].into());
    })
    .await;
    let leg = begun();
    assert_eq!(
        parameter(&vendor.sent_to(&leg).await, "flavour").as_deref(),
        Some("new")
    );
    vendor.answer(
        "https://id.example/token",
        json!({"access_token": "a", "expires_in": "60"}),
    );
    vendor.answer(
        "https://api.id.example/whoami",
        json!({"user": {"uuid": "u-1",
        "mails": ["a@b.example"], "checked": "true"}}),
    );
    let arrival = vendor.finish(&leg).await.unwrap();
    assert_eq!(arrival.identity.subject, "u-1");
    assert!(arrival.identity.email_verified);
    assert_eq!(
        field(&vendor.form_sent_to("https://id.example/token"), "audience"),
        Some("us")
    );
}
