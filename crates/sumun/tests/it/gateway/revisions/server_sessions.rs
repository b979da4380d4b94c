//! Servers with sessions (MCP 2024-11-05 to 2025-11-25), which take nothing that is not theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::Method;
use axum::response::Response;
use gateway::Revision::{V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::server::{Mouth, Seen, World, spoken};
use super::server_checks;
use super::stage::{Said, Stage};
use super::tools;
use crate::gateway::upstream::{json_body, status};

/// A session, as the server remembers it.
#[derive(Debug)]
pub(super) struct Session {
    is_ready: bool,
    pub(super) level: Option<String>,
    pub(super) resources: BTreeSet<String>,
    /// The stream outside of requests.
    pub(super) mouth: Mouth,
    /// What is put into it, until somebody listens.
    said: Option<mpsc::UnboundedReceiver<String>>,
    /// Who waits for the answer to a question.
    pub(super) asked: BTreeMap<String, oneshot::Sender<Value>>,
}

impl Session {
    fn new() -> Self {
        let (mouth, said) = mpsc::unbounded_channel();
        Self {
            is_ready: false,
            level: None,
            resources: BTreeSet::new(),
            mouth,
            said: Some(said),
            asked: BTreeMap::new(),
        }
    }
}

/// Answers whatever comes.
pub(super) fn answer(world: &Arc<World>, seen: Seen) -> Response {
    if world.revision == V2024_11_05 {
        http_sse(world, seen)
    } else {
        streamable(world, seen)
    }
}

/// HTTP with an event stream beside it.
fn http_sse(world: &Arc<World>, seen: Seen) -> Response {
    if seen.path == "/sse" {
        if seen.method != Method::GET {
            // It is asked what it speaks, and has no place for that.
            return status(405);
        }
        let (id, said) = begin(world);
        let first = format!("event: endpoint\ndata: /messages?sessionId={id}\n\n");
        return spoken(first, said.expect("it is new"));
    }
    let id = seen.path.split_once("?sessionId=").unwrap().1.to_owned();
    let mouth = {
        let sessions = world.sessions.lock().unwrap();
        let session = sessions.get(&id);
        session.map(|session| session.mouth.clone())
    };
    let Some(mouth) = mouth else {
        return status(404);
    };
    take(world, seen, &id, &mouth);
    status(202)
}

/// A session begins; with what is said in it, unless that waits for a stream of its own.
fn begin(world: &World) -> (String, Option<mpsc::UnboundedReceiver<String>>) {
    let mut sessions = world.sessions.lock().unwrap();
    let id = format!("s{}", sessions.len() + 1);
    let mut session = Session::new();
    let said = (world.revision == V2024_11_05).then(|| session.said.take().unwrap());
    sessions.insert(id.clone(), session);
    (id, said)
}

/// Streamable HTTP.
fn streamable(world: &Arc<World>, seen: Seen) -> Response {
    if seen.rpc() == "server/discover" {
        world.note("server/discover");
        return unknown(world, &seen);
    }
    if seen.rpc() == "initialize" {
        server_checks::session(world, &seen);
        let (id, _) = begin(world);
        let mut response = json_body(seen.result(&hello(world, &seen)));
        response
            .headers_mut()
            .insert("mcp-session-id", id.parse().unwrap());
        return response;
    }
    let id = seen.header("mcp-session-id").unwrap_or_default().to_owned();
    let Some(listens) = world.sessions.lock().unwrap().get_mut(&id).map(|session| {
        let listens = seen.method == Method::GET;
        listens.then(|| session.said.take()).flatten()
    }) else {
        world.check(false, "there is no such session", &seen);
        return status(404);
    };
    server_checks::version(world, &seen);
    if let Some(said) = listens {
        return spoken(": here\n\n".to_owned(), said);
    }
    if seen.method == Method::GET {
        world.check(false, "the stream is there already", &seen);
        return status(409);
    }
    if seen.method == Method::DELETE {
        world.sessions.lock().unwrap().remove(&id);
        return status(200);
    }
    if seen.body["id"].is_null() || seen.rpc().is_empty() {
        take(world, seen, &id, &mpsc::unbounded_channel().0);
        return status(202);
    }
    let (mouth, said) = mpsc::unbounded_channel();
    take(world, seen, &id, &mouth);
    spoken(": yes\n\n".to_owned(), said)
}

/// How servers refuse what they are asked before `initialize`; each in its own way.
fn unknown(world: &World, seen: &Seen) -> Response {
    let (code, message) = match world.revision {
        V2025_03_26 => (-32000, "Bad Request: Server not initialized"),
        V2025_06_18 => (-32000, "Bad Request: No valid session ID provided"),
        _ => (-32000, "Bad Request: Unsupported protocol version"),
    };
    let error = json!({"code": code, "message": message});
    let mut response = json_body(seen.error(&error.to_string()));
    *response.status_mut() = axum::http::StatusCode::BAD_REQUEST;
    response
}

fn hello(world: &World, seen: &Seen) -> String {
    let revision = world.revision;
    let offered = seen.param("protocolVersion");
    world.check(
        offered >= revision.as_str(),
        "an old revision is offered",
        seen,
    );
    let mut capabilities = json!({
        "tools": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": true},
        "prompts": {"listChanged": true},
        "logging": {},
    });
    if revision >= V2025_03_26 {
        capabilities["completions"] = json!({});
    }
    if revision >= V2025_11_25 {
        capabilities["tasks"] = json!({"requests": {"tools": {"call": {}}}});
    }
    json!({
        "protocolVersion": revision.as_str(),
        "capabilities": capabilities,
        "serverInfo": {"name": "fake", "version": "1"},
    })
    .to_string()
}

/// Takes a message; what comes of it is put into `mouth`.
fn take(world: &Arc<World>, seen: Seen, id: &str, mouth: &Mouth) {
    server_checks::session(world, &seen);
    let mut sessions = world.sessions.lock().unwrap();
    let session = sessions.get_mut(id).expect("whoever calls this has looked");
    let say = |text: String| drop(mouth.send(text));
    let is_greeting = ["initialize", "notifications/initialized"].contains(&seen.rpc());
    world.check(
        session.is_ready || is_greeting,
        "it comes before its time",
        &seen,
    );
    let nothing = || say(seen.result("{}"));
    match seen.rpc() {
        // An answer to a question.
        "" => {
            let of = seen.body["id"].as_str().unwrap_or_default();
            match session.asked.remove(of) {
                Some(asked) => drop(asked.send(seen.body)),
                None => world.check(false, "an answer that nobody waits for", &seen),
            }
        }
        "initialize" => say(seen.result(&hello(world, &seen))),
        "notifications/initialized" => session.is_ready = true,
        "notifications/cancelled" => {
            world.cancelled(id, &seen.body["params"]["requestId"]);
        }
        "notifications/roots/list_changed" => world.note("roots have changed"),
        "logging/setLevel" => {
            session.level = Some(seen.param("level").to_owned());
            nothing();
        }
        "resources/subscribe" => {
            session.resources.insert(seen.param("uri").to_owned());
            nothing();
        }
        "resources/unsubscribe" => {
            session.resources.remove(seen.param("uri"));
            nothing();
        }
        _ => {
            let stage = Stage {
                world: Arc::clone(world),
                session: Some(id.to_owned()),
                mouth: mouth.clone(),
                method: seen.rpc().to_owned(),
                params: seen.body["params"].clone(),
                id: seen.body["id"].clone(),
            };
            world.work(async move {
                let response = match tools::perform(&stage, &seen).await {
                    Said::Result(result) => seen.result(&result),
                    Said::Error(error) => seen.error(&error),
                };
                // Nobody may listen any more.
                let _ = stage.mouth.send(response);
            });
        }
    }
}
