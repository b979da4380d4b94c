//! How a client of one revision writes its requests, with all that they have to say.

use axum::body::Body;
use axum::http::{Method, Request};
use gateway::Revision::{V2025_06_18, V2025_11_25, V2026_07_28};
use serde_json::{Value, json};

use super::client::Client;
use super::rule::is_of_sessions;
use super::wire::Opened;

impl Client {
    /// What it says that it can do.
    pub(super) fn own_capabilities(&self) -> Value {
        let mut capabilities = json!({"sampling": {}, "roots": {}});
        if is_of_sessions(self.revision) {
            capabilities["roots"] = json!({"listChanged": true});
        }
        if self.revision >= V2025_06_18 {
            capabilities["elicitation"] = json!({});
        }
        if self.revision >= V2025_11_25 {
            capabilities["elicitation"] = json!({"form": {}, "url": {}});
        }
        if self.revision == V2026_07_28 {
            capabilities["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
        }
        capabilities
    }

    /// Sends a message to an address.
    pub(super) async fn open_at(&self, url: &str, method: Method, body: &str) -> Opened {
        Opened::send(self.http(url, method, body)).await
    }

    fn http(&self, url: &str, method: Method, body: &str) -> Request<Body> {
        let is_get = method == Method::GET;
        let mut request = Request::builder().method(method).uri(url);
        let accept = if is_get {
            "text/event-stream"
        } else {
            "application/json, text/event-stream"
        };
        request = request.header("accept", accept);
        request = request.header("authorization", format!("Bearer {}", self.token));
        if !is_get {
            request = request.header("content-type", "application/json");
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        let is_introduced = self.session.is_some() || !is_of_sessions(self.revision);
        if is_introduced && self.revision >= V2025_06_18 {
            request = request.header("mcp-protocol-version", self.revision.as_str());
        }
        if !is_of_sessions(self.revision) {
            let message: Value = serde_json::from_str(body).unwrap();
            let params = &message["params"];
            let method = message["method"].as_str().unwrap_or("tools/call");
            request = request.header("mcp-method", method);
            let names = ["name", "uri", "taskId"].map(|name| params[name].as_str());
            if let Some(name) = names.into_iter().flatten().next() {
                request = request.header("mcp-name", name);
            }
            let region = params["arguments"]["region"].as_str();
            if let Some(region) = region.filter(|_| self.mirrors_region) {
                request = request.header("mcp-param-region", region);
            }
        }
        request.body(Body::from(body.to_owned())).unwrap()
    }

    /// A message that is being sent. It does not borrow the client, which may say more meanwhile.
    pub(super) fn posting(&self, body: &str) -> impl Future<Output = Opened> + use<> {
        Opened::send(self.http(&self.url, Method::POST, body))
    }

    /// Sends a message by a method of HTTP.
    pub(super) async fn open(&self, method: Method, body: &str) -> Opened {
        self.open_at(&self.url, method, body).await
    }

    /// A request under a new id, with all that every request has to say.
    pub(super) fn request(&mut self, method: &str, params: &str) -> (u64, String) {
        self.number += 1;
        let id = self.number;
        let mut meta = serde_json::Map::new();
        if !is_of_sessions(self.revision) {
            let mut put = |key: &str, value: Value| {
                meta.insert(format!("io.modelcontextprotocol/{key}"), value);
            };
            put("protocolVersion", self.revision.as_str().into());
            put("clientCapabilities", self.own_capabilities());
            put("clientInfo", json!({"name": "test", "version": "1"}));
            if let Some(level) = self.level {
                put("logLevel", level.into());
            }
        }
        if self.wants_progress {
            meta.insert("progressToken".to_owned(), format!("p{id}").into());
        }
        let params = if meta.is_empty() {
            params.to_owned()
        } else {
            with(params, &format!(r#""_meta":{}"#, Value::from(meta)))
        };
        let message =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        (id, message)
    }
}

/// `params` with more members.
pub(super) fn with(params: &str, more: &str) -> String {
    let rest = params.strip_prefix('{').unwrap();
    let comma = if rest == "}" { "" } else { "," };
    format!("{{{more}{comma}{rest}")
}
