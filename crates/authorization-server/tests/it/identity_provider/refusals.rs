//! What comes back wrong is not believed, and nothing of it leaves but a line for the log.

use authorization_server::Reason;

use super::*;

const ISSUER: &str = "https://id.example";

async fn vendor(metadata: Value) -> Vendor {
    let vendor = Vendor::new("oidc", |own| own.overrides.issuer = Some(ISSUER.into())).await;
    vendor.publish_metadata(ISSUER, metadata);
    vendor
}

/// Scripts a good sign-in with what `claims` and `profile` say.
async fn script(vendor: &Vendor, leg: &Leg, claims: Value, profile: Value) {
    let id_token = vendor.id_token(leg, ISSUER, claims).await;
    vendor.answer(
        "https://id.example/token",
        json!({"access_token": "a", "id_token": id_token}),
    );
    vendor.answer("https://id.example/me", profile);
}

#[tokio::test]
async fn b8_the_way_out_carries_nothing_of_the_client() {
    let vendor = vendor(json!({})).await;
    let (one, two) = (begun(), begun());
    let (url, other) = (vendor.sent_to(&one).await, vendor.sent_to(&two).await);
    for own in ["code_challenge", "nonce"] {
        assert_ne!(parameter(&url, own), parameter(&other, own));
    }
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let names: Vec<&str> = query.keys().map(String::as_str).collect();
    let expected = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!(names, expected);
    assert_eq!(query["redirect_uri"], "https://as.example/callback/vendor");
    assert_eq!(query["client_id"], CLIENT);
}

#[tokio::test]
async fn rfc9207_a_promise_in_the_metadata_is_held_against_the_callback() {
    let vendor = vendor(json!({"authorization_response_iss_parameter_supported": true})).await;
    let leg = begun();
    script(&vendor, &leg, json!({}), json!({"sub": "subject-1"})).await;
    assert!(
        vendor
            .finish(&leg)
            .await
            .unwrap_err()
            .to_string()
            .contains("iss")
    );
    let named = |iss| callback(&[("code", "c"), ("iss", iss)]);
    assert!(
        vendor
            .provider()
            .finish(&leg, STATE, &named("https://evil.example"))
            .await
            .is_err()
    );
    assert!(
        vendor
            .provider()
            .finish(&leg, STATE, &named(ISSUER))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_person_who_says_no_is_told_apart_from_a_refusal() {
    let vendor = vendor(json!({})).await;
    let leg = begun();
    let answer = async |error: &str| {
        let answer = callback(&[("error", error), ("error_description", "user: no\u{7}!")]);
        vendor
            .provider()
            .finish(&leg, STATE, &answer)
            .await
            .unwrap_err()
    };
    let denied = answer("access_denied").await;
    assert!(matches!(denied, IdentityProviderError::Denied { .. }));
    assert_eq!(denied.reason(), Reason::IdentityProviderDenied);
    assert_eq!(
        denied.to_string(),
        "the person did not agree at `vendor`: access_denied (user: no !)"
    );
    assert_eq!(
        answer("invalid_scope").await.reason(),
        Reason::IdentityProviderRefused
    );
    let busy = answer("temporarily_unavailable").await;
    assert_eq!(busy.reason(), Reason::IdentityProviderUnavailable);
    // Whoever brings a code of another way, or none, is refused before anything is sent.
    let before = vendor.house.network.requests().len();
    let stolen = vendor
        .provider()
        .finish(&leg, "another-state", &callback(&[("code", "c")]))
        .await;
    assert_eq!(
        stolen.unwrap_err().reason(),
        Reason::IdentityProviderRefused
    );
    assert!(
        vendor
            .provider()
            .finish(&leg, STATE, &callback(&[]))
            .await
            .is_err()
    );
    assert_eq!(vendor.house.network.requests().len(), before);
}

#[tokio::test]
async fn a_subject_is_taken_only_from_what_is_signed() {
    let vendor = vendor(json!({})).await;
    let leg = begun();
    for (claims, profile, complaint) in [
        (
            json!({}),
            json!({"sub": "somebody-else"}),
            "another subject",
        ),
        (json!({}), json!({"name": "Ada"}), "another subject"),
        (json!({}), json!([]), "profile"),
        (
            json!({}),
            json!({"error": "invalid_token", "sub": "subject-1"}),
            "inside status 200",
        ),
        (
            json!({"nonce": "of another way"}),
            json!({"sub": "subject-1"}),
            "`nonce`",
        ),
        (
            json!({"aud": "another-client"}),
            json!({"sub": "subject-1"}),
            "`aud`",
        ),
        (
            json!({"exp": START.0 - 3600}),
            json!({"sub": "subject-1"}),
            "`exp`",
        ),
        (
            json!({"sub": "x".repeat(256)}),
            json!({"sub": "x".repeat(256)}),
            "no subject",
        ),
    ] {
        script(&vendor, &leg, claims, profile).await;
        let refused = vendor.finish(&leg).await.unwrap_err().to_string();
        assert!(refused.contains(complaint), "{refused}");
    }
    vendor.answer("https://id.example/token", json!({"access_token": "a"}));
    assert!(
        vendor
            .finish(&leg)
            .await
            .unwrap_err()
            .to_string()
            .contains("no ID token")
    );
    script(&vendor, &leg, json!({}), json!({"sub": "subject-1"})).await;
    assert!(vendor.finish(&leg).await.is_ok());
}

#[tokio::test]
async fn what_a_provider_says_about_people_is_kept_within_bounds() {
    let vendor = Vendor::new("oidc", |own| {
        own.overrides.issuer = Some(ISSUER.into());
        own.overrides.email_verified_at = Some(vec!["/email_verified".into()]);
    })
    .await;
    vendor.publish_metadata(ISSUER, json!({}));
    let leg = begun();
    let profile = json!({"sub": "subject-1", "name": format!(" A\u{202e}d\na{} ", "!".repeat(500)),
        "preferred_username": ["x"], "email": "not an address", "email_verified": true});
    script(&vendor, &leg, json!({}), profile).await;
    let identity = vendor.finish(&leg).await.unwrap().identity;
    let name = identity.name.unwrap();
    assert!(name.starts_with("Ada!") && name.len() <= 200, "{name}");
    assert_eq!(
        (identity.username, identity.email, identity.email_verified),
        (None, None, false)
    );
    // One document's word on verification is not used for the address of another.
    let claims = json!({"email": "old@id.example", "email_verified": true});
    let profile = json!({"sub": "subject-1", "email": "new@id.example"});
    script(&vendor, &leg, claims, profile).await;
    let identity = vendor.finish(&leg).await.unwrap().identity;
    assert_eq!(
        (identity.email.as_deref(), identity.email_verified),
        (Some("new@id.example"), false)
    );
}

#[tokio::test]
async fn a_discovered_address_is_as_protected_as_a_written_one() {
    for bad in [
        "http://id.example/token",
        "ftp://id.example",
        "https://u@id.example/token",
    ] {
        let vendor = vendor(json!({"token_endpoint": bad})).await;
        let refused = vendor
            .provider()
            .authorization_url(&begun(), STATE)
            .await
            .unwrap_err();
        assert_eq!(refused.reason(), Reason::IdentityProviderRefused, "{bad}");
    }
}

#[tokio::test]
async fn a11_nothing_secret_can_be_printed() {
    let vendor = vendor(json!({})).await;
    let leg = begun();
    script(&vendor, &leg, json!({}), json!({"sub": "subject-1"})).await;
    let answer = callback(&[("code", "canary-code")]);
    let arrival = vendor
        .provider()
        .finish(&leg, STATE, &answer)
        .await
        .unwrap();
    let printed = format!(
        "{:?} {leg:?} {answer:?} {arrival:?}",
        vendor.house.server.identity_providers()
    );
    for canary in [SECRET, STATE, "canary-code", "\"a\""] {
        assert!(!printed.contains(canary), "{canary}: {printed}");
    }
}
