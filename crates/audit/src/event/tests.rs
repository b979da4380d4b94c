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
        .found(Direction::Arguments, Action::Allowed, "KR_RRN", 1)
        .found(Direction::Result, Action::Allowed, "URL", 1)
        .found(Direction::Result, Action::Masked, "EMAIL", 2)
        .found(Direction::Result, Action::Masked, "EMAIL", 1)
        .found(Direction::Result, Action::Masked, "KR_RRN", 1)
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
fn p6_a_line_says_of_each_direction_what_was_done_with_it() {
    let line = written(&call());
    let pii = r#""pii":{"arguments":{"allowed":{"KR_RRN":1}},"result":{"allowed":{"URL":1},"masked":{"EMAIL":3,"KR_RRN":1}}}"#;
    assert!(line.contains(pii), "{line}");
    let record = Record::parse(line.as_bytes()).unwrap();
    let in_clear = record
        .found()
        .filter(crate::record::Found::reached_the_caller);
    let in_clear: Vec<_> = in_clear.map(|found| found.kind).collect();
    assert_eq!(in_clear, ["URL"]);
}

#[test]
fn p6_a_line_of_a_former_version_is_read_as_it_was_meant() {
    let line = br#"{"sequence":1,"timestamp":"2026-11-28T16:31:11.123Z","event_type":"call_outcome","tool_name":"t",
        "user_id":null,"client_id":"c","contains_pii":true,"action_taken":"masked","parameter_count":1,
        "direction":"result","pii":{"EMAIL":2,"KR_RRN":1},"mac":"m"}"#;
    let record = Record::parse(line).unwrap();
    let found: Vec<_> = record.found().collect();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].kind, found[0].count), ("EMAIL", 2));
    assert_eq!(found[1].direction, Some(Direction::Result));
    assert_eq!(found[1].action, Some(Action::Masked));
    let again = serde_json::to_value(&record).unwrap();
    assert_eq!(again["pii"]["EMAIL"], 2);
}

#[test]
fn p6_what_was_rejected_stays_rejected_when_its_call_is_denied() {
    let call = || AuditEvent::tool_call(Who::new(), "mail", "send-mail", 1);
    let rejected = call()
        .found(Direction::Arguments, Action::Allowed, "EMAIL", 1)
        .found(Direction::Arguments, Action::Rejected, "KR_RRN", 1)
        .denied("pii_rejected");
    assert!(written(&rejected).contains(r#""action_taken":"rejected""#));
    let denied = call().denied("policy_denied");
    assert!(written(&denied).contains(r#""action_taken":"denied""#));
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
            .found(Direction::Result, Action::Masked, n.to_string(), 1);
    }
    let line = written(&event);
    assert!(line.len() < crate::lines::LONGEST / 8, "{}", line.len());
    let record = Record::parse(line.as_bytes()).unwrap();
    assert_eq!(record.subject_count, Some(10_001));
    assert_eq!(record.subjects.len(), MOST_SUBJECTS);
    assert_eq!(record.found().map(|found| found.count).sum::<u32>(), 10_006);
}

#[test]
fn an_intent_is_the_call_before_it_happens() {
    let call = AuditEvent::tool_call(Who::new().client("c"), "todo", "create-todo", 1);
    let line = written(&call.intent());
    assert!(line.contains(r#""event_type":"call_intent""#));
    assert!(line.contains(r#""tool_name":"create-todo""#));
}
