//! Scores a scanner against labelled lines.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::scanner::Scanner;

/// A labelled line.
#[derive(Debug, Clone, Deserialize)]
pub struct Sample {
    /// The text.
    pub text: String,
    /// What is in it.
    pub entities: Vec<Entity>,
    /// What may be found or not.
    #[serde(default)]
    pub ignore: Vec<Span>,
}

/// What somebody says is there.
#[derive(Debug, Clone, Deserialize)]
pub struct Entity {
    /// Its type, or a name that is used for it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it begins, in characters.
    pub start: usize,
    /// Where it ends, in characters.
    pub end: usize,
}

/// A place in characters.
#[derive(Debug, Clone, Deserialize)]
pub struct Span {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// A line cannot be read.
#[derive(Debug, Error)]
#[error(
    "line {line} is not a labelled text: write {{\"text\":…,\"entities\":[{{\"type\":…,\"start\":…,\"end\":…}}]}}"
)]
pub struct SampleError {
    /// Which line, from 1.
    pub line: usize,
    #[source]
    source: serde_json::Error,
}

/// Reads JSON lines.
///
/// # Errors
///
/// When a line is not a labelled text.
pub fn read(lines: &str) -> Result<Vec<Sample>, SampleError> {
    lines
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|source| SampleError {
                line: at + 1,
                source,
            })
        })
        .collect()
}

/// What was found, what was wrongly found, and what was missed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    /// Found and there.
    pub right: u32,
    /// Found and not there.
    pub wrong: u32,
    /// There and not found.
    pub missed: u32,
}

impl Score {
    /// How much of what is found is there.
    pub fn precision(self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    /// How much of what is there is found.
    pub fn recall(self) -> f64 {
        share(self.right, self.right + self.missed)
    }

    /// The harmonic mean of both.
    pub fn f1(self) -> f64 {
        share(2 * self.right, 2 * self.right + self.wrong + self.missed)
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 {
        1.0
    } else {
        f64::from(part) / f64::from(whole)
    }
}

/// The scores of an evaluation.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// By type.
    pub types: BTreeMap<String, Score>,
    /// Over all types.
    pub micro: Score,
    /// Lines in which nothing is, and those of them in which something was found.
    pub harmless: u32,
    /// Harmless lines in which something was found.
    pub touched: u32,
    /// What went wrong, for people to read.
    pub mistakes: Vec<String>,
}

/// The name under which a type is scored: some types are told apart by others, but not here.
fn scored_as(name: &str) -> &str {
    match name {
        "KR_MOBILE" | "KR_LANDLINE" | "PHONE_INTL" => "PHONE",
        "KR_NAME_LABELLED" => "KR_NAME",
        other => other,
    }
}

/// Whether two places are the same for half of what they cover together.
fn is_same(one: (usize, usize), other: (usize, usize)) -> bool {
    let common = one.1.min(other.1).saturating_sub(one.0.max(other.0));
    let all = one.1.max(other.1) - one.0.min(other.0);
    common > 0 && common * 2 >= all
}

/// Scores the scanner.
pub fn evaluate(scanner: &Scanner, samples: &[Sample]) -> Evaluation {
    let mut evaluation = Evaluation::default();
    for sample in samples {
        let mut findings: Vec<_> = scanner.scan(&sample.text);
        let is_harmless = sample.entities.is_empty();
        evaluation.harmless += u32::from(is_harmless);
        for entity in &sample.entities {
            let name = scored_as(&entity.kind);
            let found = findings.iter().position(|finding| {
                scored_as(finding.kind.name()) == name
                    && is_same((finding.start, finding.end), (entity.start, entity.end))
            });
            let score = evaluation.types.entry(name.to_owned()).or_default();
            if let Some(at) = found {
                findings.swap_remove(at);
                score.right += 1;
                evaluation.micro.right += 1;
            } else {
                score.missed += 1;
                evaluation.micro.missed += 1;
                let value: String = sample
                    .text
                    .chars()
                    .skip(entity.start)
                    .take(entity.end.saturating_sub(entity.start))
                    .collect();
                evaluation
                    .mistakes
                    .push(format!("missed {name} {value} in {}", sample.text));
            }
        }
        findings.retain(|finding| {
            let overlaps = |span: &Span| span.start < finding.end && finding.start < span.end;
            !sample.ignore.iter().any(overlaps)
        });
        evaluation.touched += u32::from(is_harmless && !findings.is_empty());
        for finding in findings {
            let name = scored_as(finding.kind.name());
            evaluation.types.entry(name.to_owned()).or_default().wrong += 1;
            evaluation.micro.wrong += 1;
            evaluation
                .mistakes
                .push(format!("found {name} {} in {}", finding.value, sample.text));
        }
    }
    evaluation
}
