//! Real MCP clients on the whole road: registration, browser, sign-in, consent, tools.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::driver::{Driver, Outcome};
use crate::house::House;
use crate::people::{ADMIN, ALICE, Person};

/// An MCP client, as its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    FastMcp,
    McpRemote,
    TypeScript,
}

impl Client {
    /// A run against the MCP endpoint `url`; the same state again is the same client.
    pub(crate) fn at(self, url: &str, state: &Path) -> Driver {
        let driver = Driver::new(match self {
            Self::FastMcp => "fastmcp_client.py",
            Self::McpRemote => "mcp_remote.mjs",
            Self::TypeScript => "typescript_client.mjs",
        });
        driver.option("--url", url).option("--state", state)
    }
}

/// What the `n`th call returned.
#[track_caller]
pub(crate) fn result(answer: &Value, n: usize) -> &Value {
    let result = &answer["results"][n];
    assert_eq!(result["isError"], false, "{answer:#}");
    &result["structured"]
}

/// The contents of the todos that the `n`th call listed, sorted.
#[track_caller]
pub(crate) fn contents(answer: &Value, n: usize) -> Vec<&str> {
    let todos = result(answer, n)["todos"].as_array().unwrap();
    let mut contents: Vec<_> = todos
        .iter()
        .map(|todo| todo["content"].as_str().unwrap())
        .collect();
    contents.sort_unstable();
    contents
}

/// A client that had to register and to ask the person once.
#[track_caller]
pub(crate) fn assert_signed_in(answer: &Value) {
    assert_eq!(
        (&answer["registered"], &answer["browserOpened"]),
        (&json!(true), &json!(1))
    );
    let sign_in = &answer["signIns"][0];
    assert_eq!(
        sign_in["pages"],
        json!(["Allow access? · Sumun"]),
        "one page: {sign_in:#}"
    );
    assert_eq!(
        (&sign_in["submits"], &sign_in["askedPassword"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(sign_in["console"], json!([]), "the browser complained");
}

/// A client that went on with what it had.
#[track_caller]
pub(crate) fn assert_unattended(answer: &Value) {
    assert_eq!(answer["registered"], false, "{answer:#}");
    assert_eq!(answer["browserOpened"], 0, "{answer:#}");
    assert_eq!(answer["signIns"], json!([]), "{answer:#}");
}

/// Both people create a todo; the admin's client comes a second time.
async fn todos_of_two_people(client: Client, protocol: &str) {
    let house = House::demo().await;
    let url = format!("{}/todo/mcp", house.url);
    let states = tempdir().unwrap();
    let run = async |person: Person, calls: &[&str]| {
        let mut driver = client
            .at(&url, &states.path().join(person.username))
            .person(person);
        for call in calls {
            driver = driver.option("--call", call);
        }
        driver.option("--protocol", protocol).run().await
    };

    let admin = run(
        ADMIN,
        &[r#"create-todo={"content":"of the admin"}"#, "get-todos"],
    )
    .await;
    assert_signed_in(&admin);
    assert_eq!(
        admin["tools"],
        json!(["create-todo", "delete-todo", "get-todos"])
    );
    assert_eq!(admin["scope"], "create:todos delete:todos read:todos");
    assert_eq!(contents(&admin, 1), ["of the admin"]);
    let of_the_admin = result(&admin, 0)["id"].as_str().unwrap();

    let delete = format!(r#"delete-todo={{"id":"{of_the_admin}"}}"#);
    let create = r#"create-todo={"content":"of alice"}"#;
    let alice = run(ALICE, &[create, "get-todos", &delete]).await;
    assert_signed_in(&alice);
    assert_eq!(alice["scope"], "create:todos", "the role User has no more");
    assert_eq!(contents(&alice, 1), ["of alice"]);
    assert_eq!(alice["results"][2]["isError"], true, "not hers: {alice:#}");

    let of_alice = result(&alice, 0)["id"].as_str().unwrap();
    let delete = format!(r#"delete-todo={{"id":"{of_alice}"}}"#);
    let admin = run(ADMIN, &["get-todos", &delete, "get-todos"]).await;
    assert_unattended(&admin);
    assert_eq!(admin["refreshed"], false, "the stored token is still good");
    assert_eq!(contents(&admin, 0), ["of alice", "of the admin"]);
    assert_eq!(contents(&admin, 2), ["of the admin"]);
}

#[tokio::test]
async fn fastmcp_signs_in_once_and_shows_each_person_what_is_theirs() {
    todos_of_two_people(Client::FastMcp, "auto").await;
}

#[tokio::test]
async fn mcp_remote_signs_in_once_and_shows_each_person_what_is_theirs() {
    todos_of_two_people(Client::McpRemote, "legacy").await;
}

#[tokio::test]
async fn the_typescript_client_signs_in_once_and_shows_each_person_what_is_theirs() {
    todos_of_two_people(Client::TypeScript, "legacy").await;
}

/// `auto` is 2026-07-28 where both sides know it.
#[tokio::test]
async fn every_client_learns_who_its_person_is() {
    let house = House::demo().await;
    let url = format!("{}/whoami/mcp", house.url);
    for (client, protocol, revision) in [
        (Client::FastMcp, "auto", "2026-07-28"),
        (Client::FastMcp, "legacy", "2025-11-25"),
        (Client::McpRemote, "auto", "2025-11-25"),
        (Client::TypeScript, "auto", "2026-07-28"),
    ] {
        let person = if revision == "2026-07-28" {
            ALICE
        } else {
            ADMIN
        };
        let state = tempdir().unwrap();
        let driver = client
            .at(&url, state.path())
            .person(person)
            .option("--call", "whoami");
        let answer = driver.option("--protocol", protocol).run().await;
        assert_signed_in(&answer);
        assert_eq!(answer["protocolVersion"], revision, "{client:?} {protocol}");
        let identity = result(&answer, 0);
        assert_eq!(identity["username"], person.username, "{identity:#}");
        assert_eq!(identity["roles"], json!([person.role]), "{identity:#}");
        assert_eq!(identity["iss"], *house.url, "{identity:#}");
    }
}

/// The reason that the page gave reaches whoever uses the client, as far as the client tells it.
#[tokio::test]
async fn a_denial_ends_in_a_clear_error() {
    let house = House::demo().await;
    let url = format!("{}/todo/mcp", house.url);
    for (client, expected) in [
        (
            Client::FastMcp,
            "Access was denied by the authorization server",
        ),
        (Client::McpRemote, "the person denied the request"),
        (Client::TypeScript, "the person denied the request"),
    ] {
        let state = tempdir().unwrap();
        let driver = client.at(&url, state.path()).person(ALICE).flag("--deny");
        let Outcome {
            is_success,
            answer,
            log,
        } = driver.attempt("").await;
        assert!(!is_success, "{client:?}: {answer:#}");
        let said = format!("{answer:#}\n{log}");
        assert!(said.contains(expected), "{client:?}: {said}");
        let landed = answer["signIns"][0]["finalUrl"].as_str().unwrap();
        for part in ["error=access_denied", "state=", "iss=http"] {
            assert!(landed.contains(part), "{client:?}: {landed}");
        }
    }
}
