//! A client of one revision, which speaks as its revision does and takes nothing else.

use std::collections::VecDeque;

use axum::http::Method;
use gateway::Revision;
use gateway::Revision::V2024_11_05;
use serde_json::{Value, json};

use super::client_checks::{self, Kind};
use super::client_requests::with;
use super::rule::is_of_sessions;
use super::wire::Opened;

/// All that came of one request.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// Notifications before the answer.
    pub(super) news: Vec<Value>,
    /// What was asked before the answer.
    pub(super) asked: Vec<Value>,
    /// The answer as it was written.
    pub(super) text: String,
    pub(super) answer: Value,
}

impl Came {
    /// The result, or what came instead.
    pub(super) fn result(&self) -> Result<&Value, String> {
        let result = self.answer.get("result");
        result.ok_or_else(|| format!("no result: {}", self.text))
    }
}

/// A client with what it remembers.
pub(super) struct Client {
    pub(super) revision: Revision,
    /// Where it posts its messages.
    pub(super) url: String,
    pub(super) token: String,
    pub(super) session: Option<String>,
    /// What the server can do, as it says.
    pub(super) capabilities: Value,
    /// The stream outside of requests; in 2024-11-05 there is no other.
    pub(super) ear: Option<Opened>,
    /// What came over that stream while something else was waited for.
    early: VecDeque<Value>,
    pub(super) number: u64,
    /// Whether it wants progress of its requests.
    pub(super) wants_progress: bool,
    /// The level of log messages that it names with its requests (2026-07-28).
    pub(super) level: Option<&'static str>,
    /// Whether tools want the argument `region` in a header (2026-07-28).
    pub(super) mirrors_region: bool,
    /// What came and has no place in its revision.
    pub(super) faults: Vec<String>,
}

impl Client {
    /// Comes in at the endpoint `url` and introduces itself.
    pub(super) async fn new(revision: Revision, url: &str, token: &str) -> Self {
        let mut client = Self {
            revision,
            url: format!("{url}/mcp"),
            token: token.to_owned(),
            session: None,
            capabilities: Value::Null,
            ear: None,
            early: VecDeque::new(),
            number: 0,
            wants_progress: false,
            level: None,
            mirrors_region: false,
            faults: Vec::new(),
        };
        if revision == V2024_11_05 {
            let house = url.split('/').take(3).collect::<Vec<_>>().join("/");
            let mut ear = client.open_at(&format!("{url}/sse"), Method::GET, "").await;
            let first = ear.event().await.unwrap();
            assert_eq!(first.kind, "endpoint");
            client.url = format!("{house}{}", first.data);
            client.ear = Some(ear);
        }
        if is_of_sessions(revision) {
            client.initialize().await;
        } else {
            let hello = client.ask("server/discover", "{}").await;
            client.capabilities = hello.result().unwrap()["capabilities"].clone();
        }
        client
    }

    async fn initialize(&mut self) {
        let hello = json!({
            "protocolVersion": self.revision.as_str(),
            "capabilities": self.own_capabilities(),
            "clientInfo": {"name": "test", "version": "1"},
        });
        let came = self.ask("initialize", &hello.to_string()).await;
        let result = came.result().unwrap();
        assert_eq!(result["protocolVersion"], self.revision.as_str());
        self.capabilities = result["capabilities"].clone();
        let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        self.tell(initialized).await;
    }

    /// Sends what nobody answers.
    pub(super) async fn tell(&mut self, message: &str) {
        let opened = self.open(Method::POST, message).await;
        if opened.head.status != 202 {
            let status = opened.head.status;
            let text = opened.text().await;
            self.faults.push(format!("{status} to {message}: {text}"));
        }
    }

    /// Asks, and answers whatever is asked meanwhile.
    pub(super) async fn ask(&mut self, method: &str, params: &str) -> Came {
        let mut came = Came::default();
        let mut now = params.to_owned();
        loop {
            self.once(method, &now, &mut came).await;
            let result = &came.answer["result"];
            if is_of_sessions(self.revision) || result["resultType"] != "input_required" {
                return came;
            }
            let mut answers = json!({});
            for (key, question) in result["inputRequests"].as_object().unwrap() {
                self.faults.extend(client_checks::question(self, question));
                came.asked.push(question.clone());
                answers[key] = reply(question);
            }
            let state = &result["requestState"];
            let more = format!(r#""inputResponses":{answers},"requestState":{state}"#);
            now = with(params, &more);
        }
    }

    /// Calls a tool.
    pub(super) async fn call(&mut self, tool: &str) -> Came {
        let client = self.revision;
        let params = format!(r#"{{"name":"{tool}","arguments":{{"client":"{client}"}}}}"#);
        self.ask("tools/call", &params).await
    }

    async fn once(&mut self, method: &str, params: &str, came: &mut Came) {
        let (id, message) = self.request(method, params);
        if self.revision == V2024_11_05 {
            self.tell(&message).await;
            loop {
                let event = self.ear.as_mut().unwrap().event().await;
                let text = event.expect("the stream has ended").data;
                if self.take(method, id, text, came).await {
                    // There is one stream, so nothing says what belongs to the request.
                    self.early.extend(came.news.iter().cloned());
                    return;
                }
            }
        }
        let mut opened = self.open(Method::POST, &message).await;
        self.faults.extend(client_checks::head(self, &opened));
        if method == "initialize" {
            self.session = Some(opened.header("mcp-session-id").to_owned());
        }
        if !opened.is_stream() {
            let text = opened.text().await;
            assert!(self.take(method, id, text, came).await, "no answer");
            return;
        }
        loop {
            let event = opened.event().await;
            let event = event.unwrap_or_else(|| panic!("no answer to {message}"));
            if self.take(method, id, event.data, came).await {
                return;
            }
        }
    }

    /// Takes a message; whether it is the answer.
    async fn take(&mut self, method: &str, id: u64, text: String, came: &mut Came) -> bool {
        let message: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: `{text}` to {method}"));
        let kind = client_checks::kind(&message);
        self.faults
            .extend(client_checks::message(self, method, &message));
        match kind {
            Kind::Answer => {
                assert_eq!(message["id"], id, "{text}");
                came.answer = message;
                came.text = text;
                true
            }
            Kind::Notification => {
                came.news.push(message);
                false
            }
            Kind::Question => {
                let answer = json!({
                    "jsonrpc": "2.0", "id": message["id"], "result": reply(&message),
                });
                came.asked.push(message);
                self.tell(&answer.to_string()).await;
                false
            }
        }
    }

    /// Waits for news outside of requests.
    pub(super) async fn news(&mut self, method: &str) -> Value {
        loop {
            let message = self.some_news().await;
            if message["method"] == method {
                return message;
            }
        }
    }

    /// The next news outside of requests.
    async fn some_news(&mut self) -> Value {
        if let Some(message) = self.early.pop_front() {
            return message;
        }
        let event = self.ear.as_mut().unwrap().event().await;
        let text = event.expect("the stream has ended").data;
        let message: Value = serde_json::from_str(&text).unwrap();
        self.faults
            .extend(client_checks::message(self, "", &message));
        message
    }

    /// News that should have come with a request.
    pub(super) async fn news_of(&mut self, came: &Came, method: &str) -> Option<Value> {
        if self.revision == V2024_11_05 {
            return Some(self.news(method).await);
        }
        let mut news = came.news.iter();
        news.find(|message| message["method"] == method).cloned()
    }

    /// Says that it leaves.
    pub(super) async fn leave(&mut self) {
        self.ear = None;
        if self.session.is_some() {
            let opened = self.open(Method::DELETE, "").await;
            assert!(opened.head.status.is_success(), "{:?}", opened.head);
        }
    }
}

/// What it answers when it is asked.
fn reply(question: &Value) -> Value {
    match question["method"].as_str().unwrap() {
        "sampling/createMessage" => json!({
            "role": "assistant", "content": {"type": "text", "text": "four"}, "model": "m",
        }),
        "roots/list" => json!({"roots": [{"uri": "file:///work"}]}),
        "elicitation/create" if question["params"]["mode"] == "url" => json!({"action": "accept"}),
        "elicitation/create" => json!({"action": "accept", "content": {"name": "Kim"}}),
        _ => json!({}),
    }
}
