//! Events as they are written, and what can never be in them.

use super::*;
use crate::record::Record;

fn written(event: &AuditEvent) -> String {
    let mut line = br#"{"sequence":7,"timestamp":"2026-11-28T16:31:11.123Z""#.to_vec();
    event.write(&mut line);
    line.extend_from_slice(br#","mac":""}"#);
    String::from_utf8(line).unwrap()
}

fn call() -> AuditEvent {
    let pseudonyms = Pseudonyms::new(b"key");
    let who = Who::new()
        .user(pseudonyms.person("https://auth.example", "alice"))
        .client("claude")
        .grant("g1")
        .origin("::ffff:203.0.113.9".parse().unwrap())
        .request("r1");
    AuditEvent::tool_call(who, "todo", "create-todo", 2)
        .outcome(Outcome::Success)
        .action(Action::Masked)
        .direction(Direction::Result)
        .pii("EMAIL", 2)
        .pii("EMAIL", 1)
        .pii("KR_RRN", 1)
        .subject(pseudonyms.data_subject("kim@example.com"))
        .subject(pseudonyms.data_subject("kim@example.com"))
        .took(Duration::from_micros(1500))
        .id_run(3)
}

#[test]
fn r7_4_a_call_has_the_fields_of_the_requirement() {
    let line = written(&call());
    let record = Record::parse(line.as_bytes()).unwrap();
    assert_eq!(record.event_type, "call_outcome");
    assert_eq!(record.tool_name.as_deref(), Some("create-todo"));
    assert_eq!(record.client_id.as_deref(), Some("claude"));
    assert!(record.contains_pii);
    assert_eq!(record.action_taken.as_deref(), Some("masked"));
    assert_eq!(record.parameter_count, Some(2));
    assert_eq!(record.origin.as_deref(), Some("203.0.113.9"));
    assert_eq!(record.pii["EMAIL"], 3);
    assert_eq!(record.subject_count, Some(1));
    assert_eq!(record.duration_us, Some(1500));
    // Every line has all eight, also where there is nothing to say.
    let line = written(&AuditEvent::new(EventType::Started, Who::new()));
    for field in [
        "timestamp",
        "event_type",
        "tool_name",
        "user_id",
        "client_id",
        "contains_pii",
        "action_taken",
        "parameter_count",
    ] {
        assert!(line.contains(&format!("\"{field}\":")), "{field}: {line}");
    }
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let line = written(&call());
    let record = Record::parse(line.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&record).unwrap(), line);
}

#[test]
fn p6_names_that_are_attacks_stay_one_harmless_line() {
    let attack = "x\n{\"event_type\":\"sign_in\"}\u{1b}[2J\u{2028}\u{202e}";
    let event = AuditEvent::tool_call(Who::new(), attack, "y".repeat(1 << 20), 0);
    let line = written(&event);
    assert!(line.len() < 600, "{}", line.len());
    assert!(!line.contains(['\n', '\u{1b}', '\u{2028}', '\u{202e}']));
    let record = Record::parse(line.as_bytes()).unwrap();
    assert_eq!(record.server.as_deref(), Some(attack));
    assert_eq!(record.event_type, "call_outcome");
}

#[test]
fn an_event_stays_small_whatever_is_in_it() {
    let pseudonyms = Pseudonyms::new(b"key");
    let mut event = call();
    for n in 0..10_000_usize {
        event = event
            .subject(pseudonyms.data_subject(&n.to_string()))
            .pii(n.to_string(), 1);
    }
    let line = written(&event);
    assert!(line.len() < 4096, "{}", line.len());
    let record = Record::parse(line.as_bytes()).unwrap();
    assert_eq!(record.subject_count, Some(10_001));
    assert_eq!(record.pii.values().sum::<u32>(), 10_004);
}

#[test]
fn an_intent_is_the_call_before_it_happens() {
    let call = AuditEvent::tool_call(Who::new().client("c"), "todo", "create-todo", 1);
    let line = written(&call.intent());
    assert!(line.contains(r#""event_type":"call_intent""#));
    assert!(line.contains(r#""tool_name":"create-todo""#));
}
