//! hello: a plain route behind a scope.

use axum::Router;
use axum::routing::get;
use examples::hello;
use http::Request;
use resource_server::{RequireBearer, RequireScope};
use serde_json::json;

use crate::client::{send, verifier};

#[tokio::test]
async fn hello_answers_to_the_scope() {
    let app = Router::new()
        .route("/hello", get(hello::get))
        .route_layer(RequireScope::new(hello::SCOPE.parse().unwrap()))
        .route_layer(RequireBearer::new(verifier()));
    let ask = |token: &str| {
        let request = Request::get("/hello").header("authorization", format!("Bearer {token}"));
        request.body("".into()).unwrap()
    };
    let (status, body) = send(&app, ask("alice+mcp.access")).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({"message": "Hello, test-client!", "subject": "alice"})
    );
    assert_eq!(send(&app, ask("alice+other")).await.0, 403);
}
