//! The todo manager behind its guard: scopes, roles and ownership (requirement R2.2).
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use examples::todo::{self, Todos};
use http::{Request, StatusCode};
use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use resource_server::{Caller, Issuer, ProtectedResource, Secret, VerifyError, verify_with};
use serde_json::{Value, json};
use store::{Collection, KeyRing, SqliteStore};
use tower::ServiceExt as _;

const RESOURCE: &str = "http://localhost/todo/mcp";

/// The server; the token of a test is `subject:scope scope`, with `_` for the space.
async fn server() -> Router {
    let clock = Arc::new(ManualClock::at(NumericDate(1_800_000_000)));
    let store = Arc::new(SqliteStore::in_memory(clock.clone()).await.unwrap());
    let records = Collection::new(store, Arc::new(KeyRing::ephemeral(&OsRandom)));
    let todos = Todos::new(records, clock, Arc::new(OsRandom));
    let verifier = verify_with(|token: Secret| async move {
        let (subject, scope) = token
            .expose()
            .split_once('~')
            .ok_or(VerifyError::invalid("no"))?;
        let scope = scope.replace('_', " ").replace('.', ":");
        Ok(Caller::new(subject).with_scopes(scope.parse().unwrap()))
    });
    let mut resource = ProtectedResource::new(RESOURCE)
        .unwrap()
        .authorization_server(Issuer::parse("http://localhost").unwrap());
    for (tool, scope) in todo::TOOL_SCOPES {
        resource = resource.tool(tool, &scope.parse().unwrap());
    }
    resource.protect(todo::service(RESOURCE, todos, None), verifier)
}

/// Calls a tool, the way a client of 2025-06-18 does.
async fn call(server: &Router, token: &str, tool: &str, arguments: Value) -> (StatusCode, Value) {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments },
    });
    let request = Request::post("/todo/mcp")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-06-18")
        .body(Body::from(message.to_string()))
        .unwrap();
    let response = server.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// The structured result of a call that succeeded.
async fn result(server: &Router, token: &str, tool: &str, arguments: Value) -> Value {
    let (status, answer) = call(server, token, tool, arguments).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_ne!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["structuredContent"].clone()
}

/// The text of a tool error.
async fn error(server: &Router, token: &str, tool: &str, arguments: Value) -> String {
    let (_, answer) = call(server, token, tool, arguments).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

const ALICE: &str = "alice~create.todos";
const BOB: &str = "bob~create.todos";
const ADMIN: &str = "admin~create.todos_read.todos_delete.todos";

async fn ids(server: &Router, token: &str) -> Vec<String> {
    let listed = result(server, token, "get-todos", json!({})).await;
    let todos = listed["todos"].as_array().unwrap().iter();
    todos
        .map(|todo| todo["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_todo_has_an_id_an_owner_and_a_date() {
    let server = server().await;
    let todo = result(
        &server,
        ALICE,
        "create-todo",
        json!({"content": "write tests"}),
    )
    .await;
    assert_eq!(todo["ownerId"], "alice");
    assert_eq!(todo["content"], "write tests");
    assert_eq!(todo["createdAt"], "2027-01-15T08:00:00Z");
    let id = todo["id"].as_str().unwrap();
    assert!(
        id.len() == 8
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    );
    assert_eq!(ids(&server, ALICE).await, [id]);
}

#[tokio::test]
async fn without_read_todos_a_caller_sees_only_their_own() {
    let server = server().await;
    let alices = result(&server, ALICE, "create-todo", json!({"content": "a"})).await;
    let bobs = result(&server, BOB, "create-todo", json!({"content": "b"})).await;
    assert_eq!(json!(ids(&server, ALICE).await), json!([alices["id"]]));
    assert_eq!(
        json!(ids(&server, ADMIN).await),
        json!([bobs["id"], alices["id"]])
    );
    assert!(
        ids(&server, "carol~read.todos").await.len() == 2,
        "the scope counts, not the person"
    );
}

#[tokio::test]
async fn somebody_elses_todo_and_a_missing_one_answer_alike() {
    let server = server().await;
    let todo = result(&server, ALICE, "create-todo", json!({"content": "a"})).await;
    let foreign = error(&server, BOB, "delete-todo", json!({"id": todo["id"]})).await;
    let missing = error(&server, BOB, "delete-todo", json!({"id": "00000000"})).await;
    assert_eq!(foreign, missing);
    assert_eq!(ids(&server, ALICE).await.len(), 1, "and it is still there");
    let deleted = result(&server, ALICE, "delete-todo", json!({"id": todo["id"]})).await;
    assert_eq!(deleted["deleted"], todo);
    assert!(ids(&server, ALICE).await.is_empty());
}

#[tokio::test]
async fn with_delete_todos_a_caller_deletes_anybodys() {
    let server = server().await;
    let todo = result(&server, ALICE, "create-todo", json!({"content": "a"})).await;
    result(&server, ADMIN, "delete-todo", json!({"id": todo["id"]})).await;
    assert!(ids(&server, ALICE).await.is_empty());
}

#[tokio::test]
async fn d3_creating_without_the_scope_is_a_challenge_and_no_tool_error() {
    let server = server().await;
    let (status, _) = call(&server, "carol~x", "create-todo", json!({"content": "a"})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn todos_that_say_nothing_or_too_much_are_refused() {
    let server = server().await;
    for content in ["", "  ", &"x".repeat(2001)] {
        let text = error(&server, ALICE, "create-todo", json!({"content": content})).await;
        assert!(text.contains("2,000"));
    }
    let korean = "할".repeat(2000);
    result(&server, ALICE, "create-todo", json!({"content": korean})).await;
}
