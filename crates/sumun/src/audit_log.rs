//! The audit log of a house: opened with it, watched while it runs, closed at its end.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use audit::{AuditEvent, AuditLog, EventType, OpenError, Who};
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::settings::Audit;

/// Where the house records what happens, if it does.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Option<AuditLog>);

/// Opens the log that the settings ask for.
pub(crate) fn open(settings: Option<&Audit>) -> anyhow::Result<Recorder> {
    let Some(settings) = settings else {
        tracing::warn!("nothing is recorded: `audit.enabled` is false");
        return Ok(Recorder(None));
    };
    let log = AuditLog::open(settings.log.clone(), Arc::new(SystemClock), &OsRandom)?;
    Ok(Recorder(Some(log)))
}

/// Opens the log for a command that changes something. While a house writes to it, the command goes
/// on without, and says so: one log has one writer.
pub(crate) fn open_for_command(settings: Option<&Audit>) -> anyhow::Result<Recorder> {
    let Some(settings) = settings else {
        return Ok(Recorder(None));
    };
    match AuditLog::open(settings.log.clone(), Arc::new(SystemClock), &OsRandom) {
        Ok(log) => Ok(Recorder(Some(log))),
        Err(OpenError::Locked { .. }) => {
            let note = "note: this is not in the audit log, which the running house writes; what the management \
                        API does (docs/management.md) is";
            writeln!(std::io::stderr(), "{note}")?;
            Ok(Recorder(None))
        }
        Err(error) => Err(error.into()),
    }
}

impl Recorder {
    /// The log, for those who have more to say than that the house has started.
    pub(crate) fn log(&self) -> Option<&AuditLog> {
        self.0.as_ref()
    }

    /// Watches the log until the house stops, and tells what the rules find.
    pub(crate) fn watch(
        &self,
        settings: &Audit,
        fetch: Fetch,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let Some(log) = self.0.clone() else { return };
        let clock = Arc::new(SystemClock);
        let webhook = settings.webhook.as_ref().map(|webhook| {
            let random = Arc::new(OsRandom);
            audit::Webhook::new(&*webhook.url, &webhook.secret, fetch, clock.clone(), random)
        });
        let thresholds = settings.thresholds.clone();
        tasks.spawn(audit::watch(log, thresholds, webhook, clock, stop.clone()));
    }

    /// Records that the house serves from now on. A house that cannot record does not serve.
    pub(crate) async fn started(&self) -> anyhow::Result<()> {
        let Some(log) = &self.0 else { return Ok(()) };
        let recorded = log
            .append(AuditEvent::new(EventType::Started, Who::new()))
            .await;
        recorded.context("the house does not serve what it cannot record")
    }

    /// Records that the house has stopped, and closes the log.
    pub(crate) async fn stopped(&self) {
        let Some(log) = &self.0 else { return };
        let stopped = AuditEvent::new(EventType::Stopped, Who::new());
        if let Err(error) = log.append(stopped).await {
            tracing::error!("audit: the end could not be recorded: {error}");
        }
        log.close();
    }
}
