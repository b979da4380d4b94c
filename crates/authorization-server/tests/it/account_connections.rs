//! Accounts at identity providers on the pages about one's own account: signing in with them,
//! connecting and disconnecting them, and what protects that.

use std::time::Duration;

use authorization_server::identity_provider::{IdentityProviderSettings, PresetFields};
use http::StatusCode;
use http::header::LOCATION;
use oauth::secret::Secret;
use oauth::time::{Clock as _, NumericDate};
use serde_json::json;

use crate::browser::Browser;
use crate::house::{Answer, House, ISSUER, PASSWORD, signed_with_secret};

/// An identity provider with nothing of its own.
fn provider(id: &str) -> IdentityProviderSettings {
    let at = |path: &str| Some(format!("https://{id}.example/{path}"));
    let mut settings =
        IdentityProviderSettings::new(id, "oauth2", "sumun", Some(Secret::from("secret")));
    settings.overrides = PresetFields {
        name: Some(id.to_uppercase()),
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        userinfo_endpoint: at("me"),
        revocation_endpoint: at("revoke"),
        ..PresetFields::default()
    };
    settings
}

/// The same, with ID tokens that prove when somebody signed in.
fn proving(id: &str) -> IdentityProviderSettings {
    let mut settings = provider(id);
    settings.overrides = PresetFields {
        issuer: Some(format!("https://{id}.example")),
        id_token: Some(true),
        id_token_algorithms: Some(vec!["HS256".into()]),
        proves_fresh_sign_in: Some(true),
        fresh_sign_in_parameters: Some([("max_age".into(), "0".into())].into()),
        ..settings.overrides
    };
    settings
}

/// A house with two providers, at both of which the same person is signed in. One of them proves it.
async fn house() -> House {
    let house = House::with(|settings| {
        settings.identity_providers = vec![proving("hub"), provider("lab")];
    })
    .await;
    for id in ["hub", "lab"] {
        is_now(&house, id, "4711");
    }
    house
}

/// From now on, `subject` is who signs in at the provider, and does so now.
fn is_now(house: &House, provider: &str, subject: &str) {
    signed_in_at(house, provider, subject, house.clock.now());
}

/// From now on, the provider sends back `subject`, who has signed in there at that time.
fn signed_in_at(house: &House, provider: &str, subject: &str, time: NumericDate) {
    let at = |path: &str| format!("https://{provider}.example/{path}");
    let claims = json!({
        "iss": format!("https://{provider}.example"), "sub": subject, "aud": "sumun",
        "iat": house.clock.now(), "exp": house.clock.now().plus(Duration::from_hours(1)),
        "auth_time": time,
    });
    let tokens = json!({
        "access_token": format!("upstream-{provider}"), "token_type": "bearer", "expires_in": 3600,
        "id_token": signed_with_secret("secret", &claims),
    });
    house.network.answer_json(&at("token"), &tokens);
    let profile = json!({ "sub": subject, "preferred_username": format!("u{subject}") });
    house.network.answer_json(&at("me"), &profile);
    house.network.answer(&at("revoke"), 200, &[], "");
}

/// What the browser of somebody at the provider calls, after they agreed there.
#[track_caller]
fn way_back(left: &Answer, provider: &str) -> String {
    assert!(
        left.header(LOCATION.as_str())
            .starts_with(&format!("https://{provider}.example/authorize")),
        "{left:?}"
    );
    let state = left.parameter("state").unwrap();
    format!("/callback/{provider}?code=c0de&state={state}")
}

/// Where in the house a redirect leads.
#[track_caller]
fn path(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let location = answer.header(LOCATION.as_str());
    location.strip_prefix(ISSUER).unwrap().to_owned()
}

/// Presses the button of a provider on the sign-in page, and comes back.
async fn sign_in_at(browser: &mut Browser<'_>, provider: &str, to: &str) -> Answer {
    let action = format!("provider:{provider}");
    let form = [("action", &*action), ("to", to)];
    let left = browser.post("/account/sign-in", &form).await;
    browser.get(&way_back(&left, provider)).await
}

/// Signs in at a provider for a page about the account, and once more to prove it.
async fn prove_at(browser: &mut Browser<'_>, provider: &str, to: &str) -> Answer {
    sign_in_at(browser, provider, to).await;
    sign_in_at(browser, provider, to).await
}

async fn sign_in(browser: &mut Browser<'_>, who: &str) {
    let form = [("username", who), ("password", PASSWORD)];
    assert_eq!(
        path(&browser.post("/account/sign-in", &form).await),
        "/account"
    );
}

/// The subject of whoever is signed in, as the forms of their pages send it.
async fn subject(browser: &mut Browser<'_>) -> String {
    let page = browser.get("/account").await;
    let field = page.body.split("name=\"account\" value=\"").nth(1);
    let field = field.unwrap_or_else(|| panic!("nobody is signed in: {page:?}"));
    field.split('"').next().unwrap().to_owned()
}

/// Presses a button for one provider on the overview.
async fn press(browser: &mut Browser<'_>, action: &str, provider: &str) -> Answer {
    let account = subject(browser).await;
    let form = [
        ("account", &*account),
        ("action", action),
        ("provider", provider),
    ];
    browser.post("/account/connections", &form).await
}

async fn connect(browser: &mut Browser<'_>, provider: &str) -> Answer {
    let left = press(browser, "connect", provider).await;
    browser.get(&way_back(&left, provider)).await
}

#[track_caller]
fn shows(page: &Answer, words: &[&str]) {
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    for words in words {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
}

#[tokio::test]
async fn a_person_signs_in_at_a_provider_for_the_page_they_wanted() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let page = browser.get("/account/sign-in?to=/account/sessions").await;
    shows(&page, &["value=\"provider:hub\"", "value=\"provider:lab\""]);
    let answer = sign_in_at(&mut browser, "hub", "/account/sessions").await;
    assert_eq!(path(&answer), "/account/sessions");
    shows(&browser.get("/account/sessions").await, &["<dd>HUB</dd>"]);
    shows(&browser.get("/account").await, &["u4711@hub"]);

    let elsewhere = sign_in_at(&mut Browser::new(&house), "hub", "//evil.example").await;
    assert_eq!(path(&elsewhere), "/account");
}

#[tokio::test]
async fn b1_a_provider_that_is_down_leaves_the_other_ways_open() {
    let house = house().await;
    house.network.unplug("https://hub.example/token");
    let mut browser = Browser::new(&house);
    let answer = sign_in_at(&mut browser, "hub", "/account").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.body.contains("hub.example"), "{answer:?}");
    assert_eq!(
        path(&browser.get("/account").await),
        "/account/sign-in?to=/account"
    );
    sign_in(&mut browser, "alice").await;
}

#[tokio::test]
async fn who_changes_their_mind_at_the_provider_is_back_where_they_were() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let form = [("action", "provider:hub"), ("to", "/account/clients")];
    let left = browser.post("/account/sign-in", &form).await;
    let state = left.parameter("state").unwrap();
    let denied = format!("/callback/hub?error=access_denied&state={state}");
    let answer = browser.get(&denied).await;
    assert_eq!(path(&answer), "/account/sign-in?to=/account/clients");

    sign_in(&mut browser, "alice").await;
    let left = press(&mut browser, "connect", "hub").await;
    let state = left.parameter("state").unwrap();
    let denied = format!("/callback/hub?error=access_denied&state={state}");
    assert_eq!(path(&browser.get(&denied).await), "/account");
    shows(&browser.get("/account").await, &["Not connected"]);
}

#[tokio::test]
async fn nobody_is_signed_in_or_connected_by_somebody_elses_answer() {
    let house = house().await;
    let mut mallory = Browser::new(&house);
    let form = [("action", "provider:hub"), ("to", "/account")];
    let left = mallory.post("/account/sign-in", &form).await;
    let mut victim = Browser::new(&house);
    sign_in(&mut victim, "alice").await;
    let answer = victim.get(&way_back(&left, "hub")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    shows(&victim.get("/account").await, &["alice of the tests"]);

    sign_in(&mut mallory, "admin").await;
    let left = press(&mut mallory, "connect", "hub").await;
    let answer = victim.get(&way_back(&left, "hub")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let page = victim.get("/account").await;
    assert!(!page.body.contains("value=\"disconnect\""), "{page:?}");
}

#[tokio::test]
async fn a_connected_account_signs_in_until_it_is_disconnected() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    sign_in(&mut browser, "alice").await;
    let alice = subject(&mut browser).await;
    let answer = connect(&mut browser, "hub").await;
    assert_eq!(path(&answer), "/account?notice=connected");
    let page = browser.get("/account?notice=connected").await;
    let words = ["The account is connected.", "u4711", "value=\"disconnect\""];
    shows(&page, &words);

    let mut by_hub = Browser::new(&house);
    sign_in_at(&mut by_hub, "hub", "/account").await;
    assert_eq!(subject(&mut by_hub).await, alice);

    let answer = press(&mut browser, "disconnect", "hub").await;
    assert_eq!(path(&answer), "/account?notice=disconnected");
    let asked = house.network.requests();
    let last = asked.last().unwrap();
    assert_eq!(last.url.as_str(), "https://hub.example/revoke");
    assert!(String::from_utf8_lossy(&last.body).contains("upstream-hub"));
    assert_eq!(
        by_hub.get("/account").await.status,
        StatusCode::SEE_OTHER,
        "what was signed in with it has ended"
    );
    sign_in_at(&mut by_hub, "hub", "/account").await;
    assert_ne!(subject(&mut by_hub).await, alice);
    // In another tab it was disconnected before.
    let answer = press(&mut browser, "disconnect", "hub").await;
    assert_eq!(path(&answer), "/account?notice=disconnected");
}

#[tokio::test]
async fn an_account_of_another_person_is_not_taken_from_them() {
    let house = house().await;
    let mut owner = Browser::new(&house);
    sign_in_at(&mut owner, "hub", "/account").await;
    let theirs = subject(&mut owner).await;
    let mut browser = Browser::new(&house);
    sign_in(&mut browser, "alice").await;
    let answer = connect(&mut browser, "hub").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("identity_taken"), "{answer:?}");
    let mut again = Browser::new(&house);
    sign_in_at(&mut again, "hub", "/account").await;
    assert_eq!(subject(&mut again).await, theirs);
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    prove_at(&mut browser, "hub", "/account").await;
    let page = browser.get("/account").await;
    shows(&page, &["This is your only way to sign in"]);
    assert!(!page.body.contains("value=\"disconnect\""), "{page:?}");
    let answer = press(&mut browser, "disconnect", "hub").await;
    assert_eq!(path(&answer), "/account?notice=last-way");
    assert!(
        house
            .network
            .requests()
            .iter()
            .all(|r| r.url.path() != "/revoke")
    );

    connect(&mut browser, "lab").await;
    let answer = press(&mut browser, "disconnect", "hub").await;
    assert_eq!(path(&answer), "/account?notice=disconnected");
    let answer = press(&mut browser, "disconnect", "lab").await;
    assert_eq!(path(&answer), "/account?notice=last-way");
}

#[tokio::test]
async fn who_has_no_password_sets_one_and_signs_in_with_it() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    prove_at(&mut browser, "hub", "/account").await;
    let account = subject(&mut browser).await;
    shows(&browser.get("/account").await, &["Set a password"]);
    let page = browser.get("/account/password").await;
    assert!(!page.body.contains("name=\"old\""), "{page:?}");
    let form = [
        ("account", &*account),
        ("new", PASSWORD),
        ("again", PASSWORD),
    ];
    let answer = browser.post("/account/password", &form).await;
    assert_eq!(path(&answer), "/account?notice=password-changed");
    sign_in(&mut Browser::new(&house), "u4711@hub").await;
    let answer = press(&mut browser, "disconnect", "hub").await;
    assert_eq!(path(&answer), "/account?notice=disconnected");
}

#[tokio::test]
async fn what_opens_an_account_is_changed_by_who_has_just_signed_in() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    prove_at(&mut browser, "hub", "/account").await;
    let account = subject(&mut browser).await;
    connect(&mut browser, "lab").await;
    house.advance(601);

    for (action, provider) in [("connect", "lab"), ("disconnect", "hub")] {
        let answer = press(&mut browser, action, provider).await;
        let again = "/account/sign-in?to=/account&notice=sign-in-again";
        assert_eq!(path(&answer), again);
        let page = browser.get(again).await;
        shows(
            &page,
            &["Please sign in once more", "value=\"provider:hub\""],
        );
        assert!(!page.body.contains("provider:lab"), "it proves nothing");
    }
    let form = [
        ("account", &*account),
        ("new", PASSWORD),
        ("again", PASSWORD),
    ];
    let again = "/account/sign-in?to=/account/password&notice=sign-in-again";
    assert_eq!(path(&browser.get("/account/password").await), again);
    assert_eq!(path(&browser.post("/account/password", &form).await), again);

    is_now(&house, "hub", "4711");
    let answer = sign_in_at(&mut browser, "hub", "/account/password").await;
    assert_eq!(path(&answer), "/account/password");
    assert_eq!(subject(&mut browser).await, account, "nothing has changed");
    let answer = press(&mut browser, "disconnect", "hub").await;
    assert_eq!(path(&answer), "/account?notice=disconnected");
}

/// Whoever finds an open browser signs its owner out and takes the button of a provider, which answers
/// without a question because the owner is signed in there.
#[tokio::test]
async fn to_be_signed_in_at_a_provider_is_no_proof_of_who_sits_here() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    sign_in_at(&mut browser, "hub", "/account").await;
    let again = "/account/sign-in?to=/account&notice=sign-in-again";
    assert_eq!(path(&press(&mut browser, "connect", "lab").await), again);

    // There, they take out of the address what asks for a sign-in.
    let an_hour_ago = house.clock.now().minus(Duration::from_hours(1));
    signed_in_at(&house, "hub", "4711", an_hour_ago);
    let form = [("action", "provider:hub"), ("to", "/account")];
    let left = browser.post("/account/sign-in", &form).await;
    assert_eq!(left.parameter("max_age").as_deref(), Some("0"));
    let answer = browser.get(&way_back(&left, "hub")).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{answer:?}");
    // Nor does a provider help that says nothing about it.
    connect_by_password(&house, &mut Browser::new(&house)).await;
    let mut by_lab = Browser::new(&house);
    prove_at(&mut by_lab, "lab", "/account").await;
    assert_eq!(path(&press(&mut by_lab, "disconnect", "lab").await), again);

    is_now(&house, "hub", "4711");
    sign_in_at(&mut browser, "hub", "/account").await;
    let left = press(&mut browser, "connect", "lab").await;
    way_back(&left, "lab");
}

/// Alice connects the other provider, having typed her password.
async fn connect_by_password(house: &House, browser: &mut Browser<'_>) {
    is_now(house, "lab", "0815");
    sign_in(browser, "alice").await;
    let answer = connect(browser, "lab").await;
    assert_eq!(path(&answer), "/account?notice=connected");
}

#[tokio::test]
async fn where_nothing_proves_who_sits_here_the_page_says_so() {
    let house = House::with(|settings| settings.identity_providers = vec![provider("lab")]).await;
    is_now(&house, "lab", "4711");
    let mut browser = Browser::new(&house);
    sign_in_at(&mut browser, "lab", "/account").await;
    let answer = browser.get("/account/password").await;
    let page = browser.get(&path(&answer)).await;
    shows(&page, &["no way to sign in that you have shows us"]);
}

#[tokio::test]
async fn a_house_without_passwords_asks_for_none() {
    let house = House::with(|settings| {
        settings.identity_providers = vec![provider("hub")];
        settings.password_sign_in = false;
    })
    .await;
    is_now(&house, "hub", "4711");
    let mut browser = Browser::new(&house);
    let page = browser.get("/account/sign-in").await;
    assert!(!page.body.contains("type=\"password\""), "{page:?}");
    let form = [("username", "alice"), ("password", PASSWORD)];
    let answer = browser.post("/account/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    sign_in_at(&mut browser, "hub", "/account").await;
    let page = browser.get("/account").await;
    assert!(!page.body.contains("account/password"), "{page:?}");
    assert_eq!(path(&browser.get("/account/password").await), "/account");
}
