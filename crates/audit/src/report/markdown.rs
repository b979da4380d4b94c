//! The report as Markdown, for tickets and chats.

use std::fmt::Write as _;

use super::words::Language;
use super::{Report, Row};

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
        (words.events, totals.events),
        (words.calls, totals.calls),
        (words.people, totals.people),
        (words.clients, totals.clients),
        (words.tools, totals.tools),
        (words.pii_values, totals.pii_values),
        (words.subjects, totals.data_subjects),
        (words.denials, totals.denials),
        (words.sign_ins, totals.sign_ins),
        (words.alerts, totals.alerts),
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
        let items: Vec<_> = incident
            .items
            .iter()
            .map(|(kind, count)| format!("{} {count}", cell(kind)))
            .collect();
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
            words.subjects, incident.subjects_affected
        ));
        line(format!("- {}: {}", words.items, items.join(", ")));
        line(format!("- {}: {authority}\n", words.authority));
    }
    line(format!("\n## {}\n\n| | |\n|---|---:|", words.pii_by_type));
    for (kind, actions) in &report.pii {
        for (action, count) in actions {
            line(format!("| {} · {} | {count} |", cell(kind), cell(action)));
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
    for c in text.chars() {
        match c {
            '|' | '<' | '>' | '[' | ']' | '*' | '_' | '`' | '\\' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}
