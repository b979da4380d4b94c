//! Less was granted than a tool needs: the client asks the person for more (MCP, scope challenges).

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::clients::{Client, contents, result};
use crate::house::House;
use crate::people::ADMIN;

/// The scopes of a sign-in, with those that were ticked.
fn ticked(sign_in: &Value) -> Vec<(&str, bool)> {
    let scopes = sign_in["scopes"].as_array().unwrap().iter();
    scopes
        .map(|scope| (scope["scope"].as_str().unwrap(), scope["checked"] == true))
        .collect()
}

async fn steps_up(client: Client, protocol: &str) -> Value {
    let house = House::demo().await;
    let state = tempdir().unwrap();
    let driver = client
        .at(&format!("{}/todo/mcp", house.url), state.path())
        .person(ADMIN);
    let answer = driver
        .option("--keep-scopes", "read:todos")
        .option("--protocol", protocol)
        .option("--call", "get-todos")
        .option(
            "--call",
            r#"create-todo={"content":"after the second consent"}"#,
        )
        .option("--call", "get-todos")
        .run()
        .await;
    assert_eq!(answer["browserOpened"], 2, "{answer:#}");
    let first = &answer["signIns"][0];
    let expected = [
        ("create:todos", false),
        ("delete:todos", false),
        ("read:todos", true),
    ];
    assert_eq!(ticked(first), expected);
    let second = &answer["signIns"][1];
    assert!(
        ticked(second).contains(&("create:todos", true)),
        "{second:#}"
    );
    assert!(ticked(second).contains(&("read:todos", true)), "{second:#}");
    assert_eq!(contents(&answer, 0), Vec::<&str>::new());
    assert_eq!(result(&answer, 1)["content"], "after the second consent");
    assert_eq!(contents(&answer, 2), ["after the second consent"]);
    answer
}

/// The challenges that a client met, as the statuses of its MCP requests.
fn statuses(answer: &Value, status: u16) -> usize {
    let requests = answer["requests"].as_array().unwrap();
    requests
        .iter()
        .filter(|request| request["status"] == status)
        .count()
}

#[tokio::test]
async fn fastmcp_steps_up() {
    for protocol in ["auto", "legacy"] {
        let answer = steps_up(Client::FastMcp, protocol).await;
        assert_eq!(statuses(&answer, 403), 1, "{protocol}: {answer:#}");
    }
}

#[tokio::test]
async fn the_typescript_client_steps_up_and_keeps_what_it_had() {
    let answer = steps_up(Client::TypeScript, "legacy").await;
    assert_eq!(statuses(&answer, 403), 1, "{answer:#}");
    assert_eq!(answer["scope"], "create:todos read:todos");
}

#[tokio::test]
async fn mcp_remote_steps_up_and_keeps_what_it_had() {
    let answer = steps_up(Client::McpRemote, "legacy").await;
    assert_eq!(answer["scope"], "create:todos read:todos");
}

/// Without `read:todos` there are fewer todos to see, and nothing to ask for.
#[tokio::test]
async fn what_goes_by_ownership_needs_no_step_up() {
    let house = House::demo().await;
    let state = tempdir().unwrap();
    let url = format!("{}/todo/mcp", house.url);
    let driver = Client::TypeScript.at(&url, state.path()).person(ADMIN);
    let driver = driver
        .option("--keep-scopes", "create:todos")
        .option("--call", "get-todos");
    let answer = driver.run().await;
    assert_eq!(
        answer["browserOpened"], 1,
        "get-todos goes by ownership: {answer:#}"
    );
    assert_eq!(answer["scope"], "create:todos");
    assert_eq!(answer["results"][0]["structured"], json!({"todos": []}));
}
