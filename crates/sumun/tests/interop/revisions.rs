//! Every revision of MCP from 2025-03-26 to 2026-07-28, by hand, on one endpoint.

use axum::http::Method;
use serde_json::{Value, json};

use crate::house::{House, SETTINGS};
use crate::http_client::Answer;
use crate::message::{Endpoint, request, stateless_request};

const SECRET: &str = "canary-client-secret";
/// A client that may read everybody's todos and create none.
const READER: &str = r#"
[[clients]]
client_id = "reader"
secret = "canary-client-secret"
auth_method = "client_secret_post"
grant_types = ["client_credentials"]
scope = ["read:todos"]
"#;

const TOOLS: [&str; 3] = ["create-todo", "delete-todo", "get-todos"];

/// A house, its todo endpoint and a token of a client that may create todos.
async fn todos() -> (House, String, String) {
    let house = House::with_settings(&format!("{SETTINGS}{READER}")).await;
    let token = house.client_token("robot", SECRET, "create:todos").await;
    let url = format!("{}/todo/mcp", house.url);
    (house, url, token)
}

/// The result in an answer to one request.
#[track_caller]
fn result(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let message = answer.json();
    assert!(message["error"].is_null(), "{message:#}");
    message["result"].clone()
}

#[track_caller]
fn tools(result: &Value) -> Vec<&str> {
    let tools = result["tools"].as_array().unwrap();
    let mut names: Vec<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names
}

fn create(content: &str) -> Value {
    json!({"name": "create-todo", "arguments": {"content": content}})
}

/// `initialize`, `initialized`, `tools/list` and `tools/call`, as that revision wrote them.
async fn converse(endpoint: Endpoint<'_>, revision: &str) {
    let hello = json!({
        "protocolVersion": revision,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let answer = endpoint.post(&[], &request(0, "initialize", &hello)).await;
    let hello = result(&answer);
    assert_eq!(hello["protocolVersion"], revision, "{hello:#}");
    assert_eq!(hello["serverInfo"]["name"], "sumun-todo");

    // 2025-03-26 knew no header for the revision; later ones require it after the first exchange.
    let version = [("mcp-protocol-version", revision)];
    let headers = if revision == "2025-03-26" {
        &[][..]
    } else {
        &version[..]
    };
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = endpoint.post(headers, &initialized).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.len()),
        (202, 0),
        "{answer:?}"
    );

    let answer = endpoint
        .post(headers, &request(1, "tools/list", &json!({})))
        .await;
    assert_eq!(tools(&result(&answer)), TOOLS);
    let answer = endpoint
        .post(headers, &request(2, "tools/call", &create(revision)))
        .await;
    let todo = result(&answer);
    assert_eq!(todo["structuredContent"]["content"], revision, "{todo:#}");
    let text = todo["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains(revision),
        "revisions without structured content have the text: {text}"
    );
}

#[tokio::test]
async fn every_revision_with_sessions_speaks_to_one_endpoint() {
    let (house, url, token) = todos().await;
    let endpoint = Endpoint {
        url: &url,
        token: &token,
    };
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        converse(endpoint, revision).await;
    }
    let version = [("mcp-protocol-version", "2025-11-25")];
    let list = json!({"name": "get-todos", "arguments": {}});
    let answer = endpoint
        .post(&version, &request(3, "tools/call", &list))
        .await;
    let todos = result(&answer)["structuredContent"]["todos"].clone();
    let contents: Vec<_> = todos
        .as_array()
        .unwrap()
        .iter()
        .map(|todo| &todo["content"])
        .collect();
    assert_eq!(
        contents,
        ["2025-11-25", "2025-06-18", "2025-03-26"],
        "{}",
        house.log()
    );
}

#[tokio::test]
async fn the_revision_2026_07_28_needs_no_handshake() {
    let (_house, url, token) = todos().await;
    let endpoint = Endpoint {
        url: &url,
        token: &token,
    };
    let version = ("mcp-protocol-version", "2026-07-28");

    let headers = [version, ("mcp-method", "server/discover")];
    let answer = endpoint
        .post(
            &headers,
            &stateless_request(1, "server/discover", &json!({})),
        )
        .await;
    let discovered = result(&answer);
    let revisions = discovered["supportedVersions"].as_array().unwrap();
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] {
        assert!(revisions.contains(&json!(revision)), "{discovered:#}");
    }

    let headers = [version, ("mcp-method", "tools/list")];
    let answer = endpoint
        .post(&headers, &stateless_request(2, "tools/list", &json!({})))
        .await;
    assert_eq!(tools(&result(&answer)), TOOLS);

    let headers = [
        version,
        ("mcp-method", "tools/call"),
        ("mcp-name", "create-todo"),
    ];
    let call = stateless_request(3, "tools/call", &create("without a handshake"));
    let answer = endpoint.post(&headers, &call).await;
    assert_eq!(
        result(&answer)["structuredContent"]["content"],
        "without a handshake"
    );
    assert!(answer.header("mcp-session-id").is_empty(), "{answer:?}");
}

#[tokio::test]
async fn a_batch_of_2025_03_26_is_answered_as_a_batch() {
    let (_house, url, token) = todos().await;
    let endpoint = Endpoint {
        url: &url,
        token: &token,
    };
    let batch = json!([
        request(1, "tools/list", &json!({})),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request(2, "tools/call", &create("in a batch")),
        request(3, "ping", &json!({})),
    ]);
    let answer = endpoint.post(&[], &batch).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut answers = answer.json().as_array().unwrap().clone();
    answers.sort_by_key(|message| message["id"].as_u64());
    let [list, call, pong] = &answers[..] else {
        panic!("three answers: {answers:#?}")
    };
    assert_eq!(tools(&list["result"]), TOOLS);
    assert_eq!(call["result"]["structuredContent"]["content"], "in a batch");
    assert_eq!((&pong["id"], &pong["result"]), (&json!(3), &json!({})));

    // Whoever may not do one of them does none of them.
    let answer = Endpoint {
        token: "",
        ..endpoint
    }
    .post(&[], &batch)
    .await;
    assert_eq!(answer.status, 401, "{answer:?}");
    for revision in ["2025-06-18", "2025-11-25", "2026-07-28"] {
        let answer = endpoint
            .post(&[("mcp-protocol-version", revision)], &batch)
            .await;
        assert_eq!(answer.status, 400, "{revision} has no batches: {answer:?}");
    }
}

#[tokio::test]
async fn d3_a_challenge_names_what_each_revision_needs_to_step_up() {
    let (house, url, _) = todos().await;
    let token = house.client_token("reader", SECRET, "read:todos").await;
    let endpoint = Endpoint {
        url: &url,
        token: &token,
    };
    let metadata = format!(
        "{}/.well-known/oauth-protected-resource/todo/mcp",
        house.url
    );
    let stateless = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "create-todo"),
    ];
    let legacy = [("mcp-protocol-version", "2025-11-25")];
    for (headers, message, scope) in [
        // These ask for exactly what a challenge names and would lose what they have.
        (
            &legacy[..],
            request(1, "tools/call", &create("x")),
            "create:todos read:todos",
        ),
        (
            &[],
            json!([request(1, "tools/call", &create("x"))]),
            "create:todos read:todos",
        ),
        (
            &stateless,
            stateless_request(1, "tools/call", &create("x")),
            "create:todos",
        ),
    ] {
        let answer = endpoint.post(headers, &message).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        let challenge = answer.header("www-authenticate");
        for part in [
            "error=\"insufficient_scope\"".to_owned(),
            format!("scope=\"{scope}\""),
            format!("resource_metadata=\"{metadata}\""),
        ] {
            assert!(challenge.contains(&part), "{part}: {challenge}");
        }
    }
}

#[tokio::test]
async fn d5_headers_that_differ_from_the_body_are_refused() {
    let (_house, url, token) = todos().await;
    let endpoint = Endpoint {
        url: &url,
        token: &token,
    };
    let call = stateless_request(7, "tools/call", &create("never"));
    let (version, method, name) = (
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "create-todo"),
    );
    for headers in [
        [version, method, ("mcp-name", "get-todos")],
        [version, ("mcp-method", "tools/list"), name],
        [("mcp-protocol-version", "2025-11-25"), method, name],
    ] {
        let answer = endpoint.post(&headers, &call).await;
        assert_eq!(answer.status, 400, "{headers:?}: {answer:?}");
        let message = answer.json();
        assert_eq!(
            (&message["error"]["code"], &message["id"]),
            (&json!(-32020), &json!(7))
        );
    }
    for twice in [
        ("mcp-name", "create-todo"),
        ("authorization", "Bearer another"),
    ] {
        let answer = endpoint.post(&[version, method, name, twice], &call).await;
        assert_eq!(answer.status, 400, "{twice:?}: {answer:?}");
    }
    let headers = [version, method, ("mcp-name", "get-todos")];
    let list = stateless_request(
        8,
        "tools/call",
        &json!({"name": "get-todos", "arguments": {}}),
    );
    let todos = result(&endpoint.post(&headers, &list).await);
    assert_eq!(
        todos["structuredContent"]["todos"],
        json!([]),
        "nothing was carried out"
    );
}

#[tokio::test]
async fn d4_pages_of_foreign_origins_are_refused_and_others_find_what_they_need() {
    let (house, url, token) = todos().await;
    let endpoint = Endpoint {
        url: &url,
        token: &token,
    };
    let list = request(1, "tools/list", &json!({}));
    let asks = (
        "access-control-request-headers",
        "authorization,mcp-protocol-version",
    );
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
    ] {
        let origin = ("origin", origin);
        let answer = endpoint.post(&[origin], &list).await;
        assert_eq!(answer.status, 403, "{origin:?}: {answer:?}");
        assert!(
            answer.headers.get("access-control-allow-origin").is_none(),
            "{answer:?}"
        );
        let nobody = Endpoint {
            token: "",
            ..endpoint
        };
        let answer = nobody.request(Method::OPTIONS, &[origin, asks]).await;
        assert_eq!(answer.status, 403, "{origin:?}: {answer:?}");
    }

    let origin = ("origin", "http://localhost:6274");
    let nobody = Endpoint {
        token: "",
        ..endpoint
    };
    let answer = nobody.request(Method::OPTIONS, &[origin, asks]).await;
    assert_eq!(
        answer.status, 204,
        "a preflight carries no token: {answer:?}"
    );
    assert_eq!(answer.header("access-control-allow-origin"), origin.1);
    assert_eq!(answer.header("access-control-allow-headers"), asks.1);
    assert!(
        answer
            .header("access-control-allow-methods")
            .contains("POST"),
        "{answer:?}"
    );
    let answer = nobody.post(&[origin], &list).await;
    assert_eq!(answer.status, 401);
    let exposed = answer
        .header("access-control-expose-headers")
        .to_ascii_lowercase();
    assert!(
        exposed.contains("www-authenticate") && exposed.contains("mcp-session-id"),
        "{exposed}"
    );
    assert_eq!(
        result(&endpoint.post(&[origin], &list).await)["tools"]
            .as_array()
            .unwrap()
            .len(),
        3
    );

    for path in [
        "/.well-known/oauth-authorization-server",
        "/token",
        "/register",
    ] {
        let address = format!("{}{path}", house.url);
        let page = Endpoint {
            url: &address,
            token: "",
        };
        let method = ("access-control-request-method", "POST");
        let answer = page.request(Method::OPTIONS, &[origin, method, asks]).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        assert!(
            !answer.header("access-control-allow-origin").is_empty(),
            "{path}: {answer:?}"
        );
    }
}
