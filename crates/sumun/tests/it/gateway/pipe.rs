//! One client at the other end of a pipe: what was carried out for it is recorded, also when it all ends.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::children::until;
use super::client::LONG;
use super::upstream::{Fake, GOOD, json_body};
use super::{PERMITTED, SETTINGS, at};
use crate::house::{settings_file, sumun};

#[tokio::test]
async fn p5_a_call_under_way_when_the_program_is_stopped_is_recorded_before_the_log_is_closed() {
    let may_answer = Arc::new(Notify::new());
    let waiting = Arc::clone(&may_answer);
    let notes = Fake::stateless(&["read"], move |seen| {
        let answer = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result":
            serde_json::from_str::<Value>(GOOD).unwrap()});
        let waiting = Arc::clone(&waiting);
        json_body(Body::from_stream(stream::once(async move {
            waiting.notified().await;
            Ok::<_, std::io::Error>(answer.to_string())
        })))
    })
    .await;
    let directory = tempdir().unwrap();
    let settings = format!("{SETTINGS}{PERMITTED}{}", at("notes", &notes.url));
    let config = settings_file(&settings, directory.path());
    let of_the_house = |words: &[&str]| -> Command {
        let mut command = sumun();
        command.args(words).arg("--config").arg(&config);
        command.env("SUMUN_PUBLIC_URL", "http://127.0.0.1:8080");
        command.env("SUMUN_DATA", directory.path().join("data"));
        command
    };
    let mut add = of_the_house(&["user", "add", "alice", "--without-password"]);
    let added = add.output().await.unwrap();
    assert!(added.status.success(), "{added:?}");

    let mut stdio = of_the_house(&["stdio", "--as", "alice", "--upstream", "notes"]);
    let mut child = stdio.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    // Calls of a session go on when nobody waits for them any more.
    let hello = json!({
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello});
    input
        .write_all(format!("{hello}\n").as_bytes())
        .await
        .unwrap();
    let answer = timeout(LONG, said.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(answer.contains("2025-06-18"), "{answer}");
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": {"name": "read", "arguments": {}}});
    input
        .write_all(format!("{call}\n").as_bytes())
        .await
        .unwrap();
    until("the tool is called", || !notes.of("tools/call").is_empty()).await;
    let kill = format!("kill -TERM {}", child.id().unwrap());
    let killed = Command::new("sh").args(["-c", &kill]).status().await;
    assert!(killed.unwrap().success());
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let stopping = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains("stopping") {
                return;
            }
        }
        panic!("it stopped without a word");
    };
    timeout(LONG, stopping).await.unwrap();
    // For a while it waits for the call, and no longer than houses wait.
    let waited = timeout(Duration::from_secs(3), child.wait()).await;
    assert!(waited.is_err(), "it did not wait: {waited:?}");
    may_answer.notify_one();
    // It does not wait for the client, which has its end still open.
    timeout(LONG, child.wait()).await.unwrap().unwrap();
    drop(input);

    let mut query = of_the_house(&["audit", "query", "--tool", "notes/read", "--json"]);
    let events = String::from_utf8(query.output().await.unwrap().stdout).unwrap();
    let ended = events.contains("\"call_outcome\"") && events.contains("\"outcome\":\"success\"");
    assert!(ended, "{events}");
}
