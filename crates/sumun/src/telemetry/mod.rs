//! What is logged, and how: to standard error, for people or for machines. And traces, if they are sent.

mod fields;
#[cfg(feature = "otlp")]
mod traces;

use std::io::{IsTerminal as _, stderr};

use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{Log, LogFormat, Settings};
use fields::PlainFields;

/// Our own rooms. They keep secrets out of the log at every level; what others write at `debug`
/// nobody has looked through, so of them only warnings are logged.
const ROOMS: [&str; 9] = [
    "audit",
    "authorization_server",
    "delegation",
    "examples",
    "gateway",
    "oauth",
    "resource_server",
    "store",
    "sumun",
];

/// What is told about this process, until it ends.
#[derive(Debug)]
#[must_use = "traces are sent as long as this is there"]
pub(crate) struct Telemetry {
    #[cfg(feature = "otlp")]
    traces: Option<traces::Traces>,
}

/// Starts logging, and traces if they are to be sent, for the whole process. A second call changes
/// nothing.
#[cfg_attr(
    not(feature = "otlp"),
    expect(clippy::unnecessary_wraps, reason = "only traces can fail to start")
)]
pub(crate) fn start(settings: &Settings) -> anyhow::Result<Telemetry> {
    let log = settings.log;
    let filter = Targets::new()
        .with_default(log.level.min(Level::WARN))
        .with_targets(ROOMS.map(|room| (room, log.level)))
        // It warns of every answer that is an error, and so of everybody who is asked to open a page.
        .with_target("rmcp", log.level.min(Level::ERROR));
    let registry = tracing_subscriber::registry().with(filter);
    #[cfg(feature = "otlp")]
    {
        let endpoint = settings.traces.as_deref();
        let traces = endpoint.map(traces::Traces::to).transpose()?;
        let layer = traces.as_ref();
        let layer = layer.map(|to| tracing_opentelemetry::layer().with_tracer(to.tracer()));
        // Only a test that starts two houses in one process gets here twice.
        let _ = registry.with(written(log)).with(layer).try_init();
        Ok(Telemetry { traces })
    }
    #[cfg(not(feature = "otlp"))]
    {
        let _ = registry.with(written(log)).try_init();
        Ok(Telemetry {})
    }
}

impl Telemetry {
    /// Sends what is left.
    #[cfg_attr(
        not(feature = "otlp"),
        expect(clippy::unused_self, reason = "there is nothing to send")
    )]
    pub(crate) fn end(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = &self.traces {
            tokio::task::block_in_place(|| traces.end());
        }
    }
}

/// The log, as people or as machines read it.
fn written<S>(log: Log) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(stderr);
    match log.format {
        LogFormat::Text if stderr().is_terminal() => layer.with_target(false).boxed(),
        LogFormat::Text => {
            let layer = layer.with_ansi(false).with_target(false);
            layer.fmt_fields(PlainFields).boxed()
        }
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}
