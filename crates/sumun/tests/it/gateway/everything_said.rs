//! Whatever a server or a client says passes the policy for personal data, and not only results (acceptance P2, P3).

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::children::{program, script, until};
use super::client::{Client, message, result, stateless_request};
use super::upstream::{Fake, GOOD, stream};
use super::{PERMITTED, at, house, recorded};
use crate::house::House;

const ADDRESS: &str = "kim.cheolsu@example.com";
const MASKED: &str = "***.*******@example.com";

/// Every message is looked at, so that calls go the long way.
const ALL: &str = "[pii]\notherwise = \"mask\"\n";
/// Only what comes back is looked at: calls go the thin way.
const RESULTS: &str = "[pii]\n[[pii.rules]]\ndirection = \"result\"\naction = \"mask\"\n";

/// A server whose tool `find` fails, and says about whom.
async fn failing() -> Fake {
    let error =
        json!({"code": -32000, "message": format!("no {ADDRESS}"), "data": {"who": ADDRESS}});
    Fake::stateless(&["find"], move |seen| seen.error(200, &error.to_string())).await
}

async fn served(policy: &str, upstream: &str) -> House {
    house(&format!("{PERMITTED}{policy}{upstream}")).await
}

/// The only event of this kind.
#[track_caller]
fn only(house: &House, kind: &str) -> Value {
    let events = recorded(house, kind);
    let [event] = &events[..] else {
        panic!("{events:#?}")
    };
    event.clone()
}

#[tokio::test]
async fn p2_the_words_of_an_error_are_masked_on_every_way() {
    let notes = failing().await;
    for policy in [ALL, RESULTS] {
        let house = served(policy, &at("notes", &notes.url)).await;
        let robot = Client::robot(&house, "/notes/mcp").await;
        result(&robot.ask_stateless("tools/list", json!({})).await);
        let error = message(&robot.call_stateless("find").await)["error"].clone();
        assert_eq!(error["code"], -32000, "{error}");
        assert_eq!(error["message"], format!("no {MASKED}"), "{policy}");
        assert_eq!(error["data"]["who"], MASKED, "{policy}");
        let event = only(&house, "call_outcome");
        assert_eq!(event["contains_pii"], true, "{policy} {event}");
        assert_eq!(event["reason"], "rpc_error", "{policy} {event}");
    }
}

#[tokio::test]
async fn p2_an_error_that_may_not_pass_is_refused_on_every_way() {
    let notes = failing().await;
    for policy in [ALL, RESULTS] {
        let policy = policy.replace("mask", "reject");
        let house = served(&policy, &at("notes", &notes.url)).await;
        let robot = Client::robot(&house, "/notes/mcp").await;
        result(&robot.ask_stateless("tools/list", json!({})).await);
        let answer = robot.call_stateless("find").await;
        assert!(!answer.text().contains(ADDRESS), "{answer:?}");
        let said = message(&answer).to_string();
        assert!(said.contains("refuses"), "{said}");
        let event = only(&house, "call_outcome");
        assert_eq!(event["outcome"], "denied", "{policy} {event}");
        assert_eq!(event["reason"], "pii_rejected", "{policy} {event}");
    }
}

#[tokio::test]
async fn p1_paths_begin_at_the_arguments() {
    let notes = Fake::stateless(&["put"], |seen| seen.result(GOOD)).await;
    let rule = "[pii]\n[[pii.rules]]\ntools = [\"notes.put\"]\ndirection = \"arguments\"\n\
                paths = [\"$.customer.email\"]\naction = \"mask\"\n";
    let house = served(rule, &at("notes", &notes.url)).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let arguments = json!({"customer": {"email": ADDRESS}, "copy": ADDRESS});
    let call = json!({"name": "put", "arguments": arguments});
    result(&robot.ask_stateless("tools/call", call).await);
    let seen = &notes.of("tools/call")[0].body["params"]["arguments"];
    let expected = json!({"customer": {"email": MASKED}, "copy": ADDRESS});
    assert_eq!(*seen, expected);
}

#[tokio::test]
async fn p3_what_may_not_pass_in_a_stream_ends_the_call_with_an_error_and_is_recorded() {
    let notes = Fake::stateless(&["find"], |seen| {
        let found = json!({"content": [{"type": "text", "text": ADDRESS}]});
        let answer = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": found});
        let first = ": begun\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\
                     \"params\":{\"progressToken\":1,\"progress\":1}}\n\n";
        stream(Body::from(format!("{first}data: {answer}\n\n")))
    })
    .await;
    let house = served(&RESULTS.replace("mask", "reject"), &at("notes", &notes.url)).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let answer = robot.call_stateless("find").await;
    assert!(!answer.text().contains(ADDRESS), "{answer:?}");
    assert!(
        answer.text().contains("notifications/progress"),
        "{answer:?}"
    );
    let last = message(&answer);
    assert_eq!(last["id"], 7, "{last}");
    assert!(last.to_string().contains("refuses"), "{last}");
    until("a record of the refusal", || {
        let events = recorded(&house, "pii_action");
        events.iter().any(|event| {
            event["reason"] == "pii_rejected"
                && event["outcome"] == "denied"
                && event["contains_pii"] == true
        })
    })
    .await;
}

/// A program that says this before it answers a call.
fn talkative(said: &Value) -> (tempfile::TempDir, String) {
    let directory = tempdir().unwrap();
    let said = said.to_string();
    let call = format!("printf '%s\\n' '{said}'; text good");
    let section = program(directory.path(), "notes", &script(&call), "");
    (directory, section)
}

#[tokio::test]
async fn p2_what_a_server_says_unasked_is_masked_and_recorded() {
    let log = json!({
        "jsonrpc": "2.0", "method": "notifications/message",
        "params": {"level": "error", "data": format!("sent to {ADDRESS}")},
    });
    let (_directory, section) = talkative(&log);
    let house = served(ALL, &section).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-06-18").await;
    let mut news = robot.watch("GET", &[], "").await;
    news.until("text/event-stream").await;
    result(&robot.call("any").await);
    news.until("sent to").await;
    let said = news.message();
    assert_eq!(
        said["params"]["data"],
        format!("sent to {MASKED}"),
        "{said}"
    );
    let event = only(&house, "pii_action");
    assert_eq!(event["tool_name"], "notifications/message", "{event}");
    assert_eq!(event["action_taken"], "masked", "{event}");
}

#[tokio::test]
async fn what_is_asked_and_not_waited_for_holds_nobody_up() {
    let question = json!({
        "jsonrpc": "2.0", "id": "q1", "method": "elicitation/create",
        "params": {"message": format!("is it {ADDRESS}?"), "requestedSchema": {"type": "object", "properties": {}}},
    });
    let (_directory, section) = talkative(&question);
    let house = served(ALL, &section).await;
    for (path, tool) in [("/notes/mcp", "any"), ("/mcp", "notes__any")] {
        let robot = Client::robot(&house, path).await;
        let can_answer = json!({"elicitation": {}});
        let robot = robot.initialize_with("2025-06-18", can_answer).await;
        let mut news = robot.watch("GET", &[], "").await;
        news.until("text/event-stream").await;
        // Nobody answers, and the server does not mind.
        result(&robot.call(tool).await);
    }
    assert_eq!(recorded(&house, "call_outcome").len(), 2);
}

#[tokio::test]
async fn p6_what_a_caller_names_is_no_name_in_the_record_of_a_stream() {
    let notes = Fake::stateless(&["read"], |seen| {
        let contents = json!([{"uri": "crm://1", "text": ADDRESS}]);
        let answer =
            json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"contents": contents}});
        stream(Body::from(format!("data: {answer}\n\n")))
    })
    .await;
    let house = served(RESULTS, &at("notes", &notes.url)).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let uri = json!({"uri": "crm://900101-1234567"});
    let answer = robot.ask_stateless("resources/read", uri).await;
    assert!(answer.text().contains(MASKED), "{answer:?}");
    until("a record of what was found", || {
        !recorded(&house, "pii_action").is_empty()
    })
    .await;
    assert_eq!(only(&house, "pii_action")["tool_name"], "resources/read");
}

#[tokio::test]
async fn p2_a_refusal_in_plain_text_is_masked_and_passed() {
    let notes = Fake::stateless(&["find"], |_| {
        let text = format!("no session of {ADDRESS}");
        (
            StatusCode::BAD_REQUEST,
            [("content-type", "text/plain")],
            text,
        )
            .into_response()
    })
    .await;
    let house = served(RESULTS, &at("notes", &notes.url)).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.ask_stateless("tools/list", json!({})).await);
    let answer = robot.call_stateless("find").await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.text(), format!("no session of {MASKED}"));
}

#[tokio::test]
async fn p2_what_a_client_says_beside_calls_is_masked_as_arguments_are() {
    let notes = Fake::with_sessions(&["read"], || "s1".to_owned(), |seen| seen.result("{}")).await;
    let house = served(ALL, &at("notes", &notes.url)).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-11-25").await;
    let progress = json!({
        "jsonrpc": "2.0", "method": "notifications/progress",
        "params": {"progressToken": ADDRESS, "progress": 1, "message": ADDRESS},
    });
    assert_eq!(robot.post(&[], progress.to_string()).await.status, 202);
    until("the notification", || {
        !notes.of("notifications/progress").is_empty()
    })
    .await;
    let seen = &notes.of("notifications/progress")[0].body["params"];
    assert_eq!(seen["message"], MASKED, "{seen}");
    // By this the server knows what is meant.
    assert_eq!(seen["progressToken"], ADDRESS, "{seen}");
}

#[tokio::test]
async fn what_a_server_says_about_what_it_can_do_stays_as_it_is_and_a_list_of_resources_does_not() {
    let notes = Fake::stateless(&["read"], |seen| {
        let resources = json!([{"uri": "file:///1", "name": format!("letter of {ADDRESS}")}]);
        seen.result(&json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "public", "resources": resources}).to_string())
    })
    .await;
    let house = served(ALL, &at("notes", &notes.url)).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let list = stateless_request("resources/list", json!({}));
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "resources/list"),
    ];
    let listed = result(&robot.post(&headers, list.to_string()).await);
    assert_eq!(
        listed["resources"][0]["name"],
        format!("letter of {MASKED}"),
        "{listed}"
    );
    let tools = result(&robot.ask_stateless("tools/list", json!({})).await);
    assert_eq!(tools["tools"][0]["description"], "A tool.");
}
