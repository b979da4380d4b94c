//! What survives a restart: todos, clients and tokens.

use serde_json::json;

use crate::house::{House, SETTINGS};
use crate::http_client::{Answer, call_tool, get};

#[track_caller]
fn result(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert!(
        !body["result"]["isError"].as_bool().unwrap_or_default(),
        "{body}"
    );
    body["result"].clone()
}

#[tokio::test]
async fn a9_a_restart_loses_no_todo_and_no_token() {
    let house = House::with_settings(SETTINGS).await;
    let (directory, port) = (house.directory(), house.port());
    let secret = "canary-client-secret";
    let token = house.client_token("robot", secret, "create:todos").await;
    let todo = format!("{}/todo/mcp", house.url);
    let created = call_tool(&todo, &token, "create-todo", json!({"content": "buy milk"})).await;
    result(&created);
    let keys = get(&format!("{}/jwks", house.url), None).await;
    let (status, log) = house.stop("TERM").await;
    assert!(status.success(), "{log}");

    let house = House::serve(SETTINGS, &directory, port, &[]).await;
    let list = call_tool(&todo, &token, "get-todos", json!({})).await;
    assert!(
        result(&list).to_string().contains("buy milk"),
        "the old token still opens: {list:?}"
    );
    assert_eq!(
        get(&format!("{}/jwks", house.url), None).await.json(),
        keys.json()
    );
    house.client_token("robot", secret, "mcp.access").await;
}
