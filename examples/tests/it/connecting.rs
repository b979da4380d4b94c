//! The hybrid demo in front of the stand-in API: auth types, elicitation in every revision, and whose
//! data come out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use delegation::{
    ApiClient, Credential, Invitation, InviteToConnect, Invited, ProviderClient, ProviderClients,
    RefreshSettings, ServiceAccount, ServiceTokens, ValidTokens, Vault,
};
use examples::{Account, Connecting, ObserveTools, ToolOutcome, hybrid};
use http::Request;
use oauth::client::fetch::{Fetch, FetchError, Fetched, Outgoing, Transport};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::{Clock as _, ManualClock};
use resource_server::ProtectedResource;
use serde_json::{Value, json};
use store::{KeyRing, SharedStore, SqliteStore, StoreError};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::client::{send, verifier};
use crate::demo_api::World;

const URL: &str = "https://mcp.example/hybrid/mcp";

/// Requests to the API without a network.
#[derive(Clone)]
struct Wire(Router);

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, outgoing: Outgoing) -> Result<Fetched, FetchError> {
        let mut request = Request::builder()
            .method(outgoing.method)
            .uri(outgoing.url.as_str())
            .body(Body::from(outgoing.body))
            .unwrap();
        *request.headers_mut() = outgoing.headers;
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 999_999).await;
        Ok(Fetched {
            status,
            headers,
            body: body.unwrap(),
        })
    }
}

/// Pages that exist in name only; who was invited is remembered.
#[derive(Debug, Default)]
struct Pages(Mutex<Vec<String>>);

#[async_trait]
impl InviteToConnect for Pages {
    async fn invite(&self, invited: &Invited<'_>) -> Result<Invitation, StoreError> {
        self.0.lock().unwrap().push(invited.subject.to_owned());
        Ok(Invitation {
            id: "inv1".to_owned(),
            url: "https://mcp.example/account/connect/inv1".to_owned(),
            lifetime: Duration::from_mins(10),
        })
    }
}

#[derive(Debug, Default)]
struct Count(Mutex<BTreeMap<String, u32>>);

impl ObserveTools for Count {
    fn tool_executed(&self, tool: &str, outcome: ToolOutcome, _: Duration) {
        let key = format!("{tool} {}", outcome.as_str());
        *self.0.lock().unwrap().entry(key).or_default() += 1;
    }
}

struct House {
    app: Router,
    world: World,
    vault: Vault,
    pages: Arc<Pages>,
    count: Arc<Count>,
    tasks: TaskTracker,
}

impl House {
    async fn new() -> Self {
        Self::with(false).await
    }

    async fn with(skip_authentication: bool) -> Self {
        let world = World::new();
        let clock: Arc<ManualClock> = Arc::clone(&world.clock);
        let fetch = Fetch::through(Wire(world.router.clone()));
        let store: SharedStore = Arc::new(SqliteStore::in_memory(clock.clone()).await.unwrap());
        let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
        let client = ProviderClient {
            token_endpoint: "http://api.example/oauth/token".to_owned(),
            client_id: "sumun".to_owned(),
            client_secret: Some("s3cret".into()),
            auth_method: TokenEndpointAuthMethod::ClientSecretBasic,
        };
        let providers = ProviderClients::new(fetch.clone(), clock.clone());
        let parts = delegation::Parts {
            store: store.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            random: Arc::new(OsRandom),
            refresher: Arc::new(providers.with("demo-api", client.clone())),
        };
        let tokens = ValidTokens::new(parts, RefreshSettings::default());
        let service = ServiceTokens::new(client, fetch.clone(), clock.clone());
        let service = ServiceAccount::tokens(service);
        let api = ApiClient::new("http://api.example", fetch).unwrap();
        let api = api.people(tokens.clone(), "demo-api").service(service);
        let (pages, count) = (Arc::new(Pages::default()), Arc::new(Count::default()));
        let tasks = TaskTracker::new();
        let account = Account {
            provider: "demo-api".to_owned(),
            name: "Demo API".to_owned(),
            server: "Hybrid demo".to_owned(),
        };
        let connecting = Connecting::new(account, tokens, pages.clone(), tasks.clone());
        let parts = hybrid::Parts {
            api,
            connecting,
            clock,
            observer: Some(count.clone()),
            skip_authentication,
        };
        let mut resource = ProtectedResource::new(URL).unwrap();
        for (tool, scope) in hybrid::TOOL_SCOPES {
            resource = resource.tool(tool, &scope.parse().unwrap());
        }
        Self {
            app: resource.protect(hybrid::service(URL, parts), verifier()),
            world,
            vault: Vault::new(store, keys),
            pages,
            count,
            tasks,
        }
    }

    /// `subject` has connected the account `username`.
    async fn connect(&self, subject: &str, username: &str) {
        let tokens = self.world.tokens_of(username).await;
        let secret = |name: &str| Secret::from(tokens[name].as_str().unwrap());
        let credential = Credential {
            access_token: secret("access_token"),
            refresh_token: Some(secret("refresh_token")),
            expires_at: Some(self.world.clock.now().plus(Duration::from_mins(10))),
            refresh_expires_at: None,
            scope: None,
        };
        self.vault
            .put(subject, "demo-api", &credential)
            .await
            .unwrap();
    }

    /// A call by a client of 2026-07-28; the whole answer.
    async fn ask(&self, token: &str, capabilities: Value, params: Value) -> Value {
        let mut params = params;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        });
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let name = params["name"].as_str().unwrap();
        let request = Request::post("/hybrid/mcp")
            .header("host", "mcp.example")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", name)
            .header(
                "authorization",
                format!("Bearer {}", token.replace(':', "/")),
            )
            .body(Body::from(message.to_string()));
        let response = self.app.clone().oneshot(request.unwrap()).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 999_999)
            .await
            .unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let json = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let json = json
            .map(str::trim)
            .find(|line| line.starts_with('{'))
            .unwrap_or(&text);
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    async fn call(&self, token: &str, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        self.ask(token, json!({}), params).await["result"].clone()
    }
}

const ALICE: &str = "alice+api:act";
const BOB: &str = "bob+api:act";

#[tokio::test]
async fn every_auth_type_calls_with_its_own_credential() {
    let house = House::new().await;
    house.connect("alice", "mina").await;
    let time = house.call(
        "alice",
        "get-current-time",
        json!({"format": "Korean", "timezone": "Asia/Seoul"}),
    );
    assert_eq!(
        time.await["structuredContent"]["time"],
        "2026. 11. 28. 오후 4:38:05"
    );
    let errors = house.call(
        "alice",
        "query-recent-errors",
        json!({"hours": 1, "limit": 2}),
    );
    assert_eq!(errors.await["structuredContent"]["total"], 2);
    let profile = house.call(ALICE, "get-user-profile", json!({})).await;
    assert_eq!(profile["structuredContent"]["name"], "Mina Park");
    let settings = json!({"settings": {"theme": "dark"}});
    let changed = house.call(ALICE, "update-user-settings", settings).await;
    assert_eq!(changed["structuredContent"]["settings"]["theme"], "dark");
    let days = json!({"startDate": "2026-11-01", "endDate": "2026-11-02", "limit": 5});
    let log = house.call(ALICE, "get-user-activity-log", days).await;
    assert_eq!(log["structuredContent"]["activities"][0]["user"], "mina");
    let count = house.count.0.lock().unwrap();
    assert_eq!(count.len(), 5, "{count:?}");
    assert_eq!(count["get-user-profile ok"], 1);
}

#[tokio::test]
async fn what_the_schemas_forbid_reaches_no_api() {
    let house = House::new().await;
    house.connect("alice", "mina").await;
    for (tool, arguments, message) in [
        (
            "query-recent-errors",
            json!({"hours": 0}),
            "`hours` must be from 1 to 168",
        ),
        (
            "query-recent-errors",
            json!({"limit": 1001}),
            "`limit` must be from 1 to 1000",
        ),
        (
            "get-current-time",
            json!({"timezone": "Mars/Olympus"}),
            "IANA",
        ),
        (
            "update-user-settings",
            json!({"settings": {}}),
            "1 to 50 settings",
        ),
        (
            "get-user-activity-log",
            json!({"startDate": "2026-02-30", "endDate": "2026-03-01"}),
            "`startDate` must be a day",
        ),
    ] {
        let answer = house.call(ALICE, tool, arguments).await;
        assert_eq!(answer["isError"], true, "{answer}");
        let text = answer["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(message), "{text}");
    }
    let unknown = json!({"name": "get-current-time", "arguments": {"format": "French"}});
    let answer = house.ask(ALICE, json!({}), unknown).await;
    let text = &answer["result"]["content"][0]["text"];
    assert!(
        text.as_str()
            .unwrap()
            .contains("one of `ISO`, `Korean`, `US`"),
        "{answer}"
    );
}

#[tokio::test]
async fn rs31_who_is_not_connected_is_asked_in_the_words_of_their_client() {
    let house = House::new().await;
    let call = json!({"name": "get-user-profile", "arguments": {}});
    let url = json!({"elicitation": {"url": {}}});
    let asked = house.ask(ALICE, url.clone(), call.clone()).await;
    let request = &asked["result"]["inputRequests"]["open"];
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    assert_eq!(request["params"]["mode"], "url");
    assert_eq!(
        request["params"]["url"],
        "https://mcp.example/account/connect/inv1"
    );
    // Without the capability, the link stands in an error that explains.
    let told = house
        .ask(ALICE, json!({"elicitation": {"form": {}}}), call.clone())
        .await;
    assert_eq!(told["result"]["isError"], true, "{told}");
    let text = told["result"]["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("/account/connect/inv1") && text.contains("Demo API"),
        "{text}"
    );
    // Who says no is not asked by the same call again.
    let mut declined = call.clone();
    declined["inputResponses"] = json!({"open": {"action": "decline"}});
    let told = house.ask(ALICE, url.clone(), declined).await;
    assert_eq!(told["result"]["isError"], true, "{told}");
    assert_eq!(*house.pages.0.lock().unwrap(), ["alice", "alice", "alice"]);

    // Who has opened the page is waited for, and the call goes on when they are done.
    let mut opened = call.clone();
    opened["inputResponses"] = json!({"open": {"action": "accept"}});
    let waiting = house.ask(ALICE, url, opened);
    let (answer, ()) = tokio::join!(waiting, house.connect("alice", "mina"));
    assert_eq!(
        answer["result"]["structuredContent"]["username"], "mina",
        "{answer}"
    );
    house.tasks.close();
    house.tasks.wait().await;
}

#[tokio::test]
async fn the_second_person_never_sees_the_first_ones_account() {
    let house = House::new().await;
    house.connect("alice", "mina").await;
    for arguments in [
        json!({}),
        json!({"subject": "alice"}),
        json!({"sub": "alice", "user": "mina"}),
    ] {
        let answer = house.call(BOB, "get-user-profile", arguments).await;
        assert!(!answer.to_string().contains("mina"), "{answer}");
        assert_eq!(answer["isError"], true);
    }
    house.connect("bob", "joon").await;
    let both = [(ALICE, "mina"), (BOB, "joon")];
    let calls = both.repeat(50).into_iter().map(async |(token, name)| {
        let answer = house.call(token, "get-user-profile", json!({})).await;
        assert_eq!(answer["structuredContent"]["username"], name, "{answer}");
    });
    futures_util::future::join_all(calls).await;
    // Without the scope nobody acts as a person at all.
    let request = json!({"name": "get-user-profile", "arguments": {}});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": request});
    let request = Request::post("/hybrid/mcp")
        .header("host", "mcp.example")
        .header("content-type", "application/json")
        .header("authorization", "Bearer alice")
        .body(Body::from(message.to_string()));
    assert_eq!(send(&house.app, request.unwrap()).await.0, 403);
}

#[tokio::test]
async fn two_hundred_calls_at_the_moment_of_expiry_cause_one_refresh() {
    let house = House::new().await;
    house.connect("alice", "mina").await;
    house.world.clock.advance(Duration::from_mins(10));
    let calls = (0..200).map(|_| house.call(ALICE, "get-user-profile", json!({})));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer["structuredContent"]["username"], "mina", "{answer}");
    }
    assert_eq!(house.world.api.refreshes(), 1);
}

#[tokio::test]
async fn a_connection_that_the_provider_has_ended_is_asked_for_again() {
    let house = House::new().await;
    house.connect("alice", "mina").await;
    house
        .world
        .api
        .withdraw(&examples::demo_api::Account::ALL[0]);
    let answer = house.call(ALICE, "get-user-profile", json!({})).await;
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("/account/connect/inv1"), "{answer}");
    house.connect("alice", "mina").await;
    let answer = house.call(ALICE, "get-user-profile", json!({})).await;
    assert_eq!(answer["structuredContent"]["username"], "mina");
}

#[tokio::test]
async fn the_switch_for_development_sends_no_credential() {
    let house = House::with(true).await;
    house.connect("alice", "mina").await;
    let answer = house.call(ALICE, "get-user-profile", json!({})).await;
    assert_eq!(answer["isError"], true, "this API wants one: {answer}");
    assert_eq!(
        answer["content"][0]["text"],
        "the API does not accept the credential"
    );
}
