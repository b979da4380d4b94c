//! Rules about the log itself: what is missing in it, clocks that go back, and silence (OWASP MCP08).

use std::collections::VecDeque;

use super::engine::{AlertParts, Seen};
use super::{Alert, Finding, Rule, Thresholds};
use crate::event::{EventType, Severity, timestamp};

const HOUR: i64 = 3_600_000;
const HOURS_OF_A_WEEK: i64 = 168;

/// How far a clock may go back without a word: it is set by the network now and then.
const CLOCK_TOLERANCE: i64 = 5_000;

/// Of how many weeks the same hour is remembered, and how many make a usual.
const WEEKS: usize = 4;
const LEAST_WEEKS: usize = 2;

/// An hour with fewer events than this is quiet anyway: people go home at different times.
const LEAST_EVENTS: u32 = 200;

/// How long nothing more is said about silence.
const QUIET: i64 = 24 * HOUR;

#[derive(Debug)]
pub(super) struct Integrity {
    quiet_percent: u64,
    latest: i64,
    sequence: u64,
    /// The hour since the epoch that is being counted.
    hour: i64,
    count: u32,
    /// Whether the hour is not a whole one: the house was started or stopped in it.
    partial: bool,
    running: bool,
    usual: Vec<VecDeque<u32>>,
    silent_until: i64,
}

impl Integrity {
    pub(super) fn new(thresholds: &Thresholds) -> Self {
        Self {
            quiet_percent: thresholds.quiet_percent,
            latest: i64::MIN,
            sequence: 0,
            hour: i64::MIN,
            count: 0,
            partial: true,
            running: true,
            usual: vec![VecDeque::new(); 168],
            silent_until: i64::MIN,
        }
    }

    pub(super) fn observe(&mut self, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
        let record = seen.record;
        if seen.kind == EventType::Started {
            // Nobody was there to be silent.
            self.hour = seen.time / HOUR;
            (self.running, self.partial, self.count) = (true, true, 0);
        }
        if let Some(mut quiet) = self.advance(seen.time / HOUR) {
            quiet.alert.evidence = vec![record.sequence];
            findings.push(quiet);
        }
        self.count = self.count.saturating_add(1);
        if seen.kind == EventType::Stopped {
            (self.running, self.partial) = (false, true);
        }
        if seen.time < self.latest.saturating_sub(CLOCK_TOLERANCE) {
            let back = u64::try_from(self.latest - seen.time).unwrap_or_default();
            findings.push(told(seen, "clock_went_back", back / 1000, 5));
            // It is told once, and not for every event until the old time comes again.
            self.latest = seen.time;
        }
        if self.sequence > 0 && record.sequence != self.sequence.wrapping_add(1) {
            let missing = record.sequence.abs_diff(self.sequence);
            findings.push(told(seen, "events_missing", missing, 1));
        }
        self.sequence = record.sequence;
        self.latest = self.latest.max(seen.time);
        if seen.kind == EventType::Recovery {
            let reason = match record.reason.as_deref() {
                // That is what a crash leaves, and nothing is lost.
                Some("unfinished_line") => return,
                Some("tail_lost") => "tail_lost",
                Some("log_missing") => "log_missing",
                Some("head_missing") => "head_missing",
                Some("not_written") => "not_written",
                _ => "chain_broken",
            };
            findings.push(told(seen, reason, 1, 1));
        }
    }

    /// Looks at the clock when no events come.
    pub(super) fn tick(&mut self, millis: i64) -> Option<Finding> {
        self.advance(millis / HOUR)
    }

    /// Closes the hours before `hour`; says whether one of them was too quiet.
    fn advance(&mut self, hour: i64) -> Option<Finding> {
        if self.hour == i64::MIN || hour < self.hour {
            self.hour = hour;
            return None;
        }
        let mut quiet = None;
        // After so long a pause nothing is usual any more.
        let first = self.hour.max(hour - 2 * HOURS_OF_A_WEEK);
        for closed in first..hour {
            if self.running && !self.partial {
                quiet = self.close(closed).or(quiet);
            }
            (self.count, self.partial) = (0, !self.running);
        }
        self.hour = hour;
        quiet
    }

    fn close(&mut self, hour: i64) -> Option<Finding> {
        let of_week = usize::try_from(hour.rem_euclid(HOURS_OF_A_WEEK)).unwrap_or_default();
        let usual = &mut self.usual[of_week];
        // The middle one, so that a holiday among them does not make silence usual.
        let mut sorted: Vec<_> = usual.iter().copied().collect();
        sorted.sort_unstable();
        let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let limit = u64::from(middle) * self.quiet_percent / 100;
        let is_known = usual.len() >= LEAST_WEEKS && middle >= LEAST_EVENTS;
        let is_quiet = is_known && u64::from(self.count) < limit;
        if !is_quiet {
            usual.push_back(self.count);
            if usual.len() > WEEKS {
                usual.pop_front();
            }
            return None;
        }
        let end = (hour + 1) * HOUR;
        if self.quiet_percent == 0 || end < self.silent_until {
            return None;
        }
        self.silent_until = end + QUIET;
        let mut time = Vec::new();
        timestamp(&mut time, end);
        Some(Finding {
            alert: Alert {
                rule: Rule::LogIntegrity,
                severity: Severity::Critical,
                count: u64::from(self.count),
                threshold: limit,
                window_seconds: 3600,
                evidence: Vec::new(),
            },
            timestamp: String::from_utf8(time).unwrap_or_default(),
            user_id: None,
            client_id: None,
            tool_name: None,
            server: None,
            grant_id: None,
            origin: None,
            reason: Some("too_quiet"),
        })
    }
}

fn told(seen: &Seen<'_>, reason: &'static str, count: u64, threshold: u64) -> Finding {
    let alert = AlertParts {
        count,
        threshold,
        window_seconds: 0,
        evidence: vec![seen.record.sequence],
    };
    let mut finding = seen.finding(Rule::LogIntegrity, Severity::Critical, alert);
    finding.reason = Some(reason);
    finding
}
