//! Clients of each era with servers of each era, over HTTP.

use serde_json::{Value, json};

use super::fake::{Fake, events, stateless, status, with_sessions};
use super::*;

fn echo(seen: &super::fake::Seen) -> axum::response::Response {
    seen.result(json!({"content": [], "echo": seen.body["params"]["name"]}))
}

#[tokio::test]
async fn a_server_without_sessions_gets_all_that_it_wants_to_know() {
    let server = stateless(echo).await;
    let upstream = upstream(&http(&server.url));
    let visit = visit_of("alice", Revision::V2025_06_18, EVERYTHING);
    let introduction = upstream.introduction(&visit).await.unwrap();
    assert_eq!(introduction.revision, Revision::V2026_07_28);
    assert_eq!(value(&introduction.info.unwrap())["name"], "fake");
    assert!(introduction.capabilities.get().contains(r#""x":1"#));
    let result = call_tool(&upstream, &visit, "añadir").await.unwrap();
    assert_eq!(result["echo"], "añadir");
    let call = &server.of("tools/call")[0];
    assert_eq!(call.header("mcp-protocol-version"), "2026-07-28");
    assert_eq!(call.header("mcp-method"), "tools/call");
    assert_eq!(call.header("mcp-name"), "=?base64?YcOxYWRpcg==?=");
    let meta = &call.body["params"]["_meta"];
    let expected = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"roots": {}, "sampling": {}, "elicitation": {}},
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    });
    assert_eq!(*meta, expected);
    // The era was found out once.
    assert_eq!(server.of("server/discover").len(), 1);
    assert_eq!(upstream.http_era(), Some(Era::Stateless));
}

#[tokio::test]
async fn what_only_sessions_know_is_kept_for_the_next_requests() {
    let server = stateless(echo).await;
    let upstream = upstream(&http(&server.url));
    let visit = visit(Revision::V2025_11_25);
    let (outlet, _news) = Outlet::new();
    for (method, params) in [
        ("ping", Value::Null),
        ("logging/setLevel", json!({"level": "error"})),
        ("resources/subscribe", json!({"uri": "file:///a"})),
    ] {
        let result = upstream
            .call(&visit, request(method, params), &outlet)
            .await;
        assert_eq!(result.unwrap().get(), "{}", "{method}");
        assert!(server.of(method).is_empty());
    }
    call_tool(&upstream, &visit, "t").await.unwrap();
    let meta = &server.of("tools/call")[0].body["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/logLevel"], "error");
    let result = upstream
        .call(&visit, request("tasks/list", Value::Null), &outlet)
        .await;
    assert!(matches!(result, Err(Failure::Untranslatable(_))));
    // Another visit has said nothing.
    call_tool(&upstream, &super::visit(Revision::V2024_11_05), "t")
        .await
        .unwrap();
    let meta = &server.of("tools/call")[1].body["params"]["_meta"];
    assert!(meta["io.modelcontextprotocol/logLevel"].is_null());
}

#[tokio::test]
async fn input_is_asked_of_clients_with_sessions_and_passed_on_to_others() {
    let server = stateless(|seen| {
        let params = &seen.body["params"];
        let name = &params["inputResponses"]["who"]["content"]["name"];
        if name.is_null() {
            return seen.result(json!({
                "resultType": "input_required",
                "inputRequests": {"who": {"method": "elicitation/create", "params": {"message": "who?"}}},
                "requestState": "sealed",
            }));
        }
        assert_eq!(params["requestState"], "sealed");
        seen.result(json!({"resultType": "complete", "hello": name}))
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let old = visit_of("alice", Revision::V2025_06_18, EVERYTHING);
    let (outlet, news) = Outlet::new();
    let params = json!({"name": "greet"});
    let call = async {
        let call = upstream.call(&old, request("tools/call", params.clone()), &outlet);
        let result = call.await;
        drop(outlet);
        result
    };
    let answer = r#"{"action":"accept","content":{"name":"kim"}}"#;
    let (result, heard) = tokio::join!(call, answering(news, answer));
    assert_eq!(value(&result.unwrap())["hello"], "kim");
    assert_eq!(heard[0].0, "elicitation/create");
    assert_eq!(heard[0].1["message"], "who?");
    // The ids of both tries differ.
    let calls = server.of("tools/call");
    assert_ne!(calls[0].body["id"], calls[1].body["id"]);
    let new = visit_of("alice", Revision::V2026_07_28, EVERYTHING);
    let result = call_tool(&upstream, &new, "greet").await.unwrap();
    assert_eq!(result["requestState"], "sealed");
    // A client that cannot answer learns why there is no result.
    let result = call_tool(&upstream, &visit(Revision::V2025_06_18), "greet").await;
    assert!(said(result).contains("elicitation/create"));
    // The same is true of one that does not know the question, whose call exists nevertheless.
    let (outlet, mut news) = Outlet::new();
    let refused = async {
        let Some(News::Question(question)) = news.recv().await else {
            panic!("nobody asks")
        };
        let refusal = RpcError::new(-32601, "no addresses here");
        question.reply.send(Err(refusal)).unwrap();
    };
    let call = upstream.call(&old, request("tools/call", params), &outlet);
    let (result, ()) = tokio::join!(call, refused);
    let Err(Failure::Untranslatable(words)) = result else {
        panic!("{result:?}")
    };
    assert!(words.contains("elicitation/create"), "{words}");
    assert!(words.contains("no addresses here"), "{words}");
}

#[tokio::test]
async fn a_resource_that_is_not_there_has_the_code_of_the_client() {
    const GONE: &str = r#"{"message":"gone","code":-32602,"data":{"uri":"a","n":1.50}}"#;
    let server = stateless(|seen| {
        let id = &seen.body["id"];
        let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{GONE}}}"#);
        let kind = [(http::header::CONTENT_TYPE, "application/json")];
        axum::response::IntoResponse::into_response((kind, message))
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let (outlet, _news) = Outlet::new();
    let old = GONE.replace("-32602", "-32002");
    for (revision, method, uri, expected) in [
        (Revision::V2025_11_25, "resources/read", "a", &*old),
        // It may be about anything.
        (Revision::V2025_11_25, "resources/read", "b", GONE),
        (Revision::V2025_11_25, "prompts/get", "a", GONE),
        (Revision::V2026_07_28, "resources/read", "a", GONE),
    ] {
        let params = json!({"uri": uri, "name": uri});
        let visit = visit(revision);
        let call = upstream.call(&visit, request(method, params), &outlet);
        let Err(Failure::Rpc(error)) = call.await else {
            panic!("{method} {uri}")
        };
        assert_eq!(error.0.get(), expected, "{revision} {method} {uri}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_input_for_ever_is_not_asked_for_ever() {
    let server =
        stateless(|seen| seen.result(json!({"resultType": "input_required", "requestState": "x"})))
            .await;
    let upstream = upstream(&http(&server.url));
    let result = call_tool(&upstream, &visit(Revision::V2025_06_18), "t").await;
    assert!(said(result).contains("again and again"));
}

#[tokio::test]
async fn a_server_that_asks_for_everything_at_once_asks_nobody() {
    let server = stateless(|seen| {
        let question = json!({"method": "elicitation/create", "params": {"message": "?"}});
        let questions = (0..33).map(|number| (number.to_string(), question.clone()));
        let questions: serde_json::Map<_, _> = questions.collect();
        seen.result(json!({"resultType": "input_required", "inputRequests": questions}))
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let visit = visit_of("alice", Revision::V2025_06_18, EVERYTHING);
    let (outlet, mut news) = Outlet::new();
    let call = upstream.call(&visit, request("tools/call", json!({"name": "t"})), &outlet);
    let result = call.await.map(|result| value(&result));
    assert!(said(result).contains("asks for too much input at once"));
    assert!(news.try_recv().is_err());
}

#[tokio::test]
async fn changed_annotations_are_looked_up_and_the_call_is_tried_once_more() {
    let server = stateless(|seen| match seen.rpc() {
        "tools/list" => seen.result(json!({"tools": [{"name": "t", "inputSchema": {
            "type": "object", "properties": {"x": {"type": "integer", "x-mcp-header": "X"}},
        }}]})),
        _ if seen.header("mcp-param-x") == "1" => seen.result(json!({"ok": true})),
        _ => seen.error(400, -32020, "Mcp-Param-X is missing"),
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let visit = visit(Revision::V2026_07_28);
    assert_eq!(call_tool(&upstream, &visit, "t").await.unwrap()["ok"], true);
    call_tool(&upstream, &visit, "t").await.unwrap();
    let count = |rpc| server.of(rpc).len();
    assert_eq!((count("tools/list"), count("tools/call")), (1, 3));
}

#[tokio::test]
async fn a_list_of_tools_without_an_end_is_left() {
    let server = stateless(|seen| match seen.rpc() {
        "tools/list" => seen.result(json!({"tools": [], "nextCursor": "again"})),
        _ => seen.error(400, -32020, "no"),
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let result = call_tool(&upstream, &visit(Revision::V2026_07_28), "t").await;
    assert!(said(result).contains("without an end"));
}

#[tokio::test]
async fn a_server_with_sessions_is_initialized_for_each_visit_as_its_client() {
    let server = with_sessions(echo).await;
    let upstream = upstream(&http(&server.url));
    for (revision, capabilities) in [
        (Revision::V2025_06_18, r#"{"roots":{}}"#),
        (Revision::V2026_07_28, r#"{"sampling":{}}"#),
    ] {
        let visit = visit_of("alice", revision, capabilities);
        for _ in 0..3 {
            let result = call_tool(&upstream, &visit, "t").await.unwrap();
            assert_eq!(result["echo"], "t");
        }
        let introduction = upstream.introduction(&visit).await.unwrap();
        assert_eq!(introduction.revision, Revision::V2025_11_25);
    }
    let opened = server.of("initialize");
    assert_eq!(opened.len(), 2);
    assert_eq!(
        opened[0].body["params"]["capabilities"],
        json!({"roots": {}})
    );
    assert_eq!(
        opened[1].body["params"]["capabilities"],
        json!({"sampling": {}})
    );
    assert_eq!(opened[0].body["params"]["clientInfo"]["name"], "tests");
    assert_eq!(server.of("notifications/initialized").len(), 2);
    let call = &server.of("tools/call")[0];
    assert_eq!(call.header("mcp-session-id"), "s1");
    assert_eq!(call.header("mcp-protocol-version"), "2025-11-25");
    assert!(call.body["params"]["_meta"].is_null());
    assert_eq!(upstream.http_era(), Some(Era::Sessions));
    upstream.close().await;
    let ended = server
        .seen()
        .iter()
        .filter(|seen| seen.method == "DELETE")
        .count();
    assert_eq!(ended, 2);
}

#[tokio::test]
async fn g6_what_is_not_understood_passes_as_it_is() {
    let text = r#"{"content":[{"type":"vendor/x","n":1.50,"big":12345678901234567890123}],"z":{"b":1,"a":2}}"#;
    let server = with_sessions(move |seen| {
        let id = &seen.body["id"];
        let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{text}}}"#);
        let kind = [(
            http::header::CONTENT_TYPE,
            "application/json; charset=utf-8",
        )];
        axum::response::IntoResponse::into_response((kind, message))
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let (outlet, _news) = Outlet::new();
    let visit = visit(Revision::V2025_11_25);
    let call = upstream.call(&visit, request("tools/call", json!({"name": "t"})), &outlet);
    assert_eq!(call.await.unwrap().get(), text);
}

#[tokio::test]
async fn the_older_transport_is_found_where_the_newer_is_not() {
    // Everything that the server says goes over its one stream.
    let (to_client, heard) = tokio::sync::mpsc::unbounded_channel::<String>();
    let heard = std::sync::Mutex::new(Some(heard));
    let server = Fake::new(move |seen| {
        if seen.method == "GET" {
            let Some(mut heard) = heard.lock().unwrap().take() else {
                return status(500);
            };
            to_client
                .send("event: endpoint\ndata: /messages?s=1\n\n".to_owned())
                .unwrap();
            let body = futures_util::stream::poll_fn(move |context| {
                heard
                    .poll_recv(context)
                    .map(|text| text.map(Ok::<_, std::io::Error>))
            });
            return super::fake::stream(axum::body::Body::from_stream(body));
        }
        if seen.path != "/messages?s=1" {
            return status(405);
        }
        let result = match seen.rpc() {
            "initialize" => {
                json!({"protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": {}})
            }
            "notifications/initialized" => return status(202),
            _ => json!({"echo": seen.body["params"]["name"]}),
        };
        let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
        to_client
            .send(format!("event: message\ndata: {message}\n\n"))
            .unwrap();
        status(202)
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let visit = visit(Revision::V2026_07_28);
    let result = call_tool(&upstream, &visit, "t").await.unwrap();
    assert_eq!(result["echo"], "t");
    let introduction = upstream.introduction(&visit).await.unwrap();
    assert_eq!(introduction.revision, Revision::V2024_11_05);
    upstream.close().await;
}

#[tokio::test]
async fn answers_may_come_as_events_in_batches() {
    let server = with_sessions(|seen| {
        events(&[json!([
            {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info"}},
            {"jsonrpc": "2.0", "id": seen.body["id"], "result": {"ok": true}},
        ])])
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let result = call_tool(&upstream, &visit(Revision::V2025_03_26), "t").await;
    assert_eq!(result.unwrap()["ok"], true);
}
