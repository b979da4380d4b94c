//! Where a server carries out a request: what it can say and ask there, in the words of its revision.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::rule::is_of_sessions;
use super::server::{Mouth, World};

/// The state of a call that waits for its client.
const STATE: &str = "odd:1.50";

/// An answer, as JSON.
#[derive(Debug)]
pub(super) enum Said {
    Result(String),
    Error(String),
}

/// Where a request is carried out.
pub(super) struct Stage {
    pub(super) world: Arc<World>,
    /// The session, where there are any.
    pub(super) session: Option<String>,
    pub(super) mouth: Mouth,
    pub(super) method: String,
    pub(super) params: Value,
    pub(super) id: Value,
}

impl Stage {
    /// A result in the form of the revision.
    pub(super) fn result(&self, members: &str) -> Said {
        if is_of_sessions(self.world.revision) {
            return Said::Result(format!("{{{members}}}"));
        }
        let is_kept = self.method.ends_with("/list") || self.method == "resources/read";
        let how_long = if is_kept {
            r#","ttlMs":0,"cacheScope":"private""#
        } else {
            ""
        };
        Said::Result(format!(
            r#"{{"resultType":"complete",{members}{how_long}}}"#
        ))
    }

    /// A result of a tool that says this.
    pub(super) fn says(&self, text: &str) -> Said {
        let content = json!([{"type": "text", "text": text}]);
        self.result(&format!(r#""content":{content}"#))
    }

    /// Says something before the answer.
    pub(super) fn notify(&self, method: &str, params: &Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        // Nobody may listen any more.
        let _ = self.mouth.send(message.to_string());
    }

    /// Asks the client: in a session by a request; else it is the answer, unless the client has come
    /// back with its own.
    async fn ask(&self, method: &str, params: Value) -> Result<Value, Said> {
        let Some(session) = &self.session else {
            let answer = &self.params["inputResponses"]["q"];
            if !answer.is_null() {
                if self.params["requestState"] != STATE {
                    self.world.fault("the state has changed");
                }
                return Ok(json!({"result": answer}));
            }
            let question = json!({"method": method, "params": params});
            return Err(Said::Result(format!(
                r#"{{"resultType":"input_required","inputRequests":{{"q":{question}}},"requestState":"{STATE}"}}"#
            )));
        };
        let (asked, answer) = oneshot::channel();
        let id = format!("q{}", self.id);
        if let Some(session) = self.world.sessions.lock().unwrap().get_mut(session) {
            session.asked.insert(id.clone(), asked);
        }
        let question = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let _ = self.mouth.send(question.to_string());
        Ok(answer.await.unwrap_or_default())
    }

    /// Asks, and returns what was answered.
    pub(super) async fn echo(&self, method: &str, params: Value) -> Said {
        match self.ask(method, params).await {
            Ok(answer) => self.says(&answer.to_string()),
            Err(question) => question,
        }
    }

    /// Tells whoever listens outside of requests.
    pub(super) fn tell(&self, method: &str, params: &Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let uri = params["uri"].as_str();
        for session in self.world.sessions.lock().unwrap().values() {
            if uri.is_none_or(|uri| session.resources.contains(uri)) {
                let _ = session.mouth.send(message.to_string());
            }
        }
        let mut listeners = self.world.listeners.lock().unwrap();
        listeners.retain(|listener| listener.tell(method, params));
    }

    /// The level of log messages that is wanted.
    pub(super) fn level(&self) -> Option<String> {
        let Some(session) = &self.session else {
            let level = self.params["_meta"]["io.modelcontextprotocol/logLevel"].as_str();
            return level.map(str::to_owned);
        };
        let sessions = self.world.sessions.lock().unwrap();
        sessions.get(session)?.level.clone()
    }
}
