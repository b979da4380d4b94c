//! From events to numbers, in one pass of memory that grows with people and tools, not with events.

use std::collections::{BTreeMap, HashMap};
use std::io;

use foldhash::fast::RandomState;

use super::incident::{self, Incident};
use super::people::Crowd;
use super::{AlertRow, Chain, Period, PersonalData, Report, Row, Slot, Totals};
use crate::event::{Action, Direction, EventType, parse_timestamp};
use crate::query::{Query, Reader};
use crate::record::Record;

/// How many tools, clients and people are told by name.
const MOST_ROWS: usize = 20;

/// How many alerts are told one by one.
const MOST_ALERTS: usize = 200;

/// Up to so many days, the calls are told by the hour.
const SHORT: i64 = 2 * 86_400_000;

type Map<V> = HashMap<String, V, RandomState>;

pub(super) fn gather(reader: &Reader, period: Period, chain: Chain) -> io::Result<Report> {
    let query = Query {
        from: Some(period.from.clone()),
        to: Some(period.to.clone()),
        ..Query::default()
    };
    let mut sums = Sums::new(&period);
    reader.search(&query, |line| {
        if let Some(record) = Record::parse(line) {
            sums.add(&record);
        }
        Ok(())
    })?;
    let incidents = incident::of_alerts(reader, &query, &sums.alerts)?;
    Ok(sums.report(period, chain, incidents))
}

#[derive(Default)]
struct Sums {
    totals: Totals,
    slots: BTreeMap<String, Slot>,
    slot_length: usize,
    tools: Map<Sum>,
    clients: Map<Sum>,
    people: Map<Sum>,
    subjects: Crowd,
    pii: PersonalData,
    denials: BTreeMap<String, u64>,
    alerts_by_rule: BTreeMap<String, u64>,
    alerts: Vec<AlertRow>,
}

#[derive(Default)]
struct Sum {
    row: Row,
    durations: Vec<u32>,
}

impl Sums {
    fn new(period: &Period) -> Self {
        let millis = |text: &str| parse_timestamp(text).unwrap_or_default();
        let is_short = millis(&period.to) - millis(&period.from) <= SHORT;
        let mut sums = Self {
            slot_length: if is_short { 13 } else { 10 },
            ..Self::default()
        };
        // Also the days on which nothing happened have a place.
        let step = if is_short { 3_600_000 } else { 86_400_000 };
        let (mut at, end) = (millis(&period.from), millis(&period.to));
        while at < end && sums.slots.len() < 1000 {
            let mut text = Vec::new();
            crate::event::timestamp(&mut text, at);
            let text = String::from_utf8(text).unwrap_or_default();
            sums.slot(&text);
            at += step;
        }
        sums
    }

    fn slot(&mut self, timestamp: &str) -> &mut Slot {
        let start = timestamp.get(..self.slot_length).unwrap_or(timestamp);
        self.slots.entry(start.to_owned()).or_insert_with(|| Slot {
            start: start.to_owned(),
            ..Slot::default()
        })
    }

    fn add(&mut self, record: &Record<'_>) {
        self.totals.events += 1;
        // What is about to happen is told again when it has.
        if record.event_type == EventType::CallIntent.name() {
            return;
        }
        let is_denied = is_denied(record);
        if is_denied {
            self.totals.denials += 1;
            let reason = record.reason.as_deref().unwrap_or(&record.event_type);
            *self.denials.entry(reason.to_owned()).or_default() += 1;
        }
        let values = self.personal_data(record);
        self.subjects.add(record);
        let is_call = match EventType::parse(&record.event_type) {
            Some(EventType::CallOutcome) => {
                self.call(record, is_denied);
                true
            }
            Some(EventType::SignIn) => {
                if record.outcome.as_deref() == Some("success") {
                    self.totals.sign_ins += 1;
                } else {
                    self.totals.failed_sign_ins += 1;
                }
                false
            }
            Some(EventType::Alert) => {
                self.alert(record);
                return;
            }
            _ => false,
        };
        if is_denied {
            self.slot(&record.timestamp).denied += 1;
        }
        let tool = record.place();
        let parts = [
            (&mut self.tools, tool.as_deref()),
            (&mut self.clients, record.client_id.as_deref()),
            (&mut self.people, record.user_id.as_deref()),
        ];
        for (map, name) in parts {
            let Some(name) = name else {
                continue;
            };
            if !map.contains_key(name) {
                map.insert(name.to_owned(), Sum::default());
            }
            let Some(sum) = map.get_mut(name) else {
                continue;
            };
            sum.row.denied += u64::from(is_denied);
            sum.row.pii_values += values;
            if is_call {
                sum.row.calls += 1;
                sum.row.failed += u64::from(record.outcome.as_deref() == Some("failure"));
                let duration = record
                    .duration_us
                    .map(|us| u32::try_from(us).unwrap_or(u32::MAX));
                sum.durations.extend(duration);
            }
        }
    }

    /// Counts what was found, and says how many values that are.
    fn personal_data(&mut self, record: &Record<'_>) -> u64 {
        let mut values = 0;
        for found in record.found() {
            let direction = found.direction.unwrap_or(Direction::Result);
            let action = found.action.map_or("none", Action::name);
            let kinds = self.pii.entry(direction.name()).or_default();
            let actions = kinds.entry(found.kind.to_owned()).or_default();
            *actions.entry(action.to_owned()).or_default() += u64::from(found.count);
            values += u64::from(found.count);
        }
        self.totals.pii_values += values;
        values
    }

    fn call(&mut self, record: &Record<'_>, is_denied: bool) {
        self.totals.calls += 1;
        let has_failed = record.outcome.as_deref() == Some("failure");
        self.totals.failed_calls += u64::from(has_failed);
        let slot = self.slot(&record.timestamp);
        if has_failed {
            slot.failure += 1;
        } else if !is_denied {
            slot.success += 1;
        }
    }

    fn alert(&mut self, record: &Record<'_>) {
        let Some(alert) = &record.alert else { return };
        self.totals.alerts += 1;
        *self
            .alerts_by_rule
            .entry(alert.rule.to_string())
            .or_default() += 1;
        let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        self.alerts.push(AlertRow {
            sequence: record.sequence,
            timestamp: record.timestamp.to_string(),
            rule: alert.rule.to_string(),
            severity: alert.severity.to_string(),
            count: alert.count,
            threshold: alert.threshold,
            window_seconds: alert.window_seconds,
            user_id: owned(&record.user_id),
            client_id: owned(&record.client_id),
            tool_name: record.place(),
            evidence: alert.evidence.clone(),
        });
    }

    fn report(mut self, period: Period, chain: Chain, incidents: Vec<Incident>) -> Report {
        self.totals.people = self.people.len() as u64;
        self.totals.clients = self.clients.len() as u64;
        self.totals.tools = self.tools.values().filter(|sum| sum.row.calls > 0).count() as u64;
        self.totals.data_subjects = self.subjects.people();
        self.alerts.reverse();
        self.alerts.truncate(MOST_ALERTS);
        Report {
            from: period.from,
            to: period.to,
            generated_at: period.now,
            totals: self.totals,
            series: self.slots.into_values().collect(),
            tools: rows(self.tools),
            clients: rows(self.clients),
            people: rows(self.people),
            pii: self.pii,
            denials: self.denials,
            alerts_by_rule: self.alerts_by_rule,
            alerts: self.alerts,
            incidents,
            chain,
        }
    }
}

/// What was refused as a whole; a part of a call may be rejected, and the call go on.
fn is_denied(record: &Record<'_>) -> bool {
    match record.action_taken.as_deref() {
        Some("denied" | "refused") => true,
        Some("rejected") if record.outcome.is_none() => true,
        _ => record.outcome.as_deref() == Some("denied"),
    }
}

fn rows(sums: Map<Sum>) -> Vec<Row> {
    let row = |(name, mut sum): (String, Sum)| {
        let mut at = |percent: usize| {
            let last = sum.durations.len().checked_sub(1)?;
            let (_, duration, _) = sum.durations.select_nth_unstable(last * percent / 100);
            Some((f64::from(*duration) / 100.0).round() / 10.0)
        };
        let (median_ms, p95_ms) = (at(50), at(95));
        Row {
            name,
            median_ms,
            p95_ms,
            ..sum.row
        }
    };
    let mut rows: Vec<_> = sums.into_iter().map(row).collect();
    rows.sort_by(|a, b| (b.calls, b.denied, &a.name).cmp(&(a.calls, a.denied, &b.name)));
    rows.truncate(MOST_ROWS);
    rows
}
