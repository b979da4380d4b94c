//! This process: its memory, read when somebody asks (proc(5)).

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::health::resident_memory;

#[derive(Debug)]
struct Process;

pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(bytes) = resident_memory() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX));
        let help = "Memory of this process that is in use";
        let kind = prometheus_client::metrics::MetricType::Gauge;
        let descriptor =
            encoder.encode_descriptor("resident_memory", help, Some(&Unit::Bytes), kind)?;
        gauge.encode(descriptor)
    }
}
