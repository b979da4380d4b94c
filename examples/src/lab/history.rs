//! `get_security_audit_log`: what was recorded, of the caller or of everybody.

use audit::{AuditLog, EventType, Query, Reader};
use jiff::Timestamp;
use resource_server::Caller;
use serde_json::{Value, json};

use super::AUDIT;
use super::arguments::History;
use super::period;
use super::record::{Answer, Refusal};

/// Said where there is no log.
pub(super) fn nothing_is_recorded() -> Refusal {
    Refusal::failed(
        "nothing is recorded here: `audit.enabled` is false in the settings",
        "no_audit_log",
    )
}

pub(super) async fn read(
    log: Option<&AuditLog>,
    caller: &Caller,
    arguments: &History,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let log = log.ok_or_else(nothing_is_recorded)?;
    let is_everybodys = caller.scopes().contains(AUDIT);
    let query = query(log, caller, is_everybodys, arguments, now).map_err(Refusal::arguments)?;
    let reader = Reader::of(log.settings());
    let found = tokio::task::spawn_blocking(move || {
        let mut events = Vec::new();
        let page = reader.search(&query, |line| {
            events.push(shown(line));
            Ok(())
        })?;
        std::io::Result::Ok((events, page))
    });
    let (events, page) = found
        .await
        .map_err(std::io::Error::other)
        .and_then(|found| found)
        .map_err(unreadable)?;
    Ok(Answer::of(json!({
        "whose": if is_everybodys { "everybody" } else { "the caller" },
        "count": page.count,
        "events": events,
        "next_cursor": page.next,
    })))
}

/// Without the scope for all of it, the question is about the caller, whatever the arguments say.
fn query(
    log: &AuditLog,
    caller: &Caller,
    is_everybodys: bool,
    arguments: &History,
    now: Timestamp,
) -> Result<Query, String> {
    arguments.check()?;
    let event = match arguments.event_type.as_deref() {
        None => None,
        Some(word) => Some(EventType::parse(word).ok_or_else(|| {
            let words: Vec<_> = EventType::ALL.iter().map(|one| one.name()).collect();
            format!("`event_type` must be one of {}", words.join(", "))
        })?),
    };
    let time = |name, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| period::read(name, text, now)).transpose()
    };
    let issuer = caller.issuer().unwrap_or_default();
    let own = log.pseudonyms().person(issuer, caller.subject());
    Ok(Query {
        from: time("since", &arguments.since)?,
        to: time("until", &arguments.until)?,
        tool: arguments.tool_name.clone(),
        user: (!is_everybodys).then(|| own.to_string()),
        event,
        contains_pii: arguments.contains_pii,
        newest_first: true,
        cursor: arguments.cursor,
        limit: Some(arguments.limit),
        ..Query::default()
    })
}

/// The tag of a line is for whoever verifies the log, and says nothing to anybody else.
fn shown(line: &[u8]) -> Value {
    let mut event: Value = serde_json::from_slice(line).unwrap_or_default();
    if let Some(members) = event.as_object_mut() {
        members.remove("mac");
    }
    event
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(super) fn unreadable(error: std::io::Error) -> Refusal {
    tracing::error!(%error, "the audit log cannot be read");
    Refusal::failed(
        "the audit log cannot be read now; try again later",
        "unreadable",
    )
}
