//! Personal data on its way to a server, in what headers repeat and in what a person answers; and on its way
//! to a client, where is counted how many people it is about.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::children::until;
use super::client::{Client, result, stateless_request};
use super::upstream::{Fake, GOOD, Seen};
use super::{PERMITTED, SETTINGS, at, house, recorded};
use crate::house::{House, free_port};
use crate::keys::rotate;

const MASKED: &str = "[pii]\notherwise = \"mask\"\n";
/// More people than one caller reads about in an hour without an alert.
const MEMBERS: usize = 120;
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
                {"name": "members", "inputSchema": ask, "annotations": {"readOnlyHint": true}},
            ]);
            seen.result(&json!({"resultType": "complete", "ttlMs": 60_000, "tools": tools}).to_string())
        }
        (_, "members") => {
            let row = |n: usize| format!("member {n}: member{n}@example.com, 010-5{n:03}-1234\n");
            let text: String = (0..MEMBERS).map(row).collect();
            seen.result(&json!({"content": [{"type": "text", "text": text}]}).to_string())
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
async fn the_first_example_of_the_page_works_and_who_may_see_everything_can_be_allowed_to() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/personal-data.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let example = example.expect("the page begins with an example");
    let notes = notes().await;
    let directory = Arc::new(tempfile::tempdir().unwrap());
    std::fs::write(directory.path().join("pii_patterns.json"), "{}").unwrap();
    let words = "[scopes.\"pii:read\"]\nen = \"See personal data\"\nko = \"개인정보 보기\"\n";
    let reader = "[[clients]]\nclient_id = \"reader\"\nsecret = \"canary-client-secret\"\n\
                  auth_method = \"client_secret_post\"\ngrant_types = [\"client_credentials\"]\n\
                  scope = [\"pii:read\"]\n";
    let sections = format!(
        "{SETTINGS}{PERMITTED}{words}{reader}{example}{}",
        at("notes", &notes.url)
    );
    let house = House::serve(&sections, &directory, free_port(), &[]).await;
    let reader = Client::of(&house, "reader", "/notes/mcp", "pii:read").await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    for (caller, sees) in [(&robot, false), (&reader, true)] {
        result(&caller.ask_stateless("tools/list", json!({})).await);
        let members = json!({"name": "members", "arguments": {}});
        let answer = caller.ask_stateless("tools/call", members).await;
        let said = result(&answer).to_string();
        assert_eq!(said.contains("member7@example.com"), sees, "{said}");
    }
}

#[tokio::test]
async fn a_running_house_encrypts_with_the_key_that_seals_and_its_sessions_outlive_a_rotation() {
    let notes = notes().await;
    let encrypted = "[pii]\notherwise = \"encrypt\"\n";
    let house = house(&format!(
        "{PERMITTED}{encrypted}{}",
        at("notes", &notes.url)
    ))
    .await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-11-25").await;
    let keys_of = async || {
        let members = json!({"name": "members", "arguments": {}});
        let said = result(&robot.ask("tools/call", members).await).to_string();
        let keys = said.split("enc:v1:").skip(1);
        let keys = keys.filter_map(|token| Some(token.split_once(':')?.0.to_owned()));
        let keys: BTreeSet<String> = keys.collect();
        keys.into_iter().collect::<Vec<_>>()
    };
    let before = keys_of().await;
    let next = rotate(&house).await;
    assert_eq!(before.len(), 1, "{before:?}");
    assert_ne!(before[0], next);
    assert_eq!(keys_of().await, [next]);
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
    let pii = json!({"arguments": {"masked": {"EMAIL": 1}}});
    assert_eq!(event["pii"], pii, "{event}");
    assert_eq!(event["action_taken"], "masked", "{event}");
    assert_eq!(event["subject_count"], 1, "{event}");
}

#[tokio::test]
async fn p6_the_record_says_how_many_people_a_result_is_about_and_many_raise_an_alert() {
    let notes = notes().await;
    let house = house(&format!("{PERMITTED}{MASKED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let members = json!({"name": "members", "arguments": {}});
    let answer = robot.ask_stateless("tools/call", members).await;
    let said = result(&answer).to_string();
    assert!(!said.contains("member7@"), "{said}");

    let events = recorded(&house, "call_outcome");
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    // A telephone number and an address are one person.
    assert_eq!(
        event["pii"]["result"]["masked"]["EMAIL"], MEMBERS,
        "{event}"
    );
    assert_eq!(event["subject_count"], MEMBERS, "{event}");
    assert!(!event.to_string().contains("member7"), "{event}");
    until("an alert about many people", || {
        let alerts = recorded(&house, "alert");
        let many = alerts
            .iter()
            .find(|one| one["alert"]["rule"] == "many_subjects");
        many.is_some_and(|many| many["alert"]["count"].as_u64() > Some(100))
    })
    .await;
}

/// Whoever is told that a message holds what may not leave, and sends it in other words.
#[tokio::test]
async fn p6_who_tries_again_what_was_rejected_is_told() {
    const REJECTED: &str = "[pii]\n[[pii.rules]]\ndirection = \"arguments\"\naction = \"reject\"\n";
    let notes = notes().await;
    let house = house(&format!("{PERMITTED}{REJECTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.ask_stateless("tools/list", json!({})).await);
    for _ in 0..3 {
        let send = json!({"name": "members", "arguments": {"of": ADDRESS}});
        robot.ask_stateless("tools/call", send).await;
    }
    let events = recorded(&house, "call_outcome");
    assert_eq!(events.len(), 3, "{events:?}");
    for event in &events {
        assert_eq!(event["action_taken"], "rejected", "{event}");
        assert_eq!(event["reason"], "pii_rejected", "{event}");
        let pii = json!({"arguments": {"rejected": {"EMAIL": 1}}});
        assert_eq!(event["pii"], pii, "{event}");
    }
    until("an alert about rephrasing", || {
        let alerts = recorded(&house, "alert");
        alerts
            .iter()
            .any(|one| one["alert"]["rule"] == "rephrasing")
    })
    .await;
}

#[tokio::test]
async fn p6_who_tries_one_tool_after_the_other_that_the_policy_denies_is_told() {
    let notes = notes().await;
    let demanding = "[[policy.rules]]\neffect = \"require\"\nupstream = \"notes\"\n\
        tools = [\"send\", \"ask\", \"members\"]\nscopes = [\"notes:all\"]\n\
        [scopes.\"notes:all\"]\nen = \"All\"\nko = \"모두\"\n";
    let house = house(&format!(
        "{PERMITTED}{demanding}{}",
        at("notes", &notes.url)
    ))
    .await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    robot.ask_stateless("tools/list", json!({})).await;
    for tool in ["send", "ask", "members"] {
        let call = json!({"name": tool, "arguments": {}});
        robot.ask_stateless("tools/call", call).await;
    }
    for tool in ["send", "ask", "members"] {
        let events = recorded(&house, tool);
        assert_eq!(events[0]["reason"], "policy_denied", "{events:?}");
    }
    until("an alert about what is not allowed", || {
        let alerts = recorded(&house, "alert");
        alerts
            .iter()
            .any(|one| one["alert"]["rule"] == "scope_escalation")
    })
    .await;
}
