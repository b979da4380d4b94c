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
    let query = options.filters.query(&settings, &audit)?;
    let reader = Reader::of(&audit.log);
    // The end of the log, whatever is asked for: what comes is behind it.
    let last = Query {
        newest_first: true,
        limit: Some(1),
        ..Query::default()
    };
    let mut cursor = 0;
    reader.search(&last, |line| {
        cursor = sequence(line);
        Ok(())
    })?;
    let mut lines = Vec::new();
    let latest = Query {
        newest_first: true,
        limit: Some(options.count),
        ..query.clone()
    };
    reader.search(&latest, |line| {
        lines.push(line.to_vec());
        Ok(())
    })?;
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
