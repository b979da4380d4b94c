//! `sumun audit verify`: whether the log is whole.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::Place;
use crate::settings::Environment;

/// `sumun audit verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// Signed heads from a second place [default: `audit.heads` of the settings]
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(options: &VerifyOptions, environment: &Environment) -> anyhow::Result<()> {
    let (_, audit) = options.place.settings(environment)?;
    let heads = options.heads.as_ref().or(audit.log.heads.as_ref());
    let found = audit::verify(
        &audit.log.directory,
        &audit.log.key,
        heads.map(PathBuf::as_path),
    )?;
    let mut out = std::io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
    } else {
        writeln!(
            out,
            "log {}: {} events in {} segments",
            found.log, found.events, found.segments
        )?;
        if let (Some(first), Some(last)) = (found.first_sequence, found.last_sequence) {
            let time = |time: &Option<String>| time.clone().unwrap_or_default();
            writeln!(out, "  from event {first} ({})", time(&found.first_time))?;
            writeln!(out, "  to event {last} ({})", time(&found.last_time))?;
        }
        writeln!(
            out,
            "  heads are signed by {}; {} of a second place were read",
            found.public_key, found.heads
        )?;
        for note in &found.notes {
            writeln!(out, "note: {note}")?;
        }
        for problem in &found.problems {
            writeln!(out, "PROBLEM: {problem}")?;
        }
    }
    if !found.is_whole() {
        bail!(
            "the log is not whole ({} problems): keep a copy of it, and compare it with a backup and with heads elsewhere",
            found.problem_count
        );
    }
    if !options.json {
        writeln!(out, "the log is whole")?;
    }
    Ok(())
}
