//! What somebody with write access to the files can do, and that all of it shows.

use std::fs;

use audit::{Problem, Verification, verify};

use crate::support::{World, call};

/// A closed log with `count` calls, in segments of a few calls each.
async fn world(count: usize) -> World {
    let mut world = World::new();
    world.settings.segment_bytes = 1500;
    world.settings.heads = Some(world.directory.path().join("elsewhere.jsonl"));
    let log = world.open();
    for n in 0..count {
        log.append(call(n)).await.unwrap();
    }
    log.close();
    let whole = checked(&world);
    assert!(whole.is_whole(), "{:?}", whole.problems);
    assert!(whole.segments > 2 && whole.heads > 1);
    world
}

fn checked(world: &World) -> Verification {
    let settings = &world.settings;
    verify(
        &settings.directory,
        &settings.key,
        settings.heads.as_deref(),
    )
    .unwrap()
}

/// Changes the lines of segment `n` (from 0).
fn change(world: &World, n: usize, change: impl FnOnce(&mut Vec<String>)) {
    let path = &world.segments()[n];
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn p5_an_edited_event_is_found() {
    let world = world(40).await;
    change(&world, 1, |lines| {
        lines[3] = lines[3].replace("create-todo", "delete-todo");
    });
    let found = checked(&world);
    let broken = Problem::BrokenLine {
        segment: 2,
        line: 4,
        sequence: Some(found.first_sequence.unwrap() + lines_of_first(&world) + 3),
    };
    assert_eq!(found.problems, [broken]);
}

fn lines_of_first(world: &World) -> u64 {
    fs::read_to_string(&world.segments()[0])
        .unwrap()
        .lines()
        .count() as u64
}

#[tokio::test]
async fn p5_a_deleted_event_is_found() {
    let world = world(40).await;
    change(&world, 1, |lines| {
        lines.remove(3);
    });
    let found = checked(&world);
    assert!(matches!(
        found.problems[0],
        Problem::BrokenLine { line: 4, .. }
    ));
    assert!(matches!(found.problems[1], Problem::Gap { after, before } if before == after + 2));
}

#[tokio::test]
async fn p5_exchanged_events_are_found() {
    let world = world(40).await;
    change(&world, 1, |lines| lines.swap(3, 4));
    assert!(!checked(&world).is_whole());
}

#[tokio::test]
async fn p5_an_inserted_event_is_found() {
    let world = world(40).await;
    change(&world, 1, |lines| {
        let copy = lines[3].clone();
        lines.insert(3, copy);
    });
    assert!(!checked(&world).is_whole());
}

#[tokio::test]
async fn p5_a_tail_that_was_cut_off_is_found() {
    let world = world(40).await;
    let last = world.segments().len() - 1;
    change(&world, last, |lines| {
        lines.pop();
    });
    let found = checked(&world);
    assert!(matches!(
        found.problems[0],
        Problem::TailLost { head: 46, .. } | Problem::TailLost { .. }
    ));
    // Whole segments at the end.
    fs::remove_file(&world.segments()[last]).unwrap();
    assert!(!checked(&world).is_whole());
    // And with the head.
    fs::remove_file(world.settings.directory.join("head")).unwrap();
    let found = checked(&world);
    assert!(found.problems.contains(&Problem::NoHead));
    assert!(
        found
            .problems
            .iter()
            .any(|problem| matches!(problem, Problem::TailLost { .. }))
    );
}

#[tokio::test]
async fn p5_segments_that_are_gone_are_found() {
    let first_gone = world(40).await;
    fs::remove_file(&first_gone.segments()[0]).unwrap();
    assert!(
        checked(&first_gone)
            .problems
            .contains(&Problem::MissingBeginning { first: 2 })
    );

    let middle_gone = world(40).await;
    fs::remove_file(&middle_gone.segments()[1]).unwrap();
    assert!(
        checked(&middle_gone)
            .problems
            .contains(&Problem::MissingSegment { segment: 2 })
    );
}

#[tokio::test]
async fn p5_an_index_that_was_changed_is_found() {
    let world = world(40).await;
    let index = world.segments()[0].with_extension("json");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, text.replace("2026-11-28", "2026-11-27")).unwrap();
    assert_eq!(
        checked(&world).problems,
        [Problem::OtherIndex { segment: 1 }]
    );
}

/// Whoever rewrites everything without the key has no tags, and with another key another log.
#[tokio::test]
async fn p5_a_log_that_was_rewritten_without_the_key_is_found() {
    let world = world(40).await;
    let forger = self::world(40).await;
    for (theirs, ours) in forger.segments().iter().zip(world.segments()) {
        fs::copy(theirs, ours).unwrap();
    }
    fs::copy(
        forger.settings.directory.join("head"),
        world.settings.directory.join("head"),
    )
    .unwrap();
    let found = checked(&world);
    assert!(found.problem_count > 40, "{:?}", found.problems);
    assert!(found.problems.contains(&Problem::NoHead));
}

/// Whoever has the key can write another history; the heads elsewhere remember the first one.
#[tokio::test]
async fn p5_a_log_that_was_rewritten_with_the_key_is_found_by_the_second_place() {
    let mut world = world(40).await;
    let heads = world.settings.heads.take().unwrap();
    fs::remove_dir_all(&world.settings.directory).unwrap();
    let log = world.open();
    for n in 0..80 {
        log.append(call(n + 1)).await.unwrap();
    }
    log.close();
    let settings = &world.settings;
    // By itself it only says that there was none when it began, which whoever has the key could leave out.
    let found = verify(&settings.directory, &settings.key, None).unwrap();
    let said = |problem: &Problem| matches!(problem, Problem::Recovered { reason, .. } if reason == "log_missing");
    assert!(found.problems.iter().all(said), "{:?}", found.problems);
    let found = verify(&settings.directory, &settings.key, Some(&heads)).unwrap();
    let is_other = |problem: &Problem| matches!(problem, Problem::OtherHistory { .. });
    assert!(found.problems.iter().any(is_other), "{:?}", found.problems);
}

#[tokio::test]
async fn p5_a_log_that_was_set_back_is_found_by_the_second_place() {
    let mut world = world(20).await;
    let copy = world.directory.path().join("copy");
    copy_directory(&world.settings.directory, &copy);
    let log = world.open();
    for n in 20..40 {
        log.append(call(n)).await.unwrap();
    }
    log.close();
    fs::remove_dir_all(&world.settings.directory).unwrap();
    fs::rename(&copy, &world.settings.directory).unwrap();
    let heads = world.settings.heads.take();
    assert!(
        checked(&world).is_whole(),
        "nobody could know without the second place"
    );
    world.settings.heads = heads;
    assert!(matches!(
        checked(&world).problems[0],
        Problem::TailLost { .. }
    ));
}

fn copy_directory(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn heads_of_others_are_not_believed() {
    let world = world(40).await;
    let heads = world.settings.heads.as_ref().unwrap();
    let text = fs::read_to_string(heads).unwrap();
    fs::write(heads, text.replace("\"sequence\":2", "\"sequence\":3")).unwrap();
    let is_forged = |problem: &Problem| matches!(problem, Problem::ForgedHead { .. });
    assert!(checked(&world).problems.iter().any(is_forged));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// No single byte of a closed log can be another one.
        #[test]
        fn p5_no_byte_can_be_changed(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let world = runtime.block_on(world(20));
            let segments = world.segments();
            let total: usize = segments.iter().map(|path| fs::read(path).unwrap().len()).sum();
            let mut at = place.index(total);
            for path in &segments {
                let mut bytes = fs::read(path).unwrap();
                if at >= bytes.len() {
                    at -= bytes.len();
                    continue;
                }
                bytes[at] ^= 1 << bit;
                fs::write(path, bytes).unwrap();
                break;
            }
            prop_assert!(!checked(&world).is_whole());
        }
    }
}

#[tokio::test]
async fn p5_a_log_that_was_taken_away_with_its_head_is_missed_and_its_next_start_says_so() {
    let mut world = world(40).await;
    let heads = world.settings.heads.take();
    fs::remove_dir_all(&world.settings.directory).unwrap();
    assert_eq!(checked(&world).problems, [Problem::LogMissing]);
    world.settings.heads = heads;
    let found = checked(&world);
    let lost = |problem: &Problem| matches!(problem, Problem::TailLost { .. });
    assert!(found.problems.iter().any(lost), "{:?}", found.problems);

    world.settings.heads = None;
    world.open().close();
    let found = checked(&world);
    let said = |problem: &Problem| matches!(problem, Problem::Recovered { reason, .. } if reason == "log_missing");
    assert!(found.problems.iter().all(said), "{:?}", found.problems);
    assert_eq!(found.problem_count, 1);
}

#[tokio::test]
async fn p5_a_house_that_is_new_misses_nothing() {
    let mut world = World::new();
    world.settings.heads = Some(world.directory.path().join("elsewhere.jsonl"));
    let log = world.open();
    assert_eq!(checked(&world).problems, []);
    log.append(call(1)).await.unwrap();
    log.close();
    assert_eq!(checked(&world).problems, []);
}

#[tokio::test]
async fn p5_a_second_place_that_is_empty_or_gone_is_missed() {
    let world = world(40).await;
    let heads = world.settings.heads.clone().unwrap();
    let place = heads.display().to_string();
    let missed = [Problem::NoHeadElsewhere { place }];
    fs::write(&heads, "").unwrap();
    assert_eq!(checked(&world).problems, missed);
    fs::remove_file(&heads).unwrap();
    assert_eq!(checked(&world).problems, missed);
}

/// A file can be named after any number, and what is missing before it is told at once.
#[tokio::test]
async fn p5_a_segment_with_a_huge_number_takes_no_time() {
    let world = world(40).await;
    let count = world.segments().len() as u64;
    for (name, last) in [
        ("9999999999.jsonl", 9_999_999_998),
        ("18446744073709551614.jsonl", u64::MAX - 2),
    ] {
        let path = world.settings.directory.join(name);
        fs::copy(&world.segments()[0], &path).unwrap();
        let missing = Problem::MissingSegments {
            first: count + 1,
            last,
        };
        let found = checked(&world);
        assert!(found.problems.contains(&missing), "{:?}", found.problems);
        assert!(found.problem_count < 20, "{:?}", found.problems);
        fs::remove_file(path).unwrap();
    }
    assert_eq!(checked(&world).problems, []);
}

/// Behind the file with the highest number of ten digits the log goes on, where it is found again.
#[tokio::test]
async fn p5_what_is_written_behind_a_huge_number_is_read_again() {
    let world = World::new();
    let log = world.open();
    log.append(call(1)).await.unwrap();
    log.close();
    fs::write(world.settings.directory.join("9999999999.jsonl"), "x\n").unwrap();
    let log = world.open();
    log.append(call(2)).await.unwrap();
    log.close();
    let found = checked(&world);
    let broken = |problem: &Problem| matches!(problem, Problem::TailLost { .. });
    assert!(!found.problems.iter().any(broken), "{:?}", found.problems);
    assert_eq!(world.segments().len(), 3);
}

/// What a crash or a full disk leaves in the second place is not what somebody has forged.
#[tokio::test]
async fn p5_a_head_that_was_not_finished_is_no_forged_one_and_the_next_one_stands_by_itself() {
    let world = world(20).await;
    let heads = world.settings.heads.clone().unwrap();
    let whole = checked(&world);
    let text = fs::read_to_string(&heads).unwrap();
    for torn in [
        text[..text.len() - 40].to_owned(),
        format!("{text}{}", &text[..30]),
        format!("{text}\0\0\0\0"),
    ] {
        fs::write(&heads, &torn).unwrap();
        assert_eq!(checked(&world).problems, [], "{torn}");
        let log = world.open();
        log.append(call(99)).await.unwrap();
        log.close();
        let found = checked(&world);
        assert_eq!(found.problems, [], "{torn}");
        let last = fs::read_to_string(&heads).unwrap();
        let last: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
        assert_eq!(last["sequence"].as_u64(), found.last_sequence);
    }
    assert!(checked(&world).heads >= whole.heads);
    // What is whole and not signed by this log is still what somebody wrote.
    fs::write(&heads, text.replacen("2026-11-28", "2026-11-27", 1)).unwrap();
    let is_forged = |problem: &Problem| matches!(problem, Problem::ForgedHead { line: 1 });
    assert!(checked(&world).problems.iter().any(is_forged));
}
