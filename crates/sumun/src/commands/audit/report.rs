//! `sumun report`: what happened in a while, for people, printers and programs.

use std::io::Write as _;
use std::path::PathBuf;

use audit::report::{Language, Period, Report};
use clap::Args;

use super::{Place, output, period};
use crate::settings::Environment;

/// `sumun report`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct ReportOptions {
    /// From this time on: 2026-11-28, 2026-11-28T09:30:00+09:00, or 24h or 7d for so long ago
    #[arg(long, value_name = "TIME", default_value = "30d")]
    from: String,
    /// Before this time [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// One HTML page that needs nothing else (the default)
    #[arg(long, group = "form")]
    html: bool,
    /// Markdown
    #[arg(long, group = "form")]
    md: bool,
    /// JSON
    #[arg(long, group = "form")]
    json: bool,
    /// The language: `en` or `ko`
    #[arg(long, default_value = "en", value_parser = language)]
    lang: Language,
    /// Where to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Does not verify the log, which takes a second for every million events
    #[arg(long)]
    unverified: bool,
    #[command(flatten)]
    place: Place,
}

fn language(text: &str) -> Result<Language, &'static str> {
    Language::parse(text).ok_or("write en or ko")
}

pub(super) fn run(options: &ReportOptions, environment: &Environment) -> anyhow::Result<()> {
    let (_, audit) = options.place.settings(environment)?;
    let now = period::write(period::now());
    let from = period::parse(&options.from)?;
    let to = options.to.as_deref().map(period::parse).transpose()?;
    let to = to.unwrap_or_else(|| now.clone());
    period::check(&from, &to)?;
    let log = &audit.log;
    let verification = if options.unverified {
        None
    } else {
        let heads = log.heads.as_deref();
        Some(audit::verify(&log.directory, &log.key, heads)?)
    };
    let period = Period { from, to, now };
    let report = Report::of(log, period, verification.as_ref())?;
    let text = if options.json {
        report.json() + "\n"
    } else if options.md {
        report.markdown(options.lang)
    } else {
        report.html(options.lang)
    };
    let mut out = output(options.out.as_ref())?;
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
