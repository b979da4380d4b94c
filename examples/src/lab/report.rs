//! `generate_security_report`: the report on what was recorded, in three forms.

use audit::AuditLog;
use audit::report::{Language, Period, Report};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::arguments::{Format, Report as Arguments};
use super::history::{nothing_is_recorded, unreadable};
use super::period;
use super::record::{Answer, Refusal};

pub(super) async fn generate(
    log: Option<&AuditLog>,
    arguments: &Arguments,
    now: Timestamp,
    turn: OwnedSemaphorePermit,
) -> Result<Answer, Refusal> {
    let log = log.ok_or_else(nothing_is_recorded)?;
    let language = Language::parse(&arguments.language);
    let language = language.ok_or_else(|| Refusal::arguments("`language` must be en or ko"))?;
    let period = period_of(arguments, now).map_err(Refusal::arguments)?;
    let settings = log.settings().clone();
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let heads = settings.heads.as_deref();
        let verification = audit::verify(&settings.directory, &settings.key, heads);
        let verification = verification.map_err(std::io::Error::other)?;
        Report::of(&settings, period, Some(&verification))
    });
    let report = made
        .await
        .map_err(std::io::Error::other)
        .and_then(|made| made)
        .map_err(unreadable)?;
    let (word, text) = match arguments.format {
        Format::Html => ("html", report.html(language)),
        Format::Md => ("md", report.markdown(language)),
        Format::Json => ("json", report.json()),
    };
    let value = json!({
        "format": word,
        "from": report.from,
        "to": report.to,
        "generated_at": report.generated_at,
        "totals": report.totals,
        "chain": report.chain,
        "incidents": report.incidents.len(),
        // JSON is not written into JSON as a text.
        "report": match arguments.format {
            Format::Json => serde_json::to_value(&report).unwrap_or_default(),
            Format::Html | Format::Md => Value::from(text.as_str()),
        },
    });
    Ok(Answer::of(value).text(text))
}

fn period_of(arguments: &Arguments, now: Timestamp) -> Result<Period, String> {
    let from = period::read("from", &arguments.from, now)?;
    let to = arguments.to.as_deref();
    let to = to.map(|to| period::read("to", to, now)).transpose()?;
    let now = period::dated(now);
    let to = to.unwrap_or_else(|| now.clone());
    if to <= from {
        return Err(format!("`to` ({to}) must be after `from` ({from})"));
    }
    Ok(Period { from, to, now })
}
