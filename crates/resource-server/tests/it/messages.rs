//! What stands in the body, and what the headers say about it (acceptance D5).

use serde_json::json;

use crate::support::*;

/// A POST by alice with more headers.
async fn answer(house: &House, headers: &[(&str, &str)], body: impl ToString) -> Answer {
    let token = bearer(&house.token(|_| {}));
    let mut all = vec![("authorization", token.as_str())];
    all.extend(headers);
    send(&house.protected(), post(&all, body)).await
}

#[track_caller]
fn assert_error(answer: &Answer, code: i32) {
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.json()["error"]["code"], code, "{answer:?}");
    assert_eq!(answer.json()["jsonrpc"], "2.0");
}

#[tokio::test]
async fn d5_a_header_that_is_there_twice_is_refused() {
    let house = House::new();
    for (name, value) in [
        ("mcp-method", "tools/call"),
        ("mcp-name", "read"),
        ("mcp-protocol-version", "2025-11-25"),
    ] {
        let good = answer(&house, &[(name, value)], call("read")).await;
        assert_eq!(good.tool_text(), "alice");
        assert_error(
            &answer(&house, &[(name, value), (name, value)], call("read")).await,
            -32020,
        );
    }
}

#[tokio::test]
async fn d5_a_header_that_differs_from_the_body_is_refused() {
    let house = House::new();
    for (name, value) in [
        ("mcp-method", "tools/list"),
        ("mcp-method", "Tools/call"),
        ("mcp-name", "write"),
        ("mcp-name", "READ"),
        ("mcp-name", "=?base64?d3JpdGU=?="),
        ("mcp-name", "=?base64?not base64?="),
        ("mcp-name", ""),
    ] {
        let refused = answer(&house, &[(name, value)], call("read")).await;
        assert_error(&refused, -32020);
        assert_eq!(
            refused.json()["id"],
            1,
            "the client learns which request it was"
        );
    }
    // base64("read")
    let encoded = answer(&house, &[("mcp-name", "=?base64?cmVhZA==?=")], call("read")).await;
    assert_eq!(encoded.tool_text(), "alice");
    let list = message("tools/list", &json!({}));
    assert_error(&answer(&house, &[("mcp-name", "read")], list).await, -32020);
}

#[tokio::test]
async fn d5_the_version_in_the_header_is_that_of_the_body() {
    let house = House::new();
    let mut request = modern(&house.token(|_| {}), "tools/call", Some("read"));
    assert_eq!(send(&house.protected(), request).await.tool_text(), "alice");
    request = modern(&house.token(|_| {}), "tools/call", Some("read"));
    let older = "2025-11-25".parse().unwrap();
    request.headers_mut().insert("mcp-protocol-version", older);
    assert_error(&send(&house.protected(), request).await, -32020);
}

#[tokio::test]
async fn d5_duplicate_keys_are_refused_before_the_server_sees_them() {
    let house = House::new();
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","name":"write"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"read"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{"a":1,"\u0061":2}}}"#,
    ] {
        assert_error(&answer(&house, &[], body).await, -32600);
    }
}

/// `serde_json::Value`, with which servers read, takes these keys for "parse the text after it".
#[tokio::test]
async fn d5_json_that_hides_in_text_is_refused_before_the_server_sees_it() {
    let house = House::new();
    let hidden = r#"{"$serde_json::private::RawValue":"{\"a\":1,\"a\":2}"}"#;
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read","arguments":{hidden}}}}}"#
    );
    assert_error(&answer(&house, &[], &call).await, -32600);
    assert_error(&answer(&house, &[], format!("[{call}]")).await, -32600);
    let id = call.replace("\"id\":1", &format!("\"id\":{hidden}"));
    assert_error(&answer(&house, &[], id).await, -32600);
}

#[tokio::test]
async fn a_batch_beyond_the_limit_is_refused() {
    let house = House::new();
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let batch = |messages: usize| format!("[{}]", vec![note; messages].join(","));
    assert_eq!(answer(&house, &[], batch(100)).await.status, 202);
    let refused = answer(&house, &[], batch(101)).await;
    assert_error(&refused, -32600);
    assert!(refused.body.contains("at most 100 messages"), "{refused:?}");
}

#[tokio::test]
async fn bad_json_is_a_parse_error() {
    let house = House::new();
    for body in ["", "{", "nonsense", "{} trailing"] {
        let refused = answer(&house, &[], body).await;
        assert_error(&refused, -32700);
        assert_eq!(refused.json()["id"], serde_json::Value::Null);
    }
    assert_error(&answer(&house, &[], "\"text\"").await, -32600);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let house = House::new();
    let app = protect(&resource().max_body_bytes(200), house.verifier());
    let token = bearer(&house.token(|_| {}));
    let headers = [("authorization", token.as_str())];
    assert_eq!(send(&app, post(&headers, call("read"))).await.status, 200);
    let long = message(
        "tools/call",
        &json!({"name": "read", "arguments": {"x": "y".repeat(200)}}),
    );
    assert_eq!(send(&app, post(&headers, long)).await.status, 413);
}

#[tokio::test]
async fn a_client_that_takes_anything_is_served() {
    let house = House::new();
    for accept in ["*/*", "application/json, */*;q=0.5"] {
        let answer = answer(&house, &[("accept", accept)], call("read")).await;
        assert_eq!(answer.tool_text(), "alice", "{accept}");
    }
    let token = bearer(&house.token(|_| {}));
    let mut request = post(&[("authorization", &token)], call("read"));
    request.headers_mut().remove("accept");
    assert_eq!(send(&house.protected(), request).await.tool_text(), "alice");
}

#[tokio::test]
async fn notifications_are_accepted() {
    let body = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = answer(
        &House::new(),
        &[("mcp-protocol-version", "2025-06-18")],
        body,
    )
    .await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (202, ""));
}

#[tokio::test]
async fn every_revision_is_served_at_one_endpoint() {
    let house = House::new();
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let params = json!({"protocolVersion": revision, "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}});
        let answer = answer(&house, &[], message("initialize", &params)).await;
        assert_eq!(answer.json()["result"]["protocolVersion"], revision);
    }
    let discover = modern(&house.token(|_| {}), "server/discover", None);
    let answer = send(&house.protected(), discover).await;
    let versions = answer.json()["result"]["supportedVersions"].clone();
    assert!(
        versions.as_array().unwrap().contains(&json!("2026-07-28")),
        "{answer:?}"
    );
}
