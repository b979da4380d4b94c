//! Tests of the fronts: clients of every revision, written by hand and real.

pub(crate) mod fake;
mod http_sse;
mod limits;
mod old_and_new;
mod real_clients;
mod sessions;
mod stateless;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use fake::Fake;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use resource_server::Caller;
use serde_json::{Value, json};

use super::http_sse::HttpSse;
use super::sessions::{EndedSessions, Sessions};
use super::stateless::Stateless;
use super::*;
use crate::server::McpServer;

pub(crate) const NOW: NumericDate = NumericDate(1_000_000);

/// The fronts of one endpoint, and the server behind.
pub(crate) struct House {
    pub(crate) sessions: Sessions,
    pub(crate) stateless: Stateless,
    pub(crate) http_sse: HttpSse,
    pub(crate) fake: Arc<Fake>,
    pub(crate) server: Arc<dyn McpServer>,
    pub(crate) clock: ManualClock,
    pub(crate) settings: FrontSettings,
}

impl House {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let settings = FrontSettings {
            endpoint: "todo".into(),
            keys: SessionKeys::new(&[7; 32], &[]),
            clock: Arc::new(clock.clone()),
            random: Arc::new(OsRandom),
            tasks: TaskTracker::new(),
            ended: EndedSessions::default(),
            closing: CancellationToken::new(),
            limits: Limits {
                silence: Duration::from_hours(1),
                ..Limits::default()
            },
        };
        Self::with(settings, clock)
    }

    pub(crate) fn with(settings: FrontSettings, clock: ManualClock) -> Self {
        let fake = Fake::new();
        Self {
            sessions: Sessions::new(settings.clone()),
            stateless: Stateless::new(settings.clone()),
            http_sse: HttpSse::new(settings.clone()),
            server: Arc::clone(&fake) as Arc<dyn McpServer>,
            fake,
            clock,
            settings,
        }
    }
}

pub(crate) fn guest(name: &str) -> Guest {
    Guest::new(Caller::new(name).with_issuer("https://as.example"))
}

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let both = ("accept", "application/json, text/event-stream");
    let json = ("content-type", "application/json");
    let mut headers = HeaderMap::new();
    for (name, value) in [both, json].iter().chain(pairs) {
        let name = HeaderName::from_static(name);
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

pub(crate) fn body(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

/// The JSON of an answer that is no stream.
pub(crate) async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let is_json = response
        .headers()
        .get("content-type")
        .is_some_and(|is| is == "application/json");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    if text.is_empty() {
        return (status, Value::Null);
    }
    assert!(is_json, "{status}: {}", String::from_utf8_lossy(&text));
    (status, serde_json::from_slice(&text).unwrap())
}

/// An event stream, event by event.
pub(crate) struct Events {
    body: Body,
    text: String,
    pub(crate) last_id: Option<String>,
}

impl Events {
    #[track_caller]
    pub(crate) fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self {
            body: response.into_body(),
            text: String::new(),
            last_id: None,
        }
    }

    /// The next event as it was written, without its end; none at the end of the stream.
    pub(crate) async fn raw(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event = self.text[..end].to_owned();
                self.text.drain(..end + 2);
                return Some(event);
            }
            let frame = tokio::time::timeout(Duration::from_mins(1), self.body.frame());
            let frame = frame
                .await
                .expect("an event comes within a minute")?
                .unwrap();
            self.text
                .push_str(str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let event = self.raw().await?;
            let field = |name: &str| {
                let mut lines = event.lines().filter_map(|line| line.strip_prefix(name));
                lines.next().map(|value| value.trim().to_owned())
            };
            if let Some(id) = field("id:") {
                self.last_id = Some(id);
            }
            if let Some(data) = field("data:").filter(|data| !data.is_empty()) {
                return Some(serde_json::from_str(&data).unwrap());
            }
        }
    }
}

/// The text of a tool's result.
#[track_caller]
pub(crate) fn text(message: &Value) -> &str {
    let text = message["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text: {message}"))
}

pub(crate) fn call(id: u32, tool: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool}})
}
