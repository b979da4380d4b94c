//! The todo manager: its tools as documented, and what survives a restart.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use examples::todo::{self, Todos};
use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use resource_server::ProtectedResource;
use serde_json::{Value, json};
use store::{Collection, KeyRing, SharedStore, SqliteStore};

use crate::client::{ask, verifier};

const URL: &str = "https://mcp.example/todo/mcp";
const ALICE: &str = "alice+create:todos";
const ADMIN: &str = "admin+create:todos+read:todos+delete:todos";

fn manager(store: SharedStore) -> Router {
    let clock = Arc::new(ManualClock::at(NumericDate(1_800_000_000)));
    let records = Collection::new(store, Arc::new(KeyRing::ephemeral(&OsRandom)));
    let todos = Todos::new(records, clock, Arc::new(OsRandom));
    let mut resource = ProtectedResource::new(URL).unwrap();
    for (tool, scope) in todo::TOOL_SCOPES {
        resource = resource.tool(tool, &scope.parse().unwrap());
    }
    resource.protect(todo::service(URL, todos, None), verifier())
}

async fn in_memory() -> Router {
    let clock = Arc::new(ManualClock::at(NumericDate(0)));
    manager(Arc::new(SqliteStore::in_memory(clock).await.unwrap()))
}

async fn call(app: &Router, token: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    ask(app, "/todo/mcp", token, "tools/call", params).await
}

async fn create(app: &Router, token: &str, content: &str) -> Value {
    let result = call(app, token, "create-todo", json!({"content": content})).await;
    result["structuredContent"].clone()
}

async fn contents(app: &Router, token: &str) -> Vec<String> {
    let result = call(app, token, "get-todos", json!({})).await;
    let todos = result["structuredContent"]["todos"].as_array().unwrap();
    todos
        .iter()
        .map(|todo| todo["content"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_tools_and_their_arguments_are_as_documented() {
    let app = in_memory().await;
    let list = ask(&app, "/todo/mcp", ADMIN, "tools/list", json!({})).await;
    let tools = list["tools"].as_array().unwrap();
    let arguments: Vec<_> = tools
        .iter()
        .map(|tool| {
            (
                tool["name"].as_str().unwrap(),
                tool["inputSchema"]["required"].clone(),
            )
        })
        .collect();
    let expected = [
        ("create-todo", json!(["content"])),
        ("delete-todo", json!(["id"])),
        ("get-todos", Value::Null),
    ];
    assert_eq!(arguments, expected);
}

async fn on_disk(path: &Path) -> Router {
    let clock = Arc::new(ManualClock::at(NumericDate(0)));
    manager(Arc::new(SqliteStore::open(path, clock).await.unwrap()))
}

#[tokio::test]
async fn todos_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.sqlite");
    create(&on_disk(&path).await, ALICE, "remember me").await;
    assert_eq!(
        contents(&on_disk(&path).await, ALICE).await,
        ["remember me"]
    );
}
