//! `sumun audit simulate`: what the rules find in a month that was made up, and how often they err.

use std::io::Write as _;
use std::path::PathBuf;

use audit::rule::{Rule, Thresholds};
use audit::simulate::{LEAST_DAYS, Simulation, simulate};
use clap::{Args, value_parser};

use crate::settings::{self, Environment};

/// How many days can be played; the rules need some to know what is usual.
const DAYS: std::ops::RangeInclusive<i64> = LEAST_DAYS as i64..=366;

/// `sumun audit simulate`
#[derive(Debug, Args)]
pub(crate) struct SimulateOptions {
    /// A month that comes again with the same number; may be repeated
    #[arg(long, default_values_t = [1])]
    seed: Vec<u64>,
    /// How many days, from 30 to 366
    #[arg(long, default_value_t = LEAST_DAYS, value_parser = value_parser!(u32).range(DAYS))]
    days: u32,
    /// One JSON array
    #[arg(long)]
    json: bool,
    /// The settings file with the thresholds [default: those that hold without one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(options: &SimulateOptions, environment: &Environment) -> anyhow::Result<()> {
    let thresholds = match &options.config {
        None => Thresholds::default(),
        Some(path) => settings::load(path, environment)?
            .audit
            .map(|audit| audit.thresholds)
            .unwrap_or_default(),
    };
    let months = options
        .seed
        .iter()
        .map(|seed| simulate(*seed, options.days, &thresholds));
    let mut out = std::io::stdout().lock();
    if options.json {
        let months: Vec<_> = months.collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&months)?)?;
        return Ok(());
    }
    for month in months {
        write_month(&mut out, &month)?;
    }
    Ok(())
}

fn write_month(out: &mut impl std::io::Write, month: &Simulation) -> std::io::Result<()> {
    writeln!(
        out,
        "seed {}: {} days, {} ordinary events\n",
        month.seed, month.days, month.benign_events
    )?;
    writeln!(
        out,
        "  {:<18} {:>8} {:>8} {:>9}  what happens",
        "scenario", "found", "events", "seconds"
    )?;
    for one in &month.scenarios {
        let found = if one.detected { "yes" } else { "NO" };
        let events = one
            .events
            .map(|events| events.to_string())
            .unwrap_or_default();
        let seconds = one
            .seconds
            .map(|seconds| format!("{seconds:.1}"))
            .unwrap_or_default();
        writeln!(
            out,
            "  {:<18} {found:>8} {events:>8} {seconds:>9}  {}",
            one.rule.name(),
            one.rule.sentence()
        )?;
    }
    writeln!(
        out,
        "\n  found {} of {} scenarios, by {} of {} rules; {} false alerts, {:.2} per 10 000 ordinary events\n",
        month.scenarios.iter().filter(|one| one.detected).count(),
        month.scenarios.len(),
        month.detected(),
        Rule::ALL.len(),
        month.false_alerts.len(),
        month.false_alerts_per_10k
    )
}
