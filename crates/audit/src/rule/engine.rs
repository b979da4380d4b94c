//! The rules together, fed with one event after the other.

use super::access::Access;
use super::data::Data;
use super::integrity::Integrity;
use super::{Alert, Finding, Rule, Thresholds};
use crate::event::{EventType, Severity, parse_timestamp};
use crate::record::Record;

/// Follows the events of one log.
#[derive(Debug)]
pub struct Engine {
    data: Data,
    access: Access,
    integrity: Integrity,
}

/// An event, as the rules look at it.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) record: &'a Record<'a>,
    pub(super) kind: EventType,
    /// Milliseconds since the epoch.
    pub(super) time: i64,
}

impl Seen<'_> {
    /// Who is held responsible: the person, else the client, else the address.
    pub(super) fn caller(&self) -> Option<&str> {
        let record = self.record;
        let parts = [&record.user_id, &record.client_id, &record.origin];
        parts.into_iter().find_map(|part| part.as_deref())
    }

    /// A finding that this event completes.
    pub(super) fn finding(&self, rule: Rule, severity: Severity, alert: AlertParts) -> Finding {
        let AlertParts {
            count,
            threshold,
            window_seconds,
            evidence,
        } = alert;
        let alert = Alert {
            rule,
            severity,
            count,
            threshold,
            window_seconds,
            evidence,
        };
        Finding::about(self.record, alert)
    }
}

/// The numbers of an alert.
#[derive(Debug, Default)]
pub(super) struct AlertParts {
    pub(super) count: u64,
    pub(super) threshold: u64,
    pub(super) window_seconds: u64,
    pub(super) evidence: Vec<u64>,
}

impl Engine {
    /// Rules that have seen nothing yet.
    pub fn new(thresholds: &Thresholds) -> Self {
        Self {
            data: Data::new(thresholds),
            access: Access::new(thresholds),
            integrity: Integrity::new(thresholds),
        }
    }

    /// Looks at the next event of the log, and says what it completes.
    pub fn observe(&mut self, record: &Record<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        // What a later version has written is not understood, and is no reason to stop.
        let Some(kind) = EventType::parse(&record.event_type) else {
            return findings;
        };
        let Some(time) = parse_timestamp(&record.timestamp) else {
            return findings;
        };
        let seen = Seen { record, kind, time };
        // Alerts are no reason for alerts; but their order and time count as every event's do.
        self.integrity.observe(&seen, &mut findings);
        if kind != EventType::Alert {
            self.data.observe(&seen, &mut findings);
            self.access.observe(&seen, &mut findings);
        }
        findings
    }

    /// Looks at the clock: whether the log has been too quiet until `millis` since the epoch.
    pub fn tick(&mut self, millis: i64) -> Option<Finding> {
        self.integrity.tick(millis)
    }
}
