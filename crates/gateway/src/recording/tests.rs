//! What the gateway writes, and what the rules make of it: they see nothing else (acceptance P6).

use audit::rule::{Engine, Rule, Thresholds};
use audit::{Query, Reader, Record, Settings};
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use pii::Kind;
use tempfile::TempDir;

use super::*;

/// A log, the one who calls, and from where.
struct World {
    log: AuditLog,
    caller: Caller,
    errand: Errand,
    _directory: TempDir,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::in_directory(directory.path());
        Self {
            log: AuditLog::open(settings, Arc::new(SystemClock), &OsRandom).unwrap(),
            caller: Caller::new("alice").with_client_id("claude"),
            errand: Errand::default(),
            _directory: directory,
        }
    }

    fn call(&self, tool: &str) -> Recording {
        let about = About::new(tool.to_owned(), Some("{}"));
        let runs = IdRuns::new();
        Recording::begin(
            &self.log,
            &runs,
            &self.caller,
            &self.errand,
            "crm",
            tool,
            &about,
        )
    }

    /// The events as they stand in the log, without those of the log itself.
    fn events(&self) -> Vec<serde_json::Value> {
        let mut events = Vec::new();
        let all = Query::default();
        let found = Reader::of(self.log.settings()).search(&all, |line| {
            events.push(serde_json::from_slice(line).unwrap());
            Ok(())
        });
        found.unwrap();
        events.split_off(1)
    }

    /// What the rules say about them.
    fn alerts(&self) -> Vec<Rule> {
        let mut engine = Engine::new(&Thresholds::default());
        let mut alerts = Vec::new();
        let all = Query::default();
        let found = Reader::of(self.log.settings()).search(&all, |line| {
            let findings = engine.observe(&Record::parse(line).unwrap());
            alerts.extend(findings.into_iter().map(|finding| finding.alert.rule));
            Ok(())
        });
        found.unwrap();
        alerts
    }
}

fn acted(kind: Kind, action: Operator, count: u32) -> Acted {
    Acted {
        kind,
        action,
        count,
    }
}

#[tokio::test]
async fn p6_what_went_out_in_clear_is_not_said_to_be_masked_because_the_answer_was() {
    let world = World::new();
    let mut call = world.call("search");
    let sent = [acted(Kind::Email, Operator::Allow, 1)];
    call.acted(pii::Direction::Arguments, &sent);
    call.intent().await.unwrap();
    let came = [acted(Kind::Email, Operator::Mask, 40)];
    call.acted(pii::Direction::Result, &came);
    call.close(Ended::Success).await.unwrap();

    let [intent, outcome] = &world.events()[..] else {
        panic!("{:?}", world.events())
    };
    let arguments = serde_json::json!({"arguments": {"allowed": {"EMAIL": 1}}});
    assert_eq!(intent["pii"], arguments, "{intent}");
    assert_eq!(intent["action_taken"], "allowed", "{intent}");
    let both = serde_json::json!({
        "arguments": {"allowed": {"EMAIL": 1}},
        "result": {"masked": {"EMAIL": 40}},
    });
    assert_eq!(outcome["pii"], both, "{outcome}");
    assert_eq!(outcome["action_taken"], "masked", "{outcome}");
    assert_eq!(outcome["contains_pii"], true, "{outcome}");
}

#[tokio::test]
async fn p6_of_a_message_that_is_refused_nothing_is_said_to_have_passed() {
    let world = World::new();
    let mut call = world.call("export");
    let sent = [acted(Kind::Email, Operator::Allow, 1)];
    call.acted(pii::Direction::Arguments, &sent);
    // What does not fit its schema any more: masked, and then not sent at all.
    let came = [
        acted(Kind::Email, Operator::Mask, 2),
        acted(Kind::KrMobile, Operator::Allow, 3),
    ];
    call.acted(pii::Direction::Result, &came);
    call.close(Ended::Denied("pii_schema_mismatch"))
        .await
        .unwrap();
    let [event] = &world.events()[..] else {
        panic!("{:?}", world.events())
    };
    let pii = serde_json::json!({
        "arguments": {"allowed": {"EMAIL": 1}},
        "result": {"rejected": {"EMAIL": 2, "KR_MOBILE": 3}},
    });
    assert_eq!(event["pii"], pii, "{event}");
}

#[tokio::test]
async fn p6_who_tries_again_what_was_rejected_is_told() {
    let world = World::new();
    for _ in 0..3 {
        let mut call = world.call("send-mail");
        let found = [
            acted(Kind::Email, Operator::Allow, 1),
            acted(Kind::KrRrn, Operator::Reject, 1),
        ];
        call.acted(pii::Direction::Arguments, &found);
        call.close(Ended::Denied("pii_rejected")).await.unwrap();
    }
    let events = world.events();
    assert!(
        events
            .iter()
            .all(|event| event["action_taken"] == "rejected"),
        "{events:?}"
    );
    assert_eq!(world.alerts(), [Rule::Rephrasing]);
}

#[tokio::test]
async fn p6_who_keeps_trying_what_the_policy_denies_is_told() {
    let world = World::new();
    let (log, caller, errand) = (&world.log, &world.caller, &world.errand);
    // With a challenge, and without one.
    denied(log, caller, errand, "crm", Some("delete-customer"))
        .await
        .unwrap();
    for tool in ["export-customers", "grant-role"] {
        let call = world.call(tool);
        call.close(Ended::Denied(POLICY_DENIED)).await.unwrap();
    }
    let events = world.events();
    assert_eq!(events[0]["tool_name"], "delete-customer", "{events:?}");
    assert_eq!(world.alerts(), [Rule::ScopeEscalation]);
}

#[tokio::test]
async fn p6_a_tool_that_answers_with_a_secret_or_changes_is_told() {
    let world = World::new();
    let mut call = world.call("read-file");
    let secret = [acted(Kind::Secret, Operator::Mask, 1)];
    call.acted(pii::Direction::Result, &secret);
    call.close(Ended::Success).await.unwrap();
    let (log, caller, errand) = (&world.log, &world.caller, &world.errand);
    tool_changed(log, caller, errand, "crm", "read-file")
        .await
        .unwrap();
    assert_eq!(world.alerts(), [Rule::SecretInResult, Rule::ToolChanged]);
}

#[tokio::test]
async fn p6_mass_reading_in_clear_and_reading_about_many_people_are_told() {
    for (action, expected) in [
        (Operator::Allow, &[Rule::ManySubjects, Rule::MassRead][..]),
        (Operator::Mask, &[Rule::ManySubjects]),
    ] {
        let world = World::new();
        for n in 0..6 {
            let mut call = world.call("search-customers");
            let found = [acted(Kind::Email, action, 100)];
            call.acted(pii::Direction::Result, &found);
            for person in 0..25 {
                let pseudonym = world.log.pseudonyms();
                let pseudonym = pseudonym.data_subject(&format!("{n}/{person}"));
                call.event.add_subject(pseudonym);
            }
            call.close(Ended::Success).await.unwrap();
        }
        assert_eq!(world.alerts(), expected, "{action:?}");
    }
}
