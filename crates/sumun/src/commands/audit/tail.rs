//! `sumun audit tail`: the latest events, and those that come.

use std::io::{self, Write as _};
use std::time::Duration;

use audit::{Query, Reader};
use clap::Args;

use super::query::write_line;
use super::{Filters, Place};
use crate::settings::Environment;

/// How often is looked for what has come.
const LOOK: Duration = Duration::from_millis(500);

/// `sumun audit tail`
#[derive(Debug, Args)]
pub(crate) struct TailOptions {
    #[command(flatten)]
    filters: Filters,
    /// How many events
    #[arg(short = 'n', long, default_value_t = 20)]
    count: usize,
    /// Goes on with what comes
    #[arg(short, long)]
    follow: bool,
    /// Lines of JSON, as they stand in the log
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(options: TailOptions, environment: &Environment) -> anyhow::Result<()> {
    let (settings, audit) = options.place.settings(environment)?;
    let query = options.filters.query(&settings, &audit).await?;
    let reader = Reader::of(&audit.log);
    let mut cursor = end(&reader)?;
    let lines = latest(&reader, &query, options.count, cursor)?;
    if lines.is_empty() {
        writeln!(io::stderr(), "{}", options.filters.nothing_found(&audit))?;
    }
    for line in lines.iter().rev() {
        write(line, options.json)?;
    }
    if !options.follow {
        return Ok(());
    }
    // Until whoever watches has seen enough.
    loop {
        tokio::time::sleep(LOOK).await;
        let next = Query {
            cursor: Some(cursor),
            ..query.clone()
        };
        reader.search(&next, |line| {
            cursor = cursor.max(sequence(line));
            write(line, options.json)
        })?;
    }
}

/// The end of the log, whatever is asked for: what comes is behind it.
fn end(reader: &Reader) -> io::Result<u64> {
    let last = Query {
        newest_first: true,
        limit: Some(1),
        ..Query::default()
    };
    let mut end = 0;
    reader.search(&last, |line| {
        end = sequence(line);
        Ok(())
    })?;
    Ok(end)
}

/// The latest answers up to `end`, the newest first. What has come since then is shown as what comes, and once.
fn latest(reader: &Reader, query: &Query, count: usize, end: u64) -> io::Result<Vec<Vec<u8>>> {
    let latest = Query {
        newest_first: true,
        limit: Some(count),
        cursor: Some(end.saturating_add(1)),
        ..query.clone()
    };
    let mut lines = Vec::new();
    reader.search(&latest, |line| {
        lines.push(line.to_vec());
        Ok(())
    })?;
    Ok(lines)
}

fn sequence(line: &[u8]) -> u64 {
    audit::Record::parse(line).map_or(0, |record| record.sequence)
}

fn write(line: &[u8], json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        out.write_all(line)
    } else {
        write_line(&mut out, line)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use audit::{AuditEvent, AuditLog, EventType, Settings, Who};
    use oauth::random::OsRandom;
    use oauth::time::SystemClock;

    use super::*;

    /// Between the two looks at its end, a log may grow.
    #[tokio::test]
    async fn what_comes_while_the_latest_are_looked_for_is_not_shown_twice() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::in_directory(directory.path());
        let log = AuditLog::open(settings.clone(), Arc::new(SystemClock), &OsRandom).unwrap();
        let event = || AuditEvent::new(EventType::Started, Who::new());
        log.append(event()).await.unwrap();
        let reader = Reader::of(&settings);
        let end = end(&reader).unwrap();
        log.append(event()).await.unwrap();
        let lines = latest(&reader, &Query::default(), 20, end).unwrap();
        let shown: Vec<_> = lines.iter().map(|line| sequence(line)).collect();
        assert_eq!(shown, [2, 1]);
    }
}
