//! Who may come in from where, and with what in both hands (acceptance D4, D5).

use axum::http::Method;
use serde_json::json;

use super::client::{Client, result, stateless_request};
use super::upstream::{Fake, GOOD};
use super::{PERMITTED, at, house};
use crate::http_client::get;

#[tokio::test]
async fn d4_pages_of_known_origins_may_come_and_others_may_not() {
    let notes = Fake::stateless(&["read"], |seen| seen.result(GOOD)).await;
    let sections = format!("{PERMITTED}{}", at("notes", &notes.url));
    let origins = "allowed_origins = [\"https://app.example.com\"]\n";
    let settings = format!("{origins}{}{sections}", super::SETTINGS);
    let directory = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let port = crate::house::free_port();
    let house = crate::house::House::serve(&settings, &directory, port, &[]).await;
    for path in ["/notes/mcp", "/mcp"] {
        let robot = Client::robot(&house, path).await;
        let nobody = robot.without_token();
        let asks = [
            ("origin", "https://app.example.com"),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type,mcp-session-id",
            ),
        ];
        let answer = nobody.only(Method::OPTIONS, &asks).await;
        assert!(answer.status.is_success(), "{answer:?}");
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        for header in ["authorization", "mcp-session-id"] {
            assert!(allowed.contains(header) || allowed == "*", "{answer:?}");
        }

        let known = [("origin", "https://app.example.com")];
        let answer = nobody.post(&known, "{}".to_owned()).await;
        assert_eq!(answer.status, 401);
        let exposed = answer
            .header("access-control-expose-headers")
            .to_lowercase();
        assert!(exposed.contains("www-authenticate"), "{answer:?}");
        assert!(exposed.contains("mcp-session-id"), "{answer:?}");

        let foreign = [("origin", "https://evil.example.net")];
        let list = stateless_request("tools/list", json!({})).to_string();
        assert_eq!(robot.post(&foreign, list).await.status, 403);
    }
    assert_eq!(notes.of("tools/list").len(), 0);
}

#[tokio::test]
async fn the_front_door_says_what_there_is_and_every_other_that_there_is_nothing() {
    let notes = Fake::stateless(&["read"], |seen| seen.result(GOOD)).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let url = &house.url;
    let page = get(url, None).await;
    for line in [
        format!("  notes           {url}/notes/mcp\n"),
        format!("  all together    {url}/mcp\n"),
    ] {
        assert!(page.text().contains(&line), "{}", page.text());
    }
    let nothing = get(&format!("{url}/note/mcp"), None).await;
    assert_eq!(nothing.status, 404);
    assert_eq!(
        nothing.text(),
        format!("There is nothing at this address. {url}/ says what there is.\n")
    );
    assert_eq!(nothing.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn d5_what_is_said_twice_is_refused() {
    let notes = Fake::stateless(&["read", "drop"], |seen| seen.result(GOOD)).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.call_stateless("read").await);
    let call = stateless_request("tools/call", json!({"name": "read", "arguments": {}}));
    let call = call.to_string();
    let good = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "read"),
    ];
    for more in [
        ("authorization", "Bearer of-somebody-else"),
        ("mcp-method", "tools/call"),
        ("mcp-method", "tools/list"),
        ("mcp-name", "read"),
        ("mcp-name", "drop"),
        ("mcp-protocol-version", "2025-11-25"),
    ] {
        let headers: Vec<_> = good.into_iter().chain([more]).collect();
        let answer = robot.post(&headers, call.clone()).await;
        assert!(answer.status.is_client_error(), "{more:?}: {answer:?}");
    }
    for (from, to) in [
        (r#""name":"read""#, r#""name":"read","name":"drop""#),
        (
            r#""method":"tools/call""#,
            r#""method":"tools/call","method":"tools/list""#,
        ),
        (r#""params":{"#, r#""params":{},"params":{"#),
        (r#""name":"read""#, r#""name":"drop""#),
        (r#""method":"tools/call""#, r#""method":"tools/list""#),
    ] {
        let body = call.replace(from, to);
        assert_ne!(body, call);
        let answer = robot.post(&good, body).await;
        assert_eq!(answer.status, 400, "{to}: {answer:?}");
    }
    assert_eq!(notes.of("tools/call").len(), 1, "nothing went through");
}

/// Go reads `Params` as `params`, and the last one counts (GHSA-wvj2-96wp-fq3f).
#[tokio::test]
async fn d5_what_is_said_twice_in_other_letters_is_refused() {
    let notes = Fake::stateless(&["read", "drop"], |seen| seen.result(GOOD)).await;
    let rules = "[[policy.rules]]\nupstream = \"*\"\ntools = [\"read\"]\n\
        [policy.rules.arguments.userId]\nclaim = \"sub\"\n";
    let house = house(&format!("{rules}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let call = json!({"name": "read", "arguments": {"userId": "robot"}});
    result(&robot.ask_stateless("tools/call", call.clone()).await);
    let good = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "read"),
    ];
    let call = stateless_request("tools/call", call).to_string();
    for (from, to) in [
        (r#""params":{"#, r#""Params":{"name":"drop"},"params":{"#),
        (r#""name":"read""#, r#""name":"read","Name":"drop""#),
        (
            r#""arguments":{"#,
            r#""Arguments":{"userId":"victim"},"arguments":{"#,
        ),
        (
            r#""userId":"robot""#,
            r#""userId":"robot","UserID":"victim""#,
        ),
        (
            r#""userId":"robot""#,
            r#""userId":"robot","u\u017ferId":"victim""#,
        ),
    ] {
        let body = call.replace(from, to);
        assert_ne!(body, call);
        let answer = robot.post(&good, body).await;
        let error = answer.status != 200 || !super::client::message(&answer)["error"].is_null();
        assert!(error, "{to}: {answer:?}");
    }
    assert_eq!(notes.of("tools/call").len(), 1, "nothing went through");
}

/// MCP 2026-07-28 has no stream that stands, and says so; what is there instead depends on the path.
#[tokio::test]
async fn gw_12_what_is_not_allowed_says_what_is() {
    let notes = Fake::stateless(&["read"], |seen| seen.result(GOOD)).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let newest = [("mcp-protocol-version", "2026-07-28")];
    for (path, method, headers, allowed) in [
        ("/mcp", Method::GET, &newest[..], "POST, OPTIONS"),
        ("/mcp", Method::DELETE, &newest, "POST, OPTIONS"),
        ("/mcp", Method::PUT, &[], "GET, POST, DELETE, OPTIONS"),
        ("/sse", Method::PUT, &[], "GET, OPTIONS"),
        ("/messages", Method::GET, &[], "POST, OPTIONS"),
    ] {
        let mut client = robot.clone();
        client.url = format!("{}/notes{path}", house.url);
        let answer = client.only(method.clone(), headers).await;
        assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}
