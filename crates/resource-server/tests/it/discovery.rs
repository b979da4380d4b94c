//! The metadata of a protected resource (RFC 9728, acceptance D1, D2).

use http::Request;
use resource_server::{Issuer, ProtectedResource};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn d1_metadata_is_at_the_path_inserted_address_and_names_the_resource_exactly() {
    let house = House::new();
    let path = METADATA.strip_prefix("https://mcp.example").unwrap();
    let answer = send(
        &house.protected(),
        Request::get(path).body("".into()).unwrap(),
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let expected = json!({
        "resource": RESOURCE,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["read:todos"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Todo manager",
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn d1_one_resource_may_answer_at_the_root() {
    let root = "/.well-known/oauth-protected-resource";
    let app = resource().root_metadata_routes();
    let answer = send(&app, Request::get(root).body("".into()).unwrap()).await;
    assert_eq!(answer.json()["resource"], RESOURCE);
    let answer = send(
        &House::new().protected(),
        Request::get(root).body("".into()).unwrap(),
    )
    .await;
    assert_eq!(answer.status, 404, "only if it is asked to");
}

#[test]
fn d1_the_address_is_kept_and_the_well_known_part_inserted() {
    #[track_caller]
    fn check(resource: &str, metadata_url: &str) {
        let protected = ProtectedResource::new(resource).unwrap();
        assert_eq!(protected.resource(), resource);
        assert_eq!(protected.metadata().resource, resource);
        assert_eq!(protected.metadata_url(), metadata_url);
    }
    let root = "https://mcp.example/.well-known/oauth-protected-resource";
    check("https://mcp.example", root);
    check("https://mcp.example/", root);
    check("https://mcp.example/mcp", &format!("{root}/mcp"));
    check("https://mcp.example/mcp/", &format!("{root}/mcp/"));
    check("https://MCP.example:443/mcp", &format!("{root}/mcp"));
    let local = "http://127.0.0.1:8080";
    check(
        &format!("{local}/a/b"),
        &format!("{local}/.well-known/oauth-protected-resource/a/b"),
    );
}

#[test]
fn what_is_no_address_of_a_resource() {
    for bad in [
        "",
        "mcp.example",
        "ftp://mcp.example",
        "https://u:p@mcp.example",
        "https://mcp.example/?q",
        "https://mcp.example/#f",
        "https://mcp.example/{id}",
    ] {
        assert!(ProtectedResource::new(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn d2_no_header_of_a_request_changes_an_address() {
    let house = House::new();
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example"),
    ] {
        let answer = send(&house.protected(), post(&[(name, value)], call("read"))).await;
        assert_eq!(
            answer.challenge().resource_metadata.as_deref(),
            Some(METADATA)
        );
    }
    let path = METADATA.strip_prefix("https://mcp.example").unwrap();
    let request = Request::get(path)
        .header("host", "evil.example")
        .body("".into())
        .unwrap();
    assert_eq!(
        send(&house.protected(), request).await.json()["resource"],
        RESOURCE
    );
}

#[test]
fn rs08_offline_access_is_nothing_a_resource_asks_for() {
    let resource = resource().scopes_supported(&scope("a offline_access b"));
    assert_eq!(resource.metadata().scopes_supported, ["a", "b"]);
}

#[test]
fn several_issuers_are_listed_in_order() {
    let other = Issuer::parse("https://other.example/").unwrap();
    let metadata = resource().authorization_server(other).metadata().clone();
    let issuers: Vec<_> = metadata
        .authorization_servers
        .iter()
        .map(Issuer::as_str)
        .collect();
    assert_eq!(issuers, [ISSUER, "https://other.example/"]);
}
