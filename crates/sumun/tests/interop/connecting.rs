//! Tools that work as the person who called: call → link → browser → connect → repeat, with real clients.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use examples::demo_api::{Account, DemoApi, RegisteredClient};
use oauth::random::{OsRandom, Random};
use oauth::time::SystemClock;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clients::{Client, result};
use crate::driver::Driver;
use crate::house::{House, SETTINGS, free_port};
use crate::http_client::get;
use crate::people::{ADMIN, ALICE, house_with_people_at};

const EVENT: &str = r#"create_calendar_schedule={"title":"수문 회의; 예산","start_datetime":"2026-12-01 14:00","location":"본사, 3층"}"#;

/// A client of each kind, and the revision that it speaks.
pub(crate) const CLIENTS: [(Client, &str, &str); 4] = [
    (Client::TypeScript, "2025-11-25", "legacy"),
    (Client::TypeScript, "2026-07-28", "auto"),
    (Client::FastMcp, "2025-11-25", "legacy"),
    (Client::FastMcp, "2026-07-28", "auto"),
];

pub(crate) fn alice(
    client: Client,
    url: &str,
    protocol: &str,
    account: &str,
    state: &std::path::Path,
) -> Driver {
    let driver = client.at(url, state).person(ALICE);
    driver
        .option("--protocol", protocol)
        .option("--connect", account)
}

/// The person was asked once, on pages of ours and then of the provider, and nothing broke.
#[track_caller]
pub(crate) fn assert_connected(answer: &Value) {
    let connected = answer["connected"].as_array().unwrap();
    assert_eq!(connected.len(), 1, "{answer:#}");
    let connected = &connected[0];
    assert_eq!(connected["console"], json!([]), "{answer:#}");
    let text = connected["text"].as_str().unwrap();
    assert!(text.contains("Your account is connected"), "{answer:#}");
    // No secret and nothing of the person stands in the address (RS-32).
    let url = url::Url::parse(connected["url"].as_str().unwrap()).unwrap();
    let id = url.path().strip_prefix("/account/connect/").unwrap();
    assert_eq!((id.len(), url.query()), (22, None), "{url}");
}

#[tokio::test]
async fn rs31_every_client_walks_from_the_call_to_the_profile() {
    for (client, revision, protocol) in CLIENTS {
        let house = House::demo().await;
        let url = format!("{}/hybrid/mcp", house.url);
        let state = tempdir().unwrap();
        let driver = alice(client, &url, protocol, "mina", state.path());
        let calls = driver
            .option("--call", "get-user-profile")
            .option("--call", r#"query-recent-errors={"hours":2,"limit":3}"#);
        let answer = calls.run().await;
        assert_eq!(answer["protocolVersion"], revision, "{client:?} {answer:#}");
        assert_connected(&answer);
        assert_eq!(
            result(&answer, 0)["username"],
            "mina",
            "{client:?} {answer:#}"
        );
        assert_eq!(result(&answer, 1)["errors"].as_array().unwrap().len(), 3);
        if client == Client::TypeScript && protocol == "legacy" {
            let elicitation = &answer["connected"][0]["elicitationId"];
            assert_eq!(
                &answer["completed"], elicitation,
                "the client is told: {answer:#}"
            );
        }
        // Nobody is asked again, and another person is not this one.
        let again = client.at(&url, state.path()).option("--protocol", protocol);
        let again = again.option("--call", "get-user-profile").run().await;
        assert_eq!(result(&again, 0)["username"], "mina", "{again:#}");
        let other = client.at(&url, &state.path().join("other")).person(ADMIN);
        let other = other.option("--protocol", protocol);
        let other = other.option("--call", "get-user-profile").run().await;
        let other = &other["results"][0];
        assert!(!other.to_string().contains("mina"), "{client:?} {other:#}");
        assert!(
            other["isError"] == true || other["error"].is_string(),
            "{other:#}"
        );
        house.stop("INT").await;
    }
}

#[tokio::test]
async fn rs31_an_event_reaches_the_calendar_of_the_person_who_called() {
    for (client, _, protocol) in CLIENTS {
        let house = House::demo_with(&["--idp", "naver"]).await;
        let url = format!("{}/naver/mcp", house.url);
        let state = tempdir().unwrap();
        let driver = alice(client, &url, protocol, "hana", state.path());
        let calls = driver
            .option("--call", r#"web_search={"query":"수문","display":2}"#)
            .option("--call", EVENT);
        let answer = calls.run().await;
        assert_connected(&answer);
        let found = result(&answer, 0);
        assert_eq!(found["items"][0]["title"], "수문 \"문서\" 1", "{answer:#}");
        assert_eq!(result(&answer, 1)["result"], "success", "{answer:#}");
        let screen = house.whole_screen().await;
        let page = screen.split_whitespace();
        let page = page
            .into_iter()
            .find(|word| word.ends_with("/simulator/calendar"));
        let calendar = get(page.unwrap(), None).await;
        let text = calendar.text();
        for words in ["수문 회의; 예산", "20261201T140000", "김하나 · 본사, 3층"] {
            assert!(text.contains(words), "{client:?}: {words}\n{text}");
        }
        house.stop("INT").await;
    }
}

/// RS-31: whoever gets somebody to open their link gets nothing of that person's.
#[tokio::test]
async fn rs31_the_link_of_one_person_is_of_no_use_to_another() {
    let house = House::demo().await;
    let url = format!("{}/hybrid/mcp", house.url);
    let state = tempdir().unwrap();
    let driver = alice(Client::TypeScript, &url, "legacy", "mina", state.path());
    let as_admin = format!("{}:{}", ADMIN.username, ADMIN.password);
    let driver = driver.option("--connect-as", as_admin);
    let answer = driver.option("--call", "get-user-profile").run().await;
    let text = answer["connected"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("This link is for somebody else"),
        "{answer:#}"
    );
    assert!(text.contains("invitation_of_somebody_else"), "{answer:#}");
    // Neither of them is connected.
    for (person, state) in [(ALICE, state.path()), (ADMIN, &state.path().join("admin"))] {
        let driver = Client::TypeScript.at(&url, state).person(person);
        let answer = driver.option("--call", "get-user-profile").run().await;
        assert_eq!(answer["results"][0]["isError"], true, "{answer:#}");
        let text = answer["results"][0]["text"][0].as_str().unwrap();
        assert!(text.contains("/account/connect/"), "{answer:#}");
    }
}

/// Every secret that the API makes up, so that a test can look for it.
#[derive(Debug, Default)]
struct Recording(Mutex<Vec<Vec<u8>>>);

impl Random for Recording {
    fn fill(&self, bytes: &mut [u8]) {
        OsRandom.fill(bytes);
        self.0.lock().unwrap().push(bytes.to_vec());
    }
}

/// The stand-in API in this process, and a house that calls it.
pub(crate) struct Street {
    pub(crate) house: House,
    api: DemoApi,
    secrets: Arc<Recording>,
    metrics: u16,
    _server: JoinSet<()>,
}

impl Street {
    /// With what `upstreams` writes of upstreams that call the API, whose address it is given.
    pub(crate) async fn build(upstreams: impl AsyncFnOnce(&str) -> String) -> Self {
        let (port, metrics) = (free_port(), free_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let client = RegisteredClient {
            client_id: "us".to_owned(),
            client_secret: "canary-api-secret".into(),
            redirect_uri: format!("http://127.0.0.1:{port}/callback/demo-api"),
        };
        let secrets = Arc::new(Recording::default());
        let api = DemoApi::new(client, Arc::new(SystemClock), secrets.clone());
        let router = api.router();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let settings = format!(
            "{SETTINGS}\n[scopes.\"api:act\"]\nen = \"Act as you\"\nko = \"대신 사용\"\n\n\
             [metrics]\nlisten = \"127.0.0.1:{metrics}\"\n\n[log]\nlevel = \"trace\"\n\n\
             [[identity_providers]]\nid = \"demo-api\"\npreset = \"oauth2\"\nsign_in = false\n\
             name = \"Demo API\"\nclient_id = \"us\"\nclient_secret = \"canary-api-secret\"\n\
             authorization_endpoint = \"{origin}/oauth/authorize\"\n\
             token_endpoint = \"{origin}/oauth/token\"\n\
             userinfo_endpoint = \"{origin}/user/profile\"\nsubject_at = \"/id\"\n\n[[servers]]\n\
             name = \"hybrid\"\napi = \"{origin}\"\napi_client_id = \"us\"\n\
             api_client_secret = \"canary-api-secret\"\n\
             api_token_endpoint = \"{origin}/oauth/token\"\nidentity_provider = \"demo-api\"\n\n{}",
            upstreams(&origin).await
        );
        let settings = settings.replace(
            "User = [\"create:todos\"]",
            "User = [\"create:todos\", \"api:act\"]",
        );
        let house = house_with_people_at(&settings, port).await;
        Self {
            house,
            api,
            secrets,
            metrics,
            _server: server,
        }
    }

    async fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        let answer = get(&url, None).await;
        assert!(
            answer
                .header("content-type")
                .starts_with("application/openmetrics-text")
        );
        answer.text().to_owned()
    }

    /// Every token and code that the API has made, as it stands on the wire.
    pub(crate) fn canaries(&self) -> Vec<String> {
        let secrets = self.secrets.0.lock().unwrap();
        let secrets = secrets.iter().filter(|bytes| bytes.len() == 32);
        let mut canaries: Vec<_> = secrets.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).collect();
        canaries.push("canary-api-secret".to_owned());
        canaries
    }
}

/// Acceptance A11, and the numbers that an operator sees; also after the provider has ended it all.
#[tokio::test]
async fn a11_no_token_of_the_api_is_logged_counted_or_told() {
    let street = Street::build(async |_| String::new()).await;
    let url = format!("{}/hybrid/mcp", street.house.url);
    let state = tempdir().unwrap();
    let driver = alice(Client::TypeScript, &url, "legacy", "joon", state.path());
    let answer = driver
        .option("--call", "get-user-profile")
        .option("--call", "query-recent-errors")
        .run()
        .await;
    assert_connected(&answer);
    assert_eq!(result(&answer, 0)["username"], "joon");
    street.api.withdraw(&Account::ALL[1]);
    let again = Client::TypeScript.at(&url, state.path());
    let again = again.option("--call", "get-user-profile").run().await;
    let told = again["results"][0].to_string();
    assert!(told.contains("/account/connect/"), "{again:#}");

    let metrics = street.metrics().await;
    for line in [
        "sumun_tool_executions_total{server=\"hybrid\",tool=\"get-user-profile\",outcome=\"ok\"} 1",
        "sumun_tool_executions_total{server=\"hybrid\",tool=\"query-recent-errors\",outcome=\"ok\"} 1",
        "sumun_api_calls_total{api=\"127.0.0.1\",outcome=\"ok\"} 2",
        "sumun_token_refreshes_total{provider=\"demo-api\",outcome=\"ended\"} 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    assert!(
        metrics.contains("sumun_authentication_failures_total{room=\"/hybrid/mcp\""),
        "{metrics}"
    );
    assert!(
        metrics.contains("sumun_resident_memory_bytes "),
        "{metrics}"
    );
    let health = get(&format!("{}/health", street.house.url), None).await;
    assert_eq!(
        health.json()["checks"]["upstream:hybrid"]["status"],
        "healthy"
    );
    let missing = get(&format!("{}/metrics", street.house.url), None).await;
    assert_eq!(missing.status, 404, "not where everybody comes");

    let log = street.house.log();
    assert!(
        log.contains("a credential has ended"),
        "the log was written: {log}"
    );
    let canaries = street.canaries();
    assert!(canaries.len() > 5, "tokens were made");
    for canary in canaries {
        for (place, text) in [
            ("the log", &log),
            ("the metrics", &metrics),
            ("an answer", &answer.to_string()),
            ("an answer", &again.to_string()),
            ("the health", &health.text().to_owned()),
        ] {
            assert!(!text.contains(&canary), "{canary} in {place}");
        }
    }
}
