//! CSV (RFC 4180), without cells that a spreadsheet would compute (OWASP CSV injection).

use std::io::{self, Write};

use crate::record::Record;

const COLUMNS: [&str; 21] = [
    "sequence",
    "timestamp",
    "event_type",
    "tool_name",
    "user_id",
    "client_id",
    "contains_pii",
    "action_taken",
    "parameter_count",
    "outcome",
    "server",
    "request_id",
    "origin",
    "grant_id",
    "target",
    "reason",
    "pii",
    "subject_count",
    "duration_us",
    "alert_rule",
    "alert_severity",
];

pub(super) fn heading(out: &mut impl Write) -> io::Result<()> {
    write!(out, "{}\r\n", COLUMNS.join(","))
}

pub(super) fn row(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text =
        |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    let pii: Vec<_> = record.found().map(|found| found.to_string()).collect();
    let alert = record.alert.as_ref();
    let cells: [String; COLUMNS.len()] = [
        record.sequence.to_string(),
        record.timestamp.to_string(),
        record.event_type.to_string(),
        text(&record.tool_name),
        text(&record.user_id),
        text(&record.client_id),
        record.contains_pii.to_string(),
        text(&record.action_taken),
        number(record.parameter_count.map(u64::from)),
        text(&record.outcome),
        text(&record.server),
        text(&record.request_id),
        text(&record.origin),
        text(&record.grant_id),
        text(&record.target),
        text(&record.reason),
        pii.join(" "),
        number(record.subject_count.map(u64::from)),
        number(record.duration_us),
        alert
            .map(|alert| alert.rule.to_string())
            .unwrap_or_default(),
        alert
            .map(|alert| alert.severity.to_string())
            .unwrap_or_default(),
    ];
    let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

/// A cell that means its text, to every program that opens the table.
pub(super) fn cell(text: &str) -> String {
    // A spreadsheet takes what begins so for a formula, and would run it on somebody's machine.
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    // Control characters have no place in a table, whatever they would do there.
    let text: String = text
        .chars()
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if text.contains([',', '"', ' ', ';']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
