//! The embedded back end: one SQLite file.

mod cache;
mod change;
mod connection;
mod log;
mod rewrap;
mod schema;
mod work;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use oauth::time::{Clock, NumericDate};
use rusqlite::{OptionalExtension as _, Row, Rows};
use tokio::task::spawn_blocking;

use crate::error::StoreError;
use crate::store::{Entry, Kind, ListBy, Page, Store};
use cache::{Cache, Found};
use change::Turn;
use connection::{Pool, Readers};
use log::Log;
pub use rewrap::Rewrapped;
use writer::{Durability, Writer};

/// How many rows one step of [`SqliteStore::sweep`] deletes: writers wait no longer than that.
const SWEEP_BATCH: u32 = 500;

/// A store in one file, for a house of one process.
#[derive(Debug)]
pub struct SqliteStore {
    readers: Arc<Readers>,
    /// Nothing where everything is in memory anyway.
    cache: Option<Arc<Cache>>,
    writer: Writer,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the store in the file `path`, or makes it, readable for its owner alone. Whoever waits for a write is
    /// woken by the runtime on which this is called, so that has to run as long as the store is used.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerSchema`] and [`StoreError::NotAStore`] leave the file untouched;
    /// [`StoreError::NotWritable`] names it.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let open = move || {
            schema::prepare_file(&path)?;
            let failed = |error| schema::opening_failed(&path, error);
            let connection = connection::writing(&path).map_err(failed)?;
            schema::migrate(&connection, &path)?;
            let readers = Readers::Many(Pool::open(&path).map_err(failed)?);
            let cache = Arc::new(Cache::open(&path).map_err(StoreError::unavailable)?);
            let log = Log::open(&path).map_err(StoreError::unavailable)?;
            let shared = Arc::new(Mutex::new(Some(connection)));
            Ok(Self {
                readers: Arc::new(readers),
                writer: Writer::start(shared, Some(Arc::clone(&cache)), Some(log))?,
                cache: Some(cache),
                clock,
            })
        };
        // It may wait for the disk, or for another process.
        spawn_blocking(open)
            .await
            .map_err(StoreError::unavailable)?
    }

    /// A store that is gone when it is dropped: for tests.
    ///
    /// # Errors
    ///
    /// When SQLite cannot start.
    pub async fn in_memory(clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let open = move || {
            let connection = connection::in_memory().map_err(StoreError::unavailable)?;
            schema::migrate(&connection, Path::new(":memory:"))?;
            let shared = Arc::new(Mutex::new(Some(connection)));
            Ok(Self {
                readers: Arc::new(Readers::One(Arc::clone(&shared))),
                writer: Writer::start(shared, None, None)?,
                cache: None,
                clock,
            })
        };
        spawn_blocking(open)
            .await
            .map_err(StoreError::unavailable)?
    }

    /// Deletes what has expired, a bounded number of rows at a time; returns how many rows.
    ///
    /// Expired rows are invisible in any case; this gives their space back. Call it every few
    /// minutes.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; what has been deleted so far stays deleted.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        let mut swept = 0;
        for sql in [schema::SWEEP_RECORDS, schema::SWEEP_COUNTERS] {
            loop {
                let now = self.now();
                let sweep = move |turn: &mut Turn<'_>| {
                    let mut statement = turn.connection.prepare_cached(sql)?;
                    statement.execute((now, SWEEP_BATCH))
                };
                let rows = self.writer.run(Durability::Relaxed, sweep).await?;
                swept += rows as u64;
                if rows < SWEEP_BATCH as usize {
                    break;
                }
            }
        }
        Ok(swept)
    }

    /// How many commits there were since the store was opened: writes that arrive together share one.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// How many of them waited for the disk, because something in them must not be undone.
    pub fn disk_waits(&self) -> u64 {
        self.writer.disk_waits()
    }

    /// Finishes what is being written and closes the file. Every later verb fails.
    pub async fn close(&self) {
        // The last connection folds the log into the file, and only one that may write can do that.
        let readers = Arc::clone(&self.readers);
        // It only fails where the runtime is being shut down, and everything ends anyway.
        let _ = spawn_blocking(move || readers.close()).await;
        self.writer.stop().await;
        self.cache.iter().for_each(|cache| cache.forget());
    }

    fn now(&self) -> i64 {
        self.clock.now().0
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        let now = self.now();
        let found = match &self.cache {
            Some(cache) => cache.find(kind.as_str(), key),
            None => Found::Elsewhere(None),
        };
        let header = match found {
            Found::Here(entry) => {
                let is_there = entry.expires_at.is_none_or(|date| date.0 > now);
                return Ok(is_there.then_some(entry));
            }
            Found::Elsewhere(header) => header,
        };
        let read = self.readers.read(|connection| {
            let mut statement = connection.prepare_cached(schema::GET)?;
            let found = statement.query_row((kind.as_str(), key, now), to_entry);
            found.optional()
        })?;
        if let (Some(cache), Some(header), Some(entry)) = (&self.cache, header, &read) {
            cache.keep(header, kind.as_str(), entry);
        }
        Ok(read)
    }

    async fn put(&self, kind: Kind, key: &str, entry: Entry) -> Result<(), StoreError> {
        let (now, (durability, entry)) = (self.now(), written(key, entry));
        let put = move |turn: &mut Turn<'_>| turn.put(kind, now, entry);
        self.writer.run(durability, put).await
    }

    async fn insert(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        let (now, (durability, entry)) = (self.now(), written(key, entry));
        let insert = move |turn: &mut Turn<'_>| turn.insert(kind, now, entry);
        self.writer.run(durability, insert).await
    }

    async fn replace(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        let (now, (durability, entry)) = (self.now(), written(key, entry));
        let replace = move |turn: &mut Turn<'_>| turn.replace(kind, now, entry);
        self.writer.run(durability, replace).await
    }

    async fn take(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        let (key, now) = (key.to_owned(), self.now());
        let take = move |turn: &mut Turn<'_>| {
            let mut statement = turn.connection.prepare_cached(schema::TAKE)?;
            let taken = only_row(statement.query((kind.as_str(), &key, now))?, to_entry)?;
            turn.gone(kind.as_str(), key);
            Ok(taken)
        };
        self.writer.run(Durability::Durable, take).await
    }

    async fn remove(&self, kind: Kind, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        let remove = move |turn: &mut Turn<'_>| {
            let mut statement = turn.connection.prepare_cached(schema::REMOVE)?;
            statement.execute((kind.as_str(), &key))?;
            turn.gone(kind.as_str(), key);
            Ok(())
        };
        self.writer.run(Durability::Durable, remove).await
    }

    async fn list(&self, kind: Kind, by: ListBy<'_>, page: Page) -> Result<Vec<Entry>, StoreError> {
        let (kind, now, below) = (kind.as_str(), self.now(), page.below()?);
        self.readers.read(|connection| match by {
            ListBy::All => connection
                .prepare_cached(schema::LIST_ALL)?
                .query_map((kind, now, below, page.limit), to_entry)?
                .collect(),
            ListBy::Owner(owner) => connection
                .prepare_cached(schema::LIST_OF_OWNER)?
                .query_map((kind, now, below, page.limit, owner), to_entry)?
                .collect(),
        })
    }

    async fn count(&self, kind: Kind, key: &str, window: Duration) -> Result<u64, StoreError> {
        let window = window.max(Duration::from_secs(1));
        let (key, now) = (key.to_owned(), self.clock.now());
        let end = now.plus(window).0;
        let count = move |turn: &mut Turn<'_>| turn.count(kind, &key, now.0, end);
        let count = self.writer.run(Durability::Relaxed, count).await?;
        Ok(count.unsigned_abs())
    }
}

/// The entry under the key that it is written to, and what a power loss may do to it.
fn written(key: &str, entry: Entry) -> (Durability, Entry) {
    let durability = Durability::of(&entry);
    let entry = Entry {
        key: key.to_owned(),
        may_be_lost: false,
        ..entry
    };
    (durability, entry)
}

/// The row that a change returns, if it returns one; read to the end, because a statement of SQLite is
/// complete only with its last step.
fn only_row<T>(
    mut rows: Rows<'_>,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    let row = rows.next()?.map(read).transpose()?;
    while rows.next()?.is_some() {}
    Ok(row)
}

/// Reads a row of [`schema`]'s columns.
fn to_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        key: row.get(0)?,
        body: row.get(1)?,
        version: row.get(2)?,
        owner: row.get(3)?,
        expires_at: row.get::<_, Option<i64>>(4)?.map(NumericDate),
        position: row.get(5)?,
        may_be_lost: false,
    })
}

#[cfg(test)]
mod tests;
