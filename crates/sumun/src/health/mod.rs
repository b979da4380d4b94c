//! Health: whether this process can do its work, for whoever runs it.
//!
//! | path | question | answer |
//! |---|---|---|
//! | `/health` | is everything well? | each check by name; 503 if one has failed |
//! | `/health/live` | does the process answer? | 200 |
//! | `/health/ready` | can it serve? | 503 if a check has failed without which it cannot |
//!
//! What is somebody else's, such as an API that does not answer, makes a house unhealthy and leaves it
//! ready: to start it anew would help nobody. Answers say which checks failed, and the log says why.

mod gateway;
mod memory;
mod own;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

pub(crate) use gateway::Upstreams;
pub(crate) use memory::{Memory, resident_memory};
pub(crate) use own::{AuditIsWritten, KeyRingOpens, StoreAnswers};
pub(crate) use upstream::Reachable;

/// How long an answer is good, so that nobody can make us ask others all the time.
const FRESH: Duration = Duration::from_secs(5);

/// How long one check may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Something that can be well or not.
#[async_trait]
pub(crate) trait Check: Send + Sync + 'static {
    /// Its name in the answer; it names nobody and no address.
    fn name(&self) -> String;

    /// Whether nothing can be served without it.
    fn is_vital(&self) -> bool;

    /// Fails with the reason, for the log.
    async fn run(&self) -> Result<(), String>;
}

/// All checks of a house; clones are the same.
#[derive(Clone)]
pub(crate) struct Health(Arc<Inner>);

struct Inner {
    checks: Vec<Box<dyn Check>>,
    /// When the last answer was found, and what it was.
    last: Mutex<Option<(Instant, Report)>>,
}

/// What the checks found.
#[derive(Clone, Debug, Default)]
struct Report {
    checks: Vec<(String, bool)>,
    is_well: bool,
    is_ready: bool,
}

impl Health {
    pub(crate) fn new(checks: Vec<Box<dyn Check>>) -> Self {
        Self(Arc::new(Inner {
            checks,
            last: Mutex::default(),
        }))
    }

    /// The pages, under the path of the issuer.
    pub(crate) fn routes(&self, base: &str) -> Router {
        Router::new()
            .route(&format!("{base}/health"), get(everything))
            .route(&format!("{base}/health/live"), get(live))
            .route(&format!("{base}/health/ready"), get(ready))
            .with_state(self.clone())
    }

    /// Each check by its name, and whether it is well.
    pub(crate) async fn states(&self) -> Vec<(String, bool)> {
        self.report().await.checks
    }

    /// What the checks say, or have said a moment ago. One request asks for all.
    async fn report(&self) -> Report {
        let mut last = self.0.last.lock().await;
        if let Some((at, report)) = &*last
            && at.elapsed() < FRESH
        {
            return report.clone();
        }
        let results = join_all(self.0.checks.iter().map(|check| check_one(&**check))).await;
        let mut report = Report {
            is_well: true,
            is_ready: true,
            ..Report::default()
        };
        for (check, is_well) in self.0.checks.iter().zip(results) {
            report.is_well &= is_well;
            report.is_ready &= is_well || !check.is_vital();
            report.checks.push((check.name(), is_well));
        }
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

async fn check_one(check: &dyn Check) -> bool {
    let outcome = timeout(DEADLINE, check.run()).await;
    let outcome = outcome.unwrap_or_else(|_| Err("there was no answer in time".to_owned()));
    if let Err(cause) = &outcome {
        tracing::warn!(check = check.name(), cause, "a check of health has failed");
    }
    outcome.is_ok()
}

fn word(is_well: bool) -> &'static str {
    if is_well { "healthy" } else { "unhealthy" }
}

fn answer(is_well: bool, body: Value) -> Response {
    let status = if is_well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn everything(State(health): State<Health>) -> Response {
    let report = health.report().await;
    let checks = report.checks.iter();
    let checks: Map<_, _> = checks
        .map(|(name, is_well)| (name.clone(), json!({"status": word(*is_well)})))
        .collect();
    let body = json!({
        "status": word(report.is_well),
        "ready": report.is_ready,
        "checks": checks,
        "version": env!("CARGO_PKG_VERSION"),
    });
    answer(report.is_well, body)
}

async fn live() -> Response {
    answer(true, json!({"status": "healthy"}))
}

async fn ready(State(health): State<Health>) -> Response {
    let is_ready = health.report().await.is_ready;
    answer(is_ready, json!({"status": word(is_ready)}))
}

#[cfg(test)]
mod tests;
