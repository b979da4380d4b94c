//! The security lab: its tools on a real audit log, a real key ring and a real scanner.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use audit::AuditLog;
use audit::rule::Thresholds;
use axum::Router;
use axum::body::Body;
use examples::lab::{
    self, Authority, Count, Encryption, Facts, IssueError, Parts, ServedResource, SigningKey,
    TestToken, Unavailable,
};
use http::{Request, StatusCode};
use oauth::client::fetch::{Fetch, Scripted};
use oauth::metadata::AuthorizationServerMetadata;
use oauth::random::OsRandom;
use oauth::scope::Scope;
use oauth::secret::Secret;
use oauth::time::{ManualClock, NumericDate};
use pii::Scanner;
use resource_server::{Caller, ProtectedResource};
use serde_json::{Value, json};
use store::{Collection, KeyRing, SqliteStore};
use tempfile::TempDir;

use crate::client::{ask, send, verifier};

const URL: &str = "https://mcp.example/lab/mcp";
const ISSUER: &str = "https://mcp.example";
const ALICE: &str = "alice+lab:read+lab:test";
const ADMIN: &str = "admin+lab:read+lab:test+lab:token+audit:read";
const RRN: &str = "900101-1234567";

/// An authorization server that has one key and gives whoever asks a token.
#[derive(Debug)]
struct Server;

fn metadata() -> AuthorizationServerMetadata {
    let metadata = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://mcp.example/authorize",
        "token_endpoint": "https://mcp.example/token",
        "jwks_uri": "https://mcp.example/jwks",
        "registration_endpoint": "https://mcp.example/register",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "dpop_signing_alg_values_supported": ["ES256"],
    });
    serde_json::from_value(metadata).unwrap()
}

#[async_trait]
impl Authority for Server {
    fn metadata(&self) -> AuthorizationServerMetadata {
        metadata()
    }

    async fn facts(&self) -> Result<Facts, Unavailable> {
        Ok(Facts {
            signing_keys: vec![SigningKey {
                kid: "k1".to_owned(),
                alg: "EdDSA".to_owned(),
                state: "signing",
                signs_from: 1_799_900_000,
                published_until: None,
            }],
            signing_key_lifetime: 30 * 86_400,
            access_token_lifetime: 1800,
            clients: Count {
                count: 3,
                or_more: false,
            },
            redirect_uris: vec!["http://127.0.0.1:1/cb".to_owned()],
            health: [("store".to_owned(), true)].into(),
            ..Facts::default()
        })
    }

    async fn issue(
        &self,
        caller: &Caller,
        asked: Option<&Scope>,
        lifetime: Duration,
    ) -> Result<TestToken, IssueError> {
        Ok(TestToken {
            access_token: Secret::from(format!("token of {}", caller.subject())),
            token_type: "Bearer".to_owned(),
            expires_in: lifetime.as_secs(),
            scope: asked.unwrap_or(caller.scopes()).clone(),
        })
    }
}

/// The lab, and what it stands on.
struct Lab {
    app: Router,
    script: Scripted,
    log: AuditLog,
    directory: TempDir,
}

impl Lab {
    async fn with(change: impl FnOnce(&mut Parts)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NumericDate(1_800_000_000)));
        let settings = audit::Settings::in_directory(directory.path());
        let log = AuditLog::open(settings, clock.clone(), &OsRandom).unwrap();
        let ring = Arc::new(KeyRing::ephemeral(&OsRandom));
        let store = directory.path().join("store");
        let store = SqliteStore::open(&store, clock.clone()).await.unwrap();
        let script = Scripted::default();
        let mut parts = Parts {
            authority: Arc::new(Server),
            resources: vec![ServedResource {
                name: "security-lab".to_owned(),
                resource: URL.to_owned(),
                metadata_url: format!("{ISSUER}/.well-known/oauth-protected-resource/lab/mcp"),
                issuer: ISSUER.to_owned(),
            }],
            fetch: Fetch::through(script.clone()),
            audit: Some(log.clone()),
            thresholds: Thresholds::default(),
            scanner: Scanner::new(),
            encryption: Some(Encryption {
                ring: Arc::clone(&ring),
                purpose: "personal data",
            }),
            customers: Collection::new(Arc::new(store), ring),
            clock,
            random: Arc::new(OsRandom),
            observer: None,
        };
        change(&mut parts);
        let mut resource = ProtectedResource::new(URL).unwrap();
        for (tool, scope) in lab::TOOL_SCOPES {
            resource = resource.tool(tool, &scope.parse().unwrap());
        }
        Self {
            app: resource.protect(lab::service(URL, parts), verifier()),
            script,
            log,
            directory,
        }
    }

    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn result(&self, token: &str, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        ask(&self.app, "/lab/mcp", token, "tools/call", params).await
    }

    async fn call(&self, token: &str, tool: &str, arguments: Value) -> Value {
        let result = self.result(token, tool, arguments).await;
        assert_eq!(result["isError"], false, "{tool}: {result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(!text.is_empty(), "{tool}: there is text beside the value");
        result["structuredContent"].clone()
    }

    async fn refused(&self, token: &str, tool: &str, arguments: Value, sign: &str) {
        let result = self.result(token, tool, arguments).await;
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        assert!(
            result["isError"] == true && text.contains(sign),
            "{tool}: {result}"
        );
    }

    /// Everything that stands on the disk.
    fn disk(&self) -> Vec<u8> {
        self.log.close();
        let mut all = Vec::new();
        gather(self.directory.path(), &mut all);
        all
    }
}

fn gather(directory: &Path, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, all);
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn the_ten_tools_need_the_scopes_that_are_documented() {
    let lab = Lab::new().await;
    let names = async |token| {
        let list = ask(&lab.app, "/lab/mcp", token, "tools/list", json!({})).await;
        let tools = list["tools"].as_array().unwrap().clone();
        tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut expected = lab::TOOL_SCOPES.map(|(tool, _)| tool).to_vec();
    expected.sort_unstable();
    assert_eq!(names(ADMIN).await, expected);
    assert_eq!(names("nobody").await, Vec::<String>::new());

    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "create_oauth2_test_token", "arguments": {}}});
    let request = Request::post("/lab/mcp")
        .header("host", "mcp.example")
        .header("content-type", "application/json")
        .header("authorization", "Bearer alice+lab/read+lab/test")
        .body(Body::from(message.to_string()));
    let (status, answer) = send(&lab.app, request.unwrap()).await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::FORBIDDEN, &json!("insufficient_scope"))
    );
}

#[tokio::test]
async fn the_status_is_that_of_the_authorization_server() {
    let status = Lab::new()
        .await
        .call(ALICE, "get_oauth2_server_status", json!({}))
        .await;
    assert_eq!(status["issuer"], ISSUER);
    assert_eq!(status["status"], "healthy");
    assert_eq!(status["signing_keys"][0]["age_seconds"], 100_000);
    assert_eq!(
        status["endpoints"]["token_endpoint"],
        "https://mcp.example/token"
    );
    assert_eq!(status["clients"], json!({"count": 3, "or_more": false}));
}

#[tokio::test]
async fn a_test_token_has_no_more_scopes_than_its_caller() {
    let lab = Lab::new().await;
    let tool = "create_oauth2_test_token";
    let arguments = json!({"scope": "lab:read", "expires_in": 60});
    let token = lab.call(ADMIN, tool, arguments).await;
    assert_eq!(token["access_token"], "token of admin");
    assert_eq!(
        (&token["scope"], &token["expires_in"]),
        (&json!("lab:read"), &json!(60))
    );
    let more = json!({"scope": "lab:read create:todos"});
    lab.refused(ADMIN, tool, more, "leave out create:todos")
        .await;
    for wrong in [9, 301] {
        let arguments = json!({"expires_in": wrong});
        lab.refused(ADMIN, tool, arguments, "from 10 to 300").await;
    }
    assert!(!has(&lab.disk(), "token of admin"));
}

#[tokio::test]
async fn guides_are_made_of_the_metadata() {
    let lab = Lab::new().await;
    for (flow, sign) in [
        ("authorization_code", "code_challenge_method=S256"),
        ("client_credentials", "grant_type=client_credentials"),
        ("refresh_token", "grant_type=refresh_token"),
        ("device_code", "device_code"),
        ("token_exchange", "subject_token"),
    ] {
        let arguments = json!({"flow": flow});
        let guide = lab.call(ALICE, "get_oauth2_flow_guide", arguments).await;
        let steps = guide["steps"].to_string();
        assert!(
            steps.contains(sign) && steps.contains("https://mcp.example/token"),
            "{guide}"
        );
        let is_offered = !matches!(flow, "device_code" | "token_exchange");
        assert_eq!(guide["available"], is_offered, "{flow}");
        assert_eq!(guide["unavailable_because"].is_null(), is_offered, "{flow}");
    }
}

fn found<'a>(checks: &'a Value, id: &str) -> &'a Value {
    let checks = checks["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("no check {id}: {checks:?}"))
}

#[tokio::test]
async fn a_setup_is_looked_at_from_outside() {
    let lab = Lab::new().await;
    let tool = "validate_oauth2_setup";
    // Nobody answers: that is no failure, since only the outside may know the name.
    let checks = lab.call(ALICE, tool, json!({})).await;
    assert_eq!(found(&checks, "issuer")["status"], "warn");
    assert!(found(&checks, "jwks")["fix"].is_string());

    let script = &lab.script;
    let at = format!("{ISSUER}/.well-known/oauth-authorization-server");
    script.answer_json(&at, &metadata());
    let key = json!({"kty": "OKP", "kid": "k1", "alg": "EdDSA"});
    script.answer_json("https://mcp.example/jwks", &json!({"keys": [key]}));
    let document = format!("{ISSUER}/.well-known/oauth-protected-resource/lab/mcp");
    let described = json!({"resource": URL, "authorization_servers": [ISSUER]});
    script.answer_json(&document, &described);
    let challenge = format!("Bearer resource_metadata=\"{document}\"");
    script.answer(URL, 401, &[("www-authenticate", &challenge)], "");
    let checks = lab.call(ALICE, tool, json!({})).await;
    assert_eq!(checks["failed"], 0, "{checks}");
    for id in [
        "issuer",
        "pkce",
        "jwks",
        "key_age",
        "resource:security-lab:metadata",
        "resource:security-lab:challenge",
    ] {
        assert_eq!(found(&checks, id)["status"], "pass", "{checks}");
    }

    let mut impostor = serde_json::to_value(metadata()).unwrap();
    impostor["issuer"] = json!("https://other.example");
    script.answer_json(&at, &impostor);
    let other = format!("{ISSUER}/.well-known/openid-configuration");
    script.answer_json(&other, &impostor);
    let private = json!({"kty": "OKP", "kid": "k2", "alg": "EdDSA", "d": "secret"});
    script.answer_json("https://mcp.example/jwks", &json!({"keys": [private]}));
    script.answer(URL, 200, &[], "welcome");
    let checks = lab.call(ALICE, tool, json!({})).await;
    assert_eq!(checks["valid"], false);
    for id in [
        "issuer",
        "jwks",
        "jwks_public",
        "resource:security-lab:challenge",
    ] {
        let check = found(&checks, id);
        assert!(
            check["status"] == "fail" && check["fix"].is_string(),
            "{check}"
        );
    }
}

#[tokio::test]
async fn personal_data_are_found_and_shown_masked() {
    let lab = Lab::new().await;
    let tool = "test_pii_detection";
    let text = format!("담당자 홍길동님, 주민번호 {RRN}");
    let found = lab.call(ALICE, tool, json!({"text": text})).await;
    assert_eq!(found["by_type"], json!({"KR_NAME": 1, "KR_RRN": 1}));
    let rrn = &found["findings"][1];
    assert_eq!((&rrn["start"], &rrn["end"]), (&json!(15), &json!(29)));
    assert_eq!(
        (&rrn["byte_start"], &rrn["byte_end"]),
        (&json!(37), &json!(51))
    );
    assert_eq!(
        found["masked_text"],
        "담당자 홍**님, 주민번호 90****-*******"
    );
    let only = json!({"text": text, "types": ["KR_RRN"]});
    assert_eq!(lab.call(ALICE, tool, only).await["count"], 1);
    let unknown = json!({"text": "x", "types": ["RRN"]});
    lab.refused(ALICE, tool, unknown, "there is no type `RRN`")
        .await;
    lab.refused(ALICE, tool, json!({"text": ""}), "1 to 20000 characters")
        .await;
    assert!(!has(&lab.disk(), RRN));
}

#[tokio::test]
async fn encryption_gives_back_what_it_took_and_nothing_to_others() {
    let arguments = json!({"text": "비밀"});
    let tested = Lab::new()
        .await
        .call(ALICE, "test_encryption", arguments.clone())
        .await;
    assert_eq!(
        (&tested["round_trip_ok"], &tested["key_ring"]),
        (&json!(true), &json!("configured"))
    );
    for attempt in ["wrong_key", "tampered", "other_subject"] {
        assert_eq!(tested[attempt]["refused"], true, "{attempt}: {tested}");
    }
    let token = tested["token"].as_str().unwrap();
    let key_id = tested["key_id"].as_str().unwrap();
    assert!(token.starts_with(&format!("enc:v1:{key_id}:")));

    let bare = Lab::with(|parts| parts.encryption = None).await;
    let tested = bare.call(ALICE, "test_encryption", arguments).await;
    assert_eq!(
        (&tested["round_trip_ok"], &tested["key_ring"]),
        (&json!(true), &json!("ephemeral"))
    );
}

#[tokio::test]
async fn the_tool_never_sees_a_korean_identifier() {
    let lab = Lab::new().await;
    let tool = "process_customer_data";
    let customer = json!({
        "name": "홍길동", "resident_registration_number": RRN, "phone": "010-2345-6789",
        "email": "hong@example.com", "memo": "배우자 880202-2345678",
    });
    let stored = lab.call(ALICE, tool, customer).await;
    let text = stored.to_string();
    for raw in ["900101", "880202", "2345-6789", "hong@", "홍길동"] {
        assert!(!text.contains(raw), "{raw}: {text}");
    }
    let record = &stored["stored"];
    let number = record["resident_registration_number"].as_str().unwrap();
    assert!(number.starts_with("enc:v1:"));
    assert_eq!(record["phone"], "010-****-****");

    let unsure = json!({"name": "x", "resident_registration_number": "12345"});
    lab.refused(ALICE, tool, unsure, "is not recognized").await;
    let secret = json!({"name": "x", "memo": "password=hunter2hunter2"});
    lab.refused(ALICE, tool, secret, "SECRET").await;
    lab.refused(ALICE, tool, json!({"name": " "}), "must not be empty")
        .await;
    let long = json!({"name": "x", "memo": "가".repeat(2001)});
    lab.refused(ALICE, tool, long, "at most 2000").await;

    let asked = json!({"tool_name": tool, "event_type": "call_outcome"});
    let history = lab.call(ALICE, "get_security_audit_log", asked).await;
    let events = history["events"].as_array().unwrap();
    assert_eq!(events.len(), 5, "{events:?}");
    let first = &events[4];
    assert_eq!(
        (&first["contains_pii"], &first["action_taken"]),
        (&json!(true), &json!("encrypted"))
    );
    assert_eq!(
        (
            &first["parameter_count"],
            &first["pii"]["arguments"]["encrypted"]["KR_RRN"]
        ),
        (&json!(5), &json!(2)),
        "{first}"
    );
    assert_eq!(events[2]["action_taken"], "rejected", "{events:?}");
    let disk = lab.disk();
    for raw in [
        RRN,
        "880202-2345678",
        "010-2345-6789",
        "hong@example.com",
        "hunter2",
    ] {
        assert!(!has(&disk, raw), "{raw}");
    }
}

#[tokio::test]
async fn nobody_brings_along_what_stands_for_a_guarded_value() {
    let lab = Lab::new().await;
    let spoken = "구십공일공일 다시 일이삼사오육칠";
    for customer in [
        json!({"name": "x", "resident_registration_number": format!("enc:v1: {spoken}")}),
        json!({"name": "x", "phone": "*공일공 이삼사오 육칠팔구"}),
    ] {
        lab.refused(ALICE, "process_customer_data", customer, "written out")
            .await;
    }
}

#[tokio::test]
async fn without_keys_nothing_is_stored() {
    let lab = Lab::with(|parts| parts.encryption = None).await;
    let customer = json!({"name": "홍길동", "resident_registration_number": RRN});
    lab.refused(ALICE, "process_customer_data", customer, "no keys")
        .await;
}

#[tokio::test]
async fn people_see_their_own_record_and_auditors_everybodys() {
    let lab = Lab::new().await;
    let text = json!({"text": "x"});
    lab.call(ALICE, "test_encryption", text.clone()).await;
    lab.call("bob+lab:test", "test_encryption", text).await;
    let tool = "get_security_audit_log";
    let own = lab
        .call(ALICE, tool, json!({"tool_name": "test_encryption"}))
        .await;
    assert_eq!(
        (&own["whose"], &own["count"]),
        (&json!("the caller"), &json!(1))
    );
    let all = json!({"tool_name": "test_encryption", "limit": 1});
    let page = lab.call(ADMIN, tool, all).await;
    assert_eq!(
        (&page["whose"], &page["count"]),
        (&json!("everybody"), &json!(1))
    );
    let next = json!({"tool_name": "test_encryption", "cursor": page["next_cursor"]});
    let next = lab.call(ADMIN, tool, next).await;
    assert_eq!(next["count"], 1);
    assert_ne!(next["events"][0]["user_id"], page["events"][0]["user_id"]);
    assert!(next["events"][0].get("mac").is_none());
    let later = json!({"since": "2100-01-01"});
    assert_eq!(lab.call(ADMIN, tool, later).await["count"], 0);
    lab.refused(
        ALICE,
        tool,
        json!({"event_type": "coffee"}),
        "must be one of",
    )
    .await;
    lab.refused(ALICE, tool, json!({"since": "yesterday"}), "must be a time")
        .await;
    lab.refused(ALICE, tool, json!({"limit": 0}), "from 1 to 500")
        .await;
}

#[tokio::test]
async fn a_simulation_leaves_the_log_alone() {
    let lab = Lab::new().await;
    let tool = "simulate_data_breach_detection";
    lab.refused(
        ALICE,
        tool,
        json!({"scenario": "fire"}),
        "must be all, mass_read",
    )
    .await;
    let before = *lab.log.grown().borrow();
    let arguments = json!({"scenario": "enumeration", "seed": 3});
    let played = lab.call(ALICE, tool, arguments).await;
    assert_eq!(
        (&played["played"], &played["detected"]),
        (&json!(1), &json!(1))
    );
    assert!(played["scenarios"][0]["seconds_to_detect"].is_number());
    assert_eq!(*lab.log.grown().borrow(), before + 1, "the call itself");
}

#[tokio::test]
async fn a_report_says_whether_the_log_is_whole() {
    let lab = Lab::new().await;
    let tool = "generate_security_report";
    for (format, sign) in [("html", "<html"), ("md", "# "), ("json", "{")] {
        let arguments = json!({"format": format, "from": "30d", "to": "2100-01-01"});
        let result = lab.result(ADMIN, tool, arguments).await;
        let report = &result["structuredContent"];
        assert_eq!(report["chain"]["whole"], true, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(sign), "{format}");
        assert_eq!(report["report"].is_object(), format == "json");
    }
    let backward = json!({"from": "2026-11-28", "to": "2026-11-27"});
    lab.refused(ADMIN, tool, backward, "must be after").await;
    lab.refused(ADMIN, tool, json!({"language": "fr"}), "en or ko")
        .await;
}

#[tokio::test]
async fn without_a_log_the_tools_for_it_say_so() {
    let lab = Lab::with(|parts| parts.audit = None).await;
    for tool in ["get_security_audit_log", "generate_security_report"] {
        lab.refused(ADMIN, tool, json!({}), "audit.enabled").await;
    }
    assert_eq!(
        lab.call(ALICE, "test_encryption", json!({"text": "x"}))
            .await["round_trip_ok"],
        true
    );
}

/// What cannot be recorded is not answered.
#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_not_answered() {
    let lab = Lab::new().await;
    lab.log.close();
    let params = json!({"name": "test_encryption", "arguments": {"text": "x"}});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let request = Request::post("/lab/mcp")
        .header("host", "mcp.example")
        .header("content-type", "application/json")
        .header("authorization", "Bearer alice+lab/test")
        .body(Body::from(message.to_string()));
    let (_, answer) = send(&lab.app, request.unwrap()).await;
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(text.contains("cannot be recorded"), "{answer}");
}
