//! Records that are kept in memory are those in the file.

use super::*;
use crate::sqlite::cache::Change;

/// Whether a record is known in memory now.
fn known(store: &SqliteStore, key: &str) -> bool {
    let cache = store.cache.as_ref().unwrap();
    matches!(cache.find(NOTE.as_str(), key), Found::Here(_))
}

async fn body(store: &SqliteStore, key: &str) -> Option<Vec<u8>> {
    store.get(NOTE, key).await.unwrap().map(|entry| entry.body)
}

#[tokio::test]
async fn a_record_in_memory_is_the_one_in_the_file() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    let inserted = Entry {
        owner: Some("alice".into()),
        ..expiring(1_000_010)
    };
    assert!(store.insert(NOTE, "k", inserted).await.unwrap());
    let same_as_read = async |what: &str| {
        assert!(known(&store, "k"), "{what}");
        let remembered = store.get(NOTE, "k").await.unwrap();
        store.cache.as_ref().unwrap().forget();
        let read = store.get(NOTE, "k").await.unwrap();
        assert_eq!(remembered, read, "{what}");
        // From the next commit on, what is read is remembered again.
        store
            .put(NOTE, "other", Entry::new("other", "x"))
            .await
            .unwrap();
        store.get(NOTE, "k").await.unwrap().unwrap()
    };
    let entry = same_as_read("inserted").await;
    let next = Entry {
        body: b"y".to_vec(),
        owner: None,
        ..entry.clone()
    };
    assert!(store.replace(NOTE, "k", next).await.unwrap());
    let replaced = same_as_read("replaced").await;
    assert_ne!(replaced.version, entry.version);
    // Who lost is not remembered.
    assert!(!store.replace(NOTE, "k", entry).await.unwrap());
    assert!(!store.insert(NOTE, "k", Entry::new("k", "z")).await.unwrap());
    assert_eq!(body(&store, "k").await.unwrap(), b"y");
    store.put(NOTE, "k", expiring(1_000_020)).await.unwrap();
    same_as_read("put").await;
    desk.clock.advance(Duration::from_secs(20));
    assert_eq!(body(&store, "k").await, None, "expired is absent");
    // Another one takes its place, and is new.
    assert!(store.insert(NOTE, "k", Entry::new("k", "w")).await.unwrap());
    assert!(
        !known(&store, "k"),
        "its version is known to the file alone"
    );
    store.get(NOTE, "k").await.unwrap();
    assert_ne!(same_as_read("anew").await.position, replaced.position);
    assert!(store.take(NOTE, "k").await.unwrap().is_some());
    assert_eq!(body(&store, "k").await, None);
}

#[tokio::test]
async fn what_another_process_writes_counts_at_once() {
    let desk = Desk::new();
    let (ours, theirs) = (desk.open().await.unwrap(), desk.open().await.unwrap());
    ours.put(NOTE, "k", Entry::new("k", "ours")).await.unwrap();
    ours.put(NOTE, "other", Entry::new("other", "x"))
        .await
        .unwrap();
    assert!(known(&ours, "k"));
    theirs
        .put(NOTE, "k", Entry::new("k", "theirs"))
        .await
        .unwrap();
    assert!(!known(&ours, "k"));
    assert_eq!(body(&ours, "k").await.unwrap(), b"theirs");
    // Nothing is taken for current again by a write of ours that came after theirs.
    ours.put(NOTE, "third", Entry::new("third", "x"))
        .await
        .unwrap();
    assert!(known(&ours, "third") && !known(&ours, "k") && !known(&ours, "other"));
    assert_eq!(body(&ours, "k").await.unwrap(), b"theirs");
    assert!(known(&ours, "k"), "it was read meanwhile");
    theirs.remove(NOTE, "k").await.unwrap();
    assert_eq!(body(&ours, "k").await, None);
}

#[tokio::test]
async fn what_is_read_while_a_commit_is_not_told_yet_is_not_taken_for_what_was_before() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    let cache = store.cache.as_ref().unwrap();
    store.put(NOTE, "k", Entry::new("k", "x")).await.unwrap();
    cache.forget();
    let other = Entry::new("other", "x");
    store.put(NOTE, "other", other).await.unwrap();
    // Somebody asks for the record, which is not in memory …
    let Found::Elsewhere(Some(header)) = cache.find(NOTE.as_str(), "k") else {
        panic!("it is known, or nothing is");
    };
    // … a transaction of ours rewrites it, and is committed …
    let (before, _) = cache.begin();
    let hand = Connection::open(desk.path()).unwrap();
    let rewrite = "UPDATE record SET body = x'79', version = version + 1 WHERE key = 'k'";
    hand.execute(rewrite, ()).unwrap();
    // … they read what it wrote, and only then memory is told of the commit.
    let read = store
        .readers
        .read(|connection| connection.query_row(schema::GET, (NOTE.as_str(), "k", 0), to_entry));
    let read = read.unwrap();
    cache.keep(header, NOTE.as_str(), &read);
    let changes = vec![Change::Overwritten(NOTE.as_str(), read.clone())];
    cache.commit(before, true, changes);
    let found = store.get(NOTE, "k").await.unwrap().unwrap();
    assert_eq!(found, read);
    assert!(store.replace(NOTE, "k", found).await.unwrap());
}

#[tokio::test]
async fn a_replaced_record_has_the_version_that_its_writer_counted() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    store.put(NOTE, "k", Entry::new("k", "x")).await.unwrap();
    for _ in 0..3 {
        let found = store.get(NOTE, "k").await.unwrap().unwrap();
        let expected = found.version + 1;
        assert!(store.replace(NOTE, "k", found).await.unwrap());
        assert!(known(&store, "k"));
        let next = store.get(NOTE, "k").await.unwrap().unwrap();
        assert_eq!(next.version, expected);
    }
}

#[tokio::test]
async fn whoever_edits_the_file_by_hand_is_not_overlooked() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    store.put(NOTE, "k", Entry::new("k", "x")).await.unwrap();
    assert!(known(&store, "k"));
    let hand = Connection::open(desk.path()).unwrap();
    hand.execute("UPDATE record SET body = x'79'", ()).unwrap();
    assert_eq!(body(&store, "k").await.unwrap(), b"y");
    // Nor is a log that was carried over to the file and begun anew.
    hand.execute("UPDATE record SET body = x'7a'", ()).unwrap();
    let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
    hand.query_row(truncate, (), |_| Ok(())).unwrap();
    assert_eq!(body(&store, "k").await.unwrap(), b"z");
    store.put(NOTE, "l", Entry::new("l", "x")).await.unwrap();
    assert_eq!(body(&store, "k").await.unwrap(), b"z");
}

#[tokio::test]
async fn a_write_that_changes_nothing_hides_nothing() {
    let desk = Desk::new();
    let (ours, theirs) = (desk.open().await.unwrap(), desk.open().await.unwrap());
    ours.put(NOTE, "k", Entry::new("k", "x")).await.unwrap();
    assert!(ours.take(NOTE, "nothing").await.unwrap().is_none());
    assert!(known(&ours, "k"), "nobody has written");
    theirs.put(NOTE, "k", Entry::new("k", "y")).await.unwrap();
    assert!(ours.take(NOTE, "nothing").await.unwrap().is_none());
    assert_eq!(body(&ours, "k").await.unwrap(), b"y");
}

#[tokio::test]
async fn memory_for_records_is_bounded() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    let large = || Entry::new("large", vec![b'x'; 1 << 20]);
    for number in 0..40 {
        let entry = Entry {
            key: number.to_string(),
            ..large()
        };
        store.put(NOTE, &number.to_string(), entry).await.unwrap();
        assert!(known(&store, "0") || number > 0);
    }
    let kept = (0..40).filter(|number| known(&store, &number.to_string()));
    assert!((8..=17).contains(&kept.count()));
    assert_eq!(body(&store, "0").await.unwrap().len(), 1 << 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_reads_what_was_replaced_before_they_asked() {
    let desk = Desk::new();
    let stores = [desk.open().await.unwrap(), desk.open().await.unwrap()].map(Arc::new);
    let acknowledged = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let number = |entry: Entry| {
        String::from_utf8(entry.body)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    stores[0]
        .put(NOTE, "k", Entry::new("k", "0"))
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    for reader in 0..4 {
        let (store, acknowledged) = (Arc::clone(&stores[reader % 2]), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            loop {
                let least = acknowledged.load(std::sync::atomic::Ordering::SeqCst);
                let read = number(store.get(NOTE, "k").await.unwrap().unwrap());
                assert!(
                    read >= least,
                    "{read} was read after {least} was acknowledged"
                );
                if read == 400 {
                    break;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    // Both processes write in turn, a few times each.
    for next in 1..=400_u64 {
        let store = &stores[usize::from(next % 7 < 3)];
        let entry = Entry::new("k", next.to_string());
        store.put(NOTE, "k", entry).await.unwrap();
        acknowledged.store(next, std::sync::atomic::Ordering::SeqCst);
    }
    tasks.join_all().await;
}
