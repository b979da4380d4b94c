//! Links to connect an account, for the person whose tool needs it and for nobody else (RS-31, RS-32).

use authorization_server::identity_provider::{IdentityProviderSettings, PresetFields};
use delegation::{InviteToConnect as _, Invited};
use http::StatusCode;
use oauth::secret::Secret;
use serde_json::json;

use crate::browser::Browser;
use crate::house::{Answer, House, ISSUER, PASSWORD};

/// A house with an API at which people connect accounts, and with nothing else to sign in at.
async fn house() -> House {
    let at = |path: &str| Some(format!("https://api.example/{path}"));
    let mut api = IdentityProviderSettings::new("api", "oauth2", "us", Some(Secret::from("s")));
    api.sign_in = false;
    api.overrides = PresetFields {
        name: Some("Calendar".to_owned()),
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        userinfo_endpoint: at("me"),
        revocation_endpoint: at("revoke"),
        ..PresetFields::default()
    };
    let house = House::with(|settings| settings.identity_providers = vec![api]).await;
    let tokens = json!({"access_token": "up-1", "refresh_token": "up-2", "expires_in": 3600});
    let network = &house.network;
    network.answer_json("https://api.example/token", &tokens);
    network.answer_json("https://api.example/me", &json!({"sub": "4711"}));
    network.answer("https://api.example/revoke", 200, &[], "");
    house
}

async fn subject_of(house: &House, username: &str) -> String {
    let user = house
        .server
        .users()
        .find_by_username(username)
        .await
        .unwrap();
    user.unwrap().subject
}

/// The link for somebody, below the issuer.
async fn invite(house: &House, username: &str) -> String {
    let subject = subject_of(house, username).await;
    let invited = Invited {
        subject: &subject,
        provider: "api",
        server: "Hybrid demo",
    };
    let invitation = house.server.invite(&invited).await.unwrap();
    let link = invitation.url.strip_prefix(ISSUER).unwrap().to_owned();
    assert_eq!(link, format!("/account/connect/{}", invitation.id));
    assert!(!link.contains(&subject) && !link.contains("api"), "{link}");
    link
}

async fn sign_in(browser: &mut Browser<'_>, username: &str, to: &str) -> Answer {
    let form = [("username", username), ("password", PASSWORD), ("to", to)];
    browser.post("/account/sign-in", &form).await
}

#[track_caller]
fn path(answer: &Answer) -> String {
    let location = answer.location();
    location.as_str().strip_prefix(ISSUER).unwrap().to_owned()
}

/// Whom the page was shown to.
#[track_caller]
fn account(page: &Answer) -> String {
    let field = page.body.split("name=\"account\" value=\"").nth(1);
    let field = field.unwrap_or_else(|| panic!("there is no form: {page:?}"));
    field.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn rs31_the_person_who_called_signs_in_connects_and_is_told_so() {
    let house = house().await;
    let link = invite(&house, "alice").await;
    let mut browser = Browser::new(&house);
    // Nobody is signed in: the link leads to the sign-in page, and from there back to itself.
    let away = path(&browser.get(&link).await);
    assert_eq!(away, format!("/account/sign-in?to={link}"));
    let page = browser.get(&away).await;
    assert!(
        page.body.contains("which account it asks you to connect"),
        "it says what for: {}",
        page.body
    );
    assert!(
        !page.body.contains("provider:api"),
        "nobody signs in with it: {}",
        page.body
    );
    assert_eq!(path(&sign_in(&mut browser, "alice", &link).await), link);
    let page = browser.get(&link).await;
    for words in [
        "Connect your Calendar account",
        "Hybrid demo",
        "alice",
        "Cancel",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(
        house.network.requests().is_empty(),
        "to look is to do nothing"
    );
    let account = account(&page);
    let left = browser
        .post(&link, &[("account", &account), ("action", "connect")])
        .await;
    assert!(
        left.location()
            .as_str()
            .starts_with("https://api.example/authorize")
    );
    let state = left.parameter("state").unwrap();
    let back = browser
        .get(&format!("/callback/api?code=c&state={state}"))
        .await;
    assert_eq!(path(&back), link);
    let page = browser.get(&link).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains("Your account is connected"),
        "{}",
        page.body
    );
    let tokens = house.server.valid_tokens();
    let subject = subject_of(&house, "alice").await;
    assert_eq!(
        tokens.valid_token(&subject, "api").await.unwrap().expose(),
        "up-1"
    );
    // It is an account for servers, and no way to sign in.
    let overview = browser.get("/account").await;
    assert!(
        overview.body.contains("Accounts for servers"),
        "{}",
        overview.body
    );
}

#[tokio::test]
async fn rs31_the_link_is_of_no_use_to_anybody_else() {
    let house = house().await;
    let link = invite(&house, "alice").await;
    let mut admin = Browser::new(&house);
    sign_in(&mut admin, "admin", "/account").await;
    let subject = subject_of(&house, "admin").await;
    let form = [("account", &*subject), ("action", "connect")];
    for answer in [admin.get(&link).await, admin.post(&link, &form).await] {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
        assert!(
            answer.body.contains("This link is for somebody else"),
            "{}",
            answer.body
        );
        assert!(
            !answer.body.contains("alice"),
            "nor does it say whose: {}",
            answer.body
        );
        assert!(
            !answer.body.contains("Calendar"),
            "nor what for: {}",
            answer.body
        );
    }
    let korean = admin.get("/account/connect/aZ09-_aZ09-_aZ09-_aZ09").await;
    assert_eq!(korean.status, StatusCode::NOT_FOUND);
    assert!(house.network.requests().is_empty());
}

#[tokio::test]
async fn rs31_nobody_connects_by_the_answer_that_somebody_else_got() {
    let house = house().await;
    let link = invite(&house, "alice").await;
    let mut alice = Browser::new(&house);
    sign_in(&mut alice, "alice", &link).await;
    let shown = account(&alice.get(&link).await);
    let left = alice
        .post(&link, &[("account", &shown), ("action", "connect")])
        .await;
    let state = left.parameter("state").unwrap();
    let mut admin = Browser::new(&house);
    sign_in(&mut admin, "admin", "/account").await;
    let back = admin
        .get(&format!("/callback/api?code=c&state={state}"))
        .await;
    assert_eq!(
        back.status,
        StatusCode::BAD_REQUEST,
        "another browser: {back:?}"
    );
    for username in ["alice", "admin"] {
        let subject = subject_of(&house, username).await;
        let tokens = house.server.valid_tokens();
        assert!(!tokens.is_connected(&subject, "api").await.unwrap());
    }
}

#[tokio::test]
async fn a_link_is_the_same_for_a_while_and_ends() {
    let house = house().await;
    let first = invite(&house, "alice").await;
    assert_eq!(invite(&house, "alice").await, first);
    assert_ne!(invite(&house, "admin").await, first);
    house.advance(601);
    assert_ne!(
        invite(&house, "alice").await,
        first,
        "it would end too soon"
    );
    house.advance(600);
    let mut browser = Browser::new(&house);
    sign_in(&mut browser, "alice", "/account").await;
    let answer = browser.get(&first).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(
        answer.body.contains("does not lead anywhere any more"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn nobody_signs_in_with_an_account_for_servers() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let form = [("action", "provider:api"), ("to", "/account")];
    let answer = browser.post("/account/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
}
