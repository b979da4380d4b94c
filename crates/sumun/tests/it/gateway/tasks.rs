//! Tasks: nobody says whose one is, so they are there only for those whom a rule names.

use serde_json::{Value, json};

use super::client::{Client, message, result};
use super::upstream::{Fake, GOOD};
use super::{at, house, recorded};

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Everything but tasks, and tasks besides.
const RULE: &str = "[[policy.rules]]\nupstream = \"notes\"\n";
const FOR_TASKS: &str = "[[policy.rules]]\nupstream = \"notes\"\nmethods = [\"tasks/*\"]\n";

/// A server whose calls may become tasks.
async fn notes() -> Fake {
    Fake::new(|seen| match seen.rpc() {
        "server/discover" => {
            let extensions = json!({EXTENSION: {}});
            let said = json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {}, "extensions": extensions},
            });
            seen.result(&said.to_string())
        }
        "tools/list" => seen.tools(&["read"]),
        "tasks/get" => seen.result(r#"{"resultType":"complete","taskId":"t1","status":"working"}"#),
        _ => seen.result(GOOD),
    })
    .await
}

#[tokio::test]
async fn tasks_are_hidden_and_refused_unless_a_rule_names_them() {
    let notes = notes().await;
    let house = house(&format!("{}{RULE}", at("notes", &notes.url))).await;
    for (path, task) in [("/notes/mcp", "t1"), ("/mcp", "notes__t1")] {
        let robot = Client::robot(&house, path).await;
        let discovered = robot.ask_stateless("server/discover", json!({})).await;
        let capabilities = result(&discovered)["capabilities"].clone();
        assert!(capabilities["tools"].is_object(), "{capabilities}");
        assert!(
            !capabilities.to_string().contains(EXTENSION),
            "{capabilities}"
        );
        let answer = robot
            .ask_stateless("tasks/get", json!({"taskId": task}))
            .await;
        assert!(message(&answer)["error"].is_object(), "{answer:?}");
    }
    assert_eq!(notes.of("tasks/get").len(), 0, "nothing went through");
    // A refusal is recorded as that of a call is.
    let events = recorded(&house, "tasks/get");
    assert_eq!(events.len(), 2, "{events:?}");
    let is_refusal =
        |event: &Value| event["event_type"] == "call_outcome" && event["outcome"] == "denied";
    assert!(events.iter().all(is_refusal), "{events:?}");
}

#[tokio::test]
async fn tasks_that_a_rule_names_are_on_offer_and_recorded_as_calls() {
    let notes = notes().await;
    let house = house(&format!("{}{RULE}{FOR_TASKS}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let discovered = robot.ask_stateless("server/discover", json!({})).await;
    let capabilities = result(&discovered)["capabilities"].clone();
    assert!(
        capabilities["extensions"][EXTENSION].is_object(),
        "{capabilities}"
    );
    let answer = robot
        .ask_stateless("tasks/get", json!({"taskId": "t1"}))
        .await;
    assert_eq!(result(&answer)["status"], "working");
    assert_eq!(notes.of("tasks/get").len(), 1);
    let [event] = &recorded(&house, "tasks/get")[..] else {
        panic!("it is recorded as a call is")
    };
    assert_eq!(event["event_type"], "call_outcome", "{event}");
    assert_eq!(event["outcome"], "success", "{event}");
}

#[tokio::test]
async fn tasks_are_refused_where_personal_data_is_looked_for() {
    let notes = notes().await;
    let pii = "[pii]\notherwise = \"mask\"\n";
    let sections = format!("{}{RULE}{FOR_TASKS}{pii}", at("notes", &notes.url));
    let house = house(&sections).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let answer = robot
        .ask_stateless("tasks/get", json!({"taskId": "t1"}))
        .await;
    let said = message(&answer).to_string();
    assert!(said.contains("does not say of which tool"), "{said}");
    assert_eq!(notes.of("tasks/get").len(), 0, "nothing went through");
    let [event] = &recorded(&house, "tasks/get")[..] else {
        panic!("a refusal is recorded as that of a call is")
    };
    assert_eq!(event["reason"], "pii_unreadable", "{event}");
}
