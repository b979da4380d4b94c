//! What passes unchanged, and whose hanging up cancels (acceptance G6).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::client::{Client, Line, result, stateless_request};
use super::upstream::{Fake, GOOD, Seen, stream};
use super::{PERMITTED, SETTINGS, at, house, recorded};
use crate::house::{House, free_port};

/// Says so when it is dropped.
struct Held(UnboundedSender<()>);

impl Drop for Held {
    fn drop(&mut self) {
        // Nobody may want to know any more.
        let _ = self.0.send(());
    }
}

/// A stream that never answers, and tells when nobody listens to it any more.
fn silent(told: &UnboundedSender<()>) -> Response {
    let held = Arc::new(Held(told.clone()));
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(": yes\n\n"))]);
    let rest = futures_util::stream::pending().map(move |piece| {
        let _ = &held;
        piece
    });
    stream(Body::from_stream(first.chain(rest)))
}

/// Waits until the server has been asked to wait so many times.
async fn seen(fake: &Fake, times: usize) {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let waits = || {
        fake.of("tools/call")
            .into_iter()
            .filter(|seen| seen.name() == "wait")
    };
    while waits().count() < times {
        look.tick().await;
    }
}

async fn hung_up(hung_up: &mut UnboundedReceiver<()>) {
    let told = timeout(Duration::from_secs(30), hung_up.recv()).await;
    told.expect("nobody hangs up");
}

#[tokio::test]
async fn g6_hanging_up_cancels_on_2026_07_28() {
    let (told, mut hears) = unbounded_channel();
    let notes = Fake::stateless(&["wait", "read"], move |seen| match seen.name() {
        "wait" => silent(&told),
        _ => seen.result(GOOD),
    })
    .await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let ways = [
        ("/notes/mcp", "wait"),
        ("/notes/mcp", "wait"),
        ("/mcp", "notes__wait"),
    ];
    for (nth, (path, tool)) in (1..).zip(ways) {
        let robot = Client::robot(&house, path).await;
        let headers = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", tool),
        ];
        let call = stateless_request("tools/call", json!({"name": tool, "arguments": {}}));
        let line = robot.watch("POST", &headers, &call.to_string()).await;
        seen(&notes, nth).await;
        drop(line);
        hung_up(&mut hears).await;
    }
}

#[tokio::test]
async fn g6_hanging_up_cancels_nothing_before() {
    let (told, mut hears) = unbounded_channel();
    let notes = Fake::with_sessions(
        &["wait", "read"],
        || "s1".to_owned(),
        move |seen| match seen.name() {
            "wait" => silent(&told),
            _ => seen.result(GOOD),
        },
    )
    .await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-11-25").await;
    let call = json!({
        "jsonrpc": "2.0", "id": 70, "method": "tools/call",
        "params": {"name": "wait", "arguments": {}},
    });
    let line = robot.watch("POST", &[], &call.to_string()).await;
    seen(&notes, 1).await;
    drop(line);
    for _ in 0..5 {
        result(&robot.call("read").await);
    }
    assert!(hears.try_recv().is_err(), "the call goes on");
    assert_eq!(notes.of("notifications/cancelled").len(), 0);

    // Cancelling is said.
    let cancel = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 70},
    });
    assert_eq!(robot.post(&[], cancel.to_string()).await.status, 202);
    hung_up(&mut hears).await;
}

/// A stream that is passed on as it comes, up to its first words, which nobody writes anew.
async fn passing(robot: &Client) -> Line {
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "wait"),
    ];
    let call = stateless_request("tools/call", json!({"name": "wait", "arguments": {}}));
    let mut line = robot.watch("POST", &headers, &call.to_string()).await;
    line.until(": yes").await;
    line
}

#[tokio::test]
async fn g2_a_stream_that_is_passed_on_ends_with_the_revocation_and_the_server_is_told() {
    let (told, mut hears) = unbounded_channel();
    // RFC 9110 §8.3.1: a type is the same one however it is written.
    let written = HeaderValue::from_static("Text/Event-Stream; charset=utf-8");
    let call = move |_: &Seen| {
        let mut answer = silent(&told);
        answer.headers_mut().insert(CONTENT_TYPE, written.clone());
        answer
    };
    let notes = Fake::stateless(&["wait"], call).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let stream = passing(&robot).await;
    // How it goes on, nobody knew when it was recorded.
    let events = recorded(&house, "call_outcome");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["outcome"], "streamed", "{events:?}");
    assert!(hears.try_recv().is_err(), "the call goes on");
    robot.revoke(&house).await;
    stream.ended().await;
    hung_up(&mut hears).await;
}

#[tokio::test]
async fn g2_a_stream_that_is_passed_on_ends_with_its_token() {
    let (told, mut hears) = unbounded_channel();
    let notes = Fake::stateless(&["wait"], move |_| silent(&told)).await;
    let settings = format!("{SETTINGS}{PERMITTED}{}", at("notes", &notes.url));
    let short = [("SUMUN_TOKENS__ACCESS_TOKEN", "4s")];
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let house = House::serve(&settings, &directory, free_port(), &short).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    passing(&robot).await.ended().await;
    hung_up(&mut hears).await;
}

/// Clients find out by them what a server speaks.
#[tokio::test]
async fn g6_errors_of_the_upstream_keep_status_and_words() {
    const ERRORS: [(&str, u16, &str); 3] = [
        (
            "a",
            400,
            r#"{"code": -32022, "message":"no such revision", "data":{"supported":["2026-07-28"],"requested":"x", "n":1.50}}"#,
        ),
        (
            "b",
            404,
            r#"{"code":-32601,  "message":"no such method","x-vendor":{"b":1,"a":2}}"#,
        ),
        (
            "c",
            405,
            r#"{"code":-32000,"message":"not this way" ,"data":12345678901234567890}"#,
        ),
    ];
    let notes = Fake::stateless(&["a", "b", "c"], |seen| {
        let (_, status, error) = ERRORS
            .iter()
            .find(|(name, ..)| *name == seen.name())
            .unwrap();
        seen.error(*status, error)
    })
    .await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    for (name, status, error) in ERRORS {
        let answer = robot.call_stateless(name).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text().contains(error), "{error}\n{}", answer.text());
    }
}

#[tokio::test]
async fn g6_what_is_not_understood_passes_byte_for_byte() {
    const RESULT: &str = r#"{"x-first":{"b":1.0,"a":1e2} , "content":[{"type":"new-kind","n":12345678901234567890,"s":"\u00e9\/"}],"structuredContent":{"z":1.10,"a":[ ]},"resultType":"complete"}"#;
    const ARGUMENTS: &str =
        r#"{"z":1.10,"a":1E+2, "big":12345678901234567890,"s":"\u00e9\/","o":{ }}"#;
    let notes = Fake::stateless(&["read"], |seen| seen.result(RESULT)).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"seven","x-envelope":[1.0],"method":"tools/call","params":{{"name":"read","arguments":{ARGUMENTS},"x-vendor":{{"k":1.0}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/clientInfo":{{"name":"test","version":"1"}},"acme/trace":0.10}}}}}}"#
    );
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "read"),
    ];
    // The first call takes the longer way, because nothing is known of the tool yet.
    let pieces = [
        r#""x-first":{"b":1.0,"a":1e2}"#,
        r#"[{"type":"new-kind","n":12345678901234567890,"s":"\u00e9\/"}]"#,
        r#"{"z":1.10,"a":[ ]}"#,
    ];
    for expected in [&pieces[..], &[RESULT]] {
        let answer = robot.post(&headers, body.clone()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for piece in expected {
            assert!(answer.text().contains(piece), "{piece}\n{}", answer.text());
        }
        assert_eq!(answer.json()["id"], "seven");
    }
    let calls = notes.of("tools/call");
    assert_eq!(calls.len(), 2);
    for piece in [ARGUMENTS, r#""x-vendor":{"k":1.0}"#, r#""acme/trace":0.10"#] {
        for seen in &calls {
            assert!(seen.text.contains(piece), "{piece}\n{}", seen.text);
            let token = seen.header("authorization");
            assert!(!token.contains(&robot.token), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn g6_an_answer_is_the_answer_however_its_id_and_its_type_are_written() {
    let notes = Fake::stateless(&["read"], |seen| {
        assert_eq!(seen.body["id"], "a/b");
        let answer = format!(r#"{{"jsonrpc":"2.0","id":"a\/b","result":{GOOD}}}"#);
        ([("content-type", "Application/JSON")], answer).into_response()
    })
    .await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let mut call = stateless_request("tools/call", json!({"name": "read", "arguments": {}}));
    call["id"] = json!("a/b");
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "read"),
    ];
    let answer = robot.post(&headers, call.to_string()).await;
    assert!(result(&answer).to_string().contains("good"), "{answer:?}");
}

#[tokio::test]
async fn p5_a_call_to_which_nobody_wants_an_answer_goes_nowhere() {
    let notes = Fake::with_sessions(&["read"], || "s1".to_owned(), |seen| seen.result(GOOD)).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-11-25").await;
    let call = json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "read", "arguments": {}}});
    robot.post(&[], call.to_string()).await;
    result(&robot.call("read").await);
    assert_eq!(
        notes.of("tools/call").len(),
        1,
        "what nobody records happens to nobody"
    );
    assert_eq!(recorded(&house, "call_outcome").len(), 1);
}
