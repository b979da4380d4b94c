//! A server of 2026-07-28, which takes nothing from before.

use std::sync::Arc;

use axum::http::Method;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::server::{Mouth, Seen, World, spoken};
use super::server_checks;
use super::stage::{Said, Stage};
use super::tools;
use crate::gateway::upstream::{json_body, status};

/// Where `_meta` names the subscription of a message.
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// A subscription to changes.
#[derive(Debug)]
pub(super) struct Listener {
    id: Value,
    wanted: Value,
    mouth: Mouth,
}

impl Listener {
    /// Tells of a change, if it is wanted; whether anybody listens still.
    pub(super) fn tell(&self, method: &str, params: &Value) -> bool {
        let uri = params["uri"].as_str();
        let resources = self.wanted["resourceSubscriptions"].as_array();
        let is_wanted = if let Some(uri) = uri {
            resources.is_some_and(|all| all.iter().any(|one| one == uri))
        } else {
            let list = method.split('/').nth(1).unwrap_or_default();
            self.wanted[format!("{list}ListChanged")] == true
        };
        if !is_wanted {
            return !self.mouth.is_closed();
        }
        self.say(method, params.clone())
    }

    fn say(&self, method: &str, mut params: Value) -> bool {
        params["_meta"] = json!({SUBSCRIPTION: self.id});
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.mouth.send(message.to_string()).is_ok()
    }
}

/// Answers whatever comes.
pub(super) fn answer(world: &Arc<World>, seen: Seen) -> Response {
    if seen.method != Method::POST {
        world.check(false, "it is no POST", &seen);
        return status(405);
    }
    server_checks::stateless(world, &seen);
    match seen.rpc() {
        "server/discover" => json_body(seen.result(HELLO)),
        "subscriptions/listen" => {
            let (mouth, said) = mpsc::unbounded_channel();
            let listener = Listener {
                id: seen.body["id"].clone(),
                wanted: seen.body["params"]["notifications"].clone(),
                mouth,
            };
            let heard = json!({"notifications": listener.wanted});
            listener.say("notifications/subscriptions/acknowledged", heard);
            world.listeners.lock().unwrap().push(listener);
            spoken(": yes\n\n".to_owned(), said)
        }
        "tools/call" => call(world, seen),
        _ => {
            let stage = stage(world, &seen, mpsc::unbounded_channel().0);
            json_body(match tools::at_once(&stage, &seen) {
                Said::Result(result) => seen.result(&result),
                Said::Error(error) => seen.error(&error),
            })
        }
    }
}

const HELLO: &str = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"prompts":{"listChanged":true},"completions":{},"logging":{},"extensions":{"io.modelcontextprotocol/tasks":{}}},"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fake","version":"1"}}}"#;

fn stage(world: &Arc<World>, seen: &Seen, mouth: Mouth) -> Stage {
    Stage {
        world: Arc::clone(world),
        session: None,
        mouth,
        method: seen.rpc().to_owned(),
        params: seen.body["params"].clone(),
        id: seen.body["id"].clone(),
    }
}

/// A call, which ends when its answer is not read any more.
fn call(world: &Arc<World>, seen: Seen) -> Response {
    let (mouth, said) = mpsc::unbounded_channel();
    let stage = stage(world, &seen, mouth);
    world.work(async move {
        let mouth = stage.mouth.clone();
        let said = tokio::select! {
            said = tools::perform(&stage, &seen) => said,
            () = mouth.closed() => {
                stage.world.cancelled("", &seen.body["id"]);
                return;
            }
        };
        let response = match said {
            Said::Result(result) => seen.result(&result),
            Said::Error(error) => seen.error(&error),
        };
        // Nobody may listen any more.
        let _ = mouth.send(response);
    });
    spoken(": yes\n\n".to_owned(), said)
}
