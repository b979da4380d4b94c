//! Executions of tools, by server, tool and outcome.

use std::sync::Arc;
use std::time::Duration;

use examples::{ObserveTools, ToolOutcome};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{Metrics, seconds};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Execution {
    server: &'static str,
    tool: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tool {
    server: &'static str,
    tool: String,
}

#[derive(Debug)]
pub(super) struct Families {
    executions: Family<Execution, Counter>,
    durations: Family<Tool, Histogram, fn() -> Histogram>,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            executions: Family::default(),
            durations: Family::new_with_constructor(seconds as fn() -> Histogram),
        };
        registry.register(
            "tool_executions",
            "Executions of tools; `input_required` waits for the person",
            families.executions.clone(),
        );
        registry.register_with_unit(
            "tool_duration",
            "How long tools take",
            Unit::Seconds,
            families.durations.clone(),
        );
        families
    }
}

/// The executions of one server's tools.
#[derive(Debug)]
pub(crate) struct ServerTools {
    metrics: Arc<Metrics>,
    server: &'static str,
}

impl Metrics {
    /// Who counts the executions of the tools of `server`.
    pub(crate) fn tools_of(self: &Arc<Self>, server: &'static str) -> Arc<dyn ObserveTools> {
        Arc::new(ServerTools {
            metrics: Arc::clone(self),
            server,
        })
    }
}

impl ObserveTools for ServerTools {
    fn tool_executed(&self, tool: &str, outcome: ToolOutcome, duration: Duration) {
        let (server, tool) = (self.server, tool.to_owned());
        let execution = Execution {
            server,
            tool: tool.clone(),
            outcome: outcome.as_str(),
        };
        let families = &self.metrics.tools;
        families.executions.get_or_create(&execution).inc();
        let durations = families.durations.get_or_create(&Tool { server, tool });
        durations.observe(duration.as_secs_f64());
    }
}
