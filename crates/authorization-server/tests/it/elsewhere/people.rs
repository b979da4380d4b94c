//! Who somebody is here who signs in elsewhere.

use authorization_server::settings::SettingsError;
use authorization_server::user::User;
use http::StatusCode;
use serde_json::json;

use super::{Journey, house, house_with, is_at_corp, keeps_quiet};
use crate::house::{Answer, House, ReadToken as _};

const TICKED: [&str; 1] = ["create:todos"];

/// Who the tokens of an answer are for.
async fn person(house: &House, answer: &Answer) -> User {
    let code = answer.parameter("code");
    let code = code.unwrap_or_else(|| panic!("no code: {answer:?}"));
    let tokens = house.redeem(&code).await.tokens();
    let claims = house.server.read(&tokens.access_token);
    let found = house.server.users().find(claims["sub"].as_str().unwrap());
    found.await.unwrap().unwrap()
}

async fn arrives(house: &House, provider: &str) -> User {
    let answer = Journey::begin(house).await.through(provider, &TICKED).await;
    person(house, &answer).await
}

#[tokio::test]
async fn two_providers_side_by_side_bring_different_people_who_come_back() {
    let house = house().await;
    let (kim, lee) = (
        arrives(&house, "naver").await,
        arrives(&house, "corp").await,
    );
    assert_eq!((&*kim.username, &*lee.username), ("kim@naver", "lee@corp"));
    assert_eq!(arrives(&house, "naver").await.subject, kim.subject);
    assert_eq!(arrives(&house, "corp").await.subject, lee.subject);
    assert!(!kim.has_password());
}

#[tokio::test]
async fn nobody_becomes_admin_by_being_called_so_elsewhere() {
    let house = house().await;
    let profile = json!({
        "sub": "c-9", "preferred_username": "admin",
        "email": "admin@example.com", "email_verified": true,
    });
    is_at_corp(&house, &profile);
    let arrived = arrives(&house, "corp").await;
    let users = house.server.users();
    let admin = users.find_by_username("admin").await.unwrap().unwrap();
    assert_ne!(arrived.subject, admin.subject);
    assert_eq!(arrived.username, "admin@corp");
    assert!(arrived.roles.is_empty());
}

#[tokio::test]
async fn an_address_names_a_person_only_when_the_operator_says_so_and_both_sides_verified_it() {
    let house = house_with(|settings| {
        settings.identity_providers[1].link_by_verified_email = true;
        settings.identity_providers[0].link_by_verified_email = true;
    })
    .await;
    let users = house.server.users();
    let alice = users.find_by_username("alice").await.unwrap().unwrap();
    let profile = |subject: &str, verified: bool| json!({"sub": subject, "email": "Alice@example.com", "email_verified": verified});
    is_at_corp(&house, &profile("c-1", false));
    assert_ne!(arrives(&house, "corp").await.subject, alice.subject);
    is_at_corp(&house, &profile("c-2", true));
    assert_eq!(arrives(&house, "corp").await.subject, alice.subject);
    // Somebody else was given the address there.
    is_at_corp(&house, &profile("c-3", true));
    assert_ne!(arrives(&house, "corp").await.subject, alice.subject);
}

#[tokio::test]
async fn where_nobody_signs_up_a_stranger_gets_a_page_and_no_account() {
    let house = house_with(|settings| settings.identity_providers[1].sign_up = false).await;
    let mut journey = Journey::begin(&house).await;
    let page = journey.through("corp", &TICKED).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        page.body.contains("This account is not known here"),
        "{page:?}"
    );
    keeps_quiet(&page);
    let users = house.server.users();
    assert!(users.find_by_username("lee@corp").await.unwrap().is_none());
    // The page they came from still lets them in another way.
    let answer = journey.through("naver", &TICKED).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn a_house_that_nobody_could_enter_does_not_start() {
    let house = House::start().await;
    let mut settings = house.settings.clone();
    settings.password_sign_in = false;
    assert_eq!(settings.check(), Err(SettingsError::NobodyCanSignIn));
    super::providers(&mut settings);
    assert_eq!(settings.check(), Ok(()));
}
