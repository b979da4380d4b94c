//! Rotation of the key ring while the house is at work: nothing becomes unreadable, no write is lost.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{
    Collection, Entry, KeyRing, Kind, ListBy, Page, Record, Rewrapped, SqliteStore, Store as _,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

const NOW: NumericDate = NumericDate(1_000_000);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Counter {
    of: String,
    count: u64,
}

impl Record for Counter {
    const KIND: Kind = Kind::new("counter");
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.of)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Plain(String);

impl Record for Plain {
    const KIND: Kind = Kind::new("plain");
}

/// A data directory, as a process opens it.
struct Desk {
    store: Arc<SqliteStore>,
    keys: Arc<KeyRing>,
    clock: ManualClock,
    directory: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOW);
        let (store, keys) = open(directory.path(), &clock).await;
        Self {
            store,
            keys,
            clock,
            directory,
        }
    }

    fn counters(&self) -> Collection<Counter> {
        Collection::new(self.store.clone(), Arc::clone(&self.keys))
    }

    async fn fill(&self, many: usize) {
        let counters = self.counters();
        for number in 0..many {
            counters.put(&name(number), &zero(number)).await.unwrap();
        }
    }

    fn rotate(&self) -> String {
        let keys = &self.keys;
        keys.rotate(&OsRandom, &self.clock, Duration::ZERO).unwrap()
    }

    fn kids(&self) -> Vec<String> {
        self.keys.keys().into_iter().map(|key| key.kid).collect()
    }

    async fn retire(&self, kid: &str) {
        assert_eq!(self.store.sealed_by(kid).await.unwrap(), 0);
        self.keys.retire(kid, &self.clock).unwrap();
    }
}

async fn open(directory: &Path, clock: &ManualClock) -> (Arc<SqliteStore>, Arc<KeyRing>) {
    let keys = KeyRing::open_or_create(&directory.join("keyring.json"), &OsRandom, clock).unwrap();
    let store = SqliteStore::open(&directory.join("sumun.db"), Arc::new(clock.clone())).await;
    (Arc::new(store.unwrap()), Arc::new(keys))
}

fn name(number: usize) -> String {
    format!("{number:04}")
}

fn zero(number: usize) -> Counter {
    Counter {
        of: format!("owner-{number}"),
        count: 0,
    }
}

#[tokio::test]
async fn after_rewrapping_the_old_key_is_not_needed() {
    let desk = Desk::new().await;
    desk.fill(250).await;
    let plain = Collection::<Plain>::new(desk.store.clone(), Arc::clone(&desk.keys));
    plain.put("a", &Plain("as it is".into())).await.unwrap();
    let old = desk.kids().remove(0);
    let new = desk.rotate();
    assert_eq!(desk.store.sealed_by(&old).await.unwrap(), 250);
    desk.counters().put(&name(7), &zero(7)).await.unwrap();
    let done = desk.store.rewrap(&desk.keys).await.unwrap();
    let expected = Rewrapped {
        rewrapped: 249,
        unreadable: 0,
    };
    assert_eq!(done, expected);
    assert_eq!(
        desk.store.rewrap(&desk.keys).await.unwrap(),
        Rewrapped::default()
    );
    assert_eq!(desk.store.sealed_by(&new).await.unwrap(), 250);
    desk.retire(&old).await;
    for number in 0..250 {
        let counter = desk.counters().get(&name(number)).await.unwrap().unwrap();
        assert_eq!(counter.record, zero(number));
    }
    assert_eq!(
        plain.get("a").await.unwrap().unwrap().record,
        Plain("as it is".into())
    );
}

#[tokio::test]
async fn who_read_a_record_before_it_was_rewrapped_can_still_replace_it() {
    let desk = Desk::new().await;
    desk.fill(1).await;
    let counters = desk.counters();
    let read = counters.get(&name(0)).await.unwrap().unwrap();
    desk.rotate();
    desk.store.rewrap(&desk.keys).await.unwrap();
    let next = Counter {
        count: 1,
        ..read.record.clone()
    };
    assert!(counters.replace(&read, &next).await.unwrap());
    assert!(!counters.replace(&read, &next).await.unwrap());
}

#[tokio::test]
async fn a_record_that_does_not_open_is_counted_and_keeps_its_key() {
    let desk = Desk::new().await;
    desk.fill(2).await;
    let entry = desk.store.get(Counter::KIND, &name(0)).await.unwrap();
    let moved = Entry {
        owner: Some("mallory".into()),
        ..entry.unwrap()
    };
    desk.store
        .put(Counter::KIND, &name(0), moved)
        .await
        .unwrap();
    let old = desk.kids().remove(0);
    desk.rotate();
    let done = desk.store.rewrap(&desk.keys).await.unwrap();
    let expected = Rewrapped {
        rewrapped: 1,
        unreadable: 1,
    };
    assert_eq!(done, expected);
    assert_eq!(desk.store.sealed_by(&old).await.unwrap(), 1);
}

/// One task reads for as long as the others write; each writer counts up its own records and shared
/// ones, so that a lost write is a number that is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotations_under_load_fail_no_read_and_lose_no_write() {
    const WRITERS: usize = 4;
    const ROUNDS: u64 = 60;
    const SHARED: usize = 3;
    let desk = Arc::new(Desk::new().await);
    desk.fill(150).await;
    let ended = Arc::new(AtomicBool::new(false));
    // How often each of them has read or written, the reader at last.
    let turns: Arc<[AtomicU64]> = (0..=WRITERS).map(|_| AtomicU64::new(0)).collect();
    let mut readers = JoinSet::new();
    {
        let (counters, ended) = (desk.counters(), Arc::clone(&ended));
        let turns = Arc::clone(&turns);
        readers.spawn(async move {
            let mut reads = 0u64;
            while !ended.load(Ordering::Relaxed) {
                for number in (0..150).step_by(11) {
                    counters.get(&name(number)).await.unwrap().unwrap();
                    reads += 1;
                }
                let page = Page::default();
                let listed = counters.list(ListBy::All, page).await.unwrap();
                assert_eq!(listed.len(), 100);
                turns[WRITERS].fetch_add(1, Ordering::SeqCst);
            }
            reads
        });
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (counters, turns) = (desk.counters(), Arc::clone(&turns));
        writers.spawn(async move {
            for round in 0..ROUNDS {
                turns[writer].fetch_add(1, Ordering::SeqCst);
                for number in [writer + 10, usize::try_from(round).unwrap() % SHARED] {
                    loop {
                        let read = counters.get(&name(number)).await.unwrap().unwrap();
                        let next = Counter {
                            count: read.count + 1,
                            ..read.record.clone()
                        };
                        if counters.replace(&read, &next).await.unwrap() {
                            break;
                        }
                    }
                }
            }
            turns[writer].store(u64::MAX, Ordering::SeqCst);
        });
    }
    let mut rotations = 0u64;
    while !writers.is_empty() {
        let older = desk.kids();
        desk.rotate();
        desk.store.rewrap(&desk.keys).await.unwrap();
        // A write that was sealed just before the rotation may have come after its page.
        desk.store.rewrap(&desk.keys).await.unwrap();
        // Whoever read a record before it was wrapped again has opened it by then.
        let before: Vec<_> = turns
            .iter()
            .map(|turns| turns.load(Ordering::SeqCst))
            .collect();
        for (turns, before) in turns.iter().zip(before) {
            while turns.load(Ordering::SeqCst) < before.saturating_add(2) && !writers.is_empty() {
                while let Some(writer) = writers.try_join_next() {
                    writer.unwrap();
                }
                tokio::task::yield_now().await;
            }
        }
        // Not the last one: a write sealed by it may still be on its way, for a moment.
        for kid in older.iter().rev().skip(1) {
            if desk.store.sealed_by(kid).await.unwrap() == 0 {
                desk.retire(kid).await;
            }
        }
        rotations += 1;
        while let Some(writer) = writers.try_join_next() {
            writer.unwrap();
        }
    }
    ended.store(true, Ordering::Relaxed);
    assert!(readers.join_next().await.unwrap().unwrap() > 0);
    assert!(
        rotations > 1,
        "the load was over before the second rotation"
    );
    let counters = desk.counters();
    for number in 0..150 {
        let counter = counters.get(&name(number)).await.unwrap().unwrap();
        let expected = match number {
            0..SHARED => WRITERS as u64 * ROUNDS / SHARED as u64,
            number if (10..10 + WRITERS).contains(&number) => ROUNDS,
            _ => 0,
        };
        assert_eq!(counter.count, expected, "record {number}");
    }
}

/// Stops the rewrapping after every possible number of its steps, as a crash does, and goes on as
/// the next process.
#[tokio::test]
async fn rewrapping_can_be_stopped_anywhere_and_taken_up_again() {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    let mut desk = Desk::new().await;
    desk.fill(350).await;
    let mut interrupted = 0;
    for steps in 0.. {
        desk.rotate();
        let whole = {
            let mut rewrapping = pin!(desk.store.rewrap(&desk.keys));
            let mut left = steps;
            poll_fn(|context| match rewrapping.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done.unwrap())),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => {
                    left -= 1;
                    Poll::Pending
                }
            })
            .await
        };
        // The next process has nothing but the files.
        desk.store.close().await;
        (desk.store, desk.keys) = open(desk.directory.path(), &desk.clock).await;
        for number in 0..350 {
            assert!(desk.counters().get(&name(number)).await.unwrap().is_some());
        }
        if whole.is_some() {
            break;
        }
        interrupted += 1;
        let newest = desk.kids().pop().unwrap();
        desk.store.rewrap(&desk.keys).await.unwrap();
        assert_eq!(desk.store.sealed_by(&newest).await.unwrap(), 350);
        for kid in desk.kids() {
            if kid != newest {
                desk.retire(&kid).await;
            }
        }
    }
    assert!(interrupted > 2, "it was never interrupted in the middle");
}
