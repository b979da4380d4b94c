//! A gateway that becomes another one: wholly, or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::SystemClock;
use resource_server::{Issuer, VerifyError};
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
