//! Clients that run in a browser (acceptance D4).

use axum::body::Body;
use http::Request;

use crate::support::*;

fn preflight(origin: &str) -> Request<Body> {
    Request::options("/todo/mcp")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization, mcp-param-region",
        )
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn d4_a_preflight_needs_no_token() {
    let answer = send(&House::new().protected(), preflight("https://mcp.example")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://mcp.example")
    );
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET, POST, DELETE, OPTIONS")
    );
    let asked = answer.header("access-control-allow-headers");
    assert_eq!(asked, Some("authorization, mcp-param-region"));
    assert_eq!(answer.header("vary"), Some("Origin"));
}

#[tokio::test]
async fn d4_a_page_can_read_the_challenge() {
    let headers = [("origin", "https://mcp.example")];
    let answer = send(&House::new().protected(), post(&headers, call("read"))).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://mcp.example")
    );
    let exposed = answer.header("access-control-expose-headers");
    assert_eq!(
        exposed,
        Some("WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce")
    );
}

#[tokio::test]
async fn d4_a_foreign_page_is_refused_with_and_without_a_token() {
    let house = House::new();
    let token = bearer(&house.token(|_| {}));
    for origin in [
        "https://evil.example",
        "null",
        "http://mcp.example",
        "https://mcp.example:8443",
        "https://mcp.example.evil.example",
        "http://localhost:6274",
        "",
    ] {
        let headers = [("origin", origin), ("authorization", token.as_str())];
        let answer = send(&house.protected(), post(&headers, call("read"))).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(
            send(&house.protected(), preflight(origin)).await.status,
            403,
            "{origin}"
        );
    }
    let twice = [
        ("origin", "https://mcp.example"),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(
        send(&house.protected(), post(&twice, call("read")))
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn d4_listed_origins_are_allowed() {
    let house = House::new();
    let resource = resource().allow_origin("https://Inspector.example/");
    let app = protect(&resource, house.verifier());
    assert_eq!(
        send(&app, preflight("https://inspector.example"))
            .await
            .status,
        204
    );
    assert_eq!(
        send(&app, preflight("https://other.example")).await.status,
        403
    );
}

#[tokio::test]
async fn d4_a_server_on_this_machine_serves_pages_of_this_machine() {
    let house = House::new();
    let local = resource_server::ProtectedResource::new("http://127.0.0.1:8080/todo/mcp").unwrap();
    let app = protect(&local, house.verifier());
    for origin in [
        "http://localhost:6274",
        "http://127.0.0.1:1",
        "http://[::1]:3000",
        "https://localhost",
    ] {
        assert_eq!(send(&app, preflight(origin)).await.status, 204, "{origin}");
    }
    for origin in [
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "chrome-extension://localhost",
    ] {
        assert_eq!(send(&app, preflight(origin)).await.status, 403, "{origin}");
    }
}

#[tokio::test]
async fn d4_metadata_is_readable_from_every_page() {
    let path = METADATA.strip_prefix("https://mcp.example").unwrap();
    let request = Request::options(path)
        .header("origin", "https://anywhere.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "mcp-protocol-version")
        .body(Body::empty())
        .unwrap();
    let answer = send(&House::new().protected(), request).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("*, Authorization")
    );
}
