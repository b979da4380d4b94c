//! What a crash leaves behind, and how the log goes on after it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use audit::{Problem, Record, verify};

use crate::support::{World, call};

async fn written(world: &World, calls: std::ops::Range<usize>) {
    let log = world.open();
    for n in calls {
        log.append(call(n)).await.unwrap();
    }
    log.close();
}

fn problems(world: &World) -> Vec<Problem> {
    verify(&world.settings.directory, &world.settings.key, None)
        .unwrap()
        .problems
}

#[tokio::test]
async fn p5_an_unfinished_line_is_cut_off_and_recorded() {
    let world = World::new();
    written(&world, 0..3).await;
    let mut file = OpenOptions::new()
        .append(true)
        .open(&world.segments()[0])
        .unwrap();
    file.write_all(br#"{"sequence":5,"timestamp":"2026-11-28T"#)
        .unwrap();
    assert_eq!(
        problems(&world),
        [],
        "an unfinished line stands against nothing"
    );

    written(&world, 3..4).await;
    assert_eq!(problems(&world), []);
    let lines = world.lines();
    let recovery = Record::parse(lines[4].as_bytes()).unwrap();
    assert_eq!(recovery.event_type, "recovery");
    assert_eq!(recovery.reason.as_deref(), Some("unfinished_line"));
    assert_eq!(recovery.recovery.unwrap().cut_bytes, 38);
    assert_eq!(Record::parse(lines[5].as_bytes()).unwrap().sequence, 6);
}

/// A machine that loses power may keep the length of a file and not its content.
#[tokio::test]
async fn p5_zeros_behind_the_last_line_are_cut_off() {
    let world = World::new();
    written(&world, 0..3).await;
    let mut file = OpenOptions::new()
        .append(true)
        .open(&world.segments()[0])
        .unwrap();
    file.write_all(&[0; 5000]).unwrap();
    file.write_all(b"\n\0\0").unwrap();
    written(&world, 3..4).await;
    assert_eq!(problems(&world), []);
}

/// The last group, as a machine leaves it that loses power while it is written: one page is on the disk, and the
/// one before is not. No head knows of it.
#[tokio::test]
async fn p5_a_group_that_the_disk_has_in_part_is_cut_off_and_recorded() {
    let world = World::new();
    written(&world, 0..3).await;
    let head = fs::read(world.settings.directory.join("head")).unwrap();
    let before = fs::read(&world.segments()[0]).unwrap().len();
    written(&world, 3..6).await;
    let path = &world.segments()[0];
    let mut torn = fs::read(path).unwrap();
    torn[before + 10..before + 200].fill(0);
    fs::write(path, &torn).unwrap();
    fs::write(world.settings.directory.join("head"), head).unwrap();

    written(&world, 6..7).await;
    assert_eq!(problems(&world), []);
    let lines = world.lines();
    let recovery = Record::parse(lines[4].as_bytes()).unwrap();
    assert_eq!(recovery.reason.as_deref(), Some("unfinished_line"));
    let cut = recovery.recovery.unwrap().cut_bytes;
    assert_eq!(cut, (torn.len() - before) as u64);
}

/// A whole line behind the end that proves nothing was written by somebody; a crash leaves none such.
#[tokio::test]
async fn p5_a_whole_line_that_does_not_prove_itself_stays_as_evidence() {
    for room in [&b""[..], &[0; 5000]] {
        for text in ["{\"sequence\":9}", ""] {
            let world = World::new();
            written(&world, 0..3).await;
            let path = &world.segments()[0];
            let last = world.lines().pop().unwrap();
            let forged = last.replace("create-todo", "delete-todo");
            let forged = if text.is_empty() { &forged } else { text };
            if !room.is_empty() && forged == text {
                // Behind the room that is no event at all, and no line of any log.
                continue;
            }
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(room).unwrap();
            file.write_all(format!("{forged}\n").as_bytes()).unwrap();
            let with_it = fs::read(path).unwrap();

            written(&world, 3..4).await;
            assert_eq!(fs::read(path).unwrap(), with_it);
            let found = problems(&world);
            let said = |problem: &Problem| matches!(problem, Problem::Recovered { reason, .. } if reason == "chain_broken");
            assert!(found.iter().any(said), "{found:?}");
        }
    }
}

/// Makes a hole in a segment, and says what is left.
fn torn_in_the_middle(path: &Path) -> Vec<u8> {
    let mut torn = fs::read(path).unwrap();
    let middle = torn.len() / 2;
    torn[middle..middle + 20].fill(0);
    fs::write(path, &torn).unwrap();
    torn
}

/// The same hole in what the head knows of was made by somebody.
#[tokio::test]
async fn p5_a_hole_in_what_the_head_has_signed_stays_as_evidence() {
    let world = World::new();
    written(&world, 0..6).await;
    let path = &world.segments()[0];
    let torn = torn_in_the_middle(path);
    assert!(matches!(
        problems(&world)[..],
        [Problem::TailLost { head: 7, .. }]
    ));
    written(&world, 6..7).await;
    assert_eq!(fs::read(path).unwrap(), torn);
    assert_eq!(world.segments().len(), 2);
    let found = problems(&world);
    assert!(
        matches!(found.last(), Some(Problem::Recovered { .. })),
        "{found:?}"
    );
}

/// Without a head nobody can say that what stands behind a hole was never acknowledged.
#[tokio::test]
async fn p5_a_hole_stays_as_evidence_where_the_head_was_taken_away() {
    let world = World::new();
    written(&world, 0..6).await;
    let path = &world.segments()[0];
    let torn = torn_in_the_middle(path);
    fs::remove_file(world.settings.directory.join("head")).unwrap();
    written(&world, 6..7).await;
    assert_eq!(fs::read(path).unwrap(), torn);
    let found = problems(&world);
    assert!(
        matches!(found.last(), Some(Problem::Recovered { .. })),
        "{found:?}"
    );
}

/// A process that is killed leaves the room behind the last line.
#[tokio::test]
async fn p5_room_is_given_back_and_nothing_is_said_of_it() {
    let world = World::new();
    written(&world, 0..3).await;
    let before = fs::read(&world.segments()[0]).unwrap();
    let mut room = before.clone();
    room.resize(before.len() + 100_000, 0);
    fs::write(&world.segments()[0], room).unwrap();
    let found = verify(&world.settings.directory, &world.settings.key, None).unwrap();
    assert_eq!((found.problem_count, found.notes.len()), (0, 0));
    written(&world, 3..4).await;
    let after = fs::read(&world.segments()[0]).unwrap();
    assert!(after.starts_with(&before) && !after.contains(&0));
    assert_eq!(world.lines().len(), 1 + 4, "no recovery");
}

#[tokio::test]
async fn p5_an_end_that_is_lost_is_recorded_and_never_forgotten() {
    let world = World::new();
    written(&world, 0..5).await;
    let path = &world.segments()[0];
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    fs::write(path, lines[..4].join("\n") + "\n").unwrap();
    written(&world, 5..6).await;
    let lines = world.lines();
    let recovery = Record::parse(lines[4].as_bytes()).unwrap();
    assert_eq!(recovery.reason.as_deref(), Some("tail_lost"));
    assert_eq!(recovery.recovery.unwrap().head_sequence, Some(6));
    assert_eq!(
        recovery.sequence, 7,
        "the numbers of what is lost are not given again"
    );
    assert!(problems(&world).contains(&Problem::Gap {
        after: 4,
        before: 7
    }));
}

#[tokio::test]
async fn p5_what_does_not_prove_itself_stays_as_evidence() {
    let world = World::new();
    written(&world, 0..5).await;
    let path = &world.segments()[0];
    let text = fs::read_to_string(path).unwrap();
    let forged = text.replacen("create-todo", "delete-todo", 1);
    fs::write(path, &forged).unwrap();
    written(&world, 5..6).await;
    assert_eq!(fs::read_to_string(path).unwrap(), forged);
    assert_eq!(world.segments().len(), 2);
    let recovery = &world.lines()[7];
    assert!(
        recovery.contains(r#""reason":"chain_broken""#),
        "{recovery}"
    );
    let found = problems(&world);
    assert!(matches!(found[0], Problem::BrokenLine { line: 2, .. }));
    assert!(matches!(found.last(), Some(Problem::Recovered { .. })));
}

#[tokio::test]
async fn a_segment_that_was_begun_and_not_written_is_begun_again() {
    let world = World::new();
    written(&world, 0..2).await;
    fs::write(world.settings.directory.join("0000000002.jsonl"), "").unwrap();
    written(&world, 2..3).await;
    fs::write(
        world.settings.directory.join("0000000003.jsonl"),
        r#"{"seq"#,
    )
    .unwrap();
    written(&world, 3..4).await;
    assert_eq!(problems(&world), []);
    let kinds: Vec<_> = world
        .lines()
        .iter()
        .map(|line| {
            Record::parse(line.as_bytes())
                .unwrap()
                .event_type
                .into_owned()
        })
        .collect();
    let opened = "segment_opened";
    let call = "call_outcome";
    assert_eq!(
        kinds,
        [opened, call, call, opened, call, opened, "recovery", call]
    );
}

#[tokio::test]
async fn a_segment_is_sealed_when_it_is_full_and_when_the_day_ends() {
    let mut world = World::new();
    world.settings.segment_bytes = 2000;
    let log = world.open();
    for n in 0..20 {
        log.append(call(n)).await.unwrap();
    }
    let full = world.segments().len();
    assert!((4..10).contains(&full), "{full}");
    world.clock.advance(Duration::from_hours(24));
    log.append(call(20)).await.unwrap();
    assert_eq!(world.segments().len(), full + 1);
    log.close();
    assert_eq!(problems(&world), []);
}

#[tokio::test]
async fn what_is_old_enough_is_removed_and_the_log_says_so() {
    let mut world = World::new();
    world.settings.retention = Some(Duration::from_hours(24 * 30));
    for day in 0..5 {
        written(&world, day * 10..day * 10 + 3).await;
        world.clock.advance(Duration::from_hours(24));
    }
    assert_eq!(world.segments().len(), 5);
    world
        .clock
        .advance(Duration::from_hours(24 * 27) - Duration::from_secs(1));
    // At the next event the writer looks for what is old.
    written(&world, 90..91).await;
    assert_eq!(problems(&world), []);
    let left = world.segments().len();
    assert_eq!(left, 3 + 1, "{:?}", world.segments());
    let lines = world.lines();
    let retention = lines
        .iter()
        .find(|line| line.contains("\"retention\""))
        .unwrap();
    let record = Record::parse(retention.as_bytes()).unwrap();
    let removed = record.retention.unwrap();
    assert_eq!((removed.first_segment, removed.last_segment), (1, 2));
    assert_eq!(removed.events, 8);

    fs::remove_file(&world.segments()[0]).unwrap();
    assert!(problems(&world).contains(&Problem::MissingBeginning { first: 4 }));
}

/// A log from which retention has removed two segments, and a copy of its directory as it was before.
async fn cleaned() -> (World, std::path::PathBuf) {
    let mut world = World::new();
    world.settings.retention = Some(Duration::from_hours(24 * 30));
    for day in 0..5 {
        written(&world, day * 10..day * 10 + 3).await;
        world.clock.advance(Duration::from_hours(24));
    }
    let before = world.directory.path().join("before");
    fs::create_dir(&before).unwrap();
    for entry in fs::read_dir(&world.settings.directory).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), before.join(entry.file_name())).unwrap();
    }
    world
        .clock
        .advance(Duration::from_hours(24 * 27) - Duration::from_secs(1));
    written(&world, 90..91).await;
    assert_eq!(problems(&world), []);
    (world, before)
}

fn names(world: &World, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(&world.settings.directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
}

#[tokio::test]
async fn p5_a_crash_while_old_segments_are_removed_is_no_manipulation() {
    let (world, before) = cleaned().await;
    // The first segment is gone, and the second one is still there.
    for name in ["0000000002.jsonl", "0000000002.json"] {
        fs::copy(before.join(name), world.settings.directory.join(name)).unwrap();
    }
    assert_eq!(problems(&world), []);
    written(&world, 91..92).await;
    assert_eq!(names(&world, ".jsonl")[0], "0000000003.jsonl");
    assert_eq!(problems(&world), []);
}

/// Between a segment and its index a crash may come, too.
#[tokio::test]
async fn indices_go_with_their_segments_also_when_a_crash_came_in_between() {
    let (world, before) = cleaned().await;
    let index = world.settings.directory.join("0000000002.json");
    fs::copy(before.join("0000000002.json"), &index).unwrap();
    written(&world, 91..92).await;
    let segments = names(&world, ".jsonl");
    for index in names(&world, ".json") {
        assert!(segments.contains(&format!("{index}l")), "{index} is left");
    }
    // One whose segment should still be there is evidence.
    fs::remove_file(world.settings.directory.join("0000000004.jsonl")).unwrap();
    written(&world, 92..93).await;
    assert!(names(&world, ".json").contains(&"0000000004.json".to_owned()));
}

/// Who verifies has a list of segments, and retention removes some of them before they are read.
#[tokio::test]
async fn p5_segments_that_retention_removes_while_they_are_verified_are_not_missed() {
    let (world, before) = cleaned().await;
    let first = world.settings.directory.join("0000000001.jsonl");
    fs::copy(before.join("0000000001.jsonl"), first).unwrap();
    // It is in the list, and cannot be found.
    let second = world.settings.directory.join("0000000002.jsonl");
    std::os::unix::fs::symlink(world.directory.path().join("gone"), second).unwrap();
    assert_eq!(problems(&world), []);
    let third = world.settings.directory.join("0000000003.jsonl");
    fs::remove_file(third).unwrap();
    assert!(
        !problems(&world).is_empty(),
        "nothing says that it was removed"
    );
}

/// A first start that fails, by a mistake in the settings or a full disk, leaves nothing that looks like a log that was
/// taken away.
#[tokio::test]
async fn p5_a_log_that_could_not_be_begun_is_not_missed_later() {
    let mut world = World::new();
    let nowhere = world.directory.path().join("nowhere/heads.jsonl");
    world.settings.heads = Some(nowhere.clone());
    let error = world.try_open().unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains(nowhere.to_str().unwrap()), "{cause}");
    world.settings.heads = None;
    written(&world, 0..2).await;
    assert_eq!(problems(&world), []);

    // With a log, a key is nothing to be taken back.
    world.settings.heads = Some(nowhere);
    world.try_open().unwrap_err();
    world.settings.heads = None;
    written(&world, 2..3).await;
    assert_eq!(problems(&world), []);
    assert_eq!(world.lines().len(), 1 + 3);
}
