//! What is logged, and how: to standard error, for people or for machines.

use std::io::{IsTerminal as _, stderr};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{Log, LogFormat};

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

/// Starts logging, for the whole process. A second call changes nothing.
pub(crate) fn start(log: Log) {
    let filter = Targets::new()
        .with_default(log.level.min(Level::WARN))
        .with_targets(ROOMS.map(|room| (room, log.level)));
    let layer = tracing_subscriber::fmt::layer().with_writer(stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Text => {
            let layer = layer.with_ansi(stderr().is_terminal()).with_target(false);
            registry.with(layer).try_init()
        }
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    // Only a test that starts two houses in one process gets here twice.
    drop(started);
}
