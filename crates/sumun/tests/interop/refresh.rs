//! What clients do when their access token has expired: refresh, unseen by the person.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::tempdir;

use crate::clients::{Client, assert_signed_in, assert_unattended, result};
use crate::house::House;
use crate::http_client::get;
use crate::people::ALICE;

/// A demo whose access tokens are good for two seconds, and for the leeway after them.
async fn hurried_house() -> House {
    let short = [("SUMUN_TOKENS__ACCESS_TOKEN", "2s")];
    House::demo_in(&Arc::new(tempdir().unwrap()), &short).await
}

/// Waits until every access token of before is refused. That is so when one is that was issued now.
async fn expiry(house: &House) {
    let token = house
        .client_token("mcp-client", "secret", "mcp.access")
        .await;
    let hello = format!("{}/hello", house.url);
    let refused = async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let answer = get(&hello, Some(&token)).await;
            if answer.status == 401 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), refused)
        .await
        .unwrap();
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.contains("invalid_token") && challenge.contains("expired"),
        "{challenge}"
    );
}

async fn refreshes(client: Client) {
    let house = hurried_house().await;
    let url = format!("{}/whoami/mcp", house.url);
    let state = tempdir().unwrap();
    let run = async || {
        client
            .at(&url, state.path())
            .person(ALICE)
            .option("--call", "whoami")
            .run()
            .await
    };
    let first = run().await;
    assert_signed_in(&first);
    expiry(&house).await;
    let second = run().await;
    assert_unattended(&second);
    assert_eq!(second["refreshed"], true, "{second:#}");
    assert_eq!(result(&second, 0), result(&first, 0), "the same person");
    assert_eq!(
        second["scope"], first["scope"],
        "nothing is lost on the way"
    );
}

#[tokio::test]
async fn fastmcp_refreshes_what_has_expired() {
    refreshes(Client::FastMcp).await;
}

#[tokio::test]
async fn mcp_remote_refreshes_what_has_expired() {
    refreshes(Client::McpRemote).await;
}

#[tokio::test]
async fn the_typescript_client_refreshes_what_has_expired() {
    refreshes(Client::TypeScript).await;
}

/// The resource of a refresh, as far as the client says it, is that of the grant (RFC 8707 §2.2).
#[tokio::test]
async fn fastmcp_refreshes_while_it_runs() {
    let house = House::demo().await;
    let url = format!("{}/whoami/mcp", house.url);
    let state = tempdir().unwrap();
    let driver = Client::FastMcp
        .at(&url, state.path())
        .person(ALICE)
        .option("--call", "whoami");
    let answer = driver.flag("--expire-between").run().await;
    assert_signed_in(&answer);
    let is_refresh = |request: &&Value| request["grant_type"] == "refresh_token";
    let requests = answer["requests"].as_array().unwrap();
    let refreshes: Vec<_> = requests.iter().filter(is_refresh).collect();
    let [refresh] = refreshes[..] else {
        panic!("one refresh: {requests:#?}")
    };
    assert_eq!(
        (&refresh["status"], &refresh["resource"]),
        (&200.into(), &url.into())
    );
    assert_eq!(result(&answer, 0)["username"], "alice");
}
