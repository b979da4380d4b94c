//! What cannot be recorded does not happen (requirement R7.4).

use std::sync::Arc;

use audit::{AuditLog, Settings};
use http::StatusCode;
use oauth::random::OsRandom;
use serde_json::json;
use tempfile::TempDir;

use crate::browser::{Browser, request};
use crate::house::{CLIENT, House, REDIRECT};

/// A house that records in a log, until that is closed.
async fn recording() -> (House, AuditLog, TempDir) {
    let house = House::start().await;
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::in_directory(directory.path());
    let log = AuditLog::open(settings, Arc::new(house.clock.clone()), &OsRandom).unwrap();
    house.server.record_in(log.clone());
    (house, log, directory)
}

#[tokio::test]
async fn an_approval_that_cannot_be_recorded_gives_nobody_a_code() {
    let (house, log, _directory) = recording().await;
    let mut browser = Browser::new(&house);
    let mut small = request();
    small.insert("scope", "create:todos".into());
    browser.code("alice", &small).await;
    small.insert("prompt", "consent".into());
    let (grant, page) = browser.open(&small).await;
    assert!(page.body.contains(CLIENT), "{page:?}");
    let account = page.body.split("name=\"account\" value=\"").nth(1).unwrap();
    let account = account.split('"').next().unwrap();
    log.close();
    let form = [
        ("grant", &*grant),
        ("account", account),
        ("scope", "create:todos"),
        ("action", "approve"),
    ];
    let answer = browser.post("/login", &form).await;
    assert!(answer.status.is_client_error() || answer.status.is_server_error());
    // The page is still the one that asks, and no redirect with a code.
    let again = browser.get(&format!("/login?grant={grant}")).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    assert!(again.body.contains("value=\"approve\""));
}

#[tokio::test]
async fn a_registration_that_cannot_be_recorded_makes_no_client() {
    let (house, log, _directory) = recording().await;
    log.close();
    let metadata = json!({"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"});
    let answer = house.post_json("/register", metadata.to_string()).await;
    answer.refused(500, "server_error");
    let kind = store::Kind::new("registered_client");
    let page = store::Page::default();
    let kept = house.store.list(kind, store::ListBy::All, page).await;
    assert!(kept.unwrap().is_empty());
}
