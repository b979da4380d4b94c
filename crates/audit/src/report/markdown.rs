//! The report as Markdown, for tickets and chats.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::people::People;
use super::words::Language;
use super::{Report, Row, shown};
use crate::event::Direction;

#[expect(
    clippy::too_many_lines,
    reason = "one section after the other, as they are read"
)]
pub(super) fn text(report: &Report, language: Language) -> String {
    let words = language.words();
    let totals = &report.totals;
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("# {}\n", words.title));
    line(format!(
        "{} – {} (UTC) · {} {}\n",
        report.from, report.to, words.generated, report.generated_at
    ));
    let chain = match report.chain.whole {
        Some(true) => words.whole,
        Some(false) => words.broken,
        None => words.unknown,
    };
    line(format!("**{chain}.**"));
    for problem in &report.chain.problems {
        line(format!("- {}", cell(problem)));
    }
    line(format!("\n## {}\n\n| | |\n|---|---:|", words.overview));
    for (name, value) in [
        (words.events, totals.events.to_string()),
        (words.calls, totals.calls.to_string()),
        (words.people, totals.people.to_string()),
        (words.clients, totals.clients.to_string()),
        (words.tools, totals.tools.to_string()),
        (words.pii_values, totals.pii_values.to_string()),
        (words.about_people, between(totals.data_subjects)),
        (words.denials, totals.denials.to_string()),
        (words.sign_ins, totals.sign_ins.to_string()),
        (words.alerts, totals.alerts.to_string()),
    ] {
        line(format!("| {name} | {value} |"));
    }
    line(format!("\n## {}\n", words.alerts));
    if report.alerts.is_empty() {
        line(words.no_alerts.to_owned());
    } else {
        line(format!(
            "| {} | {} | {} | {} | {} |\n|---|---|---|---|---:|",
            words.time, words.severity, words.rule, words.caller, words.amount
        ));
    }
    for alert in &report.alerts {
        let caller = alert
            .user_id
            .as_deref()
            .or(alert.client_id.as_deref())
            .unwrap_or("–");
        line(format!(
            "| {} | {} | {} | {} | {} |",
            alert.timestamp,
            words.severity(&alert.severity),
            words.rule(&alert.rule),
            cell(caller),
            alert.count
        ));
    }
    line(format!("\n## {}\n", words.incidents));
    if report.incidents.is_empty() {
        line(words.no_incidents.to_owned());
    }
    for incident in &report.incidents {
        let rules: Vec<_> = incident.rules.iter().map(|rule| words.rule(rule)).collect();
        let listed = |items: &BTreeMap<String, u64>| {
            let items = items.iter();
            let items: Vec<_> = items
                .map(|(kind, count)| format!("{} {count}", cell(kind)))
                .collect();
            if items.is_empty() {
                words.nothing.to_owned()
            } else {
                items.join(", ")
            }
        };
        let authority = if incident.report_to_authority {
            words.needed
        } else {
            words.not_needed
        };
        line(format!("### {}\n", rules.join(" · ")));
        line(format!("- {}: {}", words.aware, incident.aware_at));
        line(format!("- **{}: {}**", words.deadline, incident.deadline));
        line(format!(
            "- {}: {}",
            words.subjects,
            between(incident.subjects_affected)
        ));
        line(format!("- {}: {}", words.items, listed(&incident.items)));
        line(format!(
            "- {}: {}",
            words.items_hidden,
            listed(&incident.items_hidden)
        ));
        line(format!("- {}: {authority}\n", words.authority));
    }
    line(format!("\n## {}\n\n| | |\n|---|---:|", words.pii_by_type));
    for (direction, title) in [
        (Direction::Result, words.to_callers),
        (Direction::Arguments, words.to_tools),
    ] {
        for (kind, actions) in report.pii.get(direction.name()).into_iter().flatten() {
            for (action, count) in actions {
                let action = cell(words.action(action));
                line(format!("| {title} · {} · {action} | {count} |", cell(kind)));
            }
        }
    }
    for (title, rows) in [
        (words.tools, &report.tools),
        (words.clients, &report.clients),
        (words.people, &report.people),
    ] {
        line(format!(
            "\n## {title}\n\n{}",
            table(rows, words.by_name, words.calls, words.failed, words.denied)
        ));
    }
    out
}

/// A number of people, or two between which it is.
fn between(people: People) -> String {
    let People { at_least, at_most } = people;
    if at_least == at_most {
        at_least.to_string()
    } else {
        format!("{at_least} – {at_most}")
    }
}

fn table(rows: &[Row], name: &str, calls: &str, failed: &str, denied: &str) -> String {
    let mut out = format!("| {name} | {calls} | {failed} | {denied} |\n|---|---:|---:|---:|");
    for row in rows {
        let _ = write!(
            out,
            "\n| {} | {} | {} | {} |",
            cell(&row.name),
            row.calls,
            row.failed,
            row.denied
        );
    }
    out
}

/// Text that stays in its cell and starts nothing.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in shown(text).chars() {
        match c {
            '|' | '<' | '>' | '[' | ']' | '*' | '_' | '`' | '\\' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
