//! Bad upstreams: every call fails clearly, and others go on.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{pending, repeat};
use http::header;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::fake::{Fake, Seen, events, stateless, status, stream, with_sessions};
use super::*;
use crate::upstream::State;

fn ok(seen: &Seen) -> axum::response::Response {
    seen.result(json!({"ok": true}))
}

fn endless(piece: &'static str) -> Body {
    Body::from_stream(repeat(()).map(move |()| Ok::<_, std::io::Error>(Bytes::from(piece))))
}

fn as_json(body: Body) -> axum::response::Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    axum::response::IntoResponse::into_response((kind, body))
}

/// What a server does to a call, by the name of the tool, and what the client learns of it.
const MISDEEDS: [(&str, &str); 17] = [
    ("garbage", "no JSON-RPC message"),
    ("html", "neither JSON nor an event stream"),
    ("status", "status 500"),
    ("elsewhere", "status 302"),
    ("refusal", "does not let the gateway in"),
    ("later", "asks to come again later"),
    ("large", "larger than allowed"),
    ("large-event", "larger than allowed"),
    ("no-text", "what is no text"),
    ("no-utf8", "no JSON"),
    ("wrong-id", "an id that was not asked"),
    ("text-id", "no JSON-RPC message"),
    ("number", "no object"),
    ("cut", "ended before it answered"),
    ("nothing", "answers nothing"),
    ("endless", "news without an end"),
    ("silent", "does not answer in time"),
];

fn misbehave(seen: &Seen) -> axum::response::Response {
    let message = |id: serde_json::Value| json!({"jsonrpc": "2.0", "id": id, "result": {}});
    match seen.body["params"]["name"].as_str().unwrap() {
        "garbage" => as_json(Body::from("}{")),
        "html" => axum::response::Html("<h1>it works</h1>").into_response(),
        "status" => status(500),
        "elsewhere" => {
            let to = [(header::LOCATION, "http://127.0.0.1:1/")];
            (http::StatusCode::FOUND, to).into_response()
        }
        "refusal" => status(401),
        "later" => {
            let after = [(header::RETRY_AFTER, "7")];
            (http::StatusCode::TOO_MANY_REQUESTS, after).into_response()
        }
        "large" => as_json(endless("                                ")),
        "large-event" => stream(endless("data: and so on and so on and so on")),
        "no-text" => stream(Body::from(&b"data: \xff\xfe\n\n"[..])),
        "no-utf8" => as_json(Body::from(&b"\"\xff\""[..])),
        "wrong-id" => as_json(Body::from(message(json!(99_999)).to_string())),
        "text-id" => {
            let id = seen.body["id"].to_string();
            as_json(Body::from(
                message(json!([id])).to_string().replace("result", "rsult"),
            ))
        }
        "number" => seen.result(json!(7)),
        "cut" => events(&[json!({"jsonrpc": "2.0", "method": "notifications/x"})]),
        "nothing" => status(202),
        "endless" => stream(endless(
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\n",
        )),
        "silent" => stream(Body::from_stream(pending::<Result<Bytes, std::io::Error>>())),
        _ => ok(seen),
    }
}

use axum::response::IntoResponse as _;

async fn all_misdeeds(server: Fake, revision: Revision) {
    let mut settings = http(&server.url);
    settings.timeout = Duration::from_secs(2);
    settings.max_message_bytes = 64 * 1024;
    let upstream = upstream(&settings);
    let visit = visit(revision);
    for (name, expected) in MISDEEDS {
        let result = call_tool(&upstream, &visit, name).await;
        let said = said(result);
        assert!(said.contains(expected), "{name}: {said}");
        assert!(said.contains("`notes`"), "{name}: {said}");
        // The next call is as good as ever.
        let result = call_tool(&upstream, &visit, "good").await;
        assert_eq!(result.unwrap()["ok"], true, "after {name}");
    }
    let health = upstream.health();
    assert_eq!(health.state, State::Closed);
    assert_eq!(health.failures, MISDEEDS.len() as u64);
}

#[tokio::test]
async fn g3_a_call_of_a_lying_server_without_sessions_fails_clearly() {
    all_misdeeds(stateless(misbehave).await, Revision::V2025_06_18).await;
}

#[tokio::test]
async fn g3_a_call_of_a_lying_server_with_sessions_fails_clearly() {
    all_misdeeds(with_sessions(misbehave).await, Revision::V2026_07_28).await;
}

#[tokio::test]
async fn g3_a_dead_server_is_left_alone_and_comes_back_while_others_go_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let dead = upstream(&http(&format!("http://{address}/mcp")));
    let server = stateless(ok).await;
    let good = upstream(&http(&server.url));
    let visit = visit(Revision::V2025_11_25);
    for _ in 0..5 {
        let result = call_tool(&dead, &visit, "t").await;
        assert!(said(result).contains("cannot be reached"));
        assert!(call_tool(&good, &visit, "t").await.is_ok());
    }
    let health = dead.health();
    assert_eq!((health.state, health.failures), (State::Open, 5));
    assert!(health.last_error.unwrap().contains("cannot be reached"));
    // Now it is not even tried.
    let (outlet, _news) = Outlet::new();
    let call = dead
        .call(&visit, request("tools/list", json!({})), &outlet)
        .await;
    let Err(Failure::Unavailable { retry_after, .. }) = call else {
        panic!("{call:?}")
    };
    assert!(retry_after.is_some());
    let _back = Fake::at(&address, |seen| {
        seen.result(json!({
            "ok": true, "supportedVersions": ["2026-07-28"], "capabilities": {},
        }))
    })
    .await;
    let comes_back = async {
        while call_tool(&dead, &visit, "t").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), comes_back)
        .await
        .unwrap();
    assert_eq!(dead.health().state, State::Closed);
}

/// A server that speaks no HTTP worth the name.
async fn raw_server(answer: Option<&'static str>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            match answer {
                Some(answer) => drop(socket.write_all(answer.as_bytes()).await),
                None => kept.push(socket),
            }
        }
    });
    (url, serving)
}

#[tokio::test]
async fn g3_connections_that_break_or_hang_are_given_up() {
    for (answer, expected) in [
        (Some(""), "closed the connection before it answered"),
        (
            Some(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
            ),
            "broke its answer off",
        ),
        (
            Some("SSH-2.0-OpenSSH_9.2\r\n"),
            "closed the connection before it answered",
        ),
        (None, "does not answer in time"),
    ] {
        let (url, _serving) = raw_server(answer).await;
        let mut settings = http(&url);
        settings.timeout = Duration::from_millis(400);
        let upstream = upstream(&settings);
        let result = call_tool(&upstream, &visit(Revision::V2026_07_28), "t").await;
        let said = said(result);
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn an_error_of_the_server_is_its_own_and_harms_nobody() {
    let server = stateless(|seen| seen.error(404, -32601, "no such method here")).await;
    let upstream = upstream(&http(&server.url));
    for _ in 0..10 {
        let result = call_tool(&upstream, &visit(Revision::V2026_07_28), "t").await;
        assert!(said(result).contains(r#""message":"no such method here""#));
    }
    assert_eq!(upstream.health().state, State::Closed);
}
