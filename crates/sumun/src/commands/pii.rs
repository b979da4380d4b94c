//! `sumun pii`: the personal data in a text, and how well it is found.

use std::fs;
use std::io::{Read as _, Write as _};

use anyhow::Context as _;
use pii::Scanner;
use pii::evaluation::{self, Evaluation, Score};

use crate::command_line::{PiiEval, PiiScan};

pub(super) fn scan(options: &PiiScan) -> anyhow::Result<()> {
    let mut scanner = Scanner::new().with_least_score(options.least_score);
    if let Some(path) = &options.patterns {
        let patterns = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        scanner = scanner
            .with_patterns(&patterns)
            .with_context(|| path.display().to_string())?;
    }
    let text = if let Some(path) = &options.file {
        fs::read_to_string(path).with_context(|| path.display().to_string())?
    } else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    };
    let findings = scanner.scan(&text);
    let mut out = std::io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::to_string(&findings)?)?;
        return Ok(());
    }
    for finding in findings {
        // What is found may hold control characters, which do not belong on a terminal.
        writeln!(
            out,
            "{:<12} {:>6}–{:<6} {:.2}  {}",
            finding.kind.name(),
            finding.start,
            finding.end,
            finding.score,
            finding.value.escape_debug()
        )?;
    }
    Ok(())
}

pub(super) fn eval(options: &PiiEval) -> anyhow::Result<()> {
    let place = || options.file.display().to_string();
    let lines = fs::read_to_string(&options.file).with_context(place)?;
    let samples = evaluation::read(&lines).with_context(place)?;
    let evaluation = evaluation::evaluate(&Scanner::new(), &samples);
    write_scores(&evaluation, options.mistakes)
}

fn write_scores(evaluation: &Evaluation, mistakes: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<14} {:>9} {:>7} {:>7} {:>7} {:>7} {:>7}",
        "type", "precision", "recall", "f1", "right", "wrong", "missed"
    )?;
    let mut row = |name: &str, score: Score| {
        writeln!(
            out,
            "{name:<14} {:>9.4} {:>7.4} {:>7.4} {:>7} {:>7} {:>7}",
            score.precision(),
            score.recall(),
            score.f1(),
            score.right,
            score.wrong,
            score.missed
        )
    };
    for (name, score) in &evaluation.types {
        row(name, *score)?;
    }
    row("micro", evaluation.micro)?;
    writeln!(
        out,
        "harmless lines touched: {} of {}",
        evaluation.touched, evaluation.harmless
    )?;
    if mistakes {
        for mistake in &evaluation.mistakes {
            writeln!(out, "{mistake}")?;
        }
    }
    Ok(())
}
