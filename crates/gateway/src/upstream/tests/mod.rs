//! Upstreams of every kind, good and bad, as a front of the gateway uses them.

mod bad;
mod children;
mod credentials;
mod eras;
mod fake;
mod news;
mod people;
mod pool;
mod sessions;
mod starting;
mod untold;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use resource_server::Caller;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::settings::{Children, Transport, UpstreamCredential, UpstreamSettings};
use super::{AuthTypes, HttpClient, Upstream, UpstreamParts, connect};
use crate::json::{Raw, raw};
use crate::message::{News, Request, RpcError};
use crate::outlet::{Inlet, Outlet};
use crate::revision::{Era, Revision};
use crate::server::{Failure, McpServer};
use crate::visit::{Client, Visit};

/// What a client that can do everything says.
const EVERYTHING: &str = r#"{"roots":{"listChanged":true},"sampling":{},"elicitation":{}}"#;

fn parts() -> UpstreamParts {
    let environment = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/nowhere"),
    ];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    UpstreamParts {
        http: HttpClient::new().unwrap(),
        fetch: Fetch::new().unwrap(),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        issuer: "https://gateway.example".to_owned(),
        signer: None,
        accounts: None,
        environment: environment.into_iter().map(own).collect(),
        starts: Arc::new(Semaphore::new(4)),
    }
}

fn settings(transport: Transport) -> UpstreamSettings {
    UpstreamSettings {
        name: "notes".to_owned(),
        title: None,
        transport,
        revision: None,
        timeout: Duration::from_secs(10),
        max_message_bytes: 1 << 20,
        credential: UpstreamCredential::None,
        auth_types: AuthTypes::default(),
        user_token: None,
        forward_identity: None,
        refuse_changed_tools: false,
    }
}

fn http(url: &str) -> UpstreamSettings {
    let url = url.parse().unwrap();
    settings(Transport::Http { url, sse: None })
}

/// A server that is a shell script.
fn script(script: &str, children: Children) -> UpstreamSettings {
    settings(Transport::Stdio {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: BTreeMap::new(),
        directory: None,
        children,
        idle: Duration::from_mins(5),
        max_children: 100,
        max_children_per_user: 100,
        max_memory_bytes: None,
        max_open_files: None,
    })
}

fn upstream(settings: &UpstreamSettings) -> Arc<Upstream> {
    connect(settings, &parts()).unwrap()
}

fn visit_of(subject: &str, revision: Revision, capabilities: &str) -> Visit {
    Visit {
        caller: Caller::new(subject).with_issuer("https://as.example"),
        client: Arc::new(Client {
            revision,
            capabilities: json(capabilities),
            info: Some(json(r#"{"name":"tests","version":"1"}"#)),
        }),
        key: format!("{subject}-{revision}").into(),
        log_level: None,
        has_opened: false,
        auth_type: None,
    }
}

fn visit(revision: Revision) -> Visit {
    visit_of("alice", revision, "{}")
}

fn json(text: &str) -> Raw {
    serde_json::from_str(text).unwrap()
}

fn value(raw: &Raw) -> Value {
    serde_json::from_str(raw.get()).unwrap()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that `json!` can stand in its place"
)]
fn request(method: &str, params: Value) -> Request {
    Request {
        method: method.to_owned(),
        params: (!params.is_null()).then(|| raw(&params)),
    }
}

/// Calls a tool, and answers nothing to the server.
async fn call_tool(upstream: &Upstream, visit: &Visit, name: &str) -> Result<Value, Failure> {
    let (outlet, news) = Outlet::new();
    drop(news);
    let params = serde_json::json!({"name": name, "arguments": {"x": 1}});
    let result = upstream
        .call(visit, request("tools/call", params), &outlet)
        .await?;
    Ok(value(&result))
}

/// The words of a failure.
fn said(result: Result<Value, Failure>) -> String {
    match result.unwrap_err() {
        Failure::Rpc(error) | Failure::Refused { error, .. } | Failure::NotConnected(error) => {
            error.0.get().to_owned()
        }
        Failure::Unavailable { reason, .. } => reason,
        Failure::Untranslatable(what) => what,
    }
}

/// Answers every question with `answer`, and collects the notifications.
async fn answering(mut news: Inlet, answer: &str) -> Vec<(String, Value)> {
    let mut heard = Vec::new();
    while let Some(one) = news.recv().await {
        match one {
            News::Notification(one) => {
                let params = one.params.as_ref().map_or(Value::Null, value);
                heard.push((one.method, params));
            }
            News::Question(question) => {
                let params = question.params.as_ref().map_or(Value::Null, value);
                heard.push((question.method, params));
                let _ = question.reply.send(Ok(json(answer)));
            }
        }
    }
    heard
}
