//! The report as one HTML page: no script, no network, readable on paper and in the dark.

use std::collections::BTreeMap;

use askama::Template;

use super::people::People;
use super::words::{Language, Words};
use super::{Report, Row, chart, shown};
use crate::event::Direction;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    words: &'static Words,
    columns: String,
    pii: Vec<PiiGroup>,
    denials: Vec<BarRow>,
    tables: Vec<Table<'a>>,
}

/// Personal data that went one way.
struct PiiGroup {
    title: &'static str,
    rows: Vec<PiiRow>,
}

/// One type of personal data.
struct PiiRow {
    kind: String,
    total: String,
    bar: String,
    actions: Vec<(String, String)>,
}

struct BarRow {
    name: String,
    total: String,
    bar: String,
}

/// Tools, clients or people.
struct Table<'a> {
    title: &'static str,
    note: Option<&'static str>,
    has_times: bool,
    rows: Vec<TableRow<'a>>,
}

struct TableRow<'a> {
    row: &'a Row,
    bar: String,
}

pub(super) fn page(report: &Report, language: Language) -> String {
    let words = language.words();
    let page = Page {
        report,
        words,
        columns: chart::columns(
            &report.series,
            [words.succeeded, words.failed, words.denied],
        ),
        pii: pii(report, words),
        denials: denials(report),
        tables: vec![
            table(words.tools, None, true, &report.tools),
            table(words.clients, None, false, &report.clients),
            table(words.people, Some(words.pseudonyms), false, &report.people),
        ],
    };
    page.render()
        .expect("the template has no value that cannot be written")
}

/// What went to callers first, since that is what is asked for.
fn pii(report: &Report, words: &'static Words) -> Vec<PiiGroup> {
    let total = |actions: &BTreeMap<String, u64>| actions.values().sum::<u64>();
    let kinds = report.pii.values().flat_map(BTreeMap::values);
    let most = kinds.map(total).max().unwrap_or_default();
    let row = |(kind, actions): (&String, &BTreeMap<String, u64>)| {
        let parts: Vec<_> = actions
            .iter()
            .map(|(action, count)| (class_of(action), *count))
            .collect();
        PiiRow {
            kind: kind.clone(),
            total: grouped(&total(actions)),
            bar: chart::bar(&parts, most),
            actions: actions
                .iter()
                .map(|(action, count)| (words.action(action).to_owned(), grouped(count)))
                .collect(),
        }
    };
    let group = |direction: Direction, title| {
        let mut rows: Vec<_> = report.pii.get(direction.name())?.iter().collect();
        rows.sort_by_key(|(_, actions)| std::cmp::Reverse(total(actions)));
        let rows = rows.into_iter().map(row).collect();
        Some(PiiGroup { title, rows })
    };
    let groups = [
        group(Direction::Result, words.to_callers),
        group(Direction::Arguments, words.to_tools),
    ];
    groups.into_iter().flatten().collect()
}

fn denials(report: &Report) -> Vec<BarRow> {
    let most = report.denials.values().copied().max().unwrap_or_default();
    let mut rows: Vec<_> = report.denials.iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let row = |(name, count): (&String, &u64)| BarRow {
        name: name.clone(),
        total: grouped(count),
        bar: chart::bar(&[("no", *count)], most),
    };
    rows.into_iter().take(12).map(row).collect()
}

fn table<'a>(
    title: &'static str,
    note: Option<&'static str>,
    has_times: bool,
    rows: &'a [Row],
) -> Table<'a> {
    let most = rows
        .iter()
        .map(|row| row.calls + row.denied)
        .max()
        .unwrap_or_default();
    let rows = rows.iter().map(|row| {
        let good = row.calls.saturating_sub(row.failed);
        let parts = [("ok", good), ("bad", row.failed), ("no", row.denied)];
        TableRow {
            row,
            bar: chart::bar(&parts, most),
        }
    });
    Table {
        title,
        note,
        has_times,
        rows: rows.collect(),
    }
}

/// What happened to the data, as a colour: gone in the clear, hidden, or stopped.
fn class_of(action: &str) -> &'static str {
    match action {
        "masked" | "encrypted" | "tokenized" => "ok",
        "rejected" | "denied" => "no",
        _ => "open",
    }
}

/// A number with a narrow space between thousands, which both languages read.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates pass what they show by reference"
)]
fn grouped(number: &u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A time as people read it.
fn when(timestamp: &str) -> String {
    timestamp.get(..16).unwrap_or(timestamp).replace('T', " ")
}

/// A number of people, or two between which it is.
fn between(people: &People) -> String {
    if people.at_least == people.at_most {
        grouped(&people.at_least)
    } else {
        format!(
            "{} – {}",
            grouped(&people.at_least),
            grouped(&people.at_most)
        )
    }
}
