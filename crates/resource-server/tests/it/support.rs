//! A protected MCP server, an issuer of tokens, and a clock that stands still.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use oauth::challenge::Challenge;
use oauth::jwk::JwkSet;
use oauth::jws::Algorithm;
use oauth::jwt::ACCESS_TOKEN_TYPE;
use oauth::signing_key::SigningKey;
use oauth::time::{ManualClock, NumericDate};
use resource_server::{Caller, Issuer, JwtVerifier, ProtectedResource, Scope, VerifyToken};
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const NOW: NumericDate = NumericDate(1_800_000_000);
pub(crate) const ISSUER: &str = "https://as.example";
pub(crate) const RESOURCE: &str = "https://mcp.example/todo/mcp";
pub(crate) const METADATA: &str =
    "https://mcp.example/.well-known/oauth-protected-resource/todo/mcp";

#[derive(Clone, Debug)]
pub(crate) struct Tools;

#[tool_router]
impl Tools {
    #[tool(name = "read", description = "Says who calls")]
    async fn read(&self, caller: Caller) -> String {
        caller.subject().to_owned()
    }

    #[tool(name = "write", description = "Needs a scope")]
    async fn write(&self, caller: Caller) -> String {
        format!("written by {}", caller.subject())
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

/// The MCP server as its author wrote it, for the host of [`RESOURCE`].
pub(crate) fn mcp_server(with_sessions: bool) -> StreamableHttpService<Tools, LocalSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(["mcp.example"])
        .with_legacy_session_mode(with_sessions)
        .with_json_response(true);
    StreamableHttpService::new(|| Ok(Tools), Arc::default(), config)
}

pub(crate) fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

pub(crate) fn resource() -> ProtectedResource {
    ProtectedResource::new(RESOURCE)
        .unwrap()
        .authorization_server(Issuer::parse(ISSUER).unwrap())
        .name("Todo manager")
        .scopes_supported(&scope("read:todos"))
        .tool("write", &scope("create:todos"))
}

/// The server of this file behind `resource`.
pub(crate) fn protect(resource: &ProtectedResource, verifier: impl VerifyToken) -> Router {
    let endpoint = resource.protect(mcp_server(false), verifier);
    resource.metadata_routes().merge(endpoint)
}

/// Issues tokens and holds the clock.
pub(crate) struct House {
    pub(crate) key: SigningKey,
    pub(crate) clock: ManualClock,
}

impl House {
    pub(crate) fn new() -> Self {
        let pkcs8 = SigningKey::generate(Algorithm::EdDSA).unwrap();
        let key = SigningKey::from_pkcs8(Algorithm::EdDSA, &pkcs8).unwrap();
        Self {
            key,
            clock: ManualClock::at(NOW),
        }
    }

    pub(crate) fn verifier(&self) -> JwtVerifier {
        let keys = JwkSet {
            keys: vec![self.key.public().clone()],
        };
        let issuer = Issuer::parse(ISSUER).unwrap();
        JwtVerifier::with_fixed_keys(keys, issuer, RESOURCE, Arc::new(self.clock.clone()))
    }

    /// The server of this file, protected.
    pub(crate) fn protected(&self) -> Router {
        protect(&resource(), self.verifier())
    }

    /// A good token of alice, changed by `change`.
    pub(crate) fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "exp": NOW.0 + 300, "iat": NOW.0,
            "jti": "t1", "client_id": "c1", "scope": "read:todos", "grant_id": "g1",
        });
        change(&mut claims);
        self.key.sign(ACCESS_TOKEN_TYPE, &claims).unwrap()
    }

    pub(crate) fn token_with_scope(&self, scope: &str) -> String {
        self.token(|claims| claims["scope"] = json!(scope))
    }
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.into()).unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn challenge(&self) -> Challenge {
        Challenge::parse(self.header("www-authenticate").expect("a challenge")).unwrap()
    }

    /// The text of a tool's result.
    #[track_caller]
    pub(crate) fn tool_text(&self) -> String {
        let answer = self.json();
        let text = answer["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("no tool result: {self:?}"))
            .to_owned()
    }
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Answer {
    Answer::read(app.clone().oneshot(request).await.unwrap()).await
}

/// A POST of `body` with these headers besides those that every client sends.
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better without `&`"
)]
pub(crate) fn post(headers: &[(&str, &str)], body: impl ToString) -> Request<Body> {
    let mut request = Request::post("/todo/mcp")
        .header("host", "mcp.example")
        .header("content-type", "application/json");
    if !headers.iter().any(|(name, _)| *name == "accept") {
        request = request.header("accept", "application/json, text/event-stream");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A message of the revisions before 2026-07-28.
pub(crate) fn message(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

pub(crate) fn call(tool: &str) -> Value {
    message("tools/call", &json!({"name": tool, "arguments": {}}))
}

/// A request of revision 2026-07-28, with the headers that repeat its body.
pub(crate) fn modern(token: &str, method: &str, name: Option<&str>) -> Request<Body> {
    let mut params = json!({"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }});
    let bearer = bearer(token);
    let mut headers = vec![
        ("authorization", bearer.as_str()),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    if let Some(name) = name {
        params["name"] = json!(name);
        params["arguments"] = json!({});
        headers.push(("mcp-name", name));
    }
    post(&headers, message(method, &params))
}
