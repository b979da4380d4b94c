//! Servers of others behind the gateway that are called with the token of the person who called, as real
//! clients walk it: call → link → browser → connect → repeat.

use serde_json::json;
use tempfile::tempdir;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::clients::{Client, result};
use crate::connecting::{CLIENTS, Street, alice, assert_connected};
use crate::driver::installed;
use crate::house::free_port;
use crate::people::ADMIN;
use crate::real_servers::{PYTHON, program, started};

const SERVER: &str = "account_server.py";

/// The settings of one server twice: as a program, and over HTTP. `clock` needs nobody's token.
fn upstreams(api: &str, port: u16) -> String {
    let program = program("program", PYTHON, SERVER, "");
    let types = "auth_type = \"none\"\nauth_types = { profile = \"user-token\" }\n";
    format!(
        "[policy]\ndefault = \"permit\"\n\n{program}{types}env = {{ API = \"{api}\" }}\n\
         user_token = {{ identity_provider = \"demo-api\", env = \"USER_TOKEN\" }}\n\n\
         [[upstreams]]\nname = \"remote\"\nurl = \"http://127.0.0.1:{port}/mcp\"\n{types}\
         user_token = {{ identity_provider = \"demo-api\" }}\n"
    )
}

async fn remote(api: &str, port: u16, listeners: &mut JoinSet<()>) -> Child {
    let mut command = Command::new(installed(PYTHON));
    command.arg(installed(SERVER));
    command.args(["--port", &port.to_string()]).env("API", api);
    started(command, "running on", listeners).await
}

#[tokio::test]
async fn rs31_a_server_of_others_is_called_as_the_person_who_connected() {
    for (client, revision, protocol) in CLIENTS {
        let (port, mut listeners) = (free_port(), JoinSet::new());
        let mut server = None;
        let street = Street::build(async |api: &str| {
            server = Some(remote(api, port, &mut listeners).await);
            upstreams(api, port)
        })
        .await;
        let log = || street.house.log();
        let (program, remote) = (
            format!("{}/program/mcp", street.house.url),
            format!("{}/remote/mcp", street.house.url),
        );
        let state = tempdir().unwrap();
        let driver = alice(client, &program, protocol, "mina", state.path());
        let driver = driver.option("--call", "clock").option("--call", "profile");
        let answer = driver.run().await;
        assert_eq!(answer["protocolVersion"], revision, "{client:?} {answer:#}");
        assert_eq!(
            result(&answer, 0),
            &json!({"has_token": false}),
            "{answer:#}"
        );
        assert_eq!(
            result(&answer, 1)["username"],
            "mina",
            "{answer:#}\n{}",
            log()
        );
        assert_connected(&answer);
        if client == Client::TypeScript && protocol == "legacy" {
            let elicitation = &answer["connected"][0]["elicitationId"];
            assert_eq!(&answer["completed"], elicitation, "{answer:#}");
        }
        // The same account serves the other server, and nobody is asked again.
        let state = tempdir().unwrap();
        let again = alice(client, &remote, protocol, "mina", state.path());
        let again = again.option("--call", "clock").option("--call", "profile");
        let again = again.run().await;
        assert_eq!(result(&again, 0), &json!({"has_token": false}), "{again:#}");
        assert_eq!(
            result(&again, 1)["username"],
            "mina",
            "{again:#}\n{}",
            log()
        );
        assert_eq!(again["connected"], json!([]), "{again:#}");
        // Another person has no part in it.
        for url in [&program, &remote] {
            let state = tempdir().unwrap();
            let other = client.at(url, state.path()).person(ADMIN);
            let other = other.option("--protocol", protocol);
            let other = other.option("--call", "profile").run().await;
            let other = &other["results"][0];
            assert!(!other.to_string().contains("mina"), "{client:?} {other:#}");
            assert!(
                other["isError"] == true || other["error"].is_string(),
                "{other:#}"
            );
        }
        let log = log();
        for canary in street.canaries() {
            assert!(!log.contains(&canary), "{canary} in the log");
        }
        drop(server);
    }
}
