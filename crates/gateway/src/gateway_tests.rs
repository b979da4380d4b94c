//! A gateway that becomes another one: wholly, or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use oauth::client::fetch::Fetch;
use oauth::dpop::{ProvenRequest, sign_proof};
use oauth::jws::Algorithm;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::signing_key::SigningKey;
use oauth::time::{Clock as _, ManualClock, NumericDate, SystemClock};
use resource_server::{Dpop, Issuer, VerifyError};
use tokio::sync::Semaphore;

use super::*;
use crate::upstream::{AuthTypes, HttpClient, Transport, UpstreamCredential};

struct Nobody;

#[async_trait]
impl VerifyToken for Nobody {
    async fn verify(&self, _: &str) -> Result<Caller, VerifyError> {
        unreachable!("nobody calls")
    }
}

fn parts() -> Parts {
    Parts {
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        tasks: TaskTracker::new(),
        closing: CancellationToken::new(),
        session_keys: SessionKeys::new(&[7; 32], &[]),
        audit: None,
        pins: None,
        upstreams: UpstreamParts {
            http: HttpClient::new().unwrap(),
            fetch: Fetch::new().unwrap(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            issuer: "https://gateway.example".to_owned(),
            signer: None,
            accounts: None,
            environment: BTreeMap::new(),
            starts: Arc::new(Semaphore::new(4)),
        },
    }
}

/// An upstream that gets this header, which may be none.
fn exposed(name: &str, header: &str) -> Exposed {
    let url = "https://upstream.example/mcp".parse().unwrap();
    let resource = format!("https://gateway.example/{name}/mcp");
    Exposed {
        settings: UpstreamSettings {
            name: name.to_owned(),
            title: None,
            transport: Transport::Http { url, sse: None },
            revision: None,
            timeout: Duration::from_secs(10),
            max_message_bytes: 1 << 20,
            credential: UpstreamCredential::Headers(vec![(header.to_owned(), Secret::from("s"))]),
            auth_types: AuthTypes::default(),
            user_token: None,
            forward_identity: None,
            refuse_changed_tools: false,
        },
        mount: Mount {
            resource: ProtectedResource::new(&resource)
                .unwrap()
                .authorization_server(Issuer::parse("https://gateway.example").unwrap()),
            verifier: Arc::new(Nobody),
        },
        is_unchanged: false,
        is_federated: false,
    }
}

fn plan(upstreams: Vec<Exposed>) -> Plan {
    Plan {
        policy: Arc::new(Policy::closed()),
        redactor: None,
        upstreams,
        federation: None,
    }
}

/// What is there, and under which policy.
fn state(gateway: &Gateway) -> (Vec<String>, *const Policy) {
    let layout = gateway.shared.layout.load();
    let mut paths: Vec<_> = layout
        .places
        .iter()
        .map(|place| place.path.clone())
        .collect();
    paths.sort_unstable();
    (paths, Arc::as_ptr(&gateway.shared.house.policy.load_full()))
}

#[tokio::test]
async fn a_plan_of_which_a_part_cannot_be_carried_out_changes_nothing() {
    let gateway = Gateway::new(plan(vec![exposed("docs", "x-key")]), parts()).unwrap();
    let before = state(&gateway);
    assert_eq!(before.0, ["/docs/mcp"]);

    let half = plan(vec![exposed("more", "x-key"), exposed("crm", "no header")]);
    assert_eq!(gateway.prepare(half).unwrap_err().name, "crm");
    assert_eq!(state(&gateway), before);

    // Nor does one that nobody wants any more.
    let whole = || {
        gateway
            .prepare(plan(vec![exposed("more", "x-key")]))
            .unwrap()
    };
    drop(whole());
    assert_eq!(state(&gateway), before);

    whole().take_effect();
    let (paths, policy) = state(&gateway);
    assert_eq!(paths, ["/more/mcp"]);
    assert_ne!(policy, before.1);
}

/// Says that every token is of somebody who has this key.
struct Holder(String);

#[async_trait]
impl VerifyToken for Holder {
    async fn verify(&self, _: &str) -> Result<Caller, VerifyError> {
        let caller = Caller::new("alice").with_issuer("https://as.example");
        Ok(caller.with_claim("cnf", serde_json::json!({"jkt": self.0})))
    }
}

#[tokio::test]
async fn a_proof_names_the_address_that_a_request_is_made_to() {
    let pkcs8 = SigningKey::generate(Algorithm::ES256).unwrap();
    let key = SigningKey::from_pkcs8(Algorithm::ES256, &pkcs8).unwrap();
    let mut docs = exposed("docs", "x-key");
    let clock = ManualClock::at(NumericDate(1_800_000_000));
    docs.mount.resource = docs.mount.resource.dpop(Dpop::new(Arc::new(clock.clone())));
    // The guard has been there for a while, and needs no nonce.
    clock.advance(Duration::from_mins(1));
    docs.mount.verifier = Arc::new(Holder(key.public().thumbprint().unwrap()));
    let gateway = Gateway::new(plan(vec![docs]), parts()).unwrap();
    let ask = async |method: &str, target: &str, proven: &str| {
        let proven = format!("https://gateway.example{proven}");
        let proof = ProvenRequest {
            method,
            uri: &proven,
            access_token: Some("token"),
        };
        let proof = sign_proof(&key, &proof, None, clock.now(), &OsRandom);
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("authorization", "DPoP token")
            .header("dpop", proof);
        let body = Body::from(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
        gateway.answer(request.body(body).unwrap()).await.status()
    };
    let message = "/docs/messages?sessionId=x";
    for (method, target, proven) in [
        ("GET", "/docs/sse", "/docs/sse"),
        ("POST", message, "/docs/messages"),
        // RFC 9449 §4.2: without query and fragment, which some clients leave in.
        ("POST", message, message),
        ("POST", "/docs/mcp", "/docs/mcp"),
    ] {
        let status = ask(method, target, proven).await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{target} {proven}");
    }
    for (method, target, proven) in [
        ("GET", "/docs/sse", "/docs/mcp"),
        ("POST", message, "/docs/sse"),
        ("POST", message, "/docs/mcp"),
        ("POST", "/docs/mcp", "/docs/messages"),
    ] {
        let status = ask(method, target, proven).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{target} {proven}");
    }
}
