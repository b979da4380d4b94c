//! Clients by hand: with a session, without one, and with a connection that can be watched.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::house::House;
use crate::http_client::{Answer, post_form, send};

const SECRET: &str = "canary-client-secret";
pub(super) const LONG: Duration = Duration::from_secs(45);

/// Somebody with a token for one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) url: String,
    pub(super) token: String,
    /// What goes along with every request: the session and its revision.
    headers: Vec<(&'static str, String)>,
}

/// The message in an answer, be it JSON or the last event of a stream.
#[track_caller]
pub(super) fn message(answer: &Answer) -> Value {
    if !answer
        .header("content-type")
        .starts_with("text/event-stream")
    {
        return answer.json();
    }
    let lines = answer.text().lines().rev();
    let mut data = lines.filter_map(|line| line.strip_prefix("data:"));
    let last = data.find(|data| !data.trim().is_empty());
    serde_json::from_str(last.unwrap_or_else(|| panic!("{answer:?}"))).unwrap()
}

/// The result in an answer.
#[track_caller]
pub(super) fn result(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let message = message(answer);
    assert!(message["error"].is_null(), "{message:#}");
    message["result"].clone()
}

/// The names in a list.
#[track_caller]
pub(super) fn names(answer: &Answer) -> Vec<String> {
    let result = result(answer);
    let tools = result["tools"].as_array().unwrap().iter();
    tools
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

fn request(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

/// A request of 2026-07-28.
pub(super) fn stateless_request(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    request(method, &params)
}

impl Client {
    /// A client of the operator, with these scopes if there are any.
    pub(super) async fn of(house: &House, client_id: &str, path: &str, scope: &str) -> Self {
        let url = format!("{}{path}", house.url);
        let form = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={SECRET}\
             &resource={url}{}",
            if scope.is_empty() {
                String::new()
            } else {
                format!("&scope={scope}")
            },
        );
        let answer = post_form(&format!("{}/oauth2/token", house.url), &form).await;
        assert_eq!(answer.status, 200, "{answer:?}\n{}", house.log());
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        Self {
            url,
            token,
            headers: Vec::new(),
        }
    }

    /// The robot, where no rule asks for scopes.
    pub(super) async fn robot(house: &House, path: &str) -> Self {
        Self::of(house, "robot", path, "").await
    }

    /// Tells the house that the token is to be no good any more.
    pub(super) async fn revoke(&self, house: &House) {
        let token = &self.token;
        let form = format!("client_id=robot&client_secret={SECRET}&token={token}");
        let answer = post_form(&format!("{}/revoke", house.url), &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Opens a session of this revision.
    pub(super) async fn initialize(self, revision: &str) -> Self {
        self.initialize_with(revision, json!({})).await
    }

    /// The same for a client that can do this.
    pub(super) async fn initialize_with(mut self, revision: &str, capabilities: Value) -> Self {
        let hello = json!({
            "protocolVersion": revision,
            "capabilities": capabilities,
            "clientInfo": {"name": "test", "version": "1"},
        });
        let answer = self.ask("initialize", hello).await;
        assert_eq!(result(&answer)["protocolVersion"], revision);
        let session = answer.header("mcp-session-id").to_owned();
        assert!(!session.is_empty(), "{answer:?}");
        self.headers.push(("mcp-session-id", session));
        self.headers
            .push(("mcp-protocol-version", revision.to_owned()));
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(self.post(&[], note.to_string()).await.status, 202);
        self
    }

    /// The same session with the token of somebody else.
    pub(super) fn with_token_of(&self, other: &Self) -> Self {
        Self {
            token: other.token.clone(),
            ..self.clone()
        }
    }

    /// The same client, and it has forgotten its token.
    pub(super) fn without_token(&self) -> Self {
        Self {
            token: String::new(),
            ..self.clone()
        }
    }

    /// Posts a body with these headers besides.
    pub(super) async fn post(&self, headers: &[(&str, &str)], body: String) -> Answer {
        self.send(Method::POST, headers, body).await
    }

    /// A request of another method, without a body.
    pub(super) async fn only(&self, method: Method, headers: &[(&str, &str)]) -> Answer {
        self.send(method, headers, String::new()).await
    }

    async fn send(&self, method: Method, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(&self.url);
        for (name, value) in self.all(headers) {
            request = request.header(name, value);
        }
        let answer = send(request.body(Body::from(body.clone())).unwrap());
        let answer = timeout(LONG, answer).await;
        answer.unwrap_or_else(|_| panic!("{} does not answer to {body}", self.url))
    }

    fn all<'a>(&'a self, more: &'a [(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json, text/event-stream".to_owned()),
        ];
        if !self.token.is_empty() {
            headers.push(("authorization", format!("Bearer {}", self.token)));
        }
        headers.extend(self.headers.clone());
        headers.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        headers
    }

    /// A request within the session.
    pub(super) async fn ask(&self, method: &str, params: Value) -> Answer {
        self.post(&[], request(method, &params).to_string()).await
    }

    /// A call within the session.
    pub(super) async fn call(&self, tool: &str) -> Answer {
        let params = json!({"name": tool, "arguments": {}});
        self.ask("tools/call", params).await
    }

    /// A request of 2026-07-28.
    pub(super) async fn ask_stateless(&self, method: &str, params: Value) -> Answer {
        let mut named = ["name", "uri", "taskId"].into_iter();
        let name = named.find_map(|member| params[member].as_str());
        let name = name.unwrap_or_default().to_owned();
        let mut headers = vec![
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
        ];
        if !name.is_empty() {
            headers.push(("mcp-name", &name));
        }
        let message = stateless_request(method, params);
        self.post(&headers, message.to_string()).await
    }

    /// A call of 2026-07-28.
    pub(super) async fn call_stateless(&self, tool: &str) -> Answer {
        let params = json!({"name": tool, "arguments": {}});
        self.ask_stateless("tools/call", params).await
    }

    /// Sends a request and keeps the connection, to see when it ends or to end it.
    pub(super) async fn watch(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Line {
        let address = self.url.strip_prefix("http://").unwrap();
        let (authority, path) = address.split_once('/').unwrap();
        let mut socket = TcpStream::connect(authority).await.unwrap();
        let mut text = format!("{method} /{path} HTTP/1.1\r\nhost: {authority}\r\n");
        for (name, value) in self.all(headers) {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        write!(text, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        socket.write_all(text.as_bytes()).await.unwrap();
        Line {
            socket,
            text: String::new(),
        }
    }
}

/// A connection; dropped, it is cut.
pub(super) struct Line {
    socket: TcpStream,
    text: String,
}

impl Line {
    /// Waits until `sign` has come.
    pub(super) async fn until(&mut self, sign: &str) {
        let came = async {
            while !self.text.contains(sign) {
                assert!(self.more().await, "ended without `{sign}`: {}", self.text);
            }
        };
        timeout(LONG, came)
            .await
            .expect("what was to come does not");
    }

    /// The last message that has come.
    pub(super) fn message(&self) -> Value {
        let data = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"));
        let mut messages = data.filter_map(|data| serde_json::from_str(data).ok());
        messages
            .next_back()
            .unwrap_or_else(|| panic!("{}", self.text))
    }

    /// Waits until the stream is over, which is the last piece of a body, or the end of the connection.
    pub(super) async fn ended(mut self) -> String {
        let over = async { while !self.text.ends_with("\r\n0\r\n\r\n") && self.more().await {} };
        timeout(LONG, over).await.expect("the stream goes on");
        self.text
    }

    async fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = self.socket.read(&mut bytes).await.unwrap_or_default();
        self.text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        read > 0
    }
}
