//! Personal data on its way to a server: in what headers repeat, and in what a person answers.

use serde_json::{Value, json};

use super::client::{Client, result, stateless_request};
use super::upstream::{Fake, GOOD, Seen};
use super::{PERMITTED, at, house, recorded};

const MASKED: &str = "[pii]\notherwise = \"mask\"\n";
const ADDRESS: &str = "kim.cheolsu@example.com";

/// A server whose tool repeats its argument in a header, and asks for an address before it answers.
async fn notes() -> Fake {
    Fake::new(|seen| match (seen.rpc(), seen.name()) {
        ("server/discover", _) => seen.result(
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#,
        ),
        ("tools/list", _) => {
            let to = json!({"type": "string", "x-mcp-header": "To"});
            let send = json!({"type": "object", "properties": {"to": to}});
            let ask = json!({"type": "object", "properties": {}});
            let tools = json!([
                {"name": "send", "inputSchema": send}, {"name": "ask", "inputSchema": ask},
            ]);
            seen.result(&json!({"resultType": "complete", "ttlMs": 60_000, "tools": tools}).to_string())
        }
        (_, "ask") if seen.body["params"]["inputResponses"].is_null() => question(seen),
        _ => seen.result(GOOD),
    })
    .await
}

fn question(seen: &Seen) -> axum::response::Response {
    let form = json!({"type": "object", "properties": {"to": {"type": "string"}}});
    let params = json!({"mode": "form", "message": "To whom?", "requestedSchema": form});
    let asked = json!({
        "resultType": "input_required",
        "inputRequests": {"whom": {"method": "elicitation/create", "params": params}},
        "requestState": "s1",
    });
    seen.result(&asked.to_string())
}

#[tokio::test]
async fn headers_repeat_the_argument_as_it_is_masked_and_never_the_raw_one() {
    let notes = notes().await;
    let house = house(&format!("{PERMITTED}{MASKED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    // From now on everything is known that the thin path needs to know.
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let call = stateless_request(
        "tools/call",
        json!({"name": "send", "arguments": {"to": ADDRESS}}),
    );
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "send"),
        ("mcp-param-to", ADDRESS),
    ];
    result(&robot.post(&headers, call.to_string()).await);
    let calls = notes.of("tools/call");
    let [seen] = &calls[..] else {
        panic!("{calls:?}")
    };
    let masked = seen.body["params"]["arguments"]["to"].as_str().unwrap();
    assert!(!format!("{seen:?}").contains(ADDRESS), "{seen:?}");
    assert!(masked.contains('@') && masked != ADDRESS, "{masked}");
    assert_eq!(seen.header("mcp-param-to"), masked);
}

#[tokio::test]
async fn what_a_person_answers_is_masked_as_arguments_are_and_recorded() {
    let notes = notes().await;
    let arguments = "[pii]\n[[pii.rules]]\ndirection = \"arguments\"\naction = \"mask\"\n";
    let house = house(&format!(
        "{PERMITTED}{arguments}{}",
        at("notes", &notes.url)
    ))
    .await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot
        .initialize_with("2025-11-25", json!({"elicitation": {}}))
        .await;
    result(&robot.ask("tools/list", json!({})).await);
    let call = json!({
        "jsonrpc": "2.0", "id": 70, "method": "tools/call",
        "params": {"name": "ask", "arguments": {}},
    });
    let mut line = robot.watch("POST", &[], &call.to_string()).await;
    line.until("To whom?").await;
    let answer: Value = json!({
        "jsonrpc": "2.0", "id": line.message()["id"],
        "result": {"action": "accept", "content": {"to": ADDRESS}},
    });
    assert_eq!(robot.post(&[], answer.to_string()).await.status, 202);
    line.until("good").await;

    let calls = notes.of("tools/call");
    let [_, seen] = &calls[..] else {
        panic!("{calls:?}")
    };
    let whom = &seen.body["params"]["inputResponses"]["whom"];
    assert_eq!(whom["action"], "accept", "{whom}");
    let said = whom["content"]["to"].as_str().unwrap();
    assert!(said.contains('@') && said != ADDRESS, "{said}");
    assert!(!seen.text.contains(ADDRESS), "{seen:?}");
    let events = recorded(&house, "call_outcome");
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(event["pii"], json!({"EMAIL": 1}), "{event}");
    assert_eq!(event["direction"], "arguments", "{event}");
    assert_eq!(event["action_taken"], "masked", "{event}");
}
