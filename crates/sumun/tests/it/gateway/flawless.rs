//! What a server of 2026-07-28 gets as it was written is what the revision wants (acceptance D5, GW-12).

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::client::{Client, result, stateless_request};
use super::upstream::{Fake, GOOD};
use super::{PERMITTED, at, house};
use crate::http_client::{Answer, send};

const LIST: &str = r#"{"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[
    {"name":"read","inputSchema":{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"}}}}]}"#;

const HELLO: &str = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],
    "capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fake","version":"1"}}}"#;

const HEADERS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("mcp-protocol-version", "2026-07-28"),
    ("mcp-method", "tools/call"),
    ("mcp-name", "read"),
    ("mcp-param-region", "eu"),
];

/// Posts with these headers, of which an empty one is left out.
async fn post(client: &Client, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::post(&client.url);
    request = request.header("authorization", format!("Bearer {}", client.token));
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    send(request.body(Body::from(body.to_owned())).unwrap()).await
}

/// The good headers, one of them otherwise.
fn with(changed: (&'static str, &'static str)) -> Vec<(&'static str, &'static str)> {
    let others = HEADERS.into_iter().filter(|(name, _)| *name != changed.0);
    others.chain([changed]).collect()
}

#[tokio::test]
async fn gw_12_d5_no_request_with_a_mistake_is_passed_on_as_it_is() {
    let notes = Fake::new(|seen| match seen.rpc() {
        "server/discover" => seen.result(HELLO),
        "tools/list" => seen.result(LIST),
        _ => seen.result(GOOD),
    })
    .await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let call = json!({"name": "read", "arguments": {"region": "eu"}});
    let call = stateless_request("tools/call", call);
    let text = call.to_string();
    result(&post(&robot, &HEADERS, &text).await);

    for wrong in [
        ("content-type", "text/plain"),
        ("content-type", ""),
        ("accept", "application/json"),
        ("mcp-protocol-version", ""),
        ("mcp-method", ""),
        ("mcp-name", ""),
        ("mcp-param-region", ""),
        ("mcp-param-region", "us"),
    ] {
        let answer = post(&robot, &with(wrong), &text).await;
        assert!(answer.status.is_client_error(), "{wrong:?}: {answer:?}");
    }
    let meta = "io.modelcontextprotocol";
    let changes: [(&str, Value); 7] = [
        ("/jsonrpc", json!("1.0")),
        ("/jsonrpc", json!(2.0)),
        ("/id", json!(null)),
        ("/id", json!(true)),
        ("/result", json!({})),
        (
            "/params/_meta",
            json!({format!("{meta}/protocolVersion"): "2026-07-28"}),
        ),
        (
            "/params/_meta",
            json!({format!("{meta}/protocolVersion"): "2027-01-01", format!("{meta}/clientCapabilities"): {}}),
        ),
    ];
    for (place, value) in changes {
        let mut call = call.clone();
        match call.pointer_mut(place) {
            Some(found) => *found = value.clone(),
            None => call[&place[1..]] = value.clone(),
        }
        let version = call["params"]["_meta"][format!("{meta}/protocolVersion")].clone();
        let newer = with(("mcp-protocol-version", "2027-01-01"));
        let is_newer = version == "2027-01-01";
        let headers = if is_newer { &newer[..] } else { &HEADERS[..] };
        let answer = post(&robot, headers, &call.to_string()).await;
        assert!(
            answer.status.is_client_error(),
            "{place} {value}: {answer:?}"
        );
    }
    assert_eq!(notes.of("tools/call").len(), 1, "nothing went through");
}

#[tokio::test]
async fn gw_12_a_server_sees_the_headers_of_the_revision_and_no_others() {
    let notes = Fake::stateless(&["read"], |seen| seen.result(GOOD)).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let call = json!({"name": "read", "arguments": {}});
    let call = stateless_request("tools/call", call).to_string();
    let more = [
        ("mcp-foo", "canary"),
        ("last-event-id", "canary"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    let headers: Vec<_> = HEADERS.into_iter().chain(more).collect();
    result(&post(&robot, &headers, &call).await);
    let seen = notes.of("tools/call").pop().unwrap();
    assert!(!format!("{:?}", seen.headers).contains("canary"));
    for (name, value) in HEADERS {
        assert_eq!(seen.header(name), value, "{name}");
    }
}
