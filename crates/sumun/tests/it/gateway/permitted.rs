//! The policy on the wire: names, lists, refusals and challenges (acceptance G7, G8, D3).

use std::io::Error;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::stream::pending;
use serde_json::json;
use tempfile::tempdir;

use super::client::{Client, message, names, result, stateless_request};
use super::upstream::{Fake, GOOD, stream};
use super::{PERMITTED, SETTINGS, at, house, recorded};
use crate::house::{House, free_port};

async fn notes() -> Fake {
    Fake::stateless(&["read", "write", "delete", "drop"], |seen| {
        seen.result(GOOD)
    })
    .await
}

const RULES: &str = r#"
[[policy.rules]]
upstream = "notes"
tools = ["read"]
scopes = ["notes:read"]

[[policy.rules]]
upstream = "notes"
tools = ["write"]
scopes = ["notes:write"]

[[policy.rules]]
upstream = "notes"
tools = ["delete"]
scopes = ["notes:write", "notes:delete"]
"#;

#[tokio::test]
async fn g7_names_stay_when_an_upstream_is_added() {
    let (notes, more) = (notes().await, notes().await);
    let directory = Arc::new(tempdir().unwrap());
    let port = free_port();
    let one = format!("{SETTINGS}{PERMITTED}{}", at("notes", &notes.url));
    let house = House::serve(&one, &directory, port, &[]).await;
    let robot = Client::robot(&house, "/mcp").await;
    let before = names(&robot.ask_stateless("tools/list", json!({})).await);
    assert_eq!(before.len(), 4);
    house.stop("TERM").await;
    let two = format!("{one}{}", at("a-first-one", &more.url));
    let house = House::serve(&two, &directory, port, &[]).await;
    let robot = Client::robot(&house, "/mcp").await;
    let after = names(&robot.ask_stateless("tools/list", json!({})).await);
    assert_eq!(after.len(), 8);
    for name in before {
        assert!(after.contains(&name), "{name} is gone: {after:?}");
    }
}

#[tokio::test]
async fn g8_a_list_shows_what_may_be_called_and_is_for_nobody_else() {
    let notes = notes().await;
    let house = house(&format!("{}{RULES}", at("notes", &notes.url))).await;
    for (scope, may) in [
        ("notes:read", &["read"][..]),
        ("notes:read%20notes:write", &["read", "write"]),
        (
            "notes:read%20notes:write%20notes:delete",
            &["read", "write", "delete"],
        ),
    ] {
        for (path, prefix) in [("/notes/mcp", ""), ("/mcp", "notes__")] {
            let keeper = Client::of(&house, "keeper", path, scope).await;
            let list = keeper.ask_stateless("tools/list", json!({})).await;
            assert_eq!(result(&list)["cacheScope"], "private", "{list:?}");
            let listed = names(&list);
            let expected: Vec<_> = may.iter().map(|name| format!("{prefix}{name}")).collect();
            assert_eq!(listed, expected, "{scope}");
            for tool in ["read", "write", "delete", "drop"] {
                let calls = notes.of("tools/call").len();
                let answer = keeper.call_stateless(&format!("{prefix}{tool}")).await;
                let is_called = notes.of("tools/call").len() > calls;
                assert_eq!(is_called, may.contains(&tool), "{tool}: {answer:?}");
            }
            // A session sees the same.
            let session = keeper.initialize("2025-11-25").await;
            assert_eq!(names(&session.ask("tools/list", json!({})).await), expected);
        }
    }
}

#[tokio::test]
async fn g8_methods_that_nobody_knows_are_denied_unless_a_rule_names_them() {
    let notes = notes().await;
    let upstream = at("notes", &notes.url);
    let named = "[[policy.rules]]\nupstream = \"notes\"\nmethods = [\"acme/open\"]\n";
    let house = house(&format!("{upstream}{RULES}{named}")).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let answer = robot.ask_stateless("acme/secret", json!({})).await;
    assert!(message(&answer)["error"].is_object(), "{answer:?}");
    assert_eq!(notes.of("acme/secret").len(), 0);
    let answer = robot.ask_stateless("acme/open", json!({})).await;
    result(&answer);
    assert_eq!(notes.of("acme/open").len(), 1);
}

#[tokio::test]
async fn d3_a_challenge_names_every_scope_that_the_call_needs() {
    let notes = notes().await;
    let house = house(&format!("{}{RULES}", at("notes", &notes.url))).await;
    let keeper = Client::of(&house, "keeper", "/notes/mcp", "notes:read").await;
    let answer = keeper.call_stateless("delete").await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.contains("error=\"insufficient_scope\""),
        "{challenge}"
    );
    assert!(challenge.contains("resource_metadata=\""), "{challenge}");
    let scope = |challenge: &str| {
        let scope = challenge.split("scope=\"").nth(1).unwrap();
        let mut scopes: Vec<_> = scope
            .split('"')
            .next()
            .unwrap()
            .split(' ')
            .map(str::to_owned)
            .collect();
        scopes.sort_unstable();
        scopes
    };
    assert_eq!(scope(challenge), ["notes:delete", "notes:write"]);

    // Clients before 2026-07-28 would forget what they have.
    let session = keeper.clone().initialize("2025-11-25").await;
    let answer = session.call("delete").await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let challenge = answer.header("www-authenticate");
    assert_eq!(
        scope(challenge),
        ["notes:delete", "notes:read", "notes:write"]
    );

    // Without a token there is nothing wrong with one.
    let nobody = keeper.without_token();
    let answer = nobody.call_stateless("delete").await;
    assert_eq!(answer.status, 401);
    assert!(
        !answer.header("www-authenticate").contains("error="),
        "{answer:?}"
    );
    assert_eq!(notes.of("tools/call").len(), 0);
}

#[tokio::test]
async fn who_may_only_read_may_call_what_reads_before_anybody_knows_that_it_does() {
    let notes = Fake::new(|seen| match seen.rpc() {
        "server/discover" => seen.result(
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#,
        ),
        "tools/list" => {
            let tool = |name: &str, reads: bool| {
                let hints = json!({"readOnlyHint": reads});
                json!({"name": name, "inputSchema": {"type": "object"}, "annotations": hints})
            };
            let tools = [tool("read", true), tool("write", false)];
            seen.result(&json!({"resultType": "complete", "ttlMs": 0, "tools": tools}).to_string())
        }
        _ => seen.result(GOOD),
    })
    .await;
    // Who has the scope may do the rest, so that a refusal would be a challenge.
    let rules = "[[policy.rules]]\nupstream = \"notes\"\nread_only = true\n\
                 [[policy.rules]]\nupstream = \"notes\"\nscopes = [\"notes:write\"]\n";
    let house = house(&format!("{}{rules}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/mcp").await;
    result(&robot.call_stateless("notes__read").await);
    let answer = robot.call_stateless("notes__write").await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(notes.of("tools/call").len(), 1);
}

#[tokio::test]
async fn rules_decide_who_may_be_introduced() {
    let notes = notes().await;
    let rule = "[[policy.rules]]\neffect = \"deny\"\nupstream = \"notes\"\n\
                methods = [\"initialize\", \"server/discover\"]\nclients = [\"robot\"]\n";
    let house = house(&format!("{PERMITTED}{}{rule}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    for answer in [
        robot.ask("initialize", hello).await,
        robot.ask_stateless("server/discover", json!({})).await,
    ] {
        assert!(message(&answer)["error"].is_object(), "{answer:?}");
    }
    assert_eq!(notes.of("server/discover").len(), 0, "nobody was asked");
    assert_eq!(recorded(&house, "policy_decision").len(), 2);

    let stranger = Client::of(&house, "stranger", "/notes/mcp", "").await;
    result(&stranger.ask_stateless("server/discover", json!({})).await);
    stranger.initialize("2025-11-25").await;
}

#[tokio::test]
async fn rules_decide_who_may_listen() {
    let notes = Fake::new(|seen| match seen.rpc() {
        "server/discover" => seen.result(
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true}}}"#,
        ),
        "subscriptions/listen" => stream(Body::from_stream(pending::<Result<Bytes, Error>>())),
        _ => seen.result(GOOD),
    })
    .await;
    let rule = "[[policy.rules]]\neffect = \"deny\"\nupstream = \"notes\"\n\
                methods = [\"subscriptions/listen\"]\nclients = [\"robot\"]\n\
                [[policy.rules]]\neffect = \"deny\"\nupstream = \"notes\"\n\
                resources = [\"file:///secret\"]\n";
    let house = house(&format!("{PERMITTED}{}{rule}", at("notes", &notes.url))).await;
    let news = json!({"notifications": {"toolsListChanged": true}});
    for path in ["/notes/mcp", "/mcp"] {
        let robot = Client::robot(&house, path).await;
        let answer = robot
            .ask_stateless("subscriptions/listen", news.clone())
            .await;
        assert!(message(&answer)["error"].is_object(), "{answer:?}");
    }
    assert_eq!(
        notes.of("subscriptions/listen").len(),
        0,
        "nobody was asked"
    );
    assert_eq!(recorded(&house, "policy_decision").len(), 2);

    let stranger = Client::of(&house, "stranger", "/notes/mcp", "").await;
    let secret =
        json!({"notifications": {"resourceSubscriptions": ["file:///open", "file:///secret"]}});
    let answer = stranger.ask_stateless("subscriptions/listen", secret).await;
    let error = message(&answer)["error"].to_string();
    assert!(error.contains("file:///secret"), "{answer:?}");
    assert_eq!(recorded(&house, "policy_decision").len(), 3);

    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "subscriptions/listen"),
    ];
    let listen = stateless_request("subscriptions/listen", news).to_string();
    let mut heard = stranger.watch("POST", &headers, &listen).await;
    heard
        .until("notifications/subscriptions/acknowledged")
        .await;
}
