//! A client whose token says in plain text who it is.

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use resource_server::{Caller, VerifyToken, verify_with};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Reads tokens like `alice+create:todos+read:todos`: a subject and its scopes.
pub(crate) fn verifier() -> impl VerifyToken {
    verify_with(|token| async move {
        let (subject, scopes) = token
            .expose()
            .split_once('+')
            .unwrap_or((token.expose(), ""));
        let scopes = scopes.replace('+', " ").replace('/', ":").parse().unwrap();
        let caller = Caller::new(subject)
            .with_scopes(scopes)
            .with_client_id("test-client");
        Ok(caller
            .with_claim("email", "alice@example.com")
            .with_claim("groups", "staff"))
    })
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Sends one JSON-RPC request and gives its result.
pub(crate) async fn ask(
    app: &Router,
    path: &str,
    token: &str,
    method: &str,
    params: Value,
) -> Value {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let request = Request::post(path)
        .header("host", "mcp.example")
        .header("content-type", "application/json")
        .header(
            "authorization",
            format!("Bearer {}", token.replace(':', "/")),
        )
        .body(Body::from(message.to_string()))
        .unwrap();
    let (status, answer) = send(app, request).await;
    assert_eq!(status, 200, "{answer}");
    answer["result"].clone()
}
