//! What stands beside a sealed segment is believed if we wrote it: nobody else makes the log lose events.

use std::fs;
use std::path::Path;
use std::time::Duration;

use audit::{Problem, Query, Reader, Record, verify};

use crate::support::{World, call};

const DAY: Duration = Duration::from_hours(24);

/// A log of three days, a segment each; the last one is not sealed. Call `n` is of day `n`.
async fn three_days() -> World {
    let world = World::new();
    for day in 0..3 {
        append(&world, day).await;
        world.clock.advance(DAY);
    }
    assert_eq!(problems(&world), []);
    world
}

async fn append(world: &World, n: usize) {
    let log = world.open();
    log.append(call(n)).await.unwrap();
    log.close();
}

/// Puts another text into an index, as whoever may write there but has no key can.
fn forge(world: &World, segment: usize, from: &str, to: &str) -> String {
    let path = world.segments()[segment - 1].with_extension("json");
    let text = fs::read_to_string(&path).unwrap();
    let forged = text.replace(from, to);
    assert_ne!(text, forged);
    fs::write(&path, &forged).unwrap();
    forged
}

fn problems(world: &World) -> Vec<Problem> {
    verify(&world.settings.directory, &world.settings.key, None)
        .unwrap()
        .problems
}

fn found(world: &World, query: &Query) -> Vec<String> {
    let mut found = Vec::new();
    let searched = Reader::of(&world.settings).search(query, |line| {
        let record = Record::parse(line).unwrap();
        found.extend(record.request_id.map(std::borrow::Cow::into_owned));
        Ok(())
    });
    searched.unwrap();
    found
}

#[tokio::test]
async fn p5_a_forged_index_removes_nothing() {
    let mut world = three_days().await;
    world.settings.retention = Some(DAY * 30);
    let forged = [
        forge(&world, 1, "2026-11-28", "2020-11-28"),
        forge(&world, 2, "2026-11-29", "2020-11-29"),
    ];
    append(&world, 3).await;
    let told = [1, 2].map(|segment| Problem::OtherIndex { segment });
    assert_eq!(problems(&world), told);
    // Not even when the segment is old enough: by what, nobody can say any more.
    world.clock.advance(DAY * 100);
    append(&world, 4).await;
    assert_eq!(problems(&world), told);
    assert!(!world.lines().iter().any(|line| line.contains("retention")));
    for (path, forged) in world.segments().iter().zip(forged) {
        let kept = fs::read_to_string(path.with_extension("json")).unwrap();
        assert_eq!(kept, forged, "it stays as evidence");
    }

    // Who has looked at it takes it away; the segment proves itself, and gets an index of ours again.
    for path in &world.segments()[..2] {
        fs::remove_file(path.with_extension("json")).unwrap();
    }
    append(&world, 5).await;
    assert_eq!(problems(&world), []);
    assert_eq!(world.segments().len(), 1, "of the last day");
}

#[tokio::test]
async fn an_index_of_ours_for_another_segment_removes_nothing() {
    let mut world = three_days().await;
    world.settings.retention = Some(DAY * 30);
    let [first, second] = [0, 1].map(|n| world.segments()[n].clone());
    let old = fs::read_to_string(first.with_extension("json")).unwrap();
    fs::write(second.with_extension("json"), old).unwrap();
    // The first one is old enough, the second one is not.
    world.clock.advance(DAY * 27 + Duration::from_secs(1));
    append(&world, 3).await;
    assert!(!first.exists() && second.exists());
    assert_eq!(problems(&world), [Problem::OtherIndex { segment: 2 }]);
}

#[tokio::test]
async fn a_segment_under_another_name_gets_no_index() {
    let mut world = three_days().await;
    world.settings.retention = Some(DAY * 30);
    let [first, second] = [0, 1].map(|n| world.segments()[n].clone());
    fs::copy(&first, &second).unwrap();
    fs::remove_file(second.with_extension("json")).unwrap();
    append(&world, 3).await;
    assert!(!second.with_extension("json").exists());
}

#[tokio::test]
async fn p5_a_forged_index_hides_nothing() {
    let world = three_days().await;
    let late = Query {
        from: Some("2026-11-29".into()),
        ..Query::default()
    };
    let early = Query {
        to: Some("2026-11-29".into()),
        ..Query::default()
    };
    assert_eq!(found(&world, &late), ["r1", "r2"]);
    forge(&world, 1, "2026-11-28", "2030-11-28");
    forge(&world, 2, "2026-11-29", "2020-11-29");
    assert_eq!(found(&world, &early), ["r0"]);
    assert_eq!(found(&world, &late), ["r1", "r2"]);
}

#[tokio::test]
async fn without_the_key_no_index_is_believed_and_all_is_read() {
    let mut world = three_days().await;
    forge(&world, 1, "2026-11-28", "2030-11-28");
    world.settings.key = Path::new("nowhere").to_owned();
    let early = Query {
        to: Some("2026-11-30".into()),
        ..Query::default()
    };
    assert_eq!(found(&world, &early), ["r0", "r1"]);
}

#[tokio::test]
async fn the_log_goes_on_behind_the_segment_itself_and_not_behind_a_forged_index() {
    let world = three_days().await;
    // The last segment was begun and not written; what came before, only the index of the second says.
    fs::remove_file(&world.segments()[2]).unwrap();
    fs::remove_file(world.settings.directory.join("head")).unwrap();
    fs::write(world.settings.directory.join("0000000003.jsonl"), "").unwrap();
    forge(&world, 2, "\"last_sequence\":4", "\"last_sequence\":9");
    append(&world, 3).await;
    let line = world.lines().into_iter().nth(4).unwrap();
    assert!(line.contains("segment_opened"), "{line}");
    assert_eq!(Record::parse(line.as_bytes()).unwrap().sequence, 5);
    assert!(problems(&world).iter().all(|problem| matches!(
        problem,
        Problem::OtherIndex { segment: 2 } | Problem::Recovered { .. }
    )));
}

#[tokio::test]
async fn names_that_are_too_long_are_found_and_kept_apart() {
    let world = World::new();
    let log = world.open();
    let beginning = "https://client.example/".repeat(10);
    let [one, other] = ["one", "other"].map(|end| format!("{beginning}{end}"));
    for (n, client) in [&one, &other, &one].into_iter().enumerate() {
        let who = audit::Who::new().client(client).request(format!("r{n}"));
        let event = audit::AuditEvent::tool_call(who, "todo", "create-todo", 1);
        log.append(event).await.unwrap();
    }
    let of = |client: &str| Query {
        client: Some(client.to_owned()),
        ..Query::default()
    };
    assert_eq!(found(&world, &of(&one)), ["r0", "r2"]);
    assert_eq!(found(&world, &of(&other)), ["r1"]);
    let lines = world.lines();
    let record = Record::parse(lines[1].as_bytes()).unwrap();
    let written = record.client_id.unwrap();
    assert_eq!(
        found(&world, &of(&written)),
        ["r0", "r2"],
        "as it stands in the log"
    );
}
