//! What a house records, as its operator sees it: from the sign-in to the report.

use std::fs;
use std::process::Command;

use crate::house::{House, SETTINGS};
use crate::http_client;

/// `sumun` with these words, on the data of a running house.
fn sumun(house: &House, words: &[&str]) -> (bool, String) {
    let directory = house.directory();
    let output = Command::new(env!("CARGO_BIN_EXE_sumun"))
        .args(words)
        .arg("--config")
        .arg(directory.path().join("sumun.toml"))
        .env("SUMUN_PUBLIC_URL", &house.url)
        .env("SUMUN_DATA", directory.path().join("data"))
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
