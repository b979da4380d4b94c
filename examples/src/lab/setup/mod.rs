//! `validate_oauth2_setup`: the running server, looked at from outside as a client does, and from inside.
//!
//! | file | looks at |
//! |---|---|
//! | `mod.rs` | what a check is, and all of them |
//! | `metadata.rs` | what the server says about itself, asked over HTTP |
//! | `keys.rs` | what verifies tokens |
//! | `clients.rs` | where answers may go |
//! | `resources.rs` | every server that is protected |
//! | `protection.rs` | the log, the keys for personal data, health |

mod clients;
mod keys;
mod metadata;
mod protection;
mod resources;

use std::time::Duration;

use oauth::client::fetch::{Fetch, Limits};
use serde::Serialize;
use serde_json::json;

use super::Parts;
use super::period;
use super::record::{Answer, Refusal};

pub use resources::ServedResource;

/// We ask ourselves, so an answer comes at once or not at all.
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(3),
    ..Limits::DOCUMENT
};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pass,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    id: String,
    status: Status,
    /// What was seen.
    why: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    fn pass(id: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            status: Status::Pass,
            why: why.into(),
            fix: None,
        }
    }

    fn warn(id: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            status: Status::Warn,
            fix: Some(fix.into()),
            ..Self::pass(id, why)
        }
    }

    fn fail(id: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            status: Status::Fail,
            ..Self::warn(id, why, fix)
        }
    }

    /// A pass if it `holds`, or else a failure.
    fn that(holds: bool, id: &str, good: &str, bad: &str, fix: &str) -> Self {
        if holds {
            Self::pass(id, good)
        } else {
            Self::fail(id, bad, fix)
        }
    }
}

/// The fix when our own address leads nowhere from here.
const UNREACHABLE: &str = "let this machine reach its own `public_url`, or check from a client's side \
                           that the address works";

/// An answer from one of our own addresses.
struct Seen {
    status: u16,
    challenge: String,
    location: Option<String>,
    body: Vec<u8>,
}

async fn look(fetch: &Fetch, url: &str) -> Result<Seen, String> {
    let fetched = fetch.configured().get(url, LIMITS).await;
    let fetched = fetched.map_err(|error| format!("{url} cannot be reached from here: {error}"))?;
    let header = |name: &str| {
        let value = fetched.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    Ok(Seen {
        status: fetched.status.as_u16(),
        challenge: header("www-authenticate").unwrap_or_default(),
        location: header("location"),
        body: fetched.body.to_vec(),
    })
}

pub(super) async fn validate(parts: &Parts) -> Result<Answer, Refusal> {
    let facts = parts.authority.facts().await;
    let facts = facts.map_err(|error| Refusal::failed(error.to_string(), "unavailable"))?;
    let metadata = parts.authority.metadata();
    let now = parts.clock.now();
    let mut checks = metadata::checks(&parts.fetch, &metadata).await;
    checks.extend(keys::checks(&parts.fetch, &metadata, &facts, now).await);
    checks.extend(clients::checks(&parts.fetch, &metadata, &facts).await);
    checks.extend(resources::checks(&parts.fetch, &metadata, &parts.resources).await);
    checks.extend(protection::checks(parts, &facts));
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (passed, warned, failed) = (
        count(Status::Pass),
        count(Status::Warn),
        count(Status::Fail),
    );
    Ok(Answer::of(json!({
        "valid": failed == 0,
        "passed": passed,
        "warned": warned,
        "failed": failed,
        "issuer": metadata.issuer,
        "checks": checks,
        "checked_at": period::dated(period::now(&*parts.clock)),
    })))
}
