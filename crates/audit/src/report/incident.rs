//! What an alert may mean for the people whom data are about (개인정보보호법 34조, 시행령 39–40조).
//!
//! Whoever learns of a leak has 72 hours to tell the people, and in some cases the authority: which
//! items, when and how, how many people, what they can do, what was done, and whom to ask. The first
//! half of that is in the log.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::AlertRow;
use super::people::{Crowd, People};
use crate::event::{EventType, parse_timestamp, timestamp};
use crate::query::{Query, Reader};
use crate::record::{Found, Record};
use crate::rule::Rule;

/// The rules that may be about a leak.
const ABOUT_DATA: [Rule; 6] = [
    Rule::MassRead,
    Rule::ManySubjects,
    Rule::Enumeration,
    Rule::TokenReplay,
    Rule::SecretInResult,
    Rule::GuessedSignIn,
];

/// Identifiers that one person has for life (고유식별정보): one of them leaked is enough for a report.
const UNIQUE: [&str; 4] = ["KR_RRN", "KR_FRN", "KR_PASSPORT", "KR_DRIVER"];

/// From so many people on the authority has to be told.
const MANY: u64 = 1000;

/// How long before an alert is looked for what it is about, at least.
const BEFORE: i64 = 15 * 60_000;

/// How long after it.
const AFTER: i64 = 60 * 60_000;

const HOURS_72: i64 = 72 * 3_600_000;

/// Alerts about one caller that follow each other, and what that caller got.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// The rules that spoke.
    pub rules: Vec<String>,
    /// The person who acted, as a pseudonym.
    pub user_id: Option<String>,
    /// The client that acted.
    pub client_id: Option<String>,
    /// When somebody could know of it: the first alert.
    pub aware_at: String,
    /// Until when the people, and perhaps the authority, have to be told.
    #[serde(rename = "72h_deadline")]
    pub deadline: String,
    /// How many different people the data were about that left in clear.
    pub subjects_affected: People,
    /// Which items left in clear, and how many of each.
    pub items: BTreeMap<String, u64>,
    /// Which items left masked, encrypted or as stand-ins, and how many of each.
    pub items_hidden: BTreeMap<String, u64>,
    /// By which tools, each behind its server.
    pub tools: Vec<String>,
    /// Whether the authority has to be told, as far as the log knows.
    pub report_to_authority: bool,
    /// What happened, in order.
    pub timeline: Vec<Moment>,
}

/// A point of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When.
    pub timestamp: String,
    /// What: `first_event`, `alert`, `last_event`.
    pub what: String,
    /// The event.
    pub sequence: u64,
    /// The rule of an alert.
    pub rule: Option<String>,
}

/// An incident while it is put together.
struct Draft {
    incident: Incident,
    from: i64,
    to: i64,
    /// Of events of which everything left in clear, and of those of which something did.
    surely: Crowd,
    perhaps: Crowd,
    first: Option<Moment>,
    last: Option<Moment>,
}

pub(super) fn of_alerts(
    reader: &Reader,
    query: &Query,
    alerts: &[AlertRow],
) -> io::Result<Vec<Incident>> {
    let mut drafts: Vec<Draft> = Vec::new();
    for alert in alerts {
        let is_about_data = Rule::parse(&alert.rule).is_some_and(|rule| ABOUT_DATA.contains(&rule));
        let (true, Some(at)) = (is_about_data, parse_timestamp(&alert.timestamp)) else {
            continue;
        };
        let window = i64::try_from(alert.window_seconds).unwrap_or_default() * 1000;
        let (from, to) = (at - window.max(BEFORE), at + AFTER);
        let same = drafts.iter_mut().rev().find(|draft| {
            draft.incident.user_id == alert.user_id
                && draft.incident.client_id == alert.client_id
                && draft.to >= from
        });
        let moment = Moment {
            timestamp: alert.timestamp.clone(),
            what: "alert".to_owned(),
            sequence: alert.sequence,
            rule: Some(alert.rule.clone()),
        };
        if let Some(draft) = same {
            draft.to = to;
            draft.incident.timeline.push(moment);
            if !draft.incident.rules.contains(&alert.rule) {
                draft.incident.rules.push(alert.rule.clone());
            }
        } else {
            drafts.push(Draft::new(alert, moment, from, to, at));
        }
    }
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    // What happened shortly before the period may belong to it.
    let first = drafts
        .iter()
        .map(|draft| draft.from)
        .min()
        .unwrap_or_default();
    let last = drafts
        .iter()
        .map(|draft| draft.to)
        .max()
        .unwrap_or_default();
    let query = Query {
        from: Some(text(first)),
        to: query.to.clone().map(|to| to.max(text(last))),
        contains_pii: Some(true),
        ..Query::default()
    };
    reader.search(&query, |line| {
        if let Some(record) = Record::parse(line)
            && let Some(time) = parse_timestamp(&record.timestamp)
        {
            for draft in &mut drafts {
                draft.add(&record, time);
            }
        }
        Ok(())
    })?;
    Ok(drafts.into_iter().map(Draft::end).collect())
}

impl Draft {
    fn new(alert: &AlertRow, moment: Moment, from: i64, to: i64, at: i64) -> Self {
        Self {
            incident: Incident {
                rules: vec![alert.rule.clone()],
                user_id: alert.user_id.clone(),
                client_id: alert.client_id.clone(),
                aware_at: alert.timestamp.clone(),
                deadline: text(at + HOURS_72),
                subjects_affected: People::default(),
                items: BTreeMap::new(),
                items_hidden: BTreeMap::new(),
                tools: Vec::new(),
                report_to_authority: false,
                timeline: vec![moment],
            },
            from,
            to,
            surely: Crowd::default(),
            perhaps: Crowd::default(),
            first: None,
            last: None,
        }
    }

    fn add(&mut self, record: &Record<'_>, time: i64) {
        let is_theirs = record.user_id.as_deref() == self.incident.user_id.as_deref()
            && record.client_id.as_deref() == self.incident.client_id.as_deref();
        let is_over = is_over(record);
        if !is_over || !is_theirs || !(self.from..=self.to).contains(&time) {
            return;
        }
        let came_back: Vec<_> = record.found().filter(Found::came_back).collect();
        if came_back.is_empty() {
            return;
        }
        for found in &came_back {
            let items = if found.reached_the_caller() {
                &mut self.incident.items
            } else {
                &mut self.incident.items_hidden
            };
            *items.entry(found.kind.to_owned()).or_default() += u64::from(found.count);
        }
        if came_back.iter().any(Found::reached_the_caller) {
            self.perhaps.add(record);
        }
        // A record does not say whom which of its values is about.
        if record.found().all(|found| found.reached_the_caller()) {
            self.surely.add(record);
        }
        if let Some(tool) = record.place()
            && !self.incident.tools.contains(&tool)
        {
            self.incident.tools.push(tool);
        }
        let moment = |what: &str| Moment {
            timestamp: record.timestamp.to_string(),
            what: what.to_owned(),
            sequence: record.sequence,
            rule: None,
        };
        self.first.get_or_insert_with(|| moment("first_event"));
        self.last = Some(moment("last_event"));
    }

    fn end(mut self) -> Incident {
        let incident = &mut self.incident;
        incident.subjects_affected = People {
            at_least: self.surely.people().at_least,
            at_most: self.perhaps.people().at_most,
        };
        incident.report_to_authority = incident.subjects_affected.at_most >= MANY
            || incident
                .items
                .keys()
                .any(|kind| UNIQUE.contains(&kind.as_str()));
        incident
            .timeline
            .extend(self.first.into_iter().chain(self.last));
        incident
            .timeline
            .sort_by(|a, b| (&a.timestamp, a.sequence).cmp(&(&b.timestamp, b.sequence)));
        incident.timeline.dedup();
        self.incident
    }
}

/// Whether the record is of what has happened, and not of what is about to.
fn is_over(record: &Record<'_>) -> bool {
    record.event_type != EventType::CallIntent.name()
}

fn text(millis: i64) -> String {
    let mut text = Vec::with_capacity(24);
    timestamp(&mut text, millis);
    String::from_utf8(text).unwrap_or_default()
}
