//! The Rust SDK's client, in both of its ways to speak, against the fronts over HTTP.
#![expect(
    deprecated,
    reason = "sampling and roots are deprecated, and clients have them"
)]

use std::sync::Mutex;

use axum::Router;
use axum::extract::{Request, State};
use rmcp::model::{
    CallToolRequestParams, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequestParams, ElicitResult, ElicitationAction, ListRootsResult,
    ProgressNotificationParam, ProtocolVersion, SamplingMessage,
};
use rmcp::service::{NotificationContext, RequestContext, RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt as _, ErrorData};

use super::*;

/// What the endpoint does around the fronts, without the guard.
async fn serve(State(house): State<Arc<House>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let (guest, server, headers) = (guest("alice"), &house.server, &parts.headers);
    let is_stateless =
        String::from_utf8_lossy(&body).contains("io.modelcontextprotocol/protocolVersion");
    match parts.method.as_str() {
        "POST" if is_stateless => house.stateless.post(&guest, headers, body, server).await,
        "POST" => house.sessions.post(&guest, headers, body, server).await,
        "GET" => house.sessions.get(&guest, headers, server),
        _ => house.sessions.delete(&guest, headers, server).await,
    }
}

#[expect(clippy::disallowed_methods, reason = "it ends with the test")]
async fn address(house: &Arc<House>) -> String {
    let app = Router::new()
        .route("/mcp", axum::routing::any(serve))
        .with_state(Arc::clone(house));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/mcp")
}

/// A client that answers everything.
#[derive(Clone)]
struct Answering {
    version: ProtocolVersion,
    progress: Arc<Mutex<usize>>,
}

impl ClientHandler for Answering {
    fn get_info(&self) -> ClientConfig {
        let mut config: ClientConfig = serde_json::from_value(json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"sampling": {}, "elicitation": {"form": {}}, "roots": {}},
            "clientInfo": {"name": "c", "version": "1"},
        }))
        .unwrap();
        config.protocol_version = self.version.clone();
        config
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let content = json!({"name": "kim"});
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(content))
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let message = SamplingMessage::assistant_text("seoul");
        Ok(CreateMessageResult::new(message, "m".to_owned()))
    }

    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        Ok(serde_json::from_value(json!({"roots": [{"uri": "file:///home"}]})).unwrap())
    }

    async fn on_progress(&self, _: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        *self.progress.lock().unwrap() += 1;
    }
}

/// No certificate is looked at, and not every machine has any.
#[expect(
    clippy::disallowed_methods,
    reason = "the client under test brings its own"
)]
fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .tls_certs_only(std::iter::empty())
        .no_proxy()
        .build()
        .unwrap()
}

async fn connect(
    house: &Arc<House>,
    version: ProtocolVersion,
    lifecycle: ClientLifecycleMode,
) -> RunningService<RoleClient, Answering> {
    let config = StreamableHttpClientTransportConfig::with_uri(address(house).await);
    let transport = StreamableHttpClientTransport::with_client(http(), config);
    let client = Answering {
        version,
        progress: Arc::default(),
    };
    client
        .serve_with_lifecycle(transport, lifecycle)
        .await
        .unwrap()
}

async fn said(client: &RunningService<RoleClient, Answering>, tool: &'static str) -> String {
    let result = client
        .call_tool(CallToolRequestParams::new(tool))
        .await
        .unwrap();
    let result = serde_json::to_value(&result).unwrap();
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

async fn try_everything(client: RunningService<RoleClient, Answering>) {
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools[0].name, "echo");
    assert!(said(&client, "echo").await.contains("echo"));
    assert!(said(&client, "ask").await.contains("kim"));
    assert!(said(&client, "sample").await.contains("seoul"));
    assert!(said(&client, "roots").await.contains("file:///home"));
    let both = said(&client, "ask-both").await;
    assert_eq!(both.matches("kim").count(), 2, "{both}");
    let turns = said(&client, "ask-in-turn").await;
    assert_eq!(turns.matches("kim").count(), 2, "{turns}");
    assert_eq!(said(&client, "progress").await, "done");
    assert_eq!(said(&client, "unavailable").await, "`todo` does not answer");
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn the_sdk_with_sessions_does_everything_in_every_revision() {
    for version in [
        ProtocolVersion::V_2024_11_05,
        ProtocolVersion::V_2025_03_26,
        ProtocolVersion::V_2025_06_18,
        ProtocolVersion::V_2025_11_25,
    ] {
        let house = Arc::new(House::new());
        let client = connect(&house, version.clone(), ClientLifecycleMode::Initialize).await;
        assert_eq!(client.peer_info().unwrap().protocol_version, version);
        try_everything(client).await;
        house.fake.until_told("left").await;
    }
}

#[tokio::test]
async fn the_sdk_without_sessions_does_everything() {
    let house = Arc::new(House::new());
    let newest = ProtocolVersion::V_2026_07_28;
    let lifecycle = ClientLifecycleMode::Discover {
        preferred_versions: vec![newest.clone()],
    };
    let client = connect(&house, newest, lifecycle).await;
    assert_eq!(
        client.peer_info().unwrap().protocol_version,
        ProtocolVersion::V_2026_07_28
    );
    try_everything(client).await;
}

#[tokio::test]
async fn the_sdk_that_finds_out_finds_the_newest_revision() {
    let house = Arc::new(House::new());
    let newest = ProtocolVersion::V_2026_07_28;
    let lifecycle = ClientLifecycleMode::Auto {
        preferred_versions: vec![newest.clone()],
        legacy_version: None,
    };
    let client = connect(&house, newest, lifecycle).await;
    assert_eq!(
        client.peer_info().unwrap().protocol_version,
        ProtocolVersion::V_2026_07_28
    );
    client.cancel().await.unwrap();
}
