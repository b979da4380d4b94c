//! `sumun client`, `grant`, `role`, `scope` and `resource`: the real program on a real store, beside
//! a server that runs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::house::{Ended, House, SETTINGS, run, settings_file, sumun};
use crate::http_client::{get, post_form};

/// Runs a command on the data of a house, or of none.
async fn command(directory: &Path, port: u16, arguments: &[&str]) -> Ended {
    let mut command = sumun();
    command.args(arguments);
    command.arg("--config").arg(directory.join("sumun.toml"));
    command.env("SUMUN_PUBLIC_URL", format!("http://127.0.0.1:{port}"));
    command.env("SUMUN_DATA", directory.join("data"));
    run(command, "a long password\n").await
}

/// The same without a house; the settings are written first.
async fn alone(directory: &Path, arguments: &[&str]) -> Ended {
    settings_file(SETTINGS, directory);
    command(directory, 8080, arguments).await
}

#[track_caller]
fn json_of(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[tokio::test]
async fn a_client_is_registered_and_its_secret_is_shown_once() {
    let directory = tempdir().unwrap();
    let directory = directory.path();
    let add = [
        "client",
        "add",
        "--name",
        "Shop",
        "--redirect-uri",
        "https://shop.example/cb",
    ];
    let ended = alone(directory, &add).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.out.lines().collect();
    let id = lines[0].strip_prefix("client_id      ").unwrap();
    let secret = lines[1].strip_prefix("client_secret  ").unwrap();
    assert_eq!(lines.len(), 2);

    let shown = alone(directory, &["client", "show", id]).await;
    assert!(
        shown.out.contains("Shop") && !shown.out.contains(secret),
        "{shown:?}"
    );
    let list = json_of(&alone(directory, &["client", "list", "--json"]).await);
    let shop = list
        .as_array()
        .unwrap()
        .iter()
        .find(|client| client["client_id"] == id);
    assert_eq!(shop.unwrap()["origin"], "management");
    let rotated = json_of(&alone(directory, &["client", "secret", id, "--json"]).await);
    assert_ne!(rotated["client_secret"], secret);
    let changed = ["client", "change", id, "--name", "Shop two", "--json"];
    assert_eq!(
        json_of(&alone(directory, &changed).await)["client_name"],
        "Shop two"
    );
    let removed = alone(directory, &["client", "remove", id]).await;
    assert_eq!(removed.out, format!("the client {id} is removed\n"));
    let gone = alone(directory, &["client", "show", id]).await;
    assert_eq!(
        (gone.code, gone.err),
        (Some(1), format!("error: there is no client `{id}`\n"))
    );
}

#[tokio::test]
async fn roles_scopes_and_resources_are_added_to_those_of_the_settings() {
    let directory = tempdir().unwrap();
    let directory = directory.path();
    let words = [
        "scope",
        "add",
        "read:notes",
        "--en",
        "Read your notes",
        "--ko",
        "메모 읽기",
    ];
    assert_eq!(
        alone(directory, &words).await.out,
        "the scope read:notes is made\n"
    );
    let role = ["role", "add", "Reader", "--scope", "read:notes"];
    assert_eq!(
        alone(directory, &role).await.out,
        "the role Reader is made\n"
    );
    let resource = [
        "resource",
        "add",
        "https://notes.example/mcp",
        "--name",
        "Notes",
        "--scope",
        "read:notes",
    ];
    assert_eq!(alone(directory, &resource).await.code, Some(0));

    let roles = alone(directory, &["role", "list"]).await;
    assert_eq!(
        roles.out,
        "name    scopes                                declared\n\
         Admin   create:todos delete:todos read:todos  in the settings\n\
         Reader  read:notes                            -\n\
         User    create:todos                          in the settings\n"
    );
    let declared = alone(directory, &["role", "remove", "Admin"]).await;
    assert_eq!(declared.code, Some(1));
    assert!(
        declared
            .err
            .contains("is declared in the settings file; change it there"),
        "{declared:?}"
    );
    let in_use = alone(directory, &["scope", "remove", "read:notes"]).await;
    assert!(
        in_use.err.contains("still in use by the role `Reader`"),
        "{in_use:?}"
    );
    for remove in [
        &["resource", "remove", "https://notes.example/mcp"],
        &["role", "remove", "Reader"],
        &["scope", "remove", "read:notes"],
    ] {
        assert_eq!(alone(directory, remove).await.code, Some(0), "{remove:?}");
    }
}

#[tokio::test]
async fn people_are_listed_changed_and_removed() {
    let directory = tempdir().unwrap();
    let directory = directory.path();
    alone(directory, &["user", "add", "alice", "--name", "Alice A."]).await;
    let change = [
        "user",
        "change",
        "ALICE",
        "--role",
        "Admin",
        "--email",
        "alice@example.com",
        "--json",
    ];
    let changed = json_of(&alone(directory, &change).await);
    assert_eq!(changed["roles"], json!(["Admin"]));
    assert_eq!(changed["name"], "Alice A.", "what is not named stays");
    assert!(changed.get("password").is_none());
    let list = alone(directory, &["user", "list"]).await;
    assert!(list.out.starts_with("username  id "), "{list:?}");
    assert!(list.out.contains("alice@example.com  active"), "{list:?}");
    let disabled = alone(
        directory,
        &["user", "change", "alice", "--disable", "--json"],
    )
    .await;
    assert_eq!(json_of(&disabled)["disabled"], true);
    let removed = alone(directory, &["user", "remove", "alice"]).await;
    assert_eq!(removed.out, "alice is removed\n");
    let empty = json_of(&alone(directory, &["user", "list", "--json"]).await);
    assert_eq!(empty, json!([]));
    let unspecific = alone(directory, &["grant", "revoke"]).await;
    assert!(
        unspecific.err.contains("nothing is revoked"),
        "{unspecific:?}"
    );
}

#[tokio::test]
async fn a_running_server_notices_what_the_command_line_changes() {
    let house = House::with_settings(SETTINGS).await;
    let (directory, port) = (house.directory(), house.port());
    let words = [
        "scope",
        "add",
        "read:notes",
        "--en",
        "Read your notes",
        "--ko",
        "메모 읽기",
    ];
    assert_eq!(command(directory.path(), port, &words).await.code, Some(0));
    let metadata = format!("{}/.well-known/oauth-authorization-server", house.url);
    let noticed = async {
        while !get(&metadata, None).await.text().contains("read:notes") {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(5);
    tokio::time::timeout(patience, noticed)
        .await
        .expect("within 5 seconds");

    // A client is read from the store, so it is known at once, and gone at once.
    let add = [
        "client",
        "add",
        "--name",
        "Robot",
        "--grant-type",
        "client_credentials",
        "--scope",
        "mcp.access",
        "--auth-method",
        "client_secret_post",
        "--json",
    ];
    let robot = json_of(&command(directory.path(), port, &add).await);
    let (id, secret) = (
        robot["client_id"].as_str().unwrap(),
        robot["client_secret"].as_str().unwrap(),
    );
    house.client_token(id, secret, "mcp.access").await;
    command(directory.path(), port, &["client", "remove", id]).await;
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let refused = post_form(&format!("{}/oauth2/token", house.url), &form).await;
    assert_eq!(refused.status, 401, "{refused:?}");
}

#[tokio::test]
async fn the_api_is_served_with_its_own_audience() {
    let settings = SETTINGS.replace("Admin = [", "Admin = [\"manage:read\", ");
    let settings = format!(
        "{settings}\n[management]\nenabled = true\n\n[[clients]]\nclient_id = \"console\"\n\
         secret = \"console-secret\"\nauth_method = \"client_secret_post\"\n\
         grant_types = [\"client_credentials\"]\nscope = [\"manage:read\"]\n"
    );
    let house = House::with_settings(&settings).await;
    let token = house
        .client_token("console", "console-secret", "manage:read")
        .await;
    let users = get(&format!("{}/manage/v1/users", house.url), Some(&token)).await;
    assert_eq!(
        (users.status.as_u16(), users.json()),
        (200, json!({"items": []}))
    );
    let description = get(&format!("{}/manage/v1/openapi.json", house.url), None).await;
    assert_eq!(description.json()["openapi"], "3.1.0");
}
