//! What a client of one revision may be sent.

use gateway::Revision;
use gateway::Revision::{V2025_06_18, V2025_11_25};
use serde_json::Value;

use super::client::Client;
use super::rule::is_of_sessions;
use super::wire::Opened;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Answer,
    Notification,
    Question,
}

pub(super) fn kind(message: &Value) -> Kind {
    match (message.get("method"), message.get("id")) {
        (None, _) => Kind::Answer,
        (Some(_), None) => Kind::Notification,
        (Some(_), Some(_)) => Kind::Question,
    }
}

/// What is wrong with the head of an answer.
pub(super) fn head(client: &Client, opened: &Opened) -> Option<String> {
    let has_session = !opened.header("mcp-session-id").is_empty();
    let is_wrong = has_session && !is_of_sessions(client.revision);
    is_wrong.then(|| format!("{}: a session in {:?}", client.revision, opened.head))
}

/// What is wrong with a message.
pub(super) fn message(client: &Client, method: &str, message: &Value) -> Option<String> {
    let is_old = is_of_sessions(client.revision);
    let what = match kind(message) {
        Kind::Question if is_old => return question(client, message),
        Kind::Question => Some("it is asked by a request"),
        Kind::Notification => notification(is_old, message),
        Kind::Answer if message["error"].is_object() => error(is_old, &message["error"]),
        Kind::Answer => result(is_old, method, &message["result"]),
    };
    what.map(|what| format!("client {}: {what}: {message}", client.revision))
}

fn notification(is_old: bool, message: &Value) -> Option<&'static str> {
    let id = &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
    if is_old && !id.is_null() {
        return Some("a subscription of 2026-07-28");
    }
    let method = message["method"].as_str().unwrap_or_default();
    if is_old && method == "notifications/subscriptions/acknowledged" {
        return Some("an acknowledgement of 2026-07-28");
    }
    let is_of_subscription = method.ends_with("list_changed") || method.contains("/resources/");
    (!is_old && is_of_subscription && id.is_null()).then_some("it names no subscription")
}

fn error(is_old: bool, error: &Value) -> Option<&'static str> {
    let code = error["code"].as_i64().unwrap_or_default();
    let is_new = (-32029..=-32020).contains(&code);
    match is_old {
        true if is_new => Some("an error of 2026-07-28"),
        false if [-32002, -32042].contains(&code) => Some("an error of sessions"),
        _ if error["message"].as_str().is_none_or(str::is_empty) => Some("an error without words"),
        _ => None,
    }
}

fn result(is_old: bool, method: &str, result: &Value) -> Option<&'static str> {
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    if is_old {
        let new = ["resultType", "ttlMs", "cacheScope", "requestState"];
        let has_new = new.iter().any(|name| !result[name].is_null()) || !info.is_null();
        let extensions = &result["capabilities"]["extensions"];
        let has_tasks = !extensions["io.modelcontextprotocol/tasks"].is_null();
        return (has_new || has_tasks).then_some("a result of 2026-07-28");
    }
    if !result["resultType"].is_string() {
        return Some("a result without its type");
    }
    let has_tasks = !result["capabilities"]["tasks"].is_null();
    if has_tasks {
        return Some("tasks of sessions");
    }
    let is_kept =
        method.ends_with("/list") || ["resources/read", "server/discover"].contains(&method);
    let is_complete = result["resultType"] == "complete";
    let says_how_long = result["ttlMs"].is_u64() && result["cacheScope"].is_string();
    (is_kept && is_complete && !says_how_long).then_some("a list that says not how long it is true")
}

/// What is wrong with a question.
pub(super) fn question(client: &Client, question: &Value) -> Option<String> {
    let revision = client.revision;
    let method = question["method"].as_str().unwrap_or_default();
    let is_url = question["params"]["mode"] == "url";
    let is_known = match method {
        "sampling/createMessage" | "roots/list" => true,
        "ping" => is_of_sessions(revision),
        "elicitation/create" => revision >= since(is_url),
        _ => false,
    };
    (!is_known).then(|| format!("client {revision} is asked {question}"))
}

fn since(is_url: bool) -> Revision {
    if is_url { V2025_11_25 } else { V2025_06_18 }
}
