//! A server that does what its tools' names say.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::{Notify, broadcast};

use crate::json::{Object, Raw, raw};
use crate::message::{Notification, Request, RpcError};
use crate::outlet::Outlet;
use crate::revision::Revision;
use crate::server::{Failure, Interest, Introduction, McpServer};
use crate::visit::Visit;

/// What the server was told, and what it tells when it is asked to.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) told: Mutex<Vec<String>>,
    pub(crate) heard: Notify,
    /// Lets calls of `wait` end.
    pub(crate) go: Notify,
    /// Notifications outside of calls.
    pub(crate) news: broadcast::Sender<&'static str>,
}

pub(crate) const CAPABILITIES: &str = r#"{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"vendor":1.50}"#;

fn parse(text: &str) -> Raw {
    RawValue::from_string(text.to_owned()).unwrap()
}

pub(crate) fn notification(method: &str, params: &Value) -> Notification {
    Notification {
        method: method.to_owned(),
        params: Some(raw(params)),
    }
}

/// Tells when a call is dropped before its end.
struct Dropped<'a>(&'a Fake, bool);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.tell("dropped");
        }
    }
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            told: Mutex::default(),
            heard: Notify::new(),
            go: Notify::new(),
            news: broadcast::channel(16).0,
        })
    }

    fn tell(&self, what: impl Into<String>) {
        self.told.lock().unwrap().push(what.into());
        self.heard.notify_waiters();
    }

    /// Waits until the server was told `what`.
    pub(crate) async fn until_told(&self, what: &str) {
        loop {
            let heard = self.heard.notified();
            if self.told.lock().unwrap().iter().any(|told| told == what) {
                return;
            }
            let soon = tokio::time::timeout(Duration::from_mins(1), heard).await;
            soon.unwrap_or_else(|_| panic!("the server was never told `{what}`"));
        }
    }

    async fn tool(
        &self,
        visit: &Visit,
        params: &Object<'_>,
        outlet: &Outlet,
    ) -> Result<Value, Failure> {
        let name = params.text("name").unwrap_or_default();
        let form =
            json!({"message": "who?", "requestedSchema": {"type": "object", "properties": {}}});
        let ask = |method: &str, params: Value| outlet.ask(method.to_owned(), Some(raw(&params)));
        let text = |text: &str| Ok(json!({"content": [{"type": "text", "text": text}]}));
        match &*name {
            "echo" => text(params.to_raw().get()),
            "key" => text(&visit.key),
            "progress" => {
                let token = params
                    .object("_meta")
                    .and_then(|meta| meta.get("progressToken").map(RawValue::to_owned));
                for step in 1..=2 {
                    let token: Value =
                        serde_json::from_str(token.as_ref().map_or("null", |token| token.get()))
                            .unwrap();
                    let progress = json!({"progressToken": token, "progress": step});
                    outlet
                        .notify(notification("notifications/progress", &progress))
                        .await;
                }
                text("done")
            }
            "log" => {
                for level in ["debug", "warning"] {
                    let log = json!({"level": level, "data": level});
                    outlet
                        .notify(notification("notifications/message", &log))
                        .await;
                }
                outlet
                    .notify(notification("notifications/tools/list_changed", &json!({})))
                    .await;
                text("logged")
            }
            "ask" => {
                let answer = ask("elicitation/create", form).await;
                text(&said(answer))
            }
            "sample" => {
                let messages = json!({"messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}], "maxTokens": 9});
                let answer = ask("sampling/createMessage", messages).await;
                text(&said(answer))
            }
            "roots" => {
                let answer = outlet.ask("roots/list".to_owned(), None).await;
                text(&said(answer))
            }
            "ask-both" => {
                let (one, other) = tokio::join!(
                    ask("elicitation/create", form.clone()),
                    ask("elicitation/create", form),
                );
                text(&format!("{} and {}", said(one), said(other)))
            }
            "ask-in-turn" => {
                let one = said(ask("elicitation/create", form.clone()).await);
                let progress = json!({"progressToken": "t1", "progress": 1});
                outlet
                    .notify(notification("notifications/progress", &progress))
                    .await;
                let other = said(ask("elicitation/create", form).await);
                text(&format!("{one} then {other}"))
            }
            "ask-and-withdraw" => {
                let asked = ask("elicitation/create", form);
                let _ = tokio::time::timeout(Duration::from_millis(1), asked).await;
                self.go.notified().await;
                text("withdrawn")
            }
            "wait" => {
                let mut dropped = Dropped(self, false);
                self.tell("waiting");
                self.go.notified().await;
                dropped.1 = true;
                text("waited")
            }
            "unavailable" => Err(Failure::Unavailable {
                reason: "`todo` does not answer".to_owned(),
                retry_after: None,
            }),
            "address" if params.contains("arguments") => {
                let address =
                    json!({"elicitationId": "e", "url": "https://a.example", "message": "open"});
                let error = RpcError::new(-32042, "open an address first");
                Err(error.with_data(&json!({"elicitations": [address]})).into())
            }
            _ => Err(RpcError::new(-32602, "there is no such tool").into()),
        }
    }
}

fn said(answer: Result<Raw, RpcError>) -> String {
    match answer {
        Ok(answer) => answer.get().to_owned(),
        Err(error) => format!("error {}", error.0.get()),
    }
}

#[async_trait]
impl McpServer for Fake {
    async fn introduction(&self, visit: &Visit) -> Result<Introduction, Failure> {
        if visit.caller.subject() == "unlucky" {
            return Err(Failure::Unavailable {
                reason: "`todo` does not answer".to_owned(),
                retry_after: None,
            });
        }
        Ok(Introduction {
            revision: Revision::V2025_06_18,
            capabilities: parse(CAPABILITIES),
            info: Some(parse(r#"{"name":"fake","version":"1.0"}"#)),
            instructions: Some(parse("\"be kind\"")),
        })
    }

    async fn call(&self, visit: &Visit, request: Request, outlet: &Outlet) -> Result<Raw, Failure> {
        let empty = Object::default().to_raw();
        let params = request.params.unwrap_or(empty);
        let params = Object::of(&params).unwrap();
        match &*request.method {
            "tools/call" => Ok(raw(&self.tool(visit, &params, outlet).await?)),
            "tools/list" => Ok(parse(
                r#"{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"to":{"type":"string","x-mcp-header":"To"}}},"x-vendor":1.50}]}"#,
            )),
            "raw" => Ok(params.get("result").unwrap().to_owned()),
            "resources/read" => Err(RpcError::new(-32002, "there is no such resource").into()),
            "completion/complete" => {
                let answer = outlet.ask("elicitation/create".to_owned(), None).await;
                Ok(raw(&json!({"said": said(answer)})))
            }
            other => Err(RpcError::new(-32601, format!("no method `{other}`")).into()),
        }
    }

    async fn notify(&self, _: &Visit, notification: Notification) {
        self.tell(notification.method);
    }

    async fn listen(&self, _: &Visit, interest: Interest, outlet: &Outlet) -> Result<(), Failure> {
        let mut news = self.news.subscribe();
        self.tell(if interest.everything {
            "listening"
        } else {
            "subscribed"
        });
        while let Ok(method) = news.recv().await {
            match method {
                "end" => return Ok(()),
                "question" => {
                    let answer = outlet.ask("roots/list".to_owned(), None).await;
                    self.tell(said(answer));
                }
                method => {
                    let params = json!({"uri": "file:///a/b"});
                    outlet.notify(notification(method, &params)).await;
                }
            }
        }
        Ok(())
    }

    async fn leave(&self, _: &Visit) {
        self.tell("left");
    }
}
