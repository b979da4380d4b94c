//! Metrics: what operators count, in the text that Prometheus reads (`OpenMetrics`).
//!
//! Every room has a file with its own families; a new room adds one, and a line in [`Metrics::new`].
//! No label holds anything that a stranger can choose: neither paths nor people nor tokens.
//!
//! | file | concept |
//! |---|---|
//! | `tools.rs` | executions of tools |
//! | `delegation.rs` | calls of APIs, and renewals of tokens |
//! | `gateway.rs` | upstreams, and the audit log |
//! | `http.rs` | requests and refusals, by room |
//! | `process.rs` | memory and age of this process |
//! | `endpoint.rs` | where they are read |

mod delegation;
mod endpoint;
mod gateway;
mod http;
mod process;
mod tools;

use std::sync::Arc;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub(crate) use endpoint::routes;

/// Everything that is counted; shared by all rooms.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    tools: tools::Families,
    delegation: delegation::Families,
    http: http::Families,
    sources: Arc<gateway::Sources>,
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("sumun");
        let tools = tools::Families::register(&mut registry);
        let delegation = delegation::Families::register(&mut registry);
        let http = http::Families::register(&mut registry);
        process::register(&mut registry);
        let sources = gateway::register(&mut registry);
        Arc::new(Self {
            registry,
            tools,
            delegation,
            http,
            sources,
        })
    }

    /// Tells of the upstreams and of the audit log, too, from now on.
    pub(crate) fn follow(&self, gateway: ::gateway::Gateway, audit: Option<&audit::AuditLog>) {
        self.sources.follow(gateway, audit);
    }
}

/// From a millisecond to half a minute, which is how long an answer may take.
fn seconds() -> Histogram {
    Histogram::new([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ])
}
