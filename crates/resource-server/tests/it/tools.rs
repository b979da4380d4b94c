//! Who may call and see which tool, message by message.

use axum::Router;
use oauth::error::ErrorCode;
use serde_json::{Value, json};

use crate::support::*;

async fn answer(app: &Router, token: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let token = bearer(token);
    let mut all = vec![("authorization", token.as_str())];
    all.extend(headers);
    send(app, post(&all, body)).await
}

fn tool_names(answer: &Answer) -> Vec<String> {
    let list = answer.json();
    let tools = list["result"]["tools"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer:?}"));
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn d3_a_tool_without_its_scope_makes_the_client_step_up() {
    let house = House::new();
    let token = house.token_with_scope("read:todos other");
    let refused = answer(&house.protected(), &token, &[], &call("write")).await;
    assert_eq!(refused.status, 403);
    let challenge = refused.challenge();
    assert_eq!(challenge.error, Some(ErrorCode::InsufficientScope));
    assert_eq!(challenge.resource_metadata.as_deref(), Some(METADATA));
    // Clients of this revision ask for exactly what is named, and must not lose what they have.
    assert_eq!(
        challenge.scope,
        Some(scope("create:todos other read:todos"))
    );

    let refused = send(
        &house.protected(),
        modern(&token, "tools/call", Some("write")),
    )
    .await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.challenge().scope, Some(scope("create:todos")));

    let token = house.token_with_scope("create:todos");
    let written = answer(&house.protected(), &token, &[], &call("write")).await;
    assert_eq!(written.tool_text(), "written by alice");
    let written = send(
        &house.protected(),
        modern(&token, "tools/call", Some("write")),
    )
    .await;
    assert_eq!(written.tool_text(), "written by alice");
}

#[tokio::test]
async fn d3_one_challenge_names_everything_that_the_operation_needs() {
    let house = House::new();
    let resource = resource()
        .require(&scope("mcp.access"))
        .tool("write", &scope("audit"));
    let app = protect(&resource, house.verifier());
    let token = house.token_with_scope("audit");
    let refused = send(&app, modern(&token, "tools/call", Some("write"))).await;
    assert_eq!(
        refused.challenge().scope,
        Some(scope("audit create:todos mcp.access"))
    );
    let refused = send(&app, modern(&token, "tools/list", None)).await;
    assert_eq!(refused.challenge().scope, Some(scope("mcp.access")));
    let request = http::Request::get("/todo/mcp").header("authorization", bearer(&token));
    assert_eq!(
        send(&app, request.body("".into()).unwrap()).await.status,
        403
    );
}

#[tokio::test]
async fn d3_no_spelling_of_a_call_gets_around_the_scope_of_its_tool() {
    let house = House::new();
    let token = house.token(|_| {});
    let positions = json!([{}, "write", {}]);
    for params in [
        json!(["write", {}]),
        json!([null, "write"]),
        positions.clone(),
        json!({"_meta": positions, "name": "write"}),
        json!({"name": ["write"]}),
        json!({"name": {"name": "write"}}),
        json!({"name": null}),
        json!({}),
        Value::Null,
    ] {
        let call = message("tools/call", &params);
        for body in [call.clone(), json!([call])] {
            let refused = answer(&house.protected(), &token, &[], &body).await;
            assert_eq!(refused.status, 400, "{body}: {refused:?}");
            assert_eq!(refused.json()["error"]["code"], -32600, "{body}");
        }
    }
    let nameless = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call"});
    let refused = answer(&house.protected(), &token, &[], &nameless).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn rs15_a_broad_scope_includes_narrow_ones() {
    let house = House::new();
    let resource = resource().scope_implies("todos", scope("create:todos read:todos"));
    let app = protect(&resource, house.verifier());
    let token = house.token_with_scope("todos");
    assert_eq!(
        answer(&app, &token, &[], &call("write")).await.tool_text(),
        "written by alice"
    );
    let token = house.token_with_scope("read:todos");
    assert_eq!(answer(&app, &token, &[], &call("write")).await.status, 403);
}

#[tokio::test]
async fn g8_a_list_shows_what_may_be_called() {
    let house = House::new();
    let list = message("tools/list", &json!({}));
    let (reader, writer) = (house.token(|_| {}), house.token_with_scope("create:todos"));
    let app = house.protected();
    assert_eq!(
        tool_names(&answer(&app, &reader, &[], &list).await),
        ["read"]
    );
    assert_eq!(
        tool_names(&answer(&app, &writer, &[], &list).await),
        ["read", "write"]
    );
    let everything = protect(&resource().list_all_tools(), house.verifier());
    assert_eq!(
        tool_names(&answer(&everything, &reader, &[], &list).await),
        ["read", "write"]
    );
}

#[tokio::test]
async fn g8_a_filtered_list_is_private_on_2026_07_28_only() {
    let house = House::new();
    let token = house.token(|_| {});
    let list = send(&house.protected(), modern(&token, "tools/list", None)).await;
    assert_eq!(tool_names(&list), ["read"]);
    assert_eq!(list.json()["result"]["cacheScope"], "private");
    let list = answer(
        &house.protected(),
        &token,
        &[],
        &message("tools/list", &json!({})),
    )
    .await;
    assert_eq!(list.json()["result"].get("cacheScope"), None);
}

#[tokio::test]
async fn g8_a_list_in_an_event_stream_is_filtered_as_well() {
    let house = House::new();
    let app = resource().protect(mcp_server(true), house.verifier());
    let session = crate::sessions::open(&app, &house.token(|_| {})).await;
    let headers = [
        ("mcp-session-id", session.as_str()),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let list = message("tools/list", &json!({}));
    let list = answer(&app, &house.token(|_| {}), &headers, &list).await;
    assert_eq!(list.header("content-type"), Some("text/event-stream"));
    assert!(
        list.body.contains("\"read\"") && !list.body.contains("\"write\""),
        "{}",
        list.body
    );
}

#[tokio::test]
async fn batches_are_served_on_2025_03_26_only() {
    let house = House::new();
    let token = house.token(|_| {});
    let mut second = call("read");
    second["id"] = json!("two");
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let list = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/list"});
    let batch = json!([call("read"), second, note, list]);
    for headers in [&[][..], &[("mcp-protocol-version", "2025-03-26")]] {
        let answers = answer(&house.protected(), &token, headers, &batch).await;
        assert_eq!(answers.status, 200);
        let answers = answers.json();
        let ids: Vec<_> = answers
            .as_array()
            .unwrap()
            .iter()
            .map(|answer| &answer["id"])
            .collect();
        assert_eq!(ids, [&json!(1), &json!("two"), &json!(3)]);
        assert_eq!(answers[1]["result"]["content"][0]["text"], "alice");
        assert_eq!(
            answers[2]["result"]["tools"].as_array().unwrap().len(),
            1,
            "filtered, too"
        );
    }
    let only_notes = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
    assert_eq!(
        answer(&house.protected(), &token, &[], &only_notes)
            .await
            .status,
        202
    );
    for revision in ["2025-06-18", "2025-11-25", "2026-07-28"] {
        let headers = [("mcp-protocol-version", revision)];
        let refused = answer(&house.protected(), &token, &headers, &batch).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]["code"]),
            (400, &json!(-32600))
        );
    }
    let params = json!({"protocolVersion": "2025-03-26", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"}});
    let initialize = json!([message("initialize", &params)]);
    assert_eq!(
        answer(&house.protected(), &token, &[], &initialize)
            .await
            .status,
        400
    );
    let many = Value::from(vec![call("read"); 101]);
    assert_eq!(
        answer(&house.protected(), &token, &[], &many).await.status,
        400
    );
}

#[tokio::test]
async fn gw19_each_message_of_a_batch_is_authorized_before_any_is_carried_out() {
    let house = House::new();
    let batch = json!([call("read"), call("write")]);
    let refused = answer(&house.protected(), &house.token(|_| {}), &[], &batch).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.challenge().scope,
        Some(scope("create:todos read:todos"))
    );
}
