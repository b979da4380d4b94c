//! `GET /hello`: the smallest thing that a scope can protect.

use axum::Json;
use resource_server::Caller;
use serde_json::{Value, json};

/// The scope that a caller needs.
pub const SCOPE: &str = "mcp.access";

/// Greets the caller.
#[expect(clippy::unused_async, reason = "a handler of axum is asynchronous")]
pub async fn get(caller: Caller) -> Json<Value> {
    let client_id = caller.client_id().unwrap_or(caller.subject());
    Json(json!({ "message": format!("Hello, {client_id}!"), "subject": caller.subject() }))
}
