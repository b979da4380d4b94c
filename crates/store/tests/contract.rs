//! What a store promises: one suite for every back end.
//!
//! A new back end adds a function to [`back_end`] and a line at the end of this file.

#![expect(
    clippy::unwrap_used,
    reason = "each function here is the body of a test"
)]

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use oauth::time::{Clock as _, ManualClock, NumericDate};
use store::{Entry, Kind, ListBy, Page, SharedStore, StoreError};
use tempfile::TempDir;
use tokio::task::JoinSet;

const CODE: Kind = Kind::new("code");
const CLIENT: Kind = Kind::new("client");

/// A back end to be tested, with what must live as long as it does.
struct House {
    store: SharedStore,
    clock: ManualClock,
    _directory: Option<TempDir>,
}

mod back_end {
    use store::SqliteStore;

    use super::*;

    pub(super) async fn sqlite_in_a_file() -> House {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NumericDate(1_000_000));
        let path = directory.path().join("store.db");
        let store = SqliteStore::open(&path, Arc::new(clock.clone()))
            .await
            .unwrap();
        House {
            store: Arc::new(store),
            clock,
            _directory: Some(directory),
        }
    }

    pub(super) async fn sqlite_in_memory() -> House {
        let clock = ManualClock::at(NumericDate(1_000_000));
        let store = SqliteStore::in_memory(Arc::new(clock.clone()))
            .await
            .unwrap();
        House {
            store: Arc::new(store),
            clock,
            _directory: None,
        }
    }
}

impl House {
    /// An entry that is absent after `seconds`.
    fn expiring(&self, key: &str, body: &str, seconds: u64) -> Entry {
        let expires_at = Some(self.clock.now().plus(Duration::from_secs(seconds)));
        Entry {
            expires_at,
            ..Entry::new(key, body)
        }
    }

    async fn body(&self, key: &str) -> Option<String> {
        let entry = self.store.get(CODE, key).await.unwrap()?;
        Some(String::from_utf8(entry.body).unwrap())
    }

    async fn put(&self, key: &str, body: &str) -> Entry {
        self.store
            .put(CODE, key, Entry::new(key, body))
            .await
            .unwrap();
        self.store.get(CODE, key).await.unwrap().unwrap()
    }

    async fn keys(&self, by: ListBy<'_>, page: Page) -> Vec<String> {
        let entries = self.store.list(CODE, by, page).await.unwrap();
        entries.into_iter().map(|entry| entry.key).collect()
    }
}

/// Does the same thing a thousand times at once and counts how often it succeeds.
async fn winners<F, T>(attempt: F) -> usize
where
    F: Fn(usize) -> T,
    T: Future<Output = bool> + Send + 'static,
{
    let mut attempts = JoinSet::new();
    for number in 0..1000 {
        attempts.spawn(attempt(number));
    }
    attempts
        .join_all()
        .await
        .into_iter()
        .filter(|won| *won)
        .count()
}

async fn a_record_comes_back_whole(house: House) {
    let entry = Entry {
        owner: Some("alice".into()),
        ..house.expiring("k", "not \0 text: \u{1F511}", 60)
    };
    house.store.put(CODE, "k", entry.clone()).await.unwrap();
    let found = house.store.get(CODE, "k").await.unwrap().unwrap();
    assert_eq!(
        (found.key, found.body, found.owner, found.expires_at),
        (entry.key, entry.body, entry.owner, entry.expires_at)
    );
}

async fn any_key_and_any_body_will_do(house: House) {
    let bodies = [vec![], vec![0, 255, 0], vec![7; 1 << 20]];
    for (key, body) in ["", "' OR 1=1 --", "열쇠\0%_\\"].into_iter().zip(bodies) {
        house
            .store
            .put(CODE, key, Entry::new(key, body.clone()))
            .await
            .unwrap();
        assert_eq!(
            house.store.get(CODE, key).await.unwrap().unwrap().body,
            body,
            "{key:?}"
        );
    }
    assert_eq!(house.store.get(CODE, "열쇠").await.unwrap(), None);
}

async fn what_was_never_written_is_absent(house: House) {
    assert_eq!(house.store.get(CODE, "k").await.unwrap(), None);
    assert_eq!(house.store.take(CODE, "k").await.unwrap(), None);
    assert!(
        !house
            .store
            .replace(CODE, "k", Entry::new("k", "x"))
            .await
            .unwrap()
    );
    house.store.remove(CODE, "k").await.unwrap();
    assert!(house.keys(ListBy::All, Page::default()).await.is_empty());
}

async fn kinds_do_not_see_each_other(house: House) {
    house.put("k", "code").await;
    assert!(
        house
            .store
            .insert(CLIENT, "k", Entry::new("k", "client"))
            .await
            .unwrap()
    );
    house.store.remove(CLIENT, "k").await.unwrap();
    assert_eq!(house.body("k").await.unwrap(), "code");
    assert!(
        house
            .store
            .list(CLIENT, ListBy::All, Page::default())
            .await
            .unwrap()
            .is_empty()
    );
}

async fn put_writes_whatever_was_there(house: House) {
    let first = house.put("k", "one").await;
    let second = house.put("k", "two").await;
    assert_eq!(second.body, b"two");
    assert!(second.version > first.version);
}

async fn insert_takes_only_a_free_key(house: House) {
    assert!(
        house
            .store
            .insert(CODE, "k", Entry::new("k", "one"))
            .await
            .unwrap()
    );
    assert!(
        !house
            .store
            .insert(CODE, "k", Entry::new("k", "two"))
            .await
            .unwrap()
    );
    assert_eq!(house.body("k").await.unwrap(), "one");
    house.store.remove(CODE, "k").await.unwrap();
    assert!(
        house
            .store
            .insert(CODE, "k", Entry::new("k", "three"))
            .await
            .unwrap()
    );
}

async fn replace_needs_the_version_that_was_read(house: House) {
    let first = house.put("k", "one").await;
    let next = |body: &str| Entry {
        version: first.version,
        ..Entry::new("k", body)
    };
    assert!(house.store.replace(CODE, "k", next("two")).await.unwrap());
    assert!(!house.store.replace(CODE, "k", next("three")).await.unwrap());
    let second = house.store.get(CODE, "k").await.unwrap().unwrap();
    assert_eq!(second.body, b"two");
    assert!(second.version > first.version);
}

async fn replace_after_a_put_is_too_late(house: House) {
    let read = house.put("k", "one").await;
    house.put("k", "two").await;
    assert!(!house.store.replace(CODE, "k", read).await.unwrap());
}

async fn replace_moves_owner_and_expiry_too(house: House) {
    let read = house.put("k", "one").await;
    let owned = Entry {
        owner: Some("alice".into()),
        version: read.version,
        ..read
    };
    assert!(house.store.replace(CODE, "k", owned).await.unwrap());
    assert_eq!(
        house.keys(ListBy::Owner("alice"), Page::default()).await,
        ["k"]
    );
    let read = house.store.get(CODE, "k").await.unwrap().unwrap();
    let short = Entry {
        version: read.version,
        ..house.expiring("k", "two", 10)
    };
    assert!(house.store.replace(CODE, "k", short).await.unwrap());
    assert!(
        house
            .keys(ListBy::Owner("alice"), Page::default())
            .await
            .is_empty()
    );
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(house.body("k").await, None);
}

async fn a_version_never_comes_back(house: House) {
    let removed = house.put("k", "one").await;
    house.store.remove(CODE, "k").await.unwrap();
    let anew = house.put("k", "one").await;
    assert_ne!(removed.version, anew.version);
    assert!(!house.store.replace(CODE, "k", removed).await.unwrap());
    let expiring = house.expiring("e", "one", 10);
    house.store.put(CODE, "e", expiring).await.unwrap();
    let expired = house.store.get(CODE, "e").await.unwrap().unwrap();
    house.clock.advance(Duration::from_secs(10));
    assert!(
        house
            .store
            .insert(CODE, "e", Entry::new("e", "two"))
            .await
            .unwrap()
    );
    assert!(!house.store.replace(CODE, "e", expired).await.unwrap());
}

async fn take_gives_a_record_once(house: House) {
    house.put("k", "one").await;
    assert_eq!(
        house.store.take(CODE, "k").await.unwrap().unwrap().body,
        b"one"
    );
    assert_eq!(house.store.take(CODE, "k").await.unwrap(), None);
    assert_eq!(house.body("k").await, None);
}

async fn an_expired_record_is_absent_for_every_verb(house: House) {
    for key in ["get", "take", "replace", "insert", "put"] {
        let entry = Entry {
            owner: Some("alice".into()),
            ..house.expiring(key, "old", 10)
        };
        house.store.put(CODE, key, entry).await.unwrap();
    }
    let read = house.store.get(CODE, "replace").await.unwrap().unwrap();
    house.clock.advance(Duration::from_secs(9));
    assert_eq!(house.body("get").await.unwrap(), "old");

    // RFC 7519 §4.1.4: "on or after" the expiration time.
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.body("get").await, None);
    assert_eq!(house.store.take(CODE, "take").await.unwrap(), None);
    let revived = Entry {
        expires_at: None,
        ..read
    };
    assert!(!house.store.replace(CODE, "replace", revived).await.unwrap());
    assert!(house.keys(ListBy::All, Page::default()).await.is_empty());
    assert!(
        house
            .keys(ListBy::Owner("alice"), Page::default())
            .await
            .is_empty()
    );
    assert!(
        house
            .store
            .insert(CODE, "insert", Entry::new("insert", "new"))
            .await
            .unwrap()
    );
    assert_eq!(house.body("insert").await.unwrap(), "new");
    house.put("put", "new").await;
    assert_eq!(house.body("put").await.unwrap(), "new");
    // Whoever takes the place of an expired record is new, in lists too.
    assert_eq!(
        house.keys(ListBy::All, Page::default()).await,
        ["put", "insert"]
    );
}

async fn lists_are_newest_first_and_by_owner(house: House) {
    for (key, owner) in [("a", "alice"), ("b", "bob"), ("c", "alice")] {
        let entry = Entry {
            owner: Some(owner.into()),
            ..Entry::new(key, key)
        };
        assert!(house.store.insert(CODE, key, entry).await.unwrap());
    }
    house.put("d", "of nobody").await;
    assert_eq!(
        house.keys(ListBy::All, Page::default()).await,
        ["d", "c", "b", "a"]
    );
    assert_eq!(
        house.keys(ListBy::Owner("alice"), Page::default()).await,
        ["c", "a"]
    );
    assert_eq!(
        house.keys(ListBy::Owner("bob"), Page::default()).await,
        ["b"]
    );
    assert!(
        house
            .keys(ListBy::Owner(""), Page::default())
            .await
            .is_empty()
    );
}

async fn a_changed_record_keeps_its_place(house: House) {
    let first = house.put("a", "1").await;
    house.put("b", "1").await;
    house.put("a", "2").await;
    assert_eq!(house.keys(ListBy::All, Page::default()).await, ["b", "a"]);
    let read = house.store.get(CODE, "a").await.unwrap().unwrap();
    assert_eq!(read.position, first.position);
    assert!(house.store.replace(CODE, "a", read).await.unwrap());
    assert_eq!(house.keys(ListBy::All, Page::default()).await, ["b", "a"]);
}

async fn pages_continue_where_the_last_one_ended(house: House) {
    for number in 0..7 {
        let key = format!("{number}");
        let entry = Entry {
            owner: Some("alice".into()),
            ..Entry::new(&key, "x")
        };
        house.store.put(CODE, &key, entry).await.unwrap();
    }
    for by in [ListBy::All, ListBy::Owner("alice")] {
        let mut seen = Vec::new();
        let mut page = Page {
            limit: 3,
            before: None,
        };
        loop {
            let entries = house.store.list(CODE, by, page.clone()).await.unwrap();
            let Some(last) = entries.last() else { break };
            assert!(entries.len() <= 3);
            page.before = Some(last.cursor());
            seen.extend(entries.into_iter().map(|entry| entry.key));
        }
        assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"], "{by:?}");
    }
}

async fn a_cursor_survives_what_happens_between_two_pages(house: House) {
    for key in ["a", "b", "c", "d"] {
        house.put(key, "x").await;
    }
    let page = Page {
        limit: 2,
        before: None,
    };
    let first = house.store.list(CODE, ListBy::All, page).await.unwrap();
    let cursor = first.last().unwrap().cursor();
    house.store.remove(CODE, "c").await.unwrap();
    house.put("e", "x").await;
    let page = Page {
        before: Some(cursor),
        ..Page::default()
    };
    assert_eq!(house.keys(ListBy::All, page).await, ["b", "a"]);
}

async fn a_foreign_cursor_is_refused(house: House) {
    let page = Page {
        before: Some("elsewhere".into()),
        ..Page::default()
    };
    let answer = house.store.list(CODE, ListBy::All, page).await;
    assert!(matches!(answer, Err(StoreError::UnknownCursor)));
}

async fn counting_starts_again_with_each_window(house: House) {
    let window = Duration::from_mins(1);
    assert_eq!(house.store.count(CODE, "ip", window).await.unwrap(), 1);
    house.clock.advance(Duration::from_secs(59));
    assert_eq!(house.store.count(CODE, "ip", window).await.unwrap(), 2);
    // The window began with the first event; the second did not prolong it.
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.store.count(CODE, "ip", window).await.unwrap(), 1);
}

async fn counters_have_keys_of_their_own(house: House) {
    let window = Duration::from_mins(1);
    house.put("k", "record").await;
    assert_eq!(house.store.count(CODE, "k", window).await.unwrap(), 1);
    assert_eq!(house.store.count(CODE, "other", window).await.unwrap(), 1);
    assert_eq!(house.store.count(CLIENT, "k", window).await.unwrap(), 1);
    assert_eq!(house.body("k").await.unwrap(), "record");
    assert_eq!(house.keys(ListBy::All, Page::default()).await, ["k"]);
}

async fn a_window_is_at_least_a_second(house: House) {
    assert_eq!(
        house.store.count(CODE, "ip", Duration::ZERO).await.unwrap(),
        1
    );
    assert_eq!(
        house.store.count(CODE, "ip", Duration::ZERO).await.unwrap(),
        2
    );
}

async fn a_clock_set_back_does_not_prolong_a_window(house: House) {
    // The window of a day stands for one that was opened before the clock was set back.
    house
        .store
        .count(CODE, "ip", Duration::from_hours(24))
        .await
        .unwrap();
    assert_eq!(
        house
            .store
            .count(CODE, "ip", Duration::from_mins(1))
            .await
            .unwrap(),
        2
    );
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(
        house
            .store
            .count(CODE, "ip", Duration::from_mins(1))
            .await
            .unwrap(),
        1
    );
}

async fn a1_of_a_thousand_parallel_takes_one_wins(house: House) {
    house.put("k", "x").await;
    let won = winners(|_| {
        let store = Arc::clone(&house.store);
        async move { store.take(CODE, "k").await.unwrap().is_some() }
    });
    assert_eq!(won.await, 1);
}

async fn a1_of_a_thousand_parallel_replaces_one_wins(house: House) {
    let read = house.put("k", "approved").await;
    let won = winners(|number| {
        let store = Arc::clone(&house.store);
        let next = Entry {
            version: read.version,
            ..Entry::new("k", number.to_string())
        };
        async move { store.replace(CODE, "k", next).await.unwrap() }
    });
    assert_eq!(won.await, 1);
}

async fn a1_of_a_thousand_parallel_inserts_one_wins(house: House) {
    let expired = house.expiring("k", "x", 0);
    house.store.put(CODE, "k", expired).await.unwrap();
    let won = winners(|number| {
        let store = Arc::clone(&house.store);
        let entry = Entry::new("k", number.to_string());
        async move { store.insert(CODE, "k", entry).await.unwrap() }
    });
    assert_eq!(won.await, 1);
}

async fn a1_reads_see_what_was_acknowledged(house: House) {
    let seen = winners(|number| {
        let store = Arc::clone(&house.store);
        async move {
            let key = number.to_string();
            store.put(CODE, &key, Entry::new(&key, "x")).await.unwrap();
            store.get(CODE, &key).await.unwrap().is_some()
        }
    });
    assert_eq!(seen.await, 1000);
    let page = Page {
        limit: 2000,
        before: None,
    };
    let entries = house.store.list(CODE, ListBy::All, page).await.unwrap();
    let positions: BTreeSet<_> = entries.iter().map(|entry| entry.position).collect();
    assert_eq!(positions.len(), 1000, "no two records share a place");
}

async fn a_thousand_parallel_counts_are_all_counted(house: House) {
    let mut counts = JoinSet::new();
    for _ in 0..1000 {
        let store = Arc::clone(&house.store);
        counts.spawn(async move { store.count(CODE, "ip", Duration::from_mins(1)).await });
    }
    let counts: BTreeSet<_> = counts
        .join_all()
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(counts.into_iter().eq(1..=1000));
}

macro_rules! contract {
    ($back_end:ident: $($promise:ident,)*) => {
        mod $back_end {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    super::$promise(super::back_end::$back_end().await).await;
                }
            )*
        }
    };
    ($back_end:ident) => {
        contract! { $back_end:
            a_record_comes_back_whole,
            any_key_and_any_body_will_do,
            what_was_never_written_is_absent,
            kinds_do_not_see_each_other,
            put_writes_whatever_was_there,
            insert_takes_only_a_free_key,
            replace_needs_the_version_that_was_read,
            replace_after_a_put_is_too_late,
            replace_moves_owner_and_expiry_too,
            a_version_never_comes_back,
            take_gives_a_record_once,
            an_expired_record_is_absent_for_every_verb,
            lists_are_newest_first_and_by_owner,
            a_changed_record_keeps_its_place,
            pages_continue_where_the_last_one_ended,
            a_cursor_survives_what_happens_between_two_pages,
            a_foreign_cursor_is_refused,
            counting_starts_again_with_each_window,
            counters_have_keys_of_their_own,
            a_window_is_at_least_a_second,
            a_clock_set_back_does_not_prolong_a_window,
            a1_of_a_thousand_parallel_takes_one_wins,
            a1_of_a_thousand_parallel_replaces_one_wins,
            a1_of_a_thousand_parallel_inserts_one_wins,
            a1_reads_see_what_was_acknowledged,
            a_thousand_parallel_counts_are_all_counted,
        }
    };
}

contract!(sqlite_in_a_file);
contract!(sqlite_in_memory);
