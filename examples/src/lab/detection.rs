//! `test_pii_detection`: what the scanner finds in a text, and what is left when it is masked.

use std::collections::BTreeMap;

use pii::{Acted, Finding, Operator, Scanner, mask};
use serde_json::{Value, json};

use super::arguments::Detection;
use super::record::{Answer, Refusal};

pub(super) fn test(scanner: &Scanner, arguments: &Detection) -> Result<Answer, Refusal> {
    arguments.check().map_err(Refusal::arguments)?;
    let known: Vec<String> = scanner.kinds().map(|kind| kind.to_string()).collect();
    if let Some(unknown) = arguments.types.iter().find(|one| !known.contains(one)) {
        let text = format!(
            "there is no type `{unknown}`; there are {}",
            known.join(", ")
        );
        return Err(Refusal::arguments(text));
    }
    let scanner = scanner.clone().with_least_score(arguments.least_score);
    let mut findings = scanner.scan(&arguments.text);
    if !arguments.types.is_empty() {
        let is_wanted = |finding: &Finding| {
            let name = finding.kind.name();
            arguments.types.iter().any(|wanted| wanted == name)
        };
        findings.retain(is_wanted);
    }
    let mut by_type: BTreeMap<&str, u32> = BTreeMap::new();
    for finding in &findings {
        *by_type.entry(finding.kind.name()).or_default() += 1;
    }
    let value = json!({
        "contains_pii": !findings.is_empty(),
        "count": findings.len(),
        "by_type": by_type,
        "findings": findings.iter().map(shown).collect::<Vec<_>>(),
        "masked_text": masked(&arguments.text, &findings),
    });
    Ok(Answer::of(value).found(acted(&findings)))
}

/// A finding without its value: who may see that has it already.
fn shown(finding: &Finding) -> Value {
    json!({
        "type": finding.kind.name(),
        "start": finding.start,
        "end": finding.end,
        "byte_start": finding.byte_start,
        "byte_end": finding.byte_end,
        // Scores are written with two digits, as people compare them.
        "score": (f64::from(finding.score) * 100.0).round() / 100.0,
        "masked": mask(&finding.kind, &finding.value),
    })
}

fn masked(text: &str, findings: &[Finding]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for finding in findings {
        masked.push_str(&text[from..finding.byte_start]);
        masked.push_str(&mask(&finding.kind, &finding.value));
        from = finding.byte_end;
    }
    masked + &text[from..]
}

fn acted(findings: &[Finding]) -> Vec<Acted> {
    let acted = findings.iter().map(|finding| Acted {
        kind: finding.kind.clone(),
        action: Operator::Mask,
        count: 1,
    });
    acted.collect()
}
