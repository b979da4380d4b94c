//! A provider that dies, lies or refuses at each step (acceptance B1, B8).

use authorization_server::identity_provider::PresetFields;
use http::StatusCode;
use serde_json::json;

use super::{
    CORP_ME, CORP_TOKEN, Journey, NAVER_ME, NAVER_TOKEN, house, house_with, keeps_quiet,
    tells_client,
};
use crate::errors::listen;

const TICKED: [&str; 1] = ["create:todos"];

#[tokio::test]
async fn b1_a_provider_that_is_down_at_the_callback_is_an_outage_for_the_client() {
    for unplugged in [NAVER_TOKEN, NAVER_ME] {
        let house = house().await;
        let mut journey = Journey::begin(&house).await;
        let state = journey.leave("naver", &TICKED).await;
        house.network.unplug(unplugged);
        let answer = journey.come_back("naver", &state).await;
        tells_client(&answer, "temporarily_unavailable");
        let finished = journey.look().await;
        assert!(
            finished.body.contains("This sign-in is done"),
            "{finished:?}"
        );
    }
}

#[tokio::test]
async fn b1_an_outage_in_the_providers_own_words_is_one_too() {
    for status in [500, 502, 503, 429] {
        let house = house().await;
        let mut journey = Journey::begin(&house).await;
        let state = journey.leave("corp", &TICKED).await;
        house
            .network
            .answer(CORP_TOKEN, status, &[], "canary: db.internal is down");
        let answer = journey.come_back("corp", &state).await;
        tells_client(&answer, "temporarily_unavailable");
    }
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("corp", &TICKED).await;
    let query = format!("state={state}&error=temporarily_unavailable&error_description=canary");
    let answer = journey.come_back_with("corp", &query).await;
    tells_client(&answer, "temporarily_unavailable");
}

#[tokio::test]
async fn b1_a_provider_that_cannot_be_found_leaves_the_person_on_the_page() {
    let house = house_with(|settings| {
        let corp = &mut settings.identity_providers[1];
        corp.preset = "oidc".to_owned();
        corp.overrides = PresetFields {
            issuer: Some("https://id.corp.example".to_owned()),
            ..PresetFields::default()
        };
    })
    .await;
    let mut journey = Journey::begin(&house).await;
    let page = journey.press("corp", &["read:todos"]).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        page.body.contains("does not answer at the moment"),
        "{page:?}"
    );
    assert!(page.headers.contains_key("retry-after"), "{page:?}");
    let box_of = |token: &str| format!("name=\"scope\" value=\"{token}\"");
    assert!(
        page.body
            .contains(&format!("{} checked", box_of("read:todos")))
    );
    assert!(
        !page
            .body
            .contains(&format!("{} checked", box_of("create:todos")))
    );
    keeps_quiet(&page);
    // The other ways are open.
    let answer = journey.through("naver", &TICKED).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn b8_what_a_provider_says_stays_between_it_and_the_log() {
    let refusals = [
        (
            CORP_TOKEN,
            json!({"error": "invalid_grant", "error_description": "canary"}),
        ),
        (CORP_TOKEN, json!({"canary": true})),
        (CORP_TOKEN, json!(["canary"])),
        (CORP_ME, json!({"error": "canary"})),
        (CORP_ME, json!({"canary": "nobody"})),
        (CORP_ME, json!({"sub": {"canary": 1}})),
    ];
    for (url, answer) in refusals {
        let house = house().await;
        let mut journey = Journey::begin(&house).await;
        let state = journey.leave("corp", &TICKED).await;
        house.network.answer_json(url, &answer);
        let answer = journey.come_back("corp", &state).await;
        tells_client(&answer, "server_error");
        let people = house.server.users().find_by_username("lee@corp").await;
        assert!(
            people.unwrap().is_none(),
            "nobody is made known by a failure"
        );
    }
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &TICKED).await;
    let query = format!("state={state}&error=canary&error_description=canary");
    tells_client(
        &journey.come_back_with("naver", &query).await,
        "server_error",
    );
}

#[tokio::test]
async fn b8_nothing_of_the_client_reaches_the_provider() {
    let house = house().await;
    let mut journey = Journey::begin(&house).await;
    let there = journey.press("naver", &TICKED).await.location();
    let sent = there.as_str();
    for ours in [
        "st4te",
        "desktop",
        "127.0.0.1",
        "mcp.example",
        &*journey.grant,
    ] {
        assert!(!sent.contains(ours), "{ours} in {sent}");
    }
    let redirect_uri = there.query_pairs().find(|(name, _)| name == "redirect_uri");
    assert_eq!(redirect_uri.unwrap().1, "https://as.example/callback/naver");
}

#[tokio::test]
async fn a11_no_secret_of_a_provider_reaches_the_log() {
    let house = house().await;
    let (log, _guard) = listen();
    let mut journey = Journey::begin(&house).await;
    let state = journey.leave("naver", &TICKED).await;
    let answer = journey.come_back("naver", &state).await;
    assert!(answer.parameter("code").is_some(), "{answer:?}");
    let mut journey = Journey::begin(&house).await;
    let second_state = journey.leave("corp", &TICKED).await;
    house.network.unplug(CORP_ME);
    journey.come_back("corp", &second_state).await;

    let text = log.text();
    let reason = "identity_provider_unavailable";
    assert!(text.contains(reason), "the log is being read: {text}");
    let secrets = [
        &*state,
        &second_state,
        "our-secret",
        "canary-upstream",
        "kim@naver.example",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in the log");
    }
}
