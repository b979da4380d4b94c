//! The watch: reads the log as it grows, gives the rules every event, and tells what they find.
//!
//! It reads the files like everybody else, so that no rule can slow down or stop a call. What it finds
//! is an event of the log itself, a line of the service's log, a count, and a message to a webhook.

use std::io;
use std::time::Duration;

use oauth::time::Clock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::lines::Lines;
use crate::log::{AuditLog, Counters};
use crate::record::{self, Record};
use crate::rule::{Engine, Finding, Thresholds};
use crate::segment;
use crate::webhook::Webhook;

/// How far back the rules look when the house starts, at most.
const LOOKS_BACK: usize = 4;

/// How often the clock is looked at when nothing happens.
const TICK: Duration = Duration::from_mins(1);

/// For how long what comes is left to gather, so that a busy log is not read event by event.
const GATHERING: Duration = Duration::from_millis(100);

/// How many alerts wait for a webhook that does not answer; more are given up.
const MOST_WAITING: usize = 1000;

/// Watches the log until `stop`. Rules know what happened before from the last segments of the log.
pub fn watch(
    log: AuditLog,
    thresholds: Thresholds,
    webhook: Option<Webhook>,
    clock: std::sync::Arc<dyn Clock>,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send {
    // What is written from now on is looked at, also if it comes before the first turn.
    let last = *log.grown().borrow();
    async move {
        let (alerts, mut told) = mpsc::channel(MOST_WAITING);
        let deliveries = deliver(webhook, &log, &mut told, &stop);
        // When the rules end, the sender is gone, and the deliveries end when they are done.
        let rules = follow(&log, last, &thresholds, &*clock, alerts, &stop);
        tokio::join!(rules, deliveries);
    }
}

async fn follow(
    log: &AuditLog,
    last: u64,
    thresholds: &Thresholds,
    clock: &dyn Clock,
    alerts: mpsc::Sender<Finding>,
    stop: &CancellationToken,
) {
    let mut engine = Engine::new(thresholds);
    let mut grown = log.grown();
    let mut place = match Place::before(log, last, &mut engine).await {
        Ok(place) => place,
        Err(error) => {
            tracing::error!("audit: the rules cannot read what happened before: {error}");
            Place {
                segment: 0,
                offset: 0,
                sequence: last,
            }
        }
    };
    loop {
        let mut findings = Vec::new();
        if let Err(error) = place.read_on(log, &mut engine, &mut findings).await {
            tracing::error!("audit: the rules cannot read the log: {error}");
        }
        findings.extend(engine.tick(clock.now_millis()));
        for finding in findings {
            tell(log, &alerts, finding).await;
        }
        tokio::select! {
            changed = grown.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(GATHERING).await;
            }
            () = tokio::time::sleep(TICK) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Records an alert, and passes it on.
async fn tell(log: &AuditLog, alerts: &mpsc::Sender<Finding>, finding: Finding) {
    let alert = &finding.alert;
    tracing::warn!(
        rule = alert.rule.name(),
        severity = alert.severity.name(),
        count = alert.count,
        user.id = finding.user_id,
        client.id = finding.client_id,
        tool.name = finding.tool_name,
        evidence = ?alert.evidence,
        "audit: {}", alert.rule.sentence()
    );
    Counters::add(&log.counters().alerts, 1);
    if let Err(error) = log.append_finding(&finding).await {
        tracing::error!("audit: an alert could not be recorded: {error}");
    }
    if alerts.try_send(finding).is_err() {
        // The log has it, whoever else could not be told.
        Counters::add(&log.counters().undelivered, 1);
    }
}

/// Sends alerts one after the other, each until it is taken or given up.
async fn deliver(
    webhook: Option<Webhook>,
    log: &AuditLog,
    told: &mut mpsc::Receiver<Finding>,
    stop: &CancellationToken,
) {
    let counters = log.counters();
    while let Some(finding) = told.recv().await {
        let Some(webhook) = &webhook else { continue };
        let delivered = tokio::select! {
            delivered = webhook.deliver(&finding) => delivered,
            () = stop.cancelled() => false,
        };
        let counter = if delivered {
            &counters.delivered
        } else {
            &counters.undelivered
        };
        Counters::add(counter, 1);
    }
}

/// How far the watch has read.
struct Place {
    segment: u64,
    offset: u64,
    /// The last event that was looked at.
    sequence: u64,
}

impl Place {
    /// Lets the rules see the end of the log as it was, without speaking of it again.
    async fn before(log: &AuditLog, until: u64, engine: &mut Engine) -> io::Result<Self> {
        let directory = &log.settings().directory;
        let numbers = segment::list(directory)?;
        let first = numbers.len().saturating_sub(LOOKS_BACK);
        let mut place = Self {
            segment: 0,
            offset: 0,
            sequence: 0,
        };
        for &number in &numbers[first..] {
            place.segment = number;
            place.offset = 0;
            place
                .read_segment(log, until, |record| drop(engine.observe(record)))
                .await?;
        }
        place.sequence = place.sequence.max(until);
        Ok(place)
    }

    /// Reads what has come since.
    async fn read_on(
        &mut self,
        log: &AuditLog,
        engine: &mut Engine,
        findings: &mut Vec<Finding>,
    ) -> io::Result<()> {
        let directory = log.settings().directory.clone();
        loop {
            let mut observe = |record: &Record<'_>| findings.extend(engine.observe(record));
            if self.segment > 0 {
                self.read_segment(log, u64::MAX, &mut observe).await?;
            }
            let numbers = segment::list(&directory)?;
            let Some(next) = numbers.into_iter().find(|number| *number > self.segment) else {
                return Ok(());
            };
            // The former one may have grown between the reading and the look.
            if self.segment > 0 {
                self.read_segment(log, u64::MAX, &mut observe).await?;
            }
            (self.segment, self.offset) = (next, 0);
        }
    }

    /// Reads the segment from where it was left, up to the event `until`.
    async fn read_segment(
        &mut self,
        log: &AuditLog,
        until: u64,
        mut observe: impl FnMut(&Record<'_>),
    ) -> io::Result<()> {
        let path = segment::path(&log.settings().directory, self.segment);
        let mut lines = match Lines::open(&path, self.offset) {
            Ok(lines) => lines,
            // Retention may have come first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut count = 0;
        while let Some(line) = lines.next()? {
            let sequence = record::sequence(line).unwrap_or_default();
            if sequence > until {
                break;
            }
            self.offset += line.len() as u64;
            if sequence > self.sequence
                && let Some(record) = Record::parse(line)
            {
                observe(&record);
                self.sequence = sequence;
            }
            count += 1;
            if count % 256 == 0 {
                // Others have work to do as well.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}
