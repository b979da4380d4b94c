//! `sumun audit query`: the events that answer a question, page by page.

use std::io::{self, Write};

use audit::{Reader, Record};
use clap::Args;

use super::{Filters, Place};
use crate::settings::Environment;

/// `sumun audit query`
#[derive(Debug, Args)]
pub(crate) struct QueryOptions {
    #[command(flatten)]
    filters: Filters,
    /// How many events at most
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Behind this event, as the page before says
    #[arg(long, value_name = "EVENT")]
    cursor: Option<u64>,
    /// The oldest first
    #[arg(long)]
    oldest_first: bool,
    /// Lines of JSON, as they stand in the log
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(options: &QueryOptions, environment: &Environment) -> anyhow::Result<()> {
    let (settings, audit) = options.place.settings(environment)?;
    let mut query = options.filters.query(&settings, &audit).await?;
    query.newest_first = !options.oldest_first;
    query.limit = Some(options.limit);
    query.cursor = options.cursor;
    let mut out = io::BufWriter::new(io::stdout());
    let page = Reader::of(&audit.log).search(&query, |line| {
        if options.json {
            out.write_all(line)
        } else {
            write_line(&mut out, line)
        }
    })?;
    out.flush()?;
    if page.count == 0 && options.cursor.is_none() {
        writeln!(io::stderr(), "{}", options.filters.nothing_found(&audit))?;
    }
    if let Some(next) = page.next {
        writeln!(io::stderr(), "there may be more: --cursor {next}")?;
    }
    Ok(())
}

/// One event on one line, for people.
pub(super) fn write_line(out: &mut impl Write, line: &[u8]) -> io::Result<()> {
    let Some(record) = Record::parse(line) else {
        return writeln!(out, "(a line that is no event: run `sumun audit verify`)");
    };
    let time = record
        .timestamp
        .get(..19)
        .unwrap_or_default()
        .replace('T', " ");
    let ended = record.outcome.as_deref().or(record.action_taken.as_deref());
    write!(
        out,
        "{:>8}  {time}  {:<22} {:<8}",
        record.sequence,
        record.event_type,
        ended.unwrap_or("–")
    )?;
    let mut part = |name: &str, value: Option<&str>| match value {
        // Names come from others, and have no business on a terminal but to be read.
        Some(value) => write!(out, " {name}{}", value.escape_debug()),
        None => Ok(()),
    };
    let place = match (&record.server, &record.tool_name) {
        (Some(server), Some(tool)) => Some(format!("{server}/{tool}")),
        (server, tool) => server.as_deref().or(tool.as_deref()).map(str::to_owned),
    };
    part("", place.as_deref())?;
    part("user=", record.user_id.as_deref())?;
    part("client=", record.client_id.as_deref())?;
    part("target=", record.target.as_deref())?;
    part("from=", record.origin.as_deref())?;
    part("reason=", record.reason.as_deref())?;
    let pii: Vec<_> = record.found().map(|found| found.to_string()).collect();
    part("pii=", (!pii.is_empty()).then(|| pii.join(",")).as_deref())?;
    if let Some(alert) = &record.alert {
        let text = format!(
            "{} ({}, {} of {})",
            alert.rule, alert.severity, alert.count, alert.threshold
        );
        part("", Some(&text))?;
    }
    writeln!(out)
}
