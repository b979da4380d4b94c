//! LINE, Google, GitHub, Entra and Logto in their details.

use aws_lc_rs::hmac;
use serde_json::json;

use super::*;

#[tokio::test]
async fn line_signs_id_tokens_with_the_channel_secret() {
    let visit = Visit::to(Vendor::Line);
    let tokens = visit.tokens().await;
    let id_token = tokens["id_token"].as_str().unwrap();
    let (message, signature) = id_token.rsplit_once('.').unwrap();
    let header = URL_SAFE_NO_PAD
        .decode(message.split('.').next().unwrap())
        .unwrap();
    assert_eq!(header, br#"{"alg":"HS256","typ":"JWT"}"#);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    hmac::verify(&key, message.as_bytes(), &signature).unwrap();

    assert_eq!(tokens["expires_in"], 2_592_000);
    let verify = format!("{ORIGIN}/oauth2/v2.1/verify?access_token=");
    let token = tokens["access_token"].as_str().unwrap();
    let verified = visit.get(&format!("{verify}{token}"), None).await;
    assert_eq!(verified.json()["client_id"], CLIENT);
    assert!(verified.headers.contains_key("x-line-request-id"));
    assert_eq!(
        visit.get(&format!("{verify}x"), None).await.json()["error"],
        "invalid_request"
    );

    let refresh_token = &tokens["refresh_token"];
    let refreshed = visit.refresh(refresh_token.as_str().unwrap()).await.json();
    assert_eq!(&refreshed["refresh_token"], refresh_token, "the same again");
    let form = vec![
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("access_token", token),
    ];
    let revoke = visit.simulator.addresses().revocation_endpoint.unwrap();
    assert_eq!(visit.post(&revoke, &form).await.status, StatusCode::OK);
    let profile = visit
        .get(&format!("{ORIGIN}/v2/profile"), Some(token))
        .await;
    assert_eq!(profile.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn google_gives_a_refresh_token_to_whoever_is_offline() {
    let visit = Visit::to(Vendor::Google);
    for (access_type, expected) in [("online", false), ("offline", true)] {
        let page = visit.authorize(&vec![("access_type", access_type)]).await;
        let answer = visit.choose(&page, "approve", "alice").await;
        assert_eq!(answer.back("iss").unwrap(), ORIGIN);
        let tokens = visit
            .redeem(&answer.back("code").unwrap(), &vec![])
            .await
            .json();
        assert_eq!(
            tokens.get("refresh_token").is_some(),
            expected,
            "{access_type}"
        );
        assert!(
            tokens["scope"]
                .as_str()
                .unwrap()
                .contains("/auth/userinfo.email")
        );
        let claims = claims(&tokens["id_token"]);
        assert_eq!(
            (&claims["email_verified"], &claims["azp"]),
            (&true.into(), &CLIENT.into())
        );
    }
    let tokens = visit.tokens().await;
    let refreshed = visit
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await
        .json();
    assert_eq!(refreshed.get("refresh_token"), None);
    let revoke = visit.simulator.addresses().revocation_endpoint.unwrap();
    let form = vec![("token", tokens["refresh_token"].as_str().unwrap())];
    assert_eq!(visit.post(&revoke, &form).await.json(), json!({}));
    let again = visit.post(&revoke, &form).await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["error"]),
        (400, &"invalid_token".into())
    );
    assert_eq!(visit.profile(&tokens["access_token"]).await.status, 401);
}

#[tokio::test]
async fn github_answers_in_form_encoding_unless_json_is_asked_for() {
    let visit = Visit::to(Vendor::GitHub);
    let code = visit.code(&Vendor::GitHub.people()[0]).await;
    let form = vec![
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    let request = Request::post(visit.simulator.addresses().token_endpoint)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = visit
        .send(request.body(encode(&form).into()).unwrap())
        .await;
    assert!(answer.body.starts_with("access_token=gho_"), "{answer:?}");
    assert!(
        answer
            .body
            .ends_with("&scope=read%3Auser%2Cuser%3Aemail&token_type=bearer"),
        "{answer:?}"
    );

    let tokens = visit.tokens().await;
    let names: Vec<_> = tokens.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["access_token", "scope", "token_type"],
        "no end, and no refresh"
    );
    let refused = visit.redeem("made-up", &vec![]).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]),
        (200, &"bad_verification_code".into())
    );
}

#[tokio::test]
async fn github_tells_addresses_apart_from_the_person() {
    let visit = Visit::to(Vendor::GitHub);
    let code = visit.code(&Vendor::GitHub.people()[2]).await;
    let tokens = visit.redeem(&code, &vec![]).await.json();
    let token = tokens["access_token"].as_str();
    let user = visit.profile(&tokens["access_token"]).await;
    assert_eq!(user.headers["x-oauth-scopes"], "read:user, user:email");
    assert_eq!(user.json()["id"], 583_233, "a number");
    let emails = visit
        .get(&format!("{ORIGIN}/user/emails"), token)
        .await
        .json();
    assert_eq!(emails[0]["verified"], false);
    let nameless = Request::get(format!("{ORIGIN}/user"))
        .header(AUTHORIZATION, format!("Bearer {}", token.unwrap()));
    let refused = visit.send(nameless.body(Body::empty()).unwrap()).await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "who asks must say so"
    );

    let basic = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    let body = json!({"access_token": token}).to_string();
    let end = Request::delete(format!("{ORIGIN}/applications/{CLIENT}/grant"))
        .header(AUTHORIZATION, format!("Basic {basic}"))
        .header(CONTENT_TYPE, "application/json");
    let ended = visit.send(end.body(body.into()).unwrap()).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT, "{ended:?}");
    assert_eq!(visit.profile(&tokens["access_token"]).await.status, 401);
}

#[tokio::test]
async fn b6_entra_refuses_a_resource_and_wants_the_scope_twice() {
    let visit = Visit::to(Vendor::Entra);
    let with_resource = vec![("resource", "https://sumun.example/mcp")];
    let refused = visit.authorize(&with_resource).await;
    assert_eq!(refused.back("error").unwrap(), "invalid_target");
    assert!(
        refused
            .back("error_description")
            .unwrap()
            .starts_with("AADSTS9010010")
    );
    let person = &Vendor::Entra.people()[0];
    for (change, number) in [
        (with_resource[0], 9_010_010),
        (("scope", ""), 28003),
        (("code", "x"), 70008),
        (("client_secret", "x"), 7_000_215),
        (("code_verifier", ""), 501_481),
    ] {
        let refused = visit
            .redeem(&visit.code(person).await, &vec![change])
            .await
            .json();
        assert_eq!(refused["error_codes"], json!([number]), "{refused}");
        let description = refused["error_description"].as_str().unwrap();
        assert!(
            description.starts_with(&format!("AADSTS{number}: ")),
            "{description}"
        );
    }
}

#[tokio::test]
async fn entra_has_its_tenant_in_the_issuer_and_a_pattern_for_any() {
    let visit = Visit::to(Vendor::Entra);
    let claims = claims(&visit.tokens().await["id_token"]);
    let issuer = visit.simulator.addresses().issuer.unwrap();
    let tenant = claims["tid"].as_str().unwrap();
    assert_eq!(issuer, format!("{ORIGIN}/{tenant}/v2.0"));
    assert_eq!(claims.get("email_verified"), None);
    for (name, expected) in [
        (tenant, issuer),
        ("common", format!("{ORIGIN}/{{tenantid}}/v2.0")),
    ] {
        let url = format!("{ORIGIN}/{name}/v2.0/.well-known/openid-configuration");
        assert_eq!(visit.get(&url, None).await.json()["issuer"], expected);
    }
    let unknown = format!("{ORIGIN}/elsewhere/v2.0/.well-known/openid-configuration");
    assert_eq!(
        visit.get(&unknown, None).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn logto_issues_opaque_tokens_unless_for_an_api() {
    let visit = Visit::to(Vendor::Logto);
    let tokens = visit.tokens().await;
    assert!(
        !tokens["access_token"].as_str().unwrap().contains('.'),
        "opaque"
    );
    let code = visit.code(&Vendor::Logto.people()[0]).await;
    let api = ("resource", "https://api.logto.example");
    let tokens = visit.redeem(&code, &vec![api]).await.json();
    assert_eq!(claims(&tokens["access_token"])["aud"], api.1);
    let unknown = ("resource", "https://sumun.example/mcp");
    let refused = visit.authorize(&vec![unknown]).await;
    assert_eq!(refused.back("error").unwrap(), "invalid_target");
}

#[tokio::test]
async fn logto_rotates_refresh_tokens_and_gives_them_after_consent() {
    let visit = Visit::to(Vendor::Logto);
    let page = visit.authorize(&vec![("prompt", "")]).await;
    let answer = visit.choose(&page, "approve", "liv").await;
    assert_eq!(answer.back("iss").unwrap(), format!("{ORIGIN}/oidc"));
    let tokens = visit
        .redeem(&answer.back("code").unwrap(), &vec![])
        .await
        .json();
    assert_eq!(tokens.get("refresh_token"), None);

    let tokens = visit.tokens().await;
    let old = tokens["refresh_token"].as_str().unwrap();
    let refreshed = visit.refresh(old).await.json();
    assert!(refreshed["refresh_token"].is_string());
    let again = visit.refresh(old).await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["code"]),
        (400, &"oidc.invalid_grant".into())
    );
    let introspect = async |token: &Value| {
        let form = vec![
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("token", token.as_str().unwrap()),
        ];
        visit
            .post(&format!("{ORIGIN}/oidc/token/introspection"), &form)
            .await
            .json()
    };
    assert_eq!(introspect(&refreshed["access_token"]).await["active"], true);
    assert_eq!(introspect(&json!("x")).await, json!({"active": false}));
}
