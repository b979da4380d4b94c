//! A house with the gateway before servers that a test has started.

use std::sync::Arc;

use tempfile::tempdir;

use crate::house::{House, free_port};
use crate::http_client;

const SECRET: &str = "canary-client-secret";

/// The settings of a client that may use what everybody may use, and of these upstreams.
pub(crate) fn settings(upstreams: &str) -> String {
    format!(
        r#"
[roles]
User = ["mcp.access"]

[scopes."mcp.access"]
en = "Use the servers"
ko = "서버 사용"

[policy]
default = "permit"

[[clients]]
client_id = "robot"
secret = "{SECRET}"
auth_method = "client_secret_post"
grant_types = ["client_credentials"]
{upstreams}"#
    )
}

/// A house with these upstreams, which everybody may use.
pub(crate) async fn house_before(upstreams: &str) -> House {
    let directory = Arc::new(tempdir().unwrap());
    House::serve(&settings(upstreams), &directory, free_port(), &[]).await
}

/// A token for the endpoint at `path` (`/docs/mcp`, or `/mcp` for all of them), and its address.
pub(crate) async fn entrance(house: &House, path: &str) -> (String, String) {
    let url = format!("{}{path}", house.url);
    let form = format!(
        "grant_type=client_credentials&client_id=robot&client_secret={SECRET}&resource={url}"
    );
    let answer = http_client::post_form(&format!("{}/oauth2/token", house.url), &form).await;
    assert_eq!(answer.status, 200, "{answer:?}\n{}", house.log());
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    (url, token)
}
