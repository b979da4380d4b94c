//! Raw MCP messages over HTTP, with exactly the headers that a test wants.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::http_client::{Answer, send};

/// An MCP endpoint and a token for it.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint<'a> {
    pub(crate) url: &'a str,
    pub(crate) token: &'a str,
}

impl Endpoint<'_> {
    /// Sends a JSON-RPC message, or several, with these headers besides the usual ones.
    pub(crate) async fn post(self, headers: &[(&str, &str)], message: &Value) -> Answer {
        let usual = [
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        let headers = usual.iter().chain(headers);
        self.send(Method::POST, headers, Body::from(message.to_string()))
            .await
    }

    /// Sends a request of another method, without a body.
    pub(crate) async fn request(self, method: Method, headers: &[(&str, &str)]) -> Answer {
        self.send(method, headers.iter(), Body::empty()).await
    }

    async fn send<'h>(
        self,
        method: Method,
        headers: impl Iterator<Item = &'h (&'h str, &'h str)>,
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(self.url);
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(body).unwrap()).await
    }
}

/// A request of any revision before 2026-07-28.
pub(crate) fn request(id: u32, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// A request of 2026-07-28, which says itself what others say once.
pub(crate) fn stateless_request(id: u32, method: &str, params: &Value) -> Value {
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    request(id, method, &params)
}
