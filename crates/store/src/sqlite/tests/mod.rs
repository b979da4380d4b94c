//! Tests of what only the SQLite back end has: a file, a schema version, durability, sweeping.

mod memory;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use futures_util::future::join_all;
use oauth::random::OsRandom;
use oauth::time::ManualClock;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::*;
use crate::collection::associated_data;
use crate::key_ring::KeyRing;

const NOTE: Kind = Kind::new("note");

struct Desk {
    directory: TempDir,
    clock: ManualClock,
}

impl Desk {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: ManualClock::at(NumericDate(1_000_000)),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    async fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.path(), Arc::new(self.clock.clone())).await
    }

    /// The bytes of a file that was opened once and closed, with a number changed in its header.
    async fn with_header(&self, at: usize, number: i32) -> Vec<u8> {
        self.open().await.unwrap().close().await;
        let mut bytes = fs::read(self.path()).unwrap();
        bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
        fs::write(self.path(), &bytes).unwrap();
        bytes
    }

    /// Opening must fail, and change nothing.
    async fn refuses(&self, content: &[u8]) -> StoreError {
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o644)).unwrap();
        let error = self.open().await.unwrap_err();
        assert_eq!(
            fs::read(self.path()).unwrap(),
            content,
            "the file was touched"
        );
        assert_eq!(
            fs::metadata(self.path()).unwrap().permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(fs::read_dir(self.directory.path()).unwrap().count(), 1);
        error
    }
}

fn expiring(at: i64) -> Entry {
    Entry {
        expires_at: Some(NumericDate(at)),
        ..Entry::new("k", "x")
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_untouched() {
    let desk = Desk::new();
    let content = desk.with_header(60, 4).await;
    let error = desk.refuses(&content).await;
    assert!(matches!(
        error,
        StoreError::NewerSchema {
            found: 4,
            supported: 3,
            ..
        }
    ));
    assert_eq!(
        error.to_string(),
        format!(
            "the store {} has schema version 4, this program knows versions up to 3: \
             run the newer program, or restore a backup made before the upgrade",
            desk.path().display()
        )
    );
}

#[tokio::test]
async fn a_file_of_an_earlier_version_becomes_one_of_now() {
    for version in [1, 2] {
        let desk = Desk::new();
        fs::write(desk.path(), "").unwrap();
        let before = Connection::open(desk.path()).unwrap();
        before.execute_batch(BEFORE).unwrap();
        before.pragma_update(None, "user_version", version).unwrap();
        drop(before);
        let store = desk.open().await.unwrap();
        let keys = |by| {
            let listed = store.list(NOTE, by, Page::default());
            async { listed.await.unwrap().into_iter().map(|entry| entry.key) }
        };
        assert!(keys(ListBy::All).await.eq(["b", "a"]), "the newest first");
        assert!(keys(ListBy::Owner("alice")).await.eq(["b"]));
        let read = store.get(NOTE, "b").await.unwrap().unwrap();
        let is_same = read.version == 7 && read.body == b"y";
        assert!(is_same && read.expires_at == Some(NumericDate(1_000_010)));
        assert!(store.replace(NOTE, "b", read).await.unwrap());
        store.put(NOTE, "c", Entry::new("c", "z")).await.unwrap();
        assert!(keys(ListBy::All).await.eq(["c", "b", "a"]));
        let window = Duration::from_secs(10);
        assert_eq!(store.count(NOTE, "n", window).await.unwrap(), 5);
        desk.clock.advance(window);
        assert_eq!(store.sweep().await.unwrap(), 2);
        store.close().await;
        let file = fs::read(desk.path()).unwrap();
        assert_eq!(file.get(60..64), Some(&[0, 0, 0, 3][..]));
    }
}

/// A file as the first two versions made it: `b` is younger than `a`, and another kind counts for itself.
const BEFORE: &str = "
CREATE TABLE record (
    kind TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL, version INTEGER NOT NULL,
    owner TEXT, expires_at INTEGER, body BLOB NOT NULL, PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX record_position ON record (kind, position);
CREATE INDEX record_owner ON record (kind, owner, position) WHERE owner IS NOT NULL;
CREATE INDEX record_expiry ON record (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE counter (
    kind TEXT NOT NULL, key TEXT NOT NULL, count INTEGER NOT NULL, ends_at INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_end ON counter (ends_at);
PRAGMA application_id = 0x53554d4e;
INSERT INTO record VALUES
    ('note', 'a', 3, 1, NULL, NULL, x'78'), ('note', 'b', 4, 7, 'alice', 1000010, x'79'),
    ('other', 'a', 3, 1, NULL, NULL, x'78');
INSERT INTO counter VALUES ('note', 'n', 4, 1000010);
";

#[tokio::test]
async fn a_newer_schema_that_is_only_in_the_log_is_refused() {
    let desk = Desk::new();
    let newer = desk.open().await.unwrap();
    let upgrade = |turn: &mut Turn<'_>| turn.connection.execute_batch("PRAGMA user_version = 4");
    newer
        .writer
        .run(Durability::Durable, upgrade)
        .await
        .unwrap();
    assert_eq!(
        fs::read(desk.path()).unwrap().get(60..64),
        Some(&[0, 0, 0, 0][..])
    );
    assert!(matches!(
        desk.open().await,
        Err(StoreError::NewerSchema { found: 4, .. })
    ));
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_untouched() {
    let desk = Desk::new();
    let content = desk.with_header(68, 7).await;
    assert!(matches!(
        desk.refuses(&content).await,
        StoreError::NotAStore { .. }
    ));
    let text =
        b"{\"not\": \"a database\", \"but\": \"long enough to look like the header of one\"}  ";
    fs::write(desk.path(), text).unwrap();
    assert!(matches!(
        desk.refuses(text).await,
        StoreError::NotAStore { .. }
    ));
}

#[tokio::test]
async fn a_database_without_numbers_but_with_tables_is_refused() {
    let desk = Desk::new();
    fs::write(desk.path(), "").unwrap();
    let foreign = Connection::open(desk.path()).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(foreign);
    assert!(matches!(
        desk.open().await,
        Err(StoreError::NotAStore { .. })
    ));
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_finished() {
    let desk = Desk::new();
    fs::write(desk.path(), "").unwrap();
    let store = desk.open().await.unwrap();
    assert!(store.insert(NOTE, "k", Entry::new("k", "x")).await.unwrap());
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let desk = Desk::new();
    let clock: Arc<dyn Clock> = Arc::new(desk.clock.clone());
    fs::write(desk.directory.path().join("file"), "").unwrap();
    for place in ["missing/store.db", "file/store.db", "."] {
        let path = desk.directory.path().join(place);
        let error = SqliteStore::open(&path, Arc::clone(&clock))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn every_file_is_for_the_owner_alone() {
    let desk = Desk::new();
    desk.open().await.unwrap().close().await;
    fs::set_permissions(desk.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let store = desk.open().await.unwrap();
    store.put(NOTE, "k", Entry::new("k", "x")).await.unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(desk.directory.path())
        .unwrap()
        .map(Result::unwrap)
    {
        let name = entry.file_name().into_string().unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{name}"
        );
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["store.db", "store.db-shm", "store.db-wal"]);
}

#[tokio::test]
async fn a9_a_restart_forgets_nothing() {
    let desk = Desk::new();
    let window = Duration::from_mins(1);
    let store = desk.open().await.unwrap();
    store.put(NOTE, "k", Entry::new("k", "x")).await.unwrap();
    store.count(NOTE, "ip", window).await.unwrap();
    store.close().await;
    assert!(matches!(
        store.get(NOTE, "k").await,
        Err(StoreError::Unavailable { .. })
    ));
    let late = store.put(NOTE, "k", Entry::new("k", "y")).await;
    assert!(matches!(late, Err(StoreError::Unavailable { .. })));
    assert_eq!(
        fs::read_dir(desk.directory.path()).unwrap().count(),
        1,
        "the log is folded in"
    );
    let store = desk.open().await.unwrap();
    assert_eq!(store.get(NOTE, "k").await.unwrap().unwrap().body, b"x");
    assert_eq!(store.count(NOTE, "ip", window).await.unwrap(), 2);
}

#[tokio::test]
async fn what_must_stay_is_on_the_disk_before_it_is_acknowledged() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    let waited = || store.disk_waits();
    let may_be_lost = Entry {
        may_be_lost: true,
        ..Entry::new("", "")
    };
    let kept = Entry::new("", "");
    store.put(NOTE, "a", kept.clone()).await.unwrap();
    assert_eq!(waited(), 1);
    store.put(NOTE, "b", may_be_lost.clone()).await.unwrap();
    store.insert(NOTE, "c", may_be_lost.clone()).await.unwrap();
    store
        .count(NOTE, "d", Duration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(waited(), 1, "nobody has to wait for these");
    let known = store.get(NOTE, "b").await.unwrap().unwrap();
    assert!(store.replace(NOTE, "b", known).await.unwrap());
    assert_eq!(waited(), 2, "what was read says nothing of that");
    store.take(NOTE, "a").await.unwrap();
    store.remove(NOTE, "b").await.unwrap();
    assert!(store.insert(NOTE, "a", kept).await.unwrap());
    assert_eq!(waited(), 5);
}

#[tokio::test]
async fn what_must_stay_is_not_acknowledged_by_a_disk_that_fails() {
    let connection = Arc::new(Mutex::new(Some(connection::in_memory().unwrap())));
    // What cannot be synchronised.
    let log = Log::of(fs::File::open("/dev/null").unwrap());
    let writer = Writer::start(connection, None, Some(log)).unwrap();
    let nothing = |_: &mut Turn<'_>| Ok(());
    writer.run(Durability::Durable, nothing).await.unwrap_err();
    writer.run(Durability::Relaxed, nothing).await.unwrap();
    let error = writer.run(Durability::Durable, nothing).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("start anew"), "{source}");
}

/// Keeps the writer busy until it is told to go on, so that what is written meanwhile is one batch.
async fn busy(store: &SqliteStore) -> (oneshot::Receiver<()>, impl FnOnce() + use<>) {
    let (begun, has_begun) = oneshot::channel();
    let (go_on, told) = std::sync::mpsc::channel();
    let (ended, has_ended) = oneshot::channel();
    let wait = move |_: &mut Turn<'_>| {
        begun.send(()).unwrap();
        told.recv().unwrap();
        let _ = ended.send(());
        Ok(())
    };
    let mut waiting = Box::pin(store.writer.run(Durability::Durable, wait));
    tokio::select! {
        _ = &mut waiting => unreachable!("nobody has told it to go on"),
        begun = has_begun => begun.unwrap(),
    }
    // A caller who stops waiting does not stop the write.
    drop(waiting);
    (has_ended, move || go_on.send(()).unwrap())
}

#[tokio::test]
async fn a_batch_that_fails_fails_for_everybody_and_changes_nothing() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    let put = store.put(NOTE, "k", Entry::new("k", "x"));
    // Or a full disk would let everybody try again and again.
    let count = store.count(NOTE, "k", Duration::from_mins(1));
    let broken = |turn: &mut Turn<'_>| {
        let mut statement = turn.connection.prepare("INSERT INTO nowhere VALUES (1)")?;
        statement.execute(())
    };
    let broken = store.writer.run(Durability::Durable, broken);
    let (ended, go_on) = busy(&store).await;
    // All are in the queue before the writer goes on.
    let (put, count, broken, ()) = tokio::join!(put, count, broken, async { go_on() });
    ended.await.unwrap();
    assert!(put.is_err() && count.is_err() && broken.is_err());
    assert_eq!(store.get(NOTE, "k").await.unwrap(), None);
    store.put(NOTE, "k", Entry::new("k", "x")).await.unwrap();
}

#[tokio::test]
async fn those_who_wait_for_the_disk_share_the_next_commit() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    let before = store.commits();
    let (_, go_on) = busy(&store).await;
    let writes = (0..100).map(|number| {
        let key = number.to_string();
        let entry = Entry::new(&*key, "x");
        let store = &store;
        async move { store.put(NOTE, &key, entry).await.unwrap() }
    });
    tokio::join!(join_all(writes), async { go_on() });
    assert_eq!(store.commits() - before, 2, "the busy one, and all others");
}

#[tokio::test]
async fn sweeping_deletes_what_has_expired_and_nothing_else() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    let rows = i64::from(SWEEP_BATCH) * 2 + 1;
    let fill = move |turn: &mut Turn<'_>| {
        turn.connection.execute(
            "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
             INSERT INTO record (kind, key, position, version, expires_at, body)
             SELECT 'note', CAST(n AS TEXT), n, 1, 1000010, x'' FROM number",
            [rows],
        )
    };
    store.writer.run(Durability::Relaxed, fill).await.unwrap();
    store.put(NOTE, "later", expiring(1_000_011)).await.unwrap();
    store
        .put(NOTE, "never", Entry::new("never", "x"))
        .await
        .unwrap();
    store
        .count(NOTE, "short", Duration::from_secs(10))
        .await
        .unwrap();
    store
        .count(NOTE, "long", Duration::from_secs(11))
        .await
        .unwrap();
    assert_eq!(store.sweep().await.unwrap(), 0);
    desk.clock.advance(Duration::from_secs(10));
    assert_eq!(store.sweep().await.unwrap(), rows.unsigned_abs() + 1);
    assert_eq!(store.sweep().await.unwrap(), 0);
    let left = store
        .list(NOTE, ListBy::All, Page::default())
        .await
        .unwrap();
    assert_eq!(
        left.iter()
            .map(|entry| entry.key.as_str())
            .collect::<Vec<_>>(),
        ["never", "later"]
    );
    assert_eq!(
        store
            .count(NOTE, "long", Duration::from_secs(11))
            .await
            .unwrap(),
        2
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a1_of_two_processes_with_one_file_one_caller_wins() {
    let desk = Desk::new();
    let stores = [
        Arc::new(desk.open().await.unwrap()),
        Arc::new(desk.open().await.unwrap()),
    ];
    for round in 0..20 {
        let key = round.to_string();
        stores[0]
            .put(NOTE, &key, Entry::new(&key, "x"))
            .await
            .unwrap();
        let mut takes = JoinSet::new();
        for store in stores.iter().cycle().take(50) {
            let (store, key) = (Arc::clone(store), key.clone());
            takes.spawn(async move { store.take(NOTE, &key).await.unwrap().is_some() });
        }
        assert_eq!(
            takes
                .join_all()
                .await
                .into_iter()
                .filter(|won| *won)
                .count(),
            1
        );
    }
}

/// Every read and every sweep finds its rows through an index.
#[tokio::test]
async fn no_statement_walks_through_a_whole_table() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    let explain = |sql: &str| {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        store.readers.read(move |connection| {
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.raw_query().mapped(|row| row.get("detail"));
            rows.collect::<rusqlite::Result<Vec<String>>>()
        })
    };
    for (sql, index) in [
        (schema::GET, "record_key (kind=? AND key=?)"),
        (schema::TAKE, "record_key (kind=? AND key=?)"),
        (schema::REPLACE, "record_key (kind=? AND key=?)"),
        (schema::OVERWRITE, "record_key (kind=? AND key=?)"),
        (schema::REPLACE_OWN, "record_key (kind=? AND key=?)"),
        (schema::OVERWRITE_OWN, "record_key (kind=? AND key=?)"),
        (schema::TAKE_PLACE, "record_key (kind=? AND key=?)"),
        (schema::LIST_ALL, "record_kind (kind=? AND rowid<?)"),
        (
            schema::LIST_OF_OWNER,
            "record_owner (kind=? AND owner=? AND rowid<?)",
        ),
        (schema::SWEEP_RECORDS, "record_expiry (expires_at<?)"),
        (schema::SWEEP_COUNTERS, "counter_end (ends_at<?)"),
    ] {
        let plan = explain(sql).unwrap().join("\n");
        assert!(plan.contains(index), "{sql}\n{plan}");
        assert!(
            !plan.contains("SCAN record") && !plan.contains("SCAN counter"),
            "{sql}\n{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn after_closing_the_file_alone_is_complete() {
    let desk = Desk::new();
    let store = desk.open().await.unwrap();
    store.put(NOTE, "k", Entry::new("k", "v")).await.unwrap();
    store.get(NOTE, "k").await.unwrap();
    store.close().await;
    let names: Vec<_> = fs::read_dir(desk.directory.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(names, ["store.db"], "no log is left beside it");
    let copy = Desk::new();
    fs::copy(desk.path(), copy.path()).unwrap();
    let store = copy.open().await.unwrap();
    assert_eq!(store.get(NOTE, "k").await.unwrap().unwrap().body, b"v");
}

/// The record of kind `note` under the key `k`, as a program of the first version sealed it, and its
/// key ring: worked out once with another implementation.
const KEY_RING: &str = r#"{"keys": [
    {"kid": "old", "created_at": 1, "seals_from": 1, "key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
]}"#;
const SEALED_BEFORE: &str = "v2.old.AAECAwQFBgcICQoLVqlaRb0AiEUi8g9QhlZnyWjyCiXUtJNrGs6RvXHIaf7-0rDDjKIRZFFz4zYeBFNv.\
                             FBUWFxgZGhscHR4f4nTGMR354MJxc4SmZOl7otY2yO_z";

#[tokio::test]
async fn a9_what_was_sealed_before_is_wrapped_again_as_well() {
    let desk = Desk::new();
    let ring = desk.directory.path().join("keyring.json");
    fs::write(&ring, KEY_RING).unwrap();
    fs::set_permissions(&ring, fs::Permissions::from_mode(0o600)).unwrap();
    let keys = KeyRing::open_or_create(&ring, &OsRandom, &desk.clock).unwrap();
    let store = desk.open().await.unwrap();
    let before = Entry::new("k", SEALED_BEFORE);
    let opened = async || {
        let entry = store.get(NOTE, "k").await.unwrap().unwrap();
        keys.open(&entry.body, &associated_data("note", &entry))
            .unwrap()
    };
    store.put(NOTE, "k", before.clone()).await.unwrap();
    let now = keys.seal(b"new", &associated_data("note", &Entry::new("l", "")));
    store.put(NOTE, "l", Entry::new("l", now)).await.unwrap();
    assert_eq!(opened().await, b"value");
    assert_eq!(store.sealed_by("old").await.unwrap(), 2);
    let kid = keys.rotate(&OsRandom, &desk.clock, Duration::ZERO).unwrap();
    let all = Rewrapped {
        rewrapped: 2,
        unreadable: 0,
    };
    assert_eq!(store.rewrap(&keys).await.unwrap(), all);
    assert_eq!(store.rewrap(&keys).await.unwrap(), Rewrapped::default());
    assert_eq!(store.sealed_by("old").await.unwrap(), 0);
    assert_eq!(store.sealed_by(&kid).await.unwrap(), 2);
    assert_eq!(opened().await, b"value");
}
