//! Settings that change while the house runs: what is taken over at once, and what waits.

use http::Method;
use serde_json::json;

use super::client::{Client, names, result, stateless_request};
use super::upstream::{Fake, GOOD};
use super::{PERMITTED, SETTINGS, at};
use crate::house::{House, settings_file};

async fn notes() -> Fake {
    Fake::stateless(&["read"], |seen| seen.result(GOOD)).await
}

/// Writes these settings, and waits until the log says `sign`.
async fn changed(house: &House, settings: &str, sign: &str) {
    settings_file(settings, house.directory().path());
    house.signal("HUP").await;
    house.logged(sign).await;
}

#[tokio::test]
async fn origins_that_are_new_wait_for_the_next_start_at_every_endpoint() {
    let (notes, more) = (notes().await, notes().await);
    let before = format!("{SETTINGS}{PERMITTED}{}", at("notes", &notes.url));
    let house = House::with_settings(&before).await;
    let origins = "allowed_origins = [\"https://app.example.com\"]\n";
    let titled = format!("title = \"Notes\"\n{}", at("more", &more.url));
    changed(
        &house,
        &format!("{origins}{before}{titled}"),
        "`allowed_origins` has changed",
    )
    .await;
    for path in ["/notes/mcp", "/more/mcp", "/mcp"] {
        let robot = Client::robot(&house, path).await;
        let origin = [("origin", "https://app.example.com")];
        let list = stateless_request("tools/list", json!({})).to_string();
        let answer = robot.post(&origin, list).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    // What does not wait is there.
    let all = Client::robot(&house, "/mcp").await;
    let list = all.ask_stateless("tools/list", json!({})).await;
    assert_eq!(names(&list), ["notes__read", "more__read"]);
    result(&all.call_stateless("more__read").await);
}

#[tokio::test]
async fn g2_a_session_that_was_ended_stays_so_when_the_endpoint_is_made_anew() {
    let (notes, more) = (notes().await, notes().await);
    let before = format!("{SETTINGS}{PERMITTED}{}", at("notes", &notes.url));
    let house = House::with_settings(&before).await;
    let (gone, stays) = (
        Client::robot(&house, "/mcp").await,
        Client::robot(&house, "/mcp").await,
    );
    let gone = gone.initialize("2025-11-25").await;
    let stays = stays.initialize("2025-11-25").await;
    assert_eq!(gone.only(Method::DELETE, &[]).await.status, 204);
    let after = format!("{before}{}", at("more", &more.url));
    changed(&house, &after, "the upstream `more` is new").await;
    assert_eq!(gone.call("notes__read").await.status, 404);
    result(&stays.call("notes__read").await);
}

#[tokio::test]
async fn what_needs_something_that_waits_changes_nothing() {
    let (notes, more) = (notes().await, notes().await);
    let before = format!("{SETTINGS}{PERMITTED}{}", at("notes", &notes.url));
    let house = House::with_settings(&before).await;
    let robot = Client::robot(&house, "/mcp").await;
    let scope = "[scopes.\"more:read\"]\nen = \"Read more\"\nko = \"더 읽기\"\n";
    let rule = "[[policy.rules]]\nupstream = \"more\"\nscopes = [\"more:read\"]\n";
    let after = format!("{before}{}{rule}{scope}", at("more", &more.url));
    changed(
        &house,
        &after,
        "nothing can be taken over before sumun is started again",
    )
    .await;
    let list = robot.ask_stateless("tools/list", json!({})).await;
    assert_eq!(names(&list), ["notes__read"]);
}

#[tokio::test]
async fn the_management_api_keeps_its_tokens_when_upstreams_change() {
    let (notes, more) = (notes().await, notes().await);
    let console = "[management]\nenabled = true\n\n[[clients]]\nclient_id = \"console\"\n\
                   secret = \"console-secret\"\nauth_method = \"client_secret_post\"\n\
                   grant_types = [\"client_credentials\"]\nscope = [\"manage:read\"]\n";
    let before = format!("{SETTINGS}{PERMITTED}{}{console}", at("notes", &notes.url));
    let before = before.replacen("User = [", "Admin = [\"manage:read\"]\nUser = [", 1);
    let house = House::with_settings(&before).await;
    house
        .client_token("console", "console-secret", "manage:read")
        .await;
    let after = format!("{before}{}", at("more", &more.url));
    changed(&house, &after, "the upstream `more` is new").await;
    house
        .client_token("console", "console-secret", "manage:read")
        .await;
}
