//! `sumun audit export`: events for other systems.

use std::path::PathBuf;

use audit::{Exporter, Format, Reader};
use clap::{Args, ValueEnum};

use super::{Filters, Place, output};
use crate::settings::Environment;

/// `sumun audit export`
#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    /// In which form
    #[arg(long, value_enum, default_value_t = Form::Jsonl)]
    format: Form,
    /// Where to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    place: Place,
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// Lines of JSON, as they stand in the log
    Jsonl,
    /// A table for spreadsheets
    Csv,
    /// The Open Cybersecurity Schema Framework 1.9, for a SIEM
    Ocsf,
}

pub(super) async fn run(options: &ExportOptions, environment: &Environment) -> anyhow::Result<()> {
    let (settings, audit) = options.place.settings(environment)?;
    let query = options.filters.query(&settings, &audit).await?;
    let format = match options.format {
        Form::Jsonl => Format::JsonLines,
        Form::Csv => Format::Csv,
        Form::Ocsf => Format::Ocsf,
    };
    let mut exporter = Exporter::new(output(options.out.as_ref())?, format)?;
    Reader::of(&audit.log).search(&query, |line| exporter.line(line))?;
    exporter.end()?;
    Ok(())
}
