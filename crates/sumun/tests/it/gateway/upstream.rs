//! Servers over HTTP that answer as a test wants, and remember what they were asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Seen {
    pub(super) fn rpc(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    /// The name of the tool that is called.
    pub(super) fn name(&self) -> &str {
        self.body["params"]["name"].as_str().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// A result for this request, written exactly so.
    pub(super) fn result(&self, result: &str) -> Response {
        let id = &self.body["id"];
        json_body(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
        ))
    }

    /// An error for this request.
    pub(super) fn error(&self, status: u16, error: &str) -> Response {
        let id = &self.body["id"];
        let mut response = json_body(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    }

    /// A list of tools with these names.
    pub(super) fn tools(&self, names: &[&str]) -> Response {
        let tools = names.iter().map(|name| {
            json!({"name": name, "description": "A tool.", "inputSchema": {"type": "object"}})
        });
        let list = json!({
            "resultType": "complete", "ttlMs": 60_000, "cacheScope": "public",
            "tools": tools.collect::<Vec<_>>(),
        });
        self.result(&list.to_string())
    }
}

pub(super) fn json_body(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

pub(super) fn stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

pub(super) fn status(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap().into_response()
}

/// What every good call returns.
pub(super) const GOOD: &str = r#"{"content":[{"type":"text","text":"good"}]}"#;

type Answer = dyn Fn(&Seen) -> Response + Send + Sync;

/// A server; dropped, it is gone.
pub(super) struct Fake {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinSet<()>,
}

impl Fake {
    pub(super) async fn new(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (all, answer): (_, Arc<Answer>) = (Arc::clone(&seen), Arc::new(answer));
        let app = Router::new().fallback(move |request: Request| {
            let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let seen = Seen {
                    method: parts.method,
                    headers: parts.headers,
                    text: String::from_utf8(body.to_vec()).unwrap(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                all.lock().unwrap().push(seen.clone());
                answer(&seen)
            }
        });
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen, serving }
    }

    /// A server of 2026-07-28 with these tools, which answers calls by `call`.
    pub(super) async fn stateless(
        tools: &'static [&'static str],
        call: impl Fn(&Seen) -> Response + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |seen| match seen.rpc() {
            "server/discover" => seen.result(
                r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fake","version":"1"}}}"#,
            ),
            "tools/list" => seen.tools(tools),
            _ => call(seen),
        })
        .await
    }

    /// A server with sessions, whose only session is the one that `session` names at the moment.
    pub(super) async fn with_sessions(
        tools: &'static [&'static str],
        session: impl Fn() -> String + Send + Sync + 'static,
        call: impl Fn(&Seen) -> Response + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |seen| {
            if seen.method == Method::DELETE {
                return status(200);
            }
            if seen.method == Method::GET {
                return status(405);
            }
            if seen.rpc() == "initialize" {
                let revision = &seen.body["params"]["protocolVersion"];
                let hello = json!({
                    "protocolVersion": revision,
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "fake", "version": "1"},
                });
                let mut response = seen.result(&hello.to_string());
                let session = session().parse().unwrap();
                response.headers_mut().insert("mcp-session-id", session);
                return response;
            }
            if seen.header("mcp-session-id").is_empty() {
                return seen.error(400, r#"{"code":-32000,"message":"no session was named"}"#);
            }
            if seen.header("mcp-session-id") != session() {
                return status(404);
            }
            match seen.rpc() {
                _ if seen.body["id"].is_null() => status(202),
                "tools/list" => seen.tools(tools),
                _ => call(seen),
            }
        })
        .await
    }

    /// The requests of one method so far.
    pub(super) fn of(&self, rpc: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        let of_method = seen.iter().filter(|seen| seen.rpc() == rpc);
        of_method.cloned().collect()
    }

    /// Ends the server.
    pub(super) async fn stop(mut self) {
        self.serving.shutdown().await;
    }
}
