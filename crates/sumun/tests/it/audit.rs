//! What a house records, as its operator sees it: from the sign-in to the report.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use audit::{AuditEvent, AuditLog, EventType, Outcome, Who};
use oauth::random::OsRandom;
use oauth::time::SystemClock;

use crate::house::{House, SETTINGS};
use crate::http_client;

/// `sumun` with these words, on the data of a running house.
fn sumun(house: &House, words: &[&str]) -> (bool, String) {
    sumun_in(house.directory().path(), &house.url, words)
}

/// `sumun` with these words, on the data in a directory.
fn sumun_in(directory: &Path, url: &str, words: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sumun"))
        .args(words)
        .arg("--config")
        .arg(directory.join("sumun.toml"))
        .env("SUMUN_PUBLIC_URL", url)
        .env("SUMUN_DATA", directory.join("data"))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

async fn token(house: &House, secret: &str) -> u16 {
    let form = format!(
        "grant_type=client_credentials&client_id=robot&client_secret={secret}&scope=mcp.access"
    );
    http_client::post_form(&format!("{}/oauth2/token", house.url), &form)
        .await
        .status
        .as_u16()
}

#[tokio::test]
async fn p6_what_happens_is_recorded_and_no_secret_is() {
    let house = House::with_settings(SETTINGS).await;
    assert_eq!(token(&house, "canary-client-secret").await, 200);
    assert_eq!(token(&house, "canary-wrong-secret").await, 401);

    let (good, events) = sumun(&house, &["audit", "query", "--oldest-first", "--json"]);
    assert!(good, "{events}");
    for word in [
        "\"started\"",
        "\"token_issued\"",
        "\"client_id\":\"robot\"",
        "\"client_authentication\"",
        "\"origin\":\"127.0.0.1\"",
    ] {
        assert!(events.contains(word), "{word} is missing: {events}");
    }
    assert!(!events.contains("canary"), "A11: {events}");

    let (good, table) = sumun(&house, &["audit", "query", "--event", "token_issued"]);
    assert!(good && table.contains("client=robot"), "{table}");
    let (good, words) = sumun(&house, &["audit", "query", "--event", "nothing"]);
    assert!(!good && words.contains("write one of"), "{words}");

    let (good, verified) = sumun(&house, &["audit", "verify"]);
    assert!(good && verified.contains("the log is whole"), "{verified}");
    let (good, csv) = sumun(&house, &["audit", "export", "--format", "csv"]);
    assert!(
        good && csv.starts_with("sequence,timestamp,event_type"),
        "{csv}"
    );
    let (good, page) = sumun(&house, &["report", "--lang", "ko"]);
    assert!(good && page.contains("보안 보고서"), "{page}");
}

#[tokio::test]
async fn p5_a_log_that_was_changed_is_told() {
    let house = House::with_settings(SETTINGS).await;
    assert_eq!(token(&house, "canary-client-secret").await, 200);
    let segment = house.directory().path().join("data/audit/0000000001.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replace("token_issued", "token_refused")).unwrap();
    let (good, words) = sumun(&house, &["audit", "verify"]);
    assert!(
        !good && words.contains("does not follow from the line before"),
        "{words}"
    );
}

#[tokio::test]
async fn p5_a_log_that_was_taken_away_and_a_second_place_that_is_empty_are_missed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let heads = elsewhere.path().join("heads.jsonl");
    let second = format!("\n[audit]\nheads = {heads:?}\n");
    let house = House::with_settings(&format!("{SETTINGS}{second}")).await;
    assert_eq!(token(&house, "canary-client-secret").await, 200);
    fs::remove_file(&heads).unwrap();
    let (good, words) = sumun(&house, &["audit", "verify"]);
    assert!(!good && words.contains("has no head"), "{words}");
    let (good, page) = sumun(&house, &["report", "--json"]);
    assert!(good && page.contains("\"whole\": false"), "{page}");

    fs::remove_dir_all(house.directory().path().join("data/audit")).unwrap();
    let (good, words) = sumun(&house, &["audit", "verify"]);
    assert!(!good && words.contains("no log"), "{words}");
    let (good, page) = sumun(&house, &["report", "--json"]);
    assert!(good && page.contains("\"whole\": false"), "{page}");
}

#[tokio::test]
async fn p6_a_question_is_answered_in_words_also_where_nothing_is_found() {
    let house = House::with_settings(SETTINGS).await;
    assert_eq!(token(&house, "canary-client-secret").await, 200);
    for (words, expected) in [
        (
            &["audit", "query", "--tool", "todo/create-todo"][..],
            "no events",
        ),
        (&["audit", "query", "--user", "alice"], "sumun user list"),
    ] {
        let (good, said) = sumun(&house, words);
        assert!(good && said.contains(expected), "{words:?}: {said}");
    }
    for (words, expected) in [
        (
            &["audit", "query", "--from", "99999999d"][..],
            "a shorter one",
        ),
        (
            &["audit", "query", "--from", "1h", "--to", "2h"],
            "is not after",
        ),
    ] {
        let (good, said) = sumun(&house, words);
        assert!(!good && said.contains(expected), "{words:?}: {said}");
    }
    let out = house.directory().path().join("events.csv");
    let path = out.to_str().unwrap();
    let (good, said) = sumun(
        &house,
        &["audit", "export", "--format", "csv", "--out", path],
    );
    assert!(good, "{said}");
    let mode = fs::metadata(&out).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    fs::remove_dir_all(house.directory().path().join("data/audit")).unwrap();
    let (good, said) = sumun(&house, &["audit", "query"]);
    assert!(good && said.contains("no audit log in"), "{said}");
}

#[tokio::test]
async fn p6_a_person_is_found_by_the_username_that_people_know() {
    let house = House::with_settings(SETTINGS).await;
    let (directory, url) = (house.directory(), house.url.clone());
    house.stop("TERM").await;
    let sumun = |words: &[&str]| sumun_in(directory.path(), &url, words);
    let (good, said) = sumun(&["user", "add", "alice", "--without-password", "--json"]);
    let subject = said
        .split("\"id\"")
        .nth(1)
        .map(|rest| rest.split('"').nth(1));
    let subject = subject
        .flatten()
        .unwrap_or_else(|| panic!("{good}: {said}"));
    let settings = audit::Settings::in_directory(&directory.path().join("data"));
    let log = AuditLog::open(settings, Arc::new(SystemClock), &OsRandom).unwrap();
    let who = Who::new().user(log.pseudonyms().person(&url, subject));
    let event = AuditEvent::new(EventType::SignIn, who).outcome(Outcome::Success);
    log.append(event).await.unwrap();
    log.close();
    let (_, lines) = sumun(&["audit", "query", "--event", "sign_in", "--json"]);
    let event: serde_json::Value = serde_json::from_str(&lines).unwrap();
    let pseudonym = event["user_id"].as_str().unwrap();
    for user in ["alice", "Alice", subject, pseudonym] {
        let (good, said) = sumun(&["audit", "query", "--user", user]);
        assert!(good && said.contains("sign_in"), "{user}: {said}");
    }
    // With an issuer it is the subject that this one gave to somebody, who may be gone.
    let of_issuer = |user| sumun(&["audit", "query", "--user", user, "--issuer", &url]);
    assert!(of_issuer(subject).1.contains("sign_in"));
    let (good, said) = of_issuer("alice");
    assert!(good && said.contains("no events"), "{said}");
}

#[test]
fn a_simulation_says_how_many_days_it_plays_and_counts_scenarios_and_rules_apart() {
    let simulate = |days: &str| {
        Command::new(env!("CARGO_BIN_EXE_sumun"))
            .args(["audit", "simulate", "--days", days])
            .output()
            .unwrap()
    };
    for days in ["5", "4000000000"] {
        let output = simulate(days);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && words.contains("30..=366"),
            "{words}"
        );
    }
    let output = simulate("30");
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(
        words.contains("found 14 of 14 scenarios, by 12 of 12 rules"),
        "{words}"
    );
}
