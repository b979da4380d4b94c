//! The report of a week in which something happened, in every form and language.

use std::fs;
use std::path::Path;
use std::time::Duration;

use audit::report::{Language, Period, Report};
use audit::rule::{Engine, Thresholds};
use audit::{
    Action, AuditEvent, AuditLog, Direction, Durability, EventType, Outcome, Record, Who, verify,
};
use serde_json::{Value, json};

use crate::support::World;

const TOOLS: [(&str, &str); 5] = [
    ("crm", "get-customer"),
    ("crm", "search-customers"),
    ("todo", "create-todo"),
    ("search", "web-search"),
    ("mail", "<script>alert(1)</script>|x\u{202e}"),
];

async fn week(world: &World, log: &AuditLog) {
    for hour in 0..7 * 24_usize {
        let busy = if (1..10).contains(&(hour % 24)) {
            12
        } else {
            2
        };
        for n in 0..busy {
            let person = (hour * 7 + n) % 9;
            let who = Who::new()
                .user(
                    log.pseudonyms()
                        .person("https://auth.example", &person.to_string()),
                )
                .client(["claude", "cursor", "vscode"][person % 3]);
            let (server, tool) = TOOLS[(hour + n) % TOOLS.len()];
            let mut call = AuditEvent::tool_call(who.clone(), server, tool, 1)
                .outcome(if n == 7 {
                    Outcome::Failure
                } else {
                    Outcome::Success
                })
                .took(Duration::from_millis(20 + (n * hour) as u64 % 400));
            if n % 3 == 0 {
                let action = if n % 2 == 0 {
                    Action::Masked
                } else {
                    Action::Allowed
                };
                call = call
                    .found(Direction::Result, action, "EMAIL", 2)
                    .found(Direction::Result, Action::Masked, "KR_MOBILE", 1)
                    .subject(log.pseudonyms().data_subject(&(hour * n % 300).to_string()));
            }
            log.append(call).await.unwrap();
            if n == 5 {
                let denied = AuditEvent::new(EventType::PolicyDecision, who)
                    .server("crm")
                    .tool("delete-customer")
                    .denied(audit::reason::POLICY_DENIED);
                log.append(denied).await.unwrap();
            }
        }
        world.clock.advance(Duration::from_hours(1));
    }
}

/// One person reads a thousand customers, with their resident registration numbers.
async fn theft(world: &World, log: &AuditLog) {
    let who = Who::new()
        .user(log.pseudonyms().person("https://auth.example", "7"))
        .client("claude");
    for n in 0..30 {
        let mut read = AuditEvent::tool_call(who.clone(), "crm", "export-customers", 1)
            .outcome(Outcome::Success)
            .found(Direction::Result, Action::Allowed, "KR_RRN", 40);
        for subject in 0..40 {
            read = read.subject(log.pseudonyms().data_subject(&format!("{n}/{subject}")));
        }
        log.append(read).await.unwrap();
        world.clock.advance(Duration::from_secs(10));
    }
}

/// Gives the rules what stands in the log, as the watch does.
async fn alert(world: &World, log: &AuditLog) {
    let mut engine = Engine::new(&Thresholds::default());
    for line in world.lines() {
        for finding in engine.observe(&Record::parse(line.as_bytes()).unwrap()) {
            log.append_finding(&finding).await.unwrap();
        }
    }
}

async fn made() -> (World, Report) {
    let mut world = World::new();
    world.settings.durability = Durability::Write;
    let log = world.open();
    week(&world, &log).await;
    theft(&world, &log).await;
    alert(&world, &log).await;
    log.close();
    let found = verify(&world.settings.directory, &world.settings.key, None).unwrap();
    let period = Period {
        from: "2026-11-28T00:00:00.000Z".into(),
        to: "2026-12-06T00:00:00.000Z".into(),
        now: "2026-12-06T00:00:00.000Z".into(),
    };
    let report = Report::of(&world.settings, period, Some(&found)).unwrap();
    (world, report)
}

#[tokio::test]
async fn a_report_says_what_the_law_asks_for() {
    let (_world, report) = made().await;
    let json: Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(json["chain"]["whole"], true);
    assert_eq!(json["totals"]["people"], 9);
    assert_eq!(json["totals"]["tools"], 6);
    assert_eq!(json["alerts_by_rule"]["mass_read"], 1);
    assert_eq!(json["alerts_by_rule"]["many_subjects"], 1);
    let incidents = json["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    let incident = &incidents[0];
    assert_eq!(incident["subjects_affected"]["at_least"], 1200);
    assert_eq!(incident["subjects_affected"]["at_most"], 1200);
    assert_eq!(incident["items"]["KR_RRN"], 1200);
    assert_eq!(incident["report_to_authority"], true);
    let aware = incident["aware_at"].as_str().unwrap();
    assert!(aware.starts_with("2026-12-05T00:"), "{aware}");
    let deadline = incident["72h_deadline"].as_str().unwrap();
    assert!(deadline.starts_with("2026-12-08T00:"), "{deadline}");
    let timeline = incident["timeline"].as_array().unwrap();
    let what: Vec<_> = timeline
        .iter()
        .map(|moment| moment["what"].as_str().unwrap())
        .collect();
    // The rules of this test speak after the fact.
    assert_eq!(what, ["first_event", "last_event", "alert", "alert"]);
}

#[tokio::test]
async fn a_page_needs_nothing_else_and_runs_nothing() {
    let (_world, report) = made().await;
    for (language, name, word) in [
        (Language::English, "report-en.html", "72-hour deadline"),
        (Language::Korean, "report-ko.html", "72시간 기한"),
    ] {
        let page = report.html(language);
        fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), &page).unwrap();
        assert!(page.contains(word));
        for sign in [
            "<script", "http://", "https://", "src=", "url(", "@import", "\u{202e}",
        ] {
            assert!(!page.contains(sign), "{name} has {sign}");
        }
        assert!(page.contains("<svg class=\"columns\""));
    }
    let markdown = report.markdown(Language::Korean);
    assert!(markdown.contains("72시간 기한") && markdown.contains("마스킹"));
    assert!(!markdown.contains("<script>") && !markdown.contains('\u{202e}'));
}

#[tokio::test]
async fn a_report_of_nothing_is_a_report() {
    let world = World::new();
    world.open().close();
    let period = Period {
        from: "2026-11-29T00:00:00.000Z".into(),
        to: "2026-11-30T00:00:00.000Z".into(),
        now: "2026-11-30T00:00:00.000Z".into(),
    };
    let report = Report::of(&world.settings, period, None).unwrap();
    assert_eq!(report.totals.events, 0);
    assert_eq!(report.series.len(), 24);
    assert!(
        report
            .html(Language::English)
            .contains("No tool was called.")
    );
}

/// What the report says about a caller who reads this list of people so often, with such an action.
async fn read(count: usize, times: usize, action: Action) -> Value {
    let mut world = World::new();
    world.settings.durability = Durability::Write;
    let log = world.open();
    let who = Who::new()
        .user(log.pseudonyms().person("https://auth.example", "7"))
        .client("claude");
    for _ in 0..times {
        let call = AuditEvent::tool_call(who.clone(), "crm", "export-customers", 1)
            .outcome(Outcome::Success)
            .found(Direction::Arguments, Action::Allowed, "KR_NAME", 1);
        let mut call = call.found(Direction::Result, action, "EMAIL", count);
        for person in 0..count {
            call = call.subject(log.pseudonyms().data_subject(&person.to_string()));
        }
        log.append(call.intent()).await.unwrap();
        log.append(call).await.unwrap();
    }
    alert(&world, &log).await;
    log.close();
    let period = Period {
        from: "2026-11-28T00:00:00.000Z".into(),
        to: "2026-12-06T00:00:00.000Z".into(),
        now: "2026-12-06T00:00:00.000Z".into(),
    };
    let report = Report::of(&world.settings, period, None).unwrap();
    let markdown = report.markdown(Language::Korean);
    assert!(markdown.contains("crm/export-customers"), "{markdown}");
    serde_json::from_str(&report.json()).unwrap()
}

#[tokio::test]
async fn p6_people_who_are_read_about_again_are_the_same_people() {
    let report = read(600, 3, Action::Allowed).await;
    let people = json!({"at_least": 600, "at_most": 600});
    assert_eq!(report["totals"]["data_subjects"], people);
    let incident = &report["incidents"][0];
    assert_eq!(incident["subjects_affected"]["at_most"], 600, "{incident}");
    // More than a record lists: nobody can tell whether the rest is the same, and nobody says so.
    let report = read(5000, 2, Action::Allowed).await;
    let people = json!({"at_least": 5000, "at_most": 4096 + 2 * 904});
    assert_eq!(report["totals"]["data_subjects"], people);
}

#[tokio::test]
async fn p6_what_left_masked_is_told_apart_from_what_left_in_clear() {
    let report = read(600, 3, Action::Masked).await;
    let rules = &report["alerts_by_rule"];
    assert_eq!(*rules, json!({"many_subjects": 1}), "no mass read");
    let incident = &report["incidents"][0];
    assert_eq!(incident["items"], json!({}), "{incident}");
    assert_eq!(incident["items_hidden"], json!({"EMAIL": 1800}));
    assert_eq!(incident["subjects_affected"]["at_most"], 0);
    assert_eq!(incident["report_to_authority"], false);
    // Each value once, also where the call was recorded before it happened; and each way by itself.
    let pii = json!({
        "arguments": {"KR_NAME": {"allowed": 3}},
        "result": {"EMAIL": {"masked": 1800}},
    });
    assert_eq!(report["pii"], pii);
    assert_eq!(report["tools"][0]["name"], "crm/export-customers");
}
