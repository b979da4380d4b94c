//! Naver and Kakao in their details.

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use oauth::md5;
use serde_json::json;

use super::*;

const NAVER: [Vendor; 2] = [Vendor::Naver, Vendor::NaverClassic];

#[tokio::test]
async fn naver_answers_as_in_its_guide() {
    for vendor in NAVER {
        let visit = Visit::to(vendor);
        let mut tokens = visit.tokens().await;
        let access = tokens["access_token"].take();
        let access = access.as_str().unwrap();
        assert!(
            access.contains('+') && access.contains('/') && access.ends_with('='),
            "{access}"
        );
        let refresh = tokens["refresh_token"].take();
        assert!(refresh.as_str().unwrap().chars().all(char::is_alphanumeric));
        assert_eq!(tokens["expires_in"], "3600", "a string");
        assert_eq!(tokens["token_type"], "bearer");
        assert_eq!(tokens.get("scope"), None);
        assert_eq!(tokens.get("id_token").is_some(), vendor == Vendor::Naver);

        let refreshed = visit.refresh(refresh.as_str().unwrap()).await.json();
        let names: Vec<_> = refreshed.as_object().unwrap().keys().collect();
        assert_eq!(names, ["access_token", "expires_in", "token_type"]);
    }
}

#[tokio::test]
async fn naver_says_what_is_wrong_with_status_200() {
    let visit = Visit::to(Vendor::Naver);
    let person = &Vendor::Naver.people()[0];
    for (change, error, description) in [
        (("state", ""), "invalid_request", "state is missing."),
        (
            ("state", "another"),
            "invalid_request",
            "no valid data in session",
        ),
        (
            ("client_secret", ""),
            "unauthorized_client",
            "Client authentication failed.",
        ),
        (
            ("grant_type", "password"),
            "invalid_request",
            "grant_type is invalid.",
        ),
    ] {
        let code = visit.code(person).await;
        let answer = visit.redeem(&code, &vec![change]).await;
        assert_eq!(answer.status, StatusCode::OK, "{change:?}");
        let expected = json!({"error": error, "error_description": description});
        assert_eq!(answer.json(), expected, "{change:?}");
    }
    let basic = Request::post(visit.simulator.addresses().token_endpoint)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(
            AUTHORIZATION,
            format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}"))),
        );
    let form = encode(&vec![
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
    ]);
    let answer = visit.send(basic.body(form.into()).unwrap()).await;
    assert_eq!(
        answer.json()["error"],
        "unauthorized_client",
        "only client_secret_post"
    );
}

#[tokio::test]
async fn naver_asks_nobody_without_state_or_openid() {
    let naver = Visit::to(Vendor::Naver);
    let missing = naver.authorize(&vec![("scope", "profile")]).await;
    assert_eq!(missing.back("error").unwrap(), "invalid_request");
    let classic = Visit::to(Vendor::NaverClassic);
    for (change, error) in [
        (("state", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("auth_type", "autologin"), "access_denied"),
    ] {
        let answer = classic.authorize(&vec![change]).await;
        assert_eq!(answer.back("error").unwrap(), error, "{change:?}");
    }
}

#[tokio::test]
async fn naver_shows_a_profile_to_whoever_has_a_token() {
    let visit = Visit::to(Vendor::NaverClassic);
    let tokens = visit.tokens().await;
    let profile = visit.profile(&tokens["access_token"]).await.json();
    let person = &Vendor::Naver.people()[0];
    assert_eq!(
        profile,
        json!({"resultcode": "00", "message": "success", "response": {
            "id": person.subject, "name": person.name, "nickname": "hana",
            "email": "hana@naver.example", "gender": "U",
        }})
    );
    let me = format!("{ORIGIN}/v1/nid/me");
    for (token, code) in [(None, "028"), (Some("made-up"), "024")] {
        let refused = visit.get(&me, token).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["resultcode"]),
            (401, &code.into())
        );
    }
    let verify = format!("{ORIGIN}/v1/nid/verify?info=true");
    let verified = visit
        .get(&verify, tokens["access_token"].as_str())
        .await
        .json();
    assert_eq!(verified["response"]["token"], tokens["access_token"]);
    assert_eq!(
        verified.to_string().find(CLIENT),
        None,
        "nobody learns whose token it is"
    );
}

#[tokio::test]
async fn naver_ends_a_connection_by_either_token_and_by_the_old_way() {
    for hint in ["", "access_token", "refresh_token"] {
        let visit = Visit::to(Vendor::Naver);
        let tokens = visit.tokens().await;
        let kind = if hint.is_empty() {
            "access_token"
        } else {
            hint
        };
        let mut form = vec![
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("token", tokens[kind].as_str().unwrap()),
        ];
        if !hint.is_empty() {
            form.push(("token_type_hint", hint));
        }
        let endpoint = visit.simulator.addresses().revocation_endpoint.unwrap();
        let answer = visit.post(&endpoint, &form).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
        assert_eq!(
            visit.profile(&tokens["access_token"]).await.status,
            401,
            "{hint}"
        );
        assert_eq!(
            visit.post(&endpoint, &form).await.status,
            StatusCode::OK,
            "again"
        );
        let stranger = changed(form, &vec![("client_secret", "guessed")]);
        let refused = visit.post(&endpoint, &stranger).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]),
            (401, &"unauthorized_client".into())
        );
    }
    let visit = Visit::to(Vendor::NaverClassic);
    let tokens = visit.tokens().await;
    let token = tokens["access_token"].as_str().unwrap();
    let form = vec![
        ("grant_type", "delete"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("access_token", token),
        ("service_provider", "NAVER"),
    ];
    let endpoint = visit.simulator.addresses().token_endpoint;
    let ended = visit
        .get(&format!("{endpoint}?{}", encode(&form)), None)
        .await;
    assert_eq!(
        ended.json(),
        json!({"access_token": token, "result": "success"})
    );
    assert_eq!(visit.profile(&tokens["access_token"]).await.status, 401);
}

/// Read back in the way that the guide's own example does.
#[tokio::test]
async fn b7_the_notice_of_naver_names_the_person_and_is_signed() {
    let visit = Visit::to(Vendor::Naver);
    let tokens = visit.tokens().await;
    let person = &Vendor::Naver.people()[0];
    let notice = visit.simulator.unlink_notice(person);
    let names = notice.each_ref().map(|(name, _)| *name);
    assert_eq!(
        names,
        ["clientId", "encryptUniqueId", "timestamp", "signature"]
    );
    let [client_id, sealed, timestamp, signature] = notice.map(|(_, value)| value);
    assert_eq!(
        (client_id.as_str(), timestamp.as_str()),
        (CLIENT, "1790000000")
    );

    let key = md5::digest(SECRET.as_bytes());
    let message = format!("clientId={client_id}&encryptUniqueId={sealed}&timestamp={timestamp}");
    let tag = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mac = hmac::Key::new(hmac::HMAC_SHA256, &key);
    hmac::verify(&mac, message.as_bytes(), &tag).unwrap();

    let mut sealed = URL_SAFE_NO_PAD.decode(sealed).unwrap();
    let (vector, text) = sealed.split_first_chunk_mut::<16>().unwrap();
    let context = DecryptionContext::Iv128(FixedLength::from(*vector));
    let key = UnboundCipherKey::new(&AES_128, &key).unwrap();
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).unwrap();
    assert_eq!(
        key.decrypt(text, context).unwrap(),
        person.subject.as_bytes()
    );

    assert_eq!(
        visit.profile(&tokens["access_token"]).await.status,
        401,
        "it is over"
    );
}

#[tokio::test]
async fn kakao_answers_with_its_own_names() {
    let visit = Visit::to(Vendor::Kakao);
    let mut tokens = visit.tokens().await;
    assert_eq!(tokens["scope"], "openid account_email profile_nickname");
    assert_eq!(
        (&tokens["expires_in"], &tokens["refresh_token_expires_in"]),
        (&21_599.into(), &5_183_999.into())
    );
    let profile = visit.profile(&tokens["access_token"]).await.json();
    assert_eq!(profile["id"], 3_801_234_567_u64, "a number");
    assert_eq!(profile["kakao_account"]["is_email_verified"], true);

    let refresh_token = tokens["refresh_token"].take();
    let early = visit.refresh(refresh_token.as_str().unwrap()).await.json();
    assert_eq!(early.get("refresh_token"), None, "the old one stays");
    visit.clock.advance(Duration::from_hours(31 * 24));
    let late = visit.refresh(refresh_token.as_str().unwrap()).await.json();
    assert!(late["refresh_token"].is_string(), "in its last month");
}

#[tokio::test]
async fn kakao_names_errors_by_its_own_codes() {
    let visit = Visit::to(Vendor::Kakao);
    let person = &Vendor::Kakao.people()[0];
    for (change, status, code) in [
        (("client_id", "x"), 401, "KOE101"),
        (("client_secret", "x"), 401, "KOE010"),
        (("redirect_uri", "https://other.example/"), 400, "KOE303"),
        (("code", "x"), 400, "KOE320"),
        (("grant_type", "x"), 400, "KOE201"),
    ] {
        let refused = visit.redeem(&visit.code(person).await, &vec![change]).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error_code"]),
            (status, &code.into())
        );
    }
    for (change, code) in [
        (("redirect_uri", "https://other.example/"), "KOE006"),
        (("scope", "openid account_email"), "KOE205"),
        (("response_type", "token"), "KOE001"),
    ] {
        let page = visit.authorize(&vec![change]).await;
        assert!(page.status == 400 && page.body.contains(code), "{page:?}");
    }
    let refused = visit.profile(&"made-up".into()).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (401, &(-401).into())
    );
}

#[tokio::test]
async fn kakao_unlinks_by_the_token_itself() {
    let visit = Visit::to(Vendor::Kakao);
    let tokens = visit.tokens().await;
    let info = format!("{ORIGIN}/v1/user/access_token_info");
    let token = tokens["access_token"].as_str();
    assert_eq!(visit.get(&info, token).await.json()["app_id"], 1001);
    let unlink = Request::post(format!("{ORIGIN}/v1/user/unlink"))
        .header(AUTHORIZATION, format!("Bearer {}", token.unwrap()));
    let answer = visit.send(unlink.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json(), json!({"id": 3_801_234_567_u64}));
    assert_eq!(visit.get(&info, token).await.status, 401);
}
