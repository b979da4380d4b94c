//! What an acknowledgement promises, in every mode.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use audit::{AuditError, AuditLog, Durability, OnFailure, OpenError, Record};
use oauth::random::OsRandom;
use oauth::time::{Clock, NumericDate};

use crate::support::{NOW, World, call};

#[tokio::test(flavor = "multi_thread")]
async fn p5_what_is_acknowledged_stands_in_the_log_in_every_mode() {
    for durability in [Durability::Write, Durability::Group, Durability::Fdatasync] {
        let mut world = World::new();
        world.settings.durability = durability;
        let log = world.open();
        let mut calls = Vec::new();
        for n in 0..200 {
            let log = log.clone();
            calls.push(async move { log.append(call(n)).await });
        }
        let calls: Vec<_> = calls.into_iter().map(Box::pin).collect();
        for result in futures(calls).await {
            result.unwrap();
        }
        // Nothing is closed: acknowledged is written.
        let lines = world.lines();
        assert_eq!(lines.len(), 201, "{durability:?}");
        for (n, line) in lines.iter().enumerate() {
            let record = Record::parse(line.as_bytes()).unwrap();
            assert_eq!(record.sequence, n as u64 + 1);
        }
    }
}

#[tokio::test]
async fn p5_what_was_appended_is_written_although_nobody_waits_for_it() {
    let world = World::new();
    let log = world.open();
    drop(log.append(call(1)));
    log.append(call(2)).await.unwrap();
    assert_eq!(world.lines().len(), 3);
}

#[tokio::test]
async fn a_closed_log_takes_nothing_and_goes_on_when_it_is_opened_again() {
    let world = World::new();
    let log = world.open();
    log.append(call(1)).await.unwrap();
    log.close();
    assert!(matches!(log.append(call(2)).await, Err(AuditError::Closed)));
    let log = world.open();
    log.append(call(3)).await.unwrap();
    let lines = world.lines();
    assert_eq!(lines.len(), 3);
    assert!(lines[2].contains(r#"{"sequence":3,"timestamp":"2026-11-28T00:00:00.000Z""#));
}

#[test]
fn one_log_has_one_writer() {
    let world = World::new();
    let log = world.open();
    let error = world.try_open().unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }));
    let message = error.to_string();
    assert!(
        message.contains(&format!("process {}", std::process::id())),
        "{message}"
    );
    log.close();
    world.open();
}

/// A clock on which the writer's thread dies, in the middle of its work, when it has to.
#[derive(Debug, Default)]
struct Deadly(AtomicBool);

impl Clock for Deadly {
    fn now(&self) -> NumericDate {
        let is_writer = thread::current().name() == Some("audit");
        let is_deadly = self.0.load(Ordering::SeqCst);
        assert!(!(is_writer && is_deadly), "this panic is part of a test");
        // Another day, so that the writer looks at the clock between two segments of a group.
        NumericDate(NOW.0 + if is_deadly { 86_400 } else { 0 })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_panics_leaves_nobody_waiting_and_is_believed_no_more() {
    for (on_failure, is_refused) in [(OnFailure::Refuse, true), (OnFailure::Alarm, false)] {
        let mut world = World::new();
        world.settings.on_failure = on_failure;
        let clock = Arc::new(Deadly::default());
        let log = AuditLog::open(world.settings.clone(), clock.clone(), &OsRandom).unwrap();
        log.append(call(1)).await.unwrap();
        assert!(log.is_written());
        clock.0.store(true, Ordering::SeqCst);
        let appended = async |n| {
            let appended = tokio::time::timeout(Duration::from_secs(20), log.append(call(n)));
            appended.await.expect("whoever waits is told")
        };
        // It dies at one of the next events: while it has it, or behind it.
        let mut n = 2;
        while log.is_written() {
            assert!(appended(n).await.is_ok() || is_refused);
            n += 1;
        }
        for n in n..n + 3 {
            match appended(n).await {
                Err(AuditError::Abandoned) => assert!(is_refused),
                told => assert!(told.is_ok() && !is_refused, "{told:?}"),
            }
        }
        log.close();
        let lost = log.counters().lost.load(Ordering::SeqCst);
        assert!(if is_refused { lost == 0 } else { lost >= 3 }, "{lost}");
        // The directory is free again, and what was acknowledged is there.
        world.open().close();
        assert!(world.lines()[1].contains("\"r1\""));
    }
}

/// All of them at once.
async fn futures<F: Future<Output: Send + 'static> + Send + 'static>(
    all: Vec<F>,
) -> Vec<F::Output> {
    let tracker = tokio_util::task::TaskTracker::new();
    let tasks: Vec<_> = all.into_iter().map(|one| tracker.spawn(one)).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
