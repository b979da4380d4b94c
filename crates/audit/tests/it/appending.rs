//! What an acknowledgement promises, in every mode.

use audit::{AuditError, Durability, OpenError, Record};

use crate::support::{World, call};

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
