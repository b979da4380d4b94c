//! Signing out at the wish of a client (OpenID Connect RP-Initiated Logout 1.0).

use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use oauth::redirect_uri::RedirectUri;

use crate::browser::{Browser, request};
use crate::house::{Answer, CLIENT, House, ISSUER, encode};

const BACK: &str = "https://client.example/bye?from=sumun";

async fn house() -> House {
    House::with(|settings| {
        let client = settings.clients.iter_mut().find(|c| c.client_id == CLIENT);
        let back = vec![
            RedirectUri::unchecked(BACK),
            RedirectUri::unchecked("http://127.0.0.1:1/"),
        ];
        client.unwrap().metadata.post_logout_redirect_uris = back;
    })
    .await
}

/// Signs somebody in; the ID token that the client got.
async fn sign_in(house: &House, browser: &mut Browser<'_>, who: &str) -> String {
    let mut request = request();
    request.insert("scope", "openid create:todos".to_owned());
    request.insert("prompt", "login".to_owned());
    let (grant, _) = browser.open(&request).await;
    let answer = browser
        .approve(&grant, who, &["openid", "create:todos"])
        .await;
    let code = answer.parameter("code").unwrap();
    house.redeem(&code).await.tokens().id_token.unwrap()
}

fn logout(parameters: &[(&str, &str)]) -> String {
    format!("/logout?{}", encode(parameters))
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    let answer = browser.get("/account").await;
    answer.status == 200
}

/// Follows a redirect inside the house.
async fn follow(browser: &mut Browser<'_>, answer: &Answer) -> Answer {
    let location = answer.location();
    assert!(location.as_str().starts_with(ISSUER), "{location}");
    browser.get(&location[url::Position::BeforePath..]).await
}

#[tokio::test]
async fn a_client_signs_out_whom_it_knows() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let hint = sign_in(&house, &mut browser, "alice").await;
    assert!(is_signed_in(&mut browser).await);
    house.advance(3600); // The ID token has expired, which does not matter.
    let parameters = [
        ("id_token_hint", &*hint),
        ("post_logout_redirect_uri", BACK),
        ("state", "a b"),
    ];
    let answer = browser.get(&logout(&parameters)).await;
    assert_eq!(answer.location().as_str(), format!("{BACK}&state=a+b"));
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-sumun-session=;") && cookie.ends_with("Max-Age=0"));
    assert!(!is_signed_in(&mut browser).await);
    // Once more: nothing is left to end, and the client still gets its person back.
    let answer = browser.get(&logout(&parameters)).await;
    assert_eq!(answer.location().as_str(), format!("{BACK}&state=a+b"));
}

#[tokio::test]
async fn the_session_ends_for_whoever_copied_the_cookie() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let hint = sign_in(&house, &mut browser, "alice").await;
    let mut copy = browser.clone();
    browser.get(&logout(&[("id_token_hint", &hint)])).await;
    assert!(!is_signed_in(&mut copy).await);
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    sign_in(&house, &mut browser, "alice").await;
    let parameters = [
        ("client_id", CLIENT),
        ("post_logout_redirect_uri", BACK),
        ("state", "s"),
        ("ui_locales", "ko"),
    ];
    let answer = browser.get(&logout(&parameters)).await;
    let page = follow(&mut browser, &answer).await;
    assert!(page.body.contains("로그아웃하시겠습니까?"), "{page:?}");
    assert!(page.body.contains("client.example") && page.body.contains("alice"));
    assert!(is_signed_in(&mut browser).await, "nothing has ended yet");

    let account = field(&page, "account");
    let mut form = parameters.to_vec();
    form.push(("account", &account));
    let answer = browser.post("/logout/confirm", &form).await;
    assert_eq!(answer.location().as_str(), format!("{BACK}&state=s"));
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn a_person_may_come_without_a_client() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    sign_in(&house, &mut browser, "alice").await;
    let answer = browser.get("/logout").await;
    let page = follow(&mut browser, &answer).await;
    assert!(page.body.contains("Sign out?"), "{page:?}");
    assert!(page.body.contains("account\">Cancel</a>"), "{page:?}");
    let account = field(&page, "account");
    let answer = browser
        .post("/logout/confirm", &[("account", &account)])
        .await;
    let page = follow(&mut browser, &answer).await;
    assert!(page.body.contains("You are signed out"), "{page:?}");
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn rp_logout_section_6_nobody_is_signed_out_by_a_stranger() {
    let house = house().await;
    let mut attacker = Browser::new(&house);
    let foreign = sign_in(&house, &mut attacker, "admin").await;
    let mut victim = Browser::new(&house);
    let own = sign_in(&house, &mut victim, "alice").await;
    let (head, signature) = own.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let access_token = victim.tokens("alice").await.access_token;
    for hint in [&*foreign, &forged, &access_token, "x"] {
        let parameters = [("client_id", CLIENT), ("id_token_hint", hint)];
        let answer = victim.get(&logout(&parameters)).await;
        assert_eq!(answer.location().path(), "/logout/confirm", "{hint}");
        assert!(is_signed_in(&mut victim).await, "{hint}");
    }
    let page = victim.get("/logout/confirm").await;
    let body = encode(&[("account", &field(&page, "account"))]);
    let from_elsewhere = Request::post("/logout/confirm")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .header("origin", "https://evil.example");
    let answer = house
        .send(from_elsewhere.body(Body::from(body)).unwrap())
        .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let hint = sign_in(&house, &mut browser, "alice").await;
    for uri in [
        "https://evil.example/",
        "https://client.example/bye",
        "https://client.example/bye?from=sumun&x",
        "http://127.0.0.1:2/",
        "//client.example/bye?from=sumun",
    ] {
        let parameters = [("id_token_hint", &*hint), ("post_logout_redirect_uri", uri)];
        let answer = browser.get(&logout(&parameters)).await;
        assert_eq!(answer.status, 400, "{uri}");
        assert!(
            answer
                .body
                .contains("post_logout_redirect_uri_not_registered")
        );
        let answer = browser.post("/logout/confirm", &parameters).await;
        assert_eq!(answer.status, 400, "{uri}");
    }
    // Not of another client, either, nor of nobody.
    for client in [&[("client_id", "other")][..], &[]] {
        let mut parameters = client.to_vec();
        parameters.push(("post_logout_redirect_uri", BACK));
        assert_eq!(browser.get(&logout(&parameters)).await.status, 400);
    }
    let parameters = [("client_id", "other"), ("id_token_hint", &hint)];
    assert_eq!(browser.get(&logout(&parameters)).await.status, 400);
    assert_eq!(
        browser
            .get(&logout(&[("client_id", "nobody")]))
            .await
            .status,
        400
    );
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn who_is_not_signed_in_is_not_sent_on_unseen() {
    let house = house().await;
    let parameters = [("client_id", CLIENT), ("post_logout_redirect_uri", BACK)];
    let mut browser = Browser::new(&house);
    let answer = browser.get(&logout(&parameters)).await;
    let page = follow(&mut browser, &answer).await;
    assert!(page.body.contains("You are signed out"));
    assert!(
        page.body
            .contains("href=\"https://client.example/bye?from=sumun\""),
        "{page:?}"
    );
}

#[tokio::test]
async fn a_clients_form_leads_to_the_same_place() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let hint = sign_in(&house, &mut browser, "alice").await;
    let body = encode(&[("id_token_hint", &hint), ("state", "a\r\nb: c")]);
    let from_client = Request::post("/logout")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .header("origin", "https://client.example");
    // The browser sends no cookie with it (`SameSite=Lax`), but with the address that it gets.
    let answer = house
        .send(from_client.body(Body::from(body)).unwrap())
        .await;
    let done = follow(&mut browser, &answer).await;
    assert_eq!(done.location().path(), "/logout/confirm");
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn who_signs_in_meanwhile_is_not_signed_out() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    sign_in(&house, &mut browser, "alice").await;
    let page = browser.get("/logout/confirm").await;
    let alice = field(&page, "account");
    sign_in(&house, &mut browser, "admin").await;
    let page = browser
        .post("/logout/confirm", &[("account", &alice)])
        .await;
    assert!(
        page.body.contains("admin") && page.body.contains("Sign out?"),
        "{page:?}"
    );
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn c1_addresses_after_logout_are_registered() {
    let house = house().await;
    let metadata = serde_json::json!({
        "redirect_uris": ["http://127.0.0.1/"], "token_endpoint_auth_method": "none",
        "post_logout_redirect_uris": [BACK],
    });
    let answer = house
        .post_json("/register", metadata.to_string())
        .await
        .json();
    assert_eq!(answer["post_logout_redirect_uris"][0], BACK);
    let client_id = answer["client_id"].as_str().unwrap();
    let parameters = [("client_id", client_id), ("post_logout_redirect_uri", BACK)];
    assert_eq!(house.get(&logout(&parameters)).await.status, 303);
    let metadata = metadata
        .to_string()
        .replace("https://client.example", "javascript:alert");
    let answer = house.post_json("/register", metadata).await;
    answer.refused(400, "invalid_redirect_uri");
}

#[track_caller]
fn field(page: &Answer, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page
        .body
        .split_once(&start)
        .unwrap_or_else(|| panic!("{page:?}"));
    rest.split('"').next().unwrap().to_owned()
}
