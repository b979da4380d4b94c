//! `sumun config check`: the words and the exit codes.

use tempfile::tempdir;

use crate::house::{Ended, run, settings_file, sumun};
use crate::http_client::get;

async fn check(toml: &str) -> (Ended, String) {
    let directory = tempdir().unwrap();
    let file = settings_file(toml, directory.path());
    let mut command = sumun();
    command.args(["config", "check", "--config"]).arg(&file);
    (run(command, "").await, file.display().to_string())
}

#[tokio::test]
async fn a_good_file() {
    let (ended, file) = check(
        "public_url = \"https://mcp.example.com\"\ndata = \"/var/lib/sumun\"\n\n\
         [[servers]]\nname = \"whoami\"\n",
    )
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.out,
        format!(
            "{file}: good\n  \
               public address  https://mcp.example.com\n  \
               listens on      127.0.0.1:8080\n  \
               data in         /var/lib/sumun\n  \
               serves          https://mcp.example.com/whoami/mcp\n"
        )
    );
}

#[tokio::test]
async fn a_bad_file_is_explained_line_by_line_and_all_at_once() {
    let (ended, file) = check(
        "public_url = \"http://mcp.example.com/\"\n\
         data = \"data\"\n\
         lisen = \"127.0.0.1:80\"\n\
         \n\
         [tokens]\n\
         authorization_code = \"1h\"\n\
         access_token = \"0s\"\n\
         \n\
         [[servers]]\n\
         name = \"whoami\"\n\
         path = \"/authorize\"\n\
         \n\
         [[clients]]\n\
         client_id = \"c\"\n\
         secret = 5\n",
    )
    .await;
    assert_eq!((ended.code, &*ended.out), (Some(2), ""));
    assert_eq!(
        ended.err.replace(&file, "sumun.toml"),
        r#"sumun.toml:1:14: `public_url` ends with a slash: write it as http://mcp.example.com
  1 | public_url = "http://mcp.example.com/"
    |              ^^^^^^^^^^^^^^^^^^^^^^^^^
sumun.toml:3:1: unknown key `lisen`: did you mean `listen`?
  3 | lisen = "127.0.0.1:80"
    | ^^^^^
sumun.toml:6:22: `tokens.authorization_code` is too long: write at most 10m (RFC 6749 §4.1.2): clients redeem it at once
  6 | authorization_code = "1h"
    |                      ^^^^
sumun.toml:7:16: `tokens.access_token` is 0, so nothing would live: make it longer
  7 | access_token = "0s"
    |                ^^^^
sumun.toml:13:1: this client cannot work: redirect_uris is required for the grant type authorization_code
  13 | [[clients]]
     | ^^^^^^^^^^^
sumun.toml:15:10: `clients[0].secret` must be text in quotes
  15 | secret = …
     |          ^
"#
    );
}

#[tokio::test]
async fn a_file_that_is_not_there() {
    let mut command = sumun();
    command.args(["config", "check", "--config", "/nowhere/sumun.toml"]);
    let ended = run(command, "").await;
    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.err,
        "error: the settings file /nowhere/sumun.toml cannot be read: name another one with \
         --config: No such file or directory (os error 2)\n"
    );
}

#[tokio::test]
async fn a_wrong_command_line_is_exit_code_2() {
    let mut command = sumun();
    command.args(["demo", "--prot", "1"]);
    let ended = run(command, "").await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--port"), "{ended:?}");
}

/// A server on a path of the authorization server would take it away.
#[tokio::test]
async fn no_server_gets_a_path_of_the_authorization_server() {
    let house = crate::house::House::demo().await;
    let metadata = get(
        &format!("{}/.well-known/openid-configuration", house.url),
        None,
    )
    .await;
    let metadata = metadata.json();
    let urls = metadata
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    let mut count = 0;
    for (name, url) in urls {
        let path = url.as_str().unwrap().strip_prefix(&house.url).unwrap();
        let (ended, _) = check(&format!(
            "public_url = \"https://a.example\"\ndata = \"d\"\n[[servers]]\nname = \"whoami\"\n\
             path = \"{path}\"\n"
        ))
        .await;
        assert!(
            ended.err.contains("belongs to the authorization server"),
            "{name}: {ended:?}"
        );
        count += 1;
    }
    assert!(count >= 5, "{metadata}");
}
