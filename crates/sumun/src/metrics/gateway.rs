//! The upstreams of the gateway and the audit log, as they are when somebody asks.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use audit::AuditLog;
use gateway::Gateway;
use gateway::upstream::{Health, State};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// What is read, once it is there.
#[derive(Debug, Default)]
pub(super) struct Sources {
    gateway: OnceLock<Gateway>,
    audit: OnceLock<AuditLog>,
}

#[derive(Debug)]
struct Reader(Arc<Sources>);

pub(super) fn register(registry: &mut Registry) -> Arc<Sources> {
    let sources = Arc::<Sources>::default();
    registry.register_collector(Box::new(Reader(Arc::clone(&sources))));
    sources
}

impl Sources {
    /// Reads these from now on.
    pub(super) fn follow(&self, gateway: Gateway, audit: Option<&AuditLog>) {
        // A house has one of each, so the first is the only one.
        let _ = self.gateway.set(gateway);
        if let Some(audit) = audit {
            let _ = self.audit.set(audit.clone());
        }
    }
}

impl Collector for Reader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(gateway) = self.0.gateway.get() {
            let upstreams: Vec<Health> = gateway.health();
            let up = |health: &Health| i64::from(health.state == State::Closed);
            let children = |health: &Health| i64::try_from(health.children).unwrap_or(i64::MAX);
            let sessions = |health: &Health| i64::try_from(health.sessions).unwrap_or(i64::MAX);
            let mut gauges = Upstreams(&upstreams, &mut encoder);
            gauges.each(
                "upstream_up",
                "Whether calls go through to an upstream",
                MetricType::Gauge,
                |health| ConstGauge::new(up(health)),
            )?;
            gauges.each(
                "upstream_children",
                "Child processes of an upstream",
                MetricType::Gauge,
                |health| ConstGauge::new(children(health)),
            )?;
            gauges.each(
                "upstream_sessions",
                "Sessions that are open with an upstream",
                MetricType::Gauge,
                |health| ConstGauge::new(sessions(health)),
            )?;
            gauges.each(
                "upstream_calls",
                "Calls of an upstream",
                MetricType::Counter,
                |health| ConstCounter::new(health.calls),
            )?;
            gauges.each(
                "upstream_failures",
                "Calls that an upstream failed to answer",
                MetricType::Counter,
                |health| ConstCounter::new(health.failures),
            )?;
        }
        if let Some(audit) = self.0.audit.get() {
            let counters = audit.counters();
            for (name, help, counter) in [
                (
                    "audit_events",
                    "Events that were recorded",
                    &counters.events,
                ),
                (
                    "audit_failures",
                    "Groups of events that could not be written",
                    &counters.failures,
                ),
                (
                    "audit_events_lost",
                    "Events that are lost, because a failure refuses nobody",
                    &counters.lost,
                ),
                ("audit_alerts", "Alerts that were raised", &counters.alerts),
                (
                    "audit_alerts_undelivered",
                    "Alerts that no webhook took",
                    &counters.undelivered,
                ),
            ] {
                let counter = ConstCounter::new(counter.load(Ordering::Relaxed));
                let descriptor =
                    encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                counter.encode(descriptor)?;
            }
        }
        Ok(())
    }
}

/// One metric of every upstream.
struct Upstreams<'h, 'e, 'w>(&'h [Health], &'e mut DescriptorEncoder<'w>);

impl Upstreams<'_, '_, '_> {
    fn each<M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        metric: impl Fn(&Health) -> M,
    ) -> Result<(), fmt::Error> {
        let mut descriptor = self.1.encode_descriptor(name, help, None, kind)?;
        for health in self.0 {
            let labels = [("upstream", health.name.as_str())];
            metric(health).encode(descriptor.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
