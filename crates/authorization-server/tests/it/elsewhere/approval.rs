//! One page, never two: what is ticked counts when the person is back, once (acceptance C4, C5).

use std::time::Duration;

use futures_util::future::{Either, select};
use http::StatusCode;
use oauth::scope::Scope;
use oauth::time::{Clock as _, NumericDate};
use serde_json::json;

use super::{
    CORP_TOKEN, Journey, NAVER_TOKEN, asked, house, house_with, keeps_quiet, tells_client,
};
use crate::browser::{Browser, at_site, request};
use crate::house::{Answer, House, PASSWORD, ReadToken as _, scope, signed_with_secret};

const BOTH: [&str; 2] = ["create:todos", "read:todos"];

async fn granted(house: &House, answer: &Answer) -> Scope {
    let code = answer.parameter("code");
    let code = code.unwrap_or_else(|| panic!("no code: {answer:?}"));
    house.redeem(&code).await.tokens().scope
}

#[tokio::test]
async fn c4_the_page_has_a_button_per_provider_beside_the_password() {
    let house = house().await;
    let (_, page) = Browser::new(&house).open(&request()).await;
    assert!(page.body.contains("name=\"password\""));
    for (id, words) in [
        ("naver", "Continue with Naver"),
        ("corp", "Continue with Corp"),
    ] {
        let button = format!("value=\"provider:{id}\" formnovalidate>{words}</button>");
        assert!(page.body.contains(&button), "{page:?}");
    }
    // Enter in the password field presses the first button of the form.
    let first = page.body.find("<button").unwrap();
    assert!(
        page.body[first..].starts_with("<button class=\"approve\""),
        "{page:?}"
    );

    let mut korean = request();
    korean.insert("ui_locales", "ko".into());
    let (_, page) = Browser::new(&house).open(&korean).await;
    assert!(
        page.body.contains("네이버로 계속하기") && page.body.contains("회사 계정으로 계속하기")
    );
}

#[tokio::test]
async fn c4_what_was_ticked_before_leaving_is_granted_on_return() {
    let house = house_with(|settings| settings.default_role = "Admin".to_owned()).await;
    let mut journey = Journey::begin(&house).await;
    let answer = journey
        .through("naver", &["read:todos", "delete:todos"])
        .await;
    keeps_quiet(&answer);
    assert_eq!(
        granted(&house, &answer).await,
        scope("read:todos"),
        "delete was not asked for"
    );

    // They agreed to that much, and to no more.
    let is_known = "You are asked each time";
    let mut asked_again = request();
    asked_again.insert("scope", "read:todos".into());
    let (_, again) = journey.browser.open(&asked_again).await;
    assert!(again.body.contains(is_known), "{again:?}");
    let (_, more) = journey.browser.open(&request()).await;
    assert_eq!(more.status, StatusCode::OK);
    assert!(!more.body.contains(is_known), "{more:?}");
    assert!(
        !more.body.contains("provider:naver"),
        "who is signed in need not sign in"
    );
}

#[tokio::test]
async fn c4_a_person_from_a_provider_can_allow_no_more_than_their_role() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let answer = journey.through("naver", &BOTH).await;
    assert_eq!(granted(&house, &answer).await, scope("create:todos"));

    let mut journey = Journey::begin(&house).await;
    let answer = journey.through("naver", &["read:todos"]).await;
    tells_client(&answer, "access_denied");
}

#[tokio::test]
async fn c4_signing_in_is_part_of_what_was_asked_and_the_token_says_where() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let mut with_identity = request();
    with_identity.insert("scope", "openid profile email create:todos".into());
    let (grant, _) = browser.open(&with_identity).await;
    let mut journey = Journey { browser, grant };
    let answer = journey.through("naver", &["profile", "email"]).await;
    let tokens = house
        .redeem(&answer.parameter("code").unwrap())
        .await
        .tokens();
    assert_eq!(tokens.scope, scope("openid profile email"));
    let claims = house.server.read(&tokens.id_token.unwrap());
    assert_eq!(claims["username"], "kim@naver");
    assert_eq!(claims["name"], "Kim Dan");
    assert_eq!(claims["email"], "kim@naver.example");
    assert_eq!(claims["email_verified"], false, "Naver does not verify it");
    assert_eq!(claims["idp"], "naver");
    assert_ne!(claims["sub"], "n-1", "subjects are our own");
}

#[tokio::test]
async fn c4_a_first_party_client_asks_for_nothing_but_the_sign_in() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let mut asked = at_site(request());
    asked.insert("client_id", "our-own".into());
    let (grant, page) = browser.open(&asked).await;
    assert!(page.body.contains("provider:corp") && !page.body.contains("type=\"checkbox\""));
    let mut journey = Journey { browser, grant };
    let answer = journey.through("corp", &[]).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn c4_reload_and_back_button_at_the_callback_lead_to_the_same_answer() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &BOTH).await;
    let answer = journey.come_back("naver", &state).await;
    let there = answer.location();
    let again = journey.come_back("naver", &state).await;
    assert_eq!(again.location().path(), "/login");
    assert_eq!(journey.look().await.location(), there);
    assert_eq!(
        asked(&house, NAVER_TOKEN),
        1,
        "the code of the provider is good for one use"
    );

    house
        .redeem(&answer.parameter("code").unwrap())
        .await
        .tokens();
    let late = journey.come_back("naver", &state).await;
    assert_eq!(late.location().path(), "/login");
    let finished = journey.look().await;
    assert!(
        finished.body.contains("start again from the application"),
        "{finished:?}"
    );
}

#[tokio::test]
async fn c4_two_tabs_end_each_with_its_own_answer() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let first_grant = journey.grant.clone();
    let to_naver = journey.leave("naver", &BOTH).await;
    let (second_grant, _) = journey.browser.open(&request()).await;
    journey.grant = second_grant;
    let to_corp = journey.leave("corp", &BOTH).await;
    let from_corp = journey.come_back("corp", &to_corp).await;
    let from_naver = journey.come_back("naver", &to_naver).await;
    let codes = [from_corp, from_naver].map(|answer| answer.parameter("code").unwrap());
    let [one, two] = codes.each_ref().map(|code| house.redeem(code));
    let subject = |token: &str| house.server.read(token)["sub"].clone();
    let (one, two) = (one.await.tokens(), two.await.tokens());
    assert_ne!(subject(&one.access_token), subject(&two.access_token));
    assert_ne!(first_grant, journey.grant);
}

#[tokio::test]
async fn c4_who_turns_back_at_one_provider_may_take_another() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let abandoned = journey.leave("naver", &BOTH).await;
    let page = journey.look().await;
    assert!(page.body.contains("provider:corp"), "{page:?}");
    let answer = journey.through("corp", &["create:todos"]).await;
    let there = answer.location();
    // The first way is still open at the provider, and leads to what was decided.
    let late = journey.come_back("naver", &abandoned).await;
    assert_eq!(late.location().path(), "/login");
    assert_eq!(journey.look().await.location(), there);
    assert_eq!(
        asked(&house, NAVER_TOKEN),
        0,
        "nobody asks a provider in vain"
    );
    assert_eq!(asked(&house, CORP_TOKEN), 1);
}

#[tokio::test]
async fn c4_a_password_in_another_tab_decides_and_so_does_a_no() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &BOTH).await;
    let grant = journey.grant.clone();
    let approved = journey.browser.approve(&grant, "alice", &BOTH).await;
    journey.come_back("naver", &state).await;
    assert_eq!(journey.look().await.location(), approved.location());

    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &BOTH).await;
    let deny = [("grant", &*journey.grant), ("action", "deny")];
    tells_client(
        &journey.browser.post("/login", &deny).await,
        "access_denied",
    );
    journey.come_back("naver", &state).await;
    let finished = journey.look().await;
    assert!(
        finished.body.contains("This sign-in is done"),
        "{finished:?}"
    );
    assert_eq!(asked(&house, NAVER_TOKEN), 0);
}

#[tokio::test]
async fn c4_after_a_suspended_laptop_the_callback_says_how_to_start_again() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &BOTH).await;
    house.advance(601);
    for query in [
        format!("state={state}&code=c"),
        "code=c".to_owned(),
        "state=&code=c".to_owned(),
    ] {
        let page = journey.come_back_with("naver", &query).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{page:?}");
        assert!(page.body.contains("This sign-in has expired"), "{page:?}");
        assert!(page.body.contains("start again from there"), "{page:?}");
        assert!(
            page.body.contains("href=\"../assets/"),
            "it has its style: {page:?}"
        );
    }
}

#[tokio::test]
async fn c4_who_reloads_while_a_provider_thinks_waits_and_is_not_left_waiting() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &BOTH).await;
    let path = format!("/callback/naver?state={state}&code=c");
    let closed = house.gate.write().await;
    let (mut one, mut two) = (journey.browser.clone(), journey.browser.clone());
    let requests = select(Box::pin(one.get(&path)), Box::pin(two.get(&path)));
    let (Either::Left((second, first)) | Either::Right((second, first))) = requests.await;
    assert_eq!(second.status, StatusCode::OK, "{second:?}");
    assert_eq!(second.header("refresh"), "1", "it asks again by itself");
    assert!(second.body.contains("Signing you in"), "{second:?}");
    assert!(second.body.contains("href=\"../assets/"), "{second:?}");

    // As after a crash: the way is spent, and nobody has an answer. The page is open again.
    house.advance(31);
    assert_eq!(journey.browser.get(&path).await.location().path(), "/login");
    assert!(journey.look().await.body.contains("provider:corp"));

    // The provider was only slow. What it says counts, because nobody has decided otherwise.
    drop(closed);
    let answer = first.await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
    assert_eq!(asked(&house, NAVER_TOKEN), 1);
}

#[tokio::test]
async fn c4_what_was_begun_is_finished_though_the_browser_gave_up() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &BOTH).await;
    let path = format!("/callback/naver?state={state}&code=c");
    let closed = house.gate.write().await;
    let (mut one, mut two) = (journey.browser.clone(), journey.browser.clone());
    let requests = select(Box::pin(one.get(&path)), Box::pin(two.get(&path)));
    let (Either::Left((_, first)) | Either::Right((_, first))) = requests.await;
    drop(first);
    drop(closed);
    house.server.settle().await;
    let answer = journey.look().await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
    assert_eq!(asked(&house, NAVER_TOKEN), 1);
}

#[tokio::test]
async fn c5_a_no_at_the_provider_is_a_no_for_the_client() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &BOTH).await;
    let query = format!(
        "state={state}&error=access_denied&error_description=canary&error_uri=https://canary.example"
    );
    tells_client(
        &journey.come_back_with("naver", &query).await,
        "access_denied",
    );
    assert_eq!(asked(&house, NAVER_TOKEN), 0);
}

#[tokio::test]
async fn where_passwords_are_switched_off_nobody_is_asked_for_one() {
    let house = house_with(|settings| settings.password_sign_in = false).await;
    let mut journey = Journey::begin(&house).await;
    let page = journey.look().await;
    assert!(!page.body.contains("type=\"password\"") && !page.body.contains("value=\"approve\""));
    assert!(page.body.contains("provider:naver") && page.body.contains("value=\"deny\""));
    let form = [
        ("grant", &*journey.grant),
        ("username", "alice"),
        ("password", PASSWORD),
        ("action", "approve"),
    ];
    let refused = journey.browser.post("/login", &form).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    let answer = journey.through("naver", &BOTH).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn prompt_none_contacts_nobody_and_a_fresh_sign_in_may_be_one_elsewhere() {
    let house = house_where_corp_proves_it().await;
    let mut browser = Browser::new(&house);
    let mut silent = request();
    silent.insert("prompt", "none".into());
    let (_, answer) = browser.open(&silent).await;
    assert_eq!(answer.parameter("error").as_deref(), Some("login_required"));

    let mut small = request();
    small.insert("scope", "create:todos".into());
    let (grant, _) = browser.open(&small).await;
    let mut journey = Journey { browser, grant };
    journey.through("corp", &["create:todos"]).await;
    house.advance(100);
    for (name, value) in [("prompt", "login"), ("max_age", "99")] {
        let mut fresh = small.clone();
        fresh.insert(name, value.into());
        let (grant, page) = journey.browser.open(&fresh).await;
        assert!(page.body.contains("provider:corp") && page.body.contains("sign in again"));
        assert!(!page.body.contains("provider:naver"), "it proves nothing");
        journey.grant = grant;
        // There are clocks that are behind, and people who type for a while.
        corp_signed_in(&house, house.clock.now().minus(Duration::from_secs(30)));
        let answer = journey.through("corp", &["create:todos"]).await;
        let tokens = house
            .redeem(&answer.parameter("code").unwrap())
            .await
            .tokens();
        let claims = house.server.read(&tokens.access_token);
        assert_eq!(claims["auth_time"], claims["iat"].as_i64().unwrap() - 30);
        house.advance(100);
    }
}

/// A house whose second provider says when people signed in, and proves it.
async fn house_where_corp_proves_it() -> House {
    let house = house_with(|settings| {
        let corp = &mut settings.identity_providers[1].overrides;
        corp.issuer = Some("https://id.corp.example".into());
        corp.id_token = Some(true);
        corp.id_token_algorithms = Some(vec!["HS256".into()]);
        corp.proves_fresh_sign_in = Some(true);
        corp.fresh_sign_in_parameters = Some([("max_age".into(), "0".into())].into());
    })
    .await;
    corp_signed_in(&house, house.clock.now());
    house
}

/// The person at the second provider has signed in there at that time.
fn corp_signed_in(house: &House, time: NumericDate) {
    let now = house.clock.now();
    let claims = json!({
        "iss": "https://id.corp.example", "sub": "c-1", "aud": "us", "iat": now,
        "exp": now.plus(Duration::from_hours(1)), "auth_time": time,
    });
    let tokens = json!({
        "access_token": "canary-upstream-access", "token_type": "bearer",
        "id_token": signed_with_secret("our-secret", &claims),
    });
    house.network.answer_json(CORP_TOKEN, &tokens);
}

#[tokio::test]
async fn a_client_that_wants_a_fresh_sign_in_gets_one_or_an_error() {
    for (name, value) in [("prompt", "login"), ("max_age", "60"), ("max_age", "3600")] {
        let house = house_where_corp_proves_it().await;
        let mut fresh = request();
        fresh.insert("scope", "create:todos".into());
        fresh.insert(name, value.into());
        let mut browser = Browser::new(&house);
        let (grant, _) = browser.open(&fresh).await;
        let mut journey = Journey { browser, grant };
        // A provider without a proof has no button, and none that is made up works.
        let refused = journey.press("naver", &["create:todos"]).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
        // Somebody who is signed in there took out of the address that they have to do it anew.
        let before = house.clock.now().minus(Duration::from_secs(61));
        corp_signed_in(&house, before);
        let answer = journey.through("corp", &["create:todos"]).await;
        tells_client(&answer, "login_required");
    }
    let house = house_with(|settings| settings.password_sign_in = false).await;
    let mut fresh = request();
    fresh.insert("prompt", "login".into());
    let (_, answer) = Browser::new(&house).open(&fresh).await;
    tells_client(&answer, "login_required");
}

#[tokio::test]
async fn a_session_without_a_proof_is_none_for_clients_that_want_one() {
    let house = house_where_corp_proves_it().await;
    let mut journey = Journey::begin(&house).await;
    journey.through("corp", &BOTH).await;
    let mut aged = request();
    aged.insert("max_age", "600".into());
    let (_, page) = journey.browser.open(&aged).await;
    assert!(page.body.contains("sign in again"), "{page:?}");
    let (grant, _) = journey.browser.open(&aged).await;
    journey.grant = grant;
    let answer = journey.through("corp", &BOTH).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
    let (_, page) = journey.browser.open(&aged).await;
    assert!(!page.body.contains("sign in again"), "now it is proved");
    assert!(page.body.contains("You are asked each time"), "{page:?}");
}

#[tokio::test]
async fn who_shall_sign_in_anew_is_asked_to_do_so_at_the_provider() {
    let house = house_where_corp_proves_it().await;
    let mut browser = Browser::new(&house);
    for (parameter, expected) in [
        (None, None),
        (Some(("prompt", "consent")), None),
        (Some(("prompt", "login")), Some("0")),
        (Some(("prompt", "select_account")), Some("0")),
        (Some(("max_age", "60")), Some("0")),
    ] {
        let mut asked = request();
        asked.insert("login_hint", "canary@example.com".into());
        asked.extend(parameter.map(|(name, value)| (name, value.to_owned())));
        let (grant, _) = browser.open(&asked).await;
        let mut journey = Journey { browser, grant };
        let there = journey.press("corp", &BOTH).await;
        assert_eq!(
            there.parameter("max_age").as_deref(),
            expected,
            "{parameter:?}"
        );
        assert!(
            !there.location().as_str().contains("canary"),
            "hints are not passed on"
        );
        browser = journey.browser;
    }
}
