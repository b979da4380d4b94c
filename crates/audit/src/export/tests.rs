//! Exports as other systems read them, held against files that are known to be right.

use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::event::{
    Action, AuditEvent, Details, Direction, EventType, Outcome, Pseudonyms, Severity, Who,
};
use crate::rule::{Alert, Rule};

fn line(sequence: u64, event: &AuditEvent) -> Vec<u8> {
    let mut line =
        format!(r#"{{"sequence":{sequence},"timestamp":"2026-11-28T16:31:11.123Z""#).into_bytes();
    event.write(&mut line);
    line.extend_from_slice(b",\"mac\":\"tag\"}\n");
    line
}

/// One event of every class.
fn log() -> Vec<Vec<u8>> {
    let pseudonyms = Pseudonyms::new(b"key");
    let who = Who::new()
        .user(pseudonyms.person("https://auth.example", "alice"))
        .client("claude")
        .grant("g1")
        .origin(IpAddr::from([203, 0, 113, 9]))
        .request("r1");
    let alert = Alert {
        rule: Rule::MassRead,
        severity: Severity::High,
        count: 512,
        threshold: 500,
        window_seconds: 600,
        evidence: vec![1, 2],
    };
    let events = [
        AuditEvent::tool_call(who.clone(), "crm", "get-customer", 1)
            .outcome(Outcome::Success)
            .found(Direction::Arguments, Action::Allowed, "KR_RRN", 1)
            .found(Direction::Result, Action::Masked, "EMAIL", 2)
            .subject(pseudonyms.data_subject("kim@example.com"))
            .took(Duration::from_millis(12)),
        AuditEvent::new(EventType::SignIn, who.clone())
            .outcome(Outcome::Failure)
            .reason("wrong_password"),
        AuditEvent::new(EventType::GrantApproved, who.clone()).action(Action::Approved),
        AuditEvent::new(EventType::Administration, who)
            .action(Action::Removed)
            .target("=cmd|'/C calc'!A0"),
        AuditEvent::about(EventType::Alert, Details::Alert(alert)).action(Action::Raised),
        AuditEvent::new(EventType::Started, Who::new()),
    ];
    let lines = events.iter().enumerate();
    lines.map(|(n, event)| line(n as u64 + 1, event)).collect()
}

fn exported(format: Format) -> String {
    let mut exporter = Exporter::new(Vec::new(), format).unwrap();
    for line in log() {
        exporter.line(&line).unwrap();
    }
    String::from_utf8(exporter.end().unwrap()).unwrap()
}

#[test]
fn lines_of_json_leave_as_they_are() {
    assert_eq!(exported(Format::JsonLines).as_bytes(), log().concat());
}

#[test]
fn csv_is_the_table_that_is_known_to_be_right() {
    insta::assert_snapshot!("csv", exported(Format::Csv).replace('\r', ""));
}

#[test]
fn ocsf_events_are_those_that_are_known_to_be_right() {
    let events: Vec<Value> = exported(Format::Ocsf)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    insta::assert_json_snapshot!("ocsf", events);
}

#[test]
fn every_kind_of_event_has_a_class() {
    for kind in EventType::ALL {
        let line = line(1, &AuditEvent::new(*kind, Who::new()));
        let event = ocsf::event(&Record::parse(&line).unwrap());
        let number = |key: &str| event[key].as_u64().unwrap();
        assert_eq!(
            number("type_uid"),
            number("class_uid") * 100 + number("activity_id")
        );
        assert_eq!(number("class_uid") / 1000, number("category_uid"));
        assert!(event["time"].as_i64().unwrap() > 1_700_000_000_000);
        assert!(!event["actor"].as_object().unwrap().is_empty());
        assert!(!event.to_string().contains("null"), "{event:#}");
    }
}

proptest! {
    #[test]
    fn no_cell_is_a_formula_or_more_than_one_cell(text in any::<String>()) {
        let cell = csv::cell(&text);
        prop_assert!(!cell.contains(['\n', '\r']));
        let inner = cell.strip_prefix('"').map_or(cell.as_str(), |rest| &rest[..rest.len() - 1]);
        prop_assert!(!inner.starts_with(['=', '+', '-', '@', '\t']));
        if cell.contains(',') {
            prop_assert!(cell.starts_with('"') && cell.ends_with('"'));
        }
    }
}
