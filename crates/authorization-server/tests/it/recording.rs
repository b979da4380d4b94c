//! What cannot be recorded does not happen (requirement R7.4).

use std::sync::Arc;

use audit::rule::{Engine, Rule, Thresholds};
use audit::{AuditLog, Query, Reader, Record, Settings};
use http::StatusCode;
use oauth::random::OsRandom;
use serde_json::json;
use tempfile::TempDir;

use crate::browser::{Browser, request};
use crate::house::{CLIENT, House, PASSWORD, REDIRECT};

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

/// Waits for what is recorded without anybody waiting for it.
async fn has(log: &AuditLog, count: u64) {
    log.grown().wait_for(|last| *last >= count).await.unwrap();
}

/// What the rules say about the first `count` events of the log.
async fn alerts(log: &AuditLog, count: u64) -> Vec<Rule> {
    has(log, count).await;
    let mut engine = Engine::new(&Thresholds::default());
    let mut alerts = Vec::new();
    let all = Query::default();
    let found = Reader::of(log.settings()).search(&all, |line| {
        let record = Record::parse(line).unwrap();
        let findings = engine.observe(&record);
        alerts.extend(findings.into_iter().map(|finding| finding.alert.rule));
        Ok(())
    });
    found.unwrap();
    alerts
}

#[tokio::test]
async fn p6_who_guesses_until_an_account_is_locked_waits_and_gets_in_is_told() {
    let (house, log, _directory) = recording().await;
    let wrong = [("username", "alice"), ("password", "wrong")];
    for _ in 0..11 {
        Browser::new(&house).post("/account/sign-in", &wrong).await;
    }
    // The segment, and each of them.
    has(&log, 12).await;
    house.advance(600);
    let right = [("username", "alice"), ("password", PASSWORD)];
    let answer = Browser::new(&house).post("/account/sign-in", &right).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert_eq!(alerts(&log, 13).await, [Rule::GuessedSignIn]);
}

#[tokio::test]
async fn p6_who_guesses_the_secret_of_a_client_and_gets_a_token_is_told() {
    let (house, log, _directory) = recording().await;
    let form = [("grant_type", "client_credentials")];
    for _ in 0..10 {
        let answer = house.post_as(("service", "wrong"), "/token", &form).await;
        answer.refused(401, "invalid_client");
    }
    has(&log, 11).await;
    let service = ("service", "service-secret");
    let answer = house.post_as(service, "/token", &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(alerts(&log, 12).await, [Rule::GuessedSignIn]);
}

#[tokio::test]
async fn p6_a_client_that_keeps_asking_for_more_than_it_may_is_told() {
    let (house, log, _directory) = recording().await;
    let service = ("service", "service-secret");
    for (n, (key, value)) in [
        ("scope", "delete:todos"),
        ("resource", "https://elsewhere.example/"),
    ]
    .into_iter()
    .cycle()
    .take(12)
    .enumerate()
    {
        let form = [("grant_type", "client_credentials"), (key, value)];
        let answer = house.post_as(service, "/token", &form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{n}: {answer:?}");
    }
    assert_eq!(alerts(&log, 13).await, [Rule::ScopeEscalation]);
}
