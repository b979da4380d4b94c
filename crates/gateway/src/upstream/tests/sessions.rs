//! Sessions that are lost, and found again by nobody but us (acceptance G1).

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::fake::{Fake, event, session_answer, status, with_sessions};
use super::*;

#[tokio::test]
async fn g1_the_restart_of_a_server_is_not_seen() {
    let answer =
        |seen: &super::fake::Seen| seen.result(json!({"by": seen.header("mcp-session-id")}));
    let server = Fake::new(move |seen| session_answer(seen, "first", answer)).await;
    let upstream = upstream(&http(&server.url));
    let visit = visit(Revision::V2025_11_25);
    let (outlet, _news) = Outlet::new();
    for (method, params) in [
        ("logging/setLevel", json!({"level": "debug"})),
        ("resources/subscribe", json!({"uri": "file:///a"})),
    ] {
        let call = upstream.call(&visit, request(method, params), &outlet);
        call.await.unwrap();
    }
    let result = call_tool(&upstream, &visit, "t").await.unwrap();
    assert_eq!(result["by"], "first");
    let address = server.stop().await;
    let server = Fake::at(&address, move |seen| session_answer(seen, "second", answer)).await;
    let result = call_tool(&upstream, &visit, "t").await.unwrap();
    assert_eq!(result["by"], "second");
    // What was asked of the first session was asked of the second one.
    let level = &server.of("logging/setLevel")[0];
    assert_eq!(level.body["params"]["level"], "debug");
    let subscription = &server.of("resources/subscribe")[0];
    assert_eq!(subscription.body["params"]["uri"], "file:///a");
    assert_eq!(server.of("initialize").len(), 1);
}

#[tokio::test]
async fn g1_a_session_that_is_lost_again_and_again_is_an_error() {
    let server = with_sessions(|_| status(404)).await;
    let upstream = upstream(&http(&server.url));
    let result = call_tool(&upstream, &visit(Revision::V2025_11_25), "t").await;
    assert!(said(result).contains("has lost the session"));
    assert_eq!(server.of("initialize").len(), 2);
    assert_eq!(server.of("tools/call").len(), 2);
}

#[tokio::test]
async fn g1_a_server_that_learns_another_era_is_understood_anew() {
    let server = with_sessions(|seen| seen.result(json!({"era": "sessions"}))).await;
    let upstream = upstream(&http(&server.url));
    let visit = visit(Revision::V2025_11_25);
    let result = call_tool(&upstream, &visit, "t").await.unwrap();
    assert_eq!(result["era"], "sessions");
    let address = server.stop().await;
    let _server = Fake::at(&address, |seen| match seen.rpc() {
        _ if !seen.header("mcp-session-id").is_empty() => status(404),
        "initialize" => seen.error(400, -32600, "what is this?"),
        "server/discover" => seen.result(json!({
            "supportedVersions": ["2026-07-28"], "capabilities": {},
        })),
        _ => seen.result(json!({"era": "stateless"})),
    })
    .await;
    // The session is lost, another one cannot be opened, and then it is looked anew.
    let again = async {
        loop {
            match call_tool(&upstream, &visit, "t").await {
                Ok(result) => break result,
                Err(Failure::Unavailable { .. }) => tokio::task::yield_now().await,
                Err(other) => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(again.await["era"], "stateless");
}

#[tokio::test]
async fn a_call_that_may_have_been_done_is_not_done_twice() {
    let calls = AtomicUsize::new(0);
    let server = with_sessions(move |seen| {
        calls.fetch_add(1, Ordering::SeqCst);
        let broken =
            futures_util::stream::iter([Err::<bytes::Bytes, _>(std::io::Error::other("x"))]);
        let _ = seen;
        super::fake::stream(axum::body::Body::from_stream(broken))
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let visit = visit(Revision::V2025_11_25);
    let result = call_tool(&upstream, &visit, "pay").await;
    assert!(said(result).contains("it may have done what was asked, or not"));
    assert_eq!(server.of("tools/call").len(), 1);
    // To look at something once more harms nobody.
    let (outlet, _news) = Outlet::new();
    let call = upstream.call(&visit, request("tools/list", json!({})), &outlet);
    assert!(call.await.is_err());
    assert_eq!(server.of("tools/list").len(), 2);
}

#[tokio::test]
async fn a_call_whose_answer_is_strange_is_not_done_twice() {
    let server = with_sessions(|seen| match seen.body["params"]["name"].as_str() {
        Some("taken") => status(202),
        Some("conflict") => status(409),
        Some("refused") => status(405),
        _ => axum::response::IntoResponse::into_response(axum::response::Html("<p>done</p>")),
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let visit = visit(Revision::V2025_11_25);
    for (name, words, times) in [
        ("page", "it may have done what was asked, or not", 1),
        ("taken", "it may have done what was asked, or not", 1),
        ("conflict", "it may have done what was asked, or not", 1),
        // What knows no POST has done nothing.
        ("refused", "answers with status 405 and not in MCP", 2),
    ] {
        let before = server.of("tools/call").len();
        let said = said(call_tool(&upstream, &visit, name).await);
        assert!(said.contains(words), "{name}: {said}");
        let after = server.of("tools/call").len();
        assert_eq!(after - before, times, "{name}");
    }
    let (outlet, _news) = Outlet::new();
    let call = upstream.call(&visit, request("tools/list", json!({})), &outlet);
    assert!(call.await.is_err());
    assert_eq!(server.of("tools/list").len(), 2);
}

#[tokio::test]
async fn a_call_that_is_lost_in_the_middle_is_not_done_twice() {
    // It asks on its way, and has lost the session when it is answered.
    let server = with_sessions(|seen| {
        if seen.body["id"] == "q" {
            return status(404);
        }
        let question =
            json!({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {}});
        let question = futures_util::stream::iter([Ok::<_, std::io::Error>(event(&question))]);
        let body = futures_util::StreamExt::chain(question, futures_util::stream::pending());
        super::fake::stream(axum::body::Body::from_stream(body))
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let visit = visit_of("alice", Revision::V2025_11_25, EVERYTHING);
    let (outlet, news) = Outlet::new();
    let call = async {
        let params = json!({"name": "pay"});
        let result = upstream.call(&visit, request("tools/call", params), &outlet);
        let result = result.await.map(|result| value(&result));
        drop(outlet);
        result
    };
    let (result, _) = tokio::join!(call, answering(news, r#"{"action":"accept"}"#));
    assert!(said(result).contains("it may have done what was asked, or not"));
    assert_eq!(server.of("tools/call").len(), 1);
}

#[tokio::test]
async fn who_leaves_ends_the_session_and_who_gives_up_says_so() {
    let server = with_sessions(|seen| match seen.body["params"]["name"].as_str() {
        Some("hang") => super::fake::stream(axum::body::Body::from_stream(
            futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>(),
        )),
        _ => seen.result(json!({})),
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let visit = visit(Revision::V2025_11_25);
    call_tool(&upstream, &visit, "t").await.unwrap();
    {
        let hanging = call_tool(&upstream, &visit, "hang");
        tokio::pin!(hanging);
        let seen = async {
            while server.of("tools/call").len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut hanging => panic!("it hangs"),
            () = seen => {}
        }
    }
    let told = async {
        while server.of("notifications/cancelled").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told)
        .await
        .unwrap();
    let cancelled = &server.of("notifications/cancelled")[0].body["params"]["requestId"];
    assert_eq!(*cancelled, server.of("tools/call")[1].body["id"]);
    upstream.leave(&visit).await;
    assert!(server.seen().iter().any(|seen| seen.method == "DELETE"));
    assert_eq!(upstream.health().sessions, 0);
}
