//! `sumun serve`: addresses, metadata, headers and the log.

use std::sync::Arc;

use serde_json::json;
use tempfile::tempdir;

use crate::house::{House, SETTINGS, free_port};
use crate::http_client::{call_tool, get, post_form};

#[tokio::test]
async fn d1_metadata_of_every_resource_and_of_the_default_one_at_the_root() {
    let house = House::with_settings(SETTINGS).await;
    let url = &house.url;
    for (path, resource) in [
        ("/whoami/mcp", "/whoami/mcp"),
        ("/todo/mcp", "/todo/mcp"),
        ("/hello", "/hello"),
        ("", "/todo/mcp"),
    ] {
        let address = format!("{url}/.well-known/oauth-protected-resource{path}");
        let answer = get(&address, None).await;
        assert_eq!(answer.status, 200, "{address}: {answer:?}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "*",
            "{address}"
        );
        let metadata = answer.json();
        assert_eq!(metadata["resource"], format!("{url}{resource}"));
        assert_eq!(metadata["authorization_servers"], json!([url]));
    }
    let metadata = get(
        &format!("{url}/.well-known/oauth-authorization-server"),
        None,
    )
    .await;
    assert_eq!(metadata.json()["issuer"], **url, "no slash is added");
}

#[tokio::test]
async fn d1_a_public_url_with_a_path() {
    let directory = Arc::new(tempdir().unwrap());
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/tenant/1");
    let house = House::serve(SETTINGS, &directory, port, &[("SUMUN_PUBLIC_URL", &url)]).await;
    let origin = format!("http://127.0.0.1:{port}");
    let address = format!("{origin}/.well-known/oauth-protected-resource/tenant/1/todo/mcp");
    assert_eq!(
        get(&address, None).await.json()["resource"],
        format!("{url}/todo/mcp")
    );
    let answer = get(&format!("{url}/hello"), None).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    let expected = format!(
        "resource_metadata=\"{origin}/.well-known/oauth-protected-resource/tenant/1/hello\""
    );
    assert!(
        answer.header("www-authenticate").contains(&expected),
        "{answer:?}"
    );
    assert!(
        !house.log().contains("cannot be reached"),
        "{}",
        house.log()
    );
}

#[tokio::test]
async fn the_index_leads_to_the_servers() {
    let house = House::with_settings(SETTINGS).await;
    let answer = get(&format!("{}/", house.url), None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for path in [
        "/whoami/mcp",
        "/todo/mcp",
        "/.well-known/oauth-authorization-server",
    ] {
        assert!(
            answer.text().contains(&format!("{}{path}", house.url)),
            "{}",
            answer.text()
        );
    }
}

/// What a revoked token opened is closed at the next request, cache or not (acceptance A6).
#[tokio::test]
async fn a6_a_revoked_token_is_no_good_at_the_next_request() {
    let house = House::with_settings(SETTINGS).await;
    let token = house
        .client_token("robot", "canary-client-secret", "mcp.access")
        .await;
    let hello = format!("{}/hello", house.url);
    assert_eq!(get(&hello, Some(&token)).await.status, 200);
    let form = format!("client_id=robot&client_secret=canary-client-secret&token={token}");
    assert_eq!(
        post_form(&format!("{}/revoke", house.url), &form)
            .await
            .status,
        200
    );
    let answer = get(&hello, Some(&token)).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(
        answer
            .header("www-authenticate")
            .contains("error=\"invalid_token\""),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_token_is_good_for_one_resource() {
    let house = House::with_settings(SETTINGS).await;
    let token = house
        .client_token("robot", "canary-client-secret", "mcp.access")
        .await;
    let todo = format!("{}/todo/mcp", house.url);
    let answer = call_tool(&todo, &token, "get-todos", json!({})).await;
    assert!(matches!(answer.status.as_u16(), 401 | 403), "{answer:?}");
}

#[tokio::test]
async fn a11_the_log_holds_no_secret_at_any_level() {
    let directory = Arc::new(tempdir().unwrap());
    let environment = [("SUMUN_LOG__LEVEL", "trace"), ("SUMUN_LOG__FORMAT", "json")];
    let house = House::serve(SETTINGS, &directory, free_port(), &environment).await;
    let url = house.url.clone();
    let secret = "canary-client-secret";
    let token = house.client_token("robot", secret, "create:todos").await;
    let todo = json!({"content": "canary-content"});
    call_tool(&format!("{url}/todo/mcp"), &token, "create-todo", todo).await;
    let wrong = "grant_type=client_credentials&client_id=robot&client_secret=canary-wrong-secret";
    post_form(&format!("{url}/token"), wrong).await;
    get(
        &format!("{url}/authorize?client_id=canary-query&code=canary-code"),
        None,
    )
    .await;
    get(&format!("{url}/hello"), Some("canary-token")).await;
    let (_, log) = house.stop("TERM").await;
    assert!(log.contains("request refused"), "{log}");
    assert!(!log.contains("canary"), "{log}");
    assert!(!log.contains(&token), "{log}");
    for line in log.lines() {
        let _: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
    }
}

#[tokio::test]
async fn a_quiet_log_for_good_requests() {
    let house = House::with_settings(SETTINGS).await;
    let before = house.log().lines().count();
    let token = house
        .client_token("robot", "canary-client-secret", "mcp.access")
        .await;
    let answer = get(&format!("{}/hello", house.url), Some(&token)).await;
    assert!(!answer.header("x-request-id").is_empty());
    let (_, log) = house.stop("TERM").await;
    let lines: Vec<_> = log.lines().skip(before).collect();
    assert!(
        matches!(lines[..], [only] if only.contains("stopping")),
        "{lines:?}"
    );
}
