//! Servers that do as they are told.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A request as a server saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Seen {
    pub(super) fn rpc(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// A result for this request.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that `json!` can stand in its place"
    )]
    pub(super) fn result(&self, result: Value) -> Response {
        let message = json!({"jsonrpc": "2.0", "id": self.body["id"], "result": result});
        axum::Json(message).into_response()
    }

    /// An error for this request.
    pub(super) fn error(&self, status: u16, code: i64, message: &str) -> Response {
        let error = json!({"code": code, "message": message});
        let message = json!({"jsonrpc": "2.0", "id": self.body["id"], "error": error});
        let status = StatusCode::from_u16(status).unwrap();
        (status, axum::Json(message)).into_response()
    }
}

/// Messages as a stream of events.
pub(super) fn events(messages: &[Value]) -> Response {
    let events: Vec<_> = messages.iter().map(event).collect();
    stream(Body::from(events.concat()))
}

/// A message as an event.
pub(super) fn event(message: &Value) -> String {
    format!("data: {message}\n\n")
}

pub(super) fn stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

pub(super) fn status(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap().into_response()
}

type Answer = dyn Fn(&Seen) -> Response + Send + Sync;

/// A server over HTTP; dropped, it is gone.
pub(super) struct Fake {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinSet<()>,
}

impl Fake {
    pub(super) async fn new(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", answer).await
    }

    pub(super) async fn at(
        address: &str,
        answer: impl Fn(&Seen) -> Response + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (all, answer): (_, Arc<Answer>) = (seen.clone(), Arc::new(answer));
        let app = Router::new().fallback(move |request: Request| {
            let (all, answer) = (all.clone(), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let seen = Seen {
                    method: parts.method,
                    path: parts.uri.to_string(),
                    headers: parts.headers,
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

    pub(super) fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap()
    }

    /// The requests of one method.
    pub(super) fn of(&self, rpc: &str) -> Vec<Seen> {
        let seen = self.seen();
        let of_method = seen.iter().filter(|seen| seen.rpc() == rpc);
        of_method.cloned().collect()
    }

    /// Ends the server, and gives its address.
    pub(super) async fn stop(mut self) -> String {
        self.serving.shutdown().await;
        let address = self.url.strip_prefix("http://").unwrap();
        address.strip_suffix("/mcp").unwrap().to_owned()
    }
}

/// A server of 2026-07-28, which answers calls by `call`.
pub(super) async fn stateless(call: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Fake {
    Fake::new(move |seen| {
        let meta = &seen.body["params"]["_meta"];
        if meta["io.modelcontextprotocol/protocolVersion"] != "2026-07-28" {
            return seen.error(400, -32600, "this server wants to know the revision");
        }
        match seen.rpc() {
            "server/discover" => seen.result(json!({
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {"listChanged": true}, "logging": {}, "x": 1},
                "instructions": "be kind",
                "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "fake", "version": "2"}},
            })),
            _ => call(seen),
        }
    })
    .await
}

/// What a server with sessions answers to everything but calls.
pub(super) fn session_answer(
    seen: &Seen,
    session: &str,
    call: impl Fn(&Seen) -> Response,
) -> Response {
    if seen.method == Method::DELETE {
        return status(200);
    }
    if seen.method == Method::GET {
        return status(405);
    }
    if seen.rpc() == "initialize" {
        let mut response = seen.result(json!({
            "protocolVersion": seen.body["params"]["protocolVersion"],
            "capabilities": {"tools": {}, "logging": {}, "resources": {"subscribe": true}},
            "serverInfo": {"name": "fake", "version": "1"},
        }));
        let session = session.parse().unwrap();
        response.headers_mut().insert("mcp-session-id", session);
        return response;
    }
    if seen.header("mcp-session-id").is_empty() {
        return seen.error(400, -32000, "no valid session was named");
    }
    if seen.header("mcp-session-id") != session {
        return status(404);
    }
    if seen.body["id"].is_null() {
        return status(202);
    }
    call(seen)
}

/// A server with sessions.
pub(super) async fn with_sessions(
    call: impl Fn(&Seen) -> Response + Send + Sync + 'static,
) -> Fake {
    Fake::new(move |seen| session_answer(seen, "s1", &call)).await
}
