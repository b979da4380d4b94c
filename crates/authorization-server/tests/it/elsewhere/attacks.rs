//! Answers that belong to somebody else: login CSRF, mix-up, and forms from elsewhere (RFC 9700 §4).

use http::StatusCode;
use http::header::SET_COOKIE;

use super::{CORP_TOKEN, Journey, NAVER_TOKEN, asked, house, keeps_quiet};
use crate::browser::Browser;

const TICKED: [&str; 1] = ["create:todos"];

#[tokio::test]
async fn c4_an_answer_counts_only_in_the_browser_that_left() {
    let house = house().await;
    let mut attacker = Journey::begin(&house).await;
    let state = attacker.leave("naver", &TICKED).await;
    let callback = format!("/callback/naver?state={state}&code=c");

    let mut victim = Journey::begin(&house).await;
    let mut passer_by = Browser::new(&house);
    for browser in [&mut victim.browser, &mut passer_by] {
        let page = browser.get(&callback).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{page:?}");
        assert!(page.body.contains("begun in another browser"), "{page:?}");
        assert!(
            page.headers.get(SET_COOKIE).is_none(),
            "nobody is signed in: {page:?}"
        );
        keeps_quiet(&page);
    }
    assert_eq!(
        asked(&house, NAVER_TOKEN),
        0,
        "the code was not even redeemed"
    );
    // And nobody can spoil the way of whoever left.
    let answer = attacker.come_back("naver", &state).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn b8_an_answer_counts_only_at_the_callback_of_the_provider_that_was_asked() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &TICKED).await;
    for elsewhere in ["corp", "nobody", "naver2"] {
        let page = journey.come_back(elsewhere, &state).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{page:?}");
        assert!(page.body.contains("belongs to another sign-in"), "{page:?}");
        keeps_quiet(&page);
    }
    assert_eq!(asked(&house, NAVER_TOKEN) + asked(&house, CORP_TOKEN), 0);
    let answer = journey.come_back("naver", &state).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn a_made_up_or_repeated_state_leads_nowhere() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &TICKED).await;
    for query in [
        "state=made-up&code=c".to_owned(),
        format!("state={state}&state={state}&code=c"),
        format!("state={state}&code=c&code=d"),
        String::new(),
    ] {
        let page = journey.come_back_with("naver", &query).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}: {page:?}");
    }
    assert_eq!(asked(&house, NAVER_TOKEN), 0);
}

#[tokio::test]
async fn c4_a_state_in_which_one_letter_is_another_is_none_of_ours() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &TICKED).await;
    // Providers keep it, and some may have little room.
    assert!(state.len() < 640, "{}", state.len());
    for at in 0..state.len() {
        let other = if state[at..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        let touched = [&state[..at], other, &state[at + 1..]].concat();
        let page = journey.come_back("naver", &touched).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{at}: {page:?}");
    }
    assert_eq!(asked(&house, NAVER_TOKEN), 0);
    let answer = journey.come_back("naver", &state).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn c7_the_callback_is_protected_like_every_page() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let leaving = journey.press("naver", &TICKED).await;
    let state = leaving.parameter("state").unwrap();
    let refused = journey.come_back("corp", &state).await;
    let answer = journey.come_back("naver", &state).await;
    for answer in [&leaving, &refused, &answer] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'")
        );
        assert!(!answer.body.contains("<script") && !answer.body.contains("style="));
    }
    let session = answer.header("set-cookie");
    assert!(session.starts_with("__Host-sumun-session="), "{session}");
}

#[tokio::test]
async fn c4_nobody_is_sent_to_a_provider_that_is_not_in_the_settings() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    for provider in ["", "nobody", "naver/../corp"] {
        let page = journey.press(provider, &TICKED).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{provider}");
    }
    let mut stranger = Browser::new(&house);
    let form = [("grant", &*journey.grant), ("action", "provider:naver")];
    let page = stranger.post("/login", &form).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{page:?}");
}
