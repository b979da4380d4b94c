//! The security report: what happened between two times, for people, printers and programs.

mod chart;
mod gather;
mod html;
mod incident;
mod markdown;
mod people;
mod words;

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use crate::query::Reader;
use crate::settings::Settings;
use crate::verify::Verification;

pub use incident::Incident;
pub use people::People;
pub use words::Language;

/// Counts by direction, type and action.
type PersonalData = BTreeMap<&'static str, BTreeMap<String, BTreeMap<String, u64>>>;

/// What happened between two times.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// From when on.
    pub from: String,
    /// Until when.
    pub to: String,
    /// When it was made.
    pub generated_at: String,
    /// How much there was.
    pub totals: Totals,
    /// Calls by day, or by hour of a short time.
    pub series: Vec<Slot>,
    /// The tools, the busiest first.
    pub tools: Vec<Row>,
    /// The clients, the busiest first.
    pub clients: Vec<Row>,
    /// The people, as pseudonyms, the busiest first.
    pub people: Vec<Row>,
    /// Values of personal data by direction (`arguments` went to tools, `result` to callers), by type, and by what was
    /// done.
    pub pii: PersonalData,
    /// Why something was denied, and how often.
    pub denials: BTreeMap<String, u64>,
    /// How often each rule spoke.
    pub alerts_by_rule: BTreeMap<String, u64>,
    /// The alerts, the latest first.
    pub alerts: Vec<AlertRow>,
    /// What may have to be notified, by the alerts (개인정보보호법 34조).
    pub incidents: Vec<Incident>,
    /// Whether the log is whole.
    pub chain: Chain,
}

/// How much there was.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Events.
    pub events: u64,
    /// Calls of tools that have ended.
    pub calls: u64,
    /// Those of them that failed.
    pub failed_calls: u64,
    /// What was denied or refused.
    pub denials: u64,
    /// Different people who acted.
    pub people: u64,
    /// Different clients that acted.
    pub clients: u64,
    /// Different tools that were called.
    pub tools: u64,
    /// Values of personal data.
    pub pii_values: u64,
    /// Different people whom data were about.
    pub data_subjects: People,
    /// Sign-ins that succeeded.
    pub sign_ins: u64,
    /// Sign-ins that failed.
    pub failed_sign_ins: u64,
    /// Alerts.
    pub alerts: u64,
}

/// Calls within a part of the time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Slot {
    /// When it begins: a day, or a day and an hour.
    pub start: String,
    /// Calls that went well.
    pub success: u64,
    /// Calls that failed.
    pub failure: u64,
    /// What was denied.
    pub denied: u64,
}

/// A tool, a client or a person.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its calls.
    pub calls: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// What was denied to or of it.
    pub denied: u64,
    /// Values of personal data in its calls.
    pub pii_values: u64,
    /// The time within which half of the calls ended, in milliseconds.
    pub median_ms: Option<f64>,
    /// The time within which 95 of 100 calls ended, in milliseconds.
    pub p95_ms: Option<f64>,
}

/// An alert.
#[derive(Clone, Debug, Serialize)]
pub struct AlertRow {
    /// The event.
    pub sequence: u64,
    /// When.
    pub timestamp: String,
    /// The rule.
    pub rule: String,
    /// How much it matters.
    pub severity: String,
    /// How much there was.
    pub count: u64,
    /// From how much on it is told.
    pub threshold: u64,
    /// Over how many seconds.
    pub window_seconds: u64,
    /// The person.
    pub user_id: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// The tool, behind its server.
    pub tool_name: Option<String>,
    /// The events that show it.
    pub evidence: Vec<u64>,
}

/// Whether the log is whole.
#[derive(Clone, Debug, Serialize)]
pub struct Chain {
    /// Whether anything stands against it; nobody has looked without a word here.
    pub whole: Option<bool>,
    /// How many events were verified, in all of the log.
    pub events: u64,
    /// The last event that is there.
    pub last_sequence: Option<u64>,
    /// What stands against it, in sentences.
    pub problems: Vec<String>,
}

impl Chain {
    /// What a verification has found; nothing, if there was none.
    pub fn of(verification: Option<&Verification>) -> Self {
        let problems = verification.map(|found| found.problems.iter().map(ToString::to_string));
        Self {
            whole: verification.map(Verification::is_whole),
            events: verification.map_or(0, |found| found.events),
            last_sequence: verification.and_then(|found| found.last_sequence),
            problems: problems.into_iter().flatten().collect(),
        }
    }
}

/// What a report is about.
#[derive(Clone, Debug)]
pub struct Period {
    /// From when on, as events are dated.
    pub from: String,
    /// Until when.
    pub to: String,
    /// Now.
    pub now: String,
}

impl Report {
    /// Reads the log that is kept so twice: once for everything, and once for what alerts are about.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn of(
        log: &Settings,
        period: Period,
        verification: Option<&Verification>,
    ) -> io::Result<Self> {
        gather::gather(&Reader::of(log), period, Chain::of(verification))
    }

    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers are JSON")
    }

    /// As one HTML page that needs nothing else.
    pub fn html(&self, language: Language) -> String {
        html::page(self, language)
    }

    /// As Markdown.
    pub fn markdown(&self, language: Language) -> String {
        markdown::text(self, language)
    }
}

/// What a name may hide: control characters are shown, and nothing turns the direction of text.
fn shown(name: &str) -> String {
    let visible = |c: char| {
        let turns = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || turns {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    name.chars().map(visible).collect()
}
