//! `simulate_data_breach_detection`: the rules of this server, over a month that never was.
//!
//! The month is made up and stays in memory; the audit log hears of it only that it was played.

use audit::rule::{Rule, Thresholds};
use audit::simulate::{Detection, LEAST_DAYS, Simulation, simulate};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::arguments::Breach;
use super::record::{Answer, Refusal};

pub(super) async fn play(
    thresholds: &Thresholds,
    arguments: &Breach,
    turn: OwnedSemaphorePermit,
) -> Result<Answer, Refusal> {
    let scenario = scenario(&arguments.scenario).map_err(Refusal::arguments)?;
    let (seed, thresholds) = (arguments.seed, thresholds.clone());
    let month = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        simulate(seed, LEAST_DAYS, &thresholds)
    });
    let month = month.await;
    let month = month.map_err(|error| {
        tracing::error!(%error, "the simulation has failed");
        Refusal::failed(
            "the simulation has failed; try another seed",
            "simulation_failed",
        )
    })?;
    Ok(Answer::of(told(&month, scenario)))
}

fn scenario(word: &str) -> Result<Option<Rule>, String> {
    if word == "all" {
        return Ok(None);
    }
    Rule::parse(word).map(Some).ok_or_else(|| {
        let words: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        format!("`scenario` must be all, {}", words.join(", "))
    })
}

fn told(month: &Simulation, scenario: Option<Rule>) -> Value {
    let is_wanted = |one: &&Detection| scenario.is_none_or(|rule| one.rule == rule);
    let scenarios: Vec<_> = month.scenarios.iter().filter(is_wanted).collect();
    let detected = scenarios.iter().filter(|one| one.detected).count();
    json!({
        "seed": month.seed,
        "days": month.days,
        "ordinary_events": month.benign_events,
        "scenarios": scenarios.iter().map(|one| json!({
            "rule": one.rule,
            "what": one.rule.sentence(),
            "detected": one.detected,
            "events_until_detected": one.events,
            "seconds_to_detect": one.seconds,
        })).collect::<Vec<_>>(),
        "detected": detected,
        "played": scenarios.len(),
        "false_alerts": month.false_alerts,
        "false_alerts_per_10k": month.false_alerts_per_10k,
        "note": "a month that was made up: nothing of it stands in the audit log, and nobody was alerted",
    })
}
