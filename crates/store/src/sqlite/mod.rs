//! The embedded back end: one SQLite file.

mod connection;
mod rewrap;
mod schema;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use oauth::time::{Clock, NumericDate};
use rusqlite::{Connection, OptionalExtension as _, Row, Rows};
use tokio::task::spawn_blocking;

use crate::error::StoreError;
use crate::store::{Entry, Kind, ListBy, Page, Store};
use connection::{Pool, Readers};
pub use rewrap::Rewrapped;
use writer::{Durability, Writer};

/// How many rows one step of [`SqliteStore::sweep`] deletes: writers wait no longer than that.
const SWEEP_BATCH: u32 = 500;

/// A store in one file, for a house of one process.
#[derive(Debug)]
pub struct SqliteStore {
    readers: Arc<Readers>,
    writer: Writer,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the store in the file `path`, or makes it, readable for its owner alone.
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
            let writer = Writer::start(Arc::new(Mutex::new(Some(connection))))?;
            Ok(Self {
                readers: Arc::new(readers),
                writer,
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
                writer: Writer::start(shared)?,
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
                let sweep = move |connection: &Connection| {
                    let mut statement = connection.prepare_cached(sql)?;
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

    /// Finishes what is being written and closes the file. Every later verb fails.
    pub async fn close(&self) {
        // The last connection folds the log into the file, and only one that may write can do that.
        let readers = Arc::clone(&self.readers);
        // It only fails where the runtime is being shut down, and everything ends anyway.
        let _ = spawn_blocking(move || readers.close()).await;
        self.writer.stop().await;
    }

    fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// A write of a whole entry, which may be one too many; says whether it was written.
    async fn write(
        &self,
        sql: &'static str,
        kind: Kind,
        key: &str,
        entry: Entry,
    ) -> Result<bool, StoreError> {
        let (key, now) = (key.to_owned(), self.now());
        let write = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let expires_at = entry.expires_at.map(|date| date.0);
            statement.raw_bind_parameter(1, kind.as_str())?;
            statement.raw_bind_parameter(2, key)?;
            statement.raw_bind_parameter(3, now)?;
            statement.raw_bind_parameter(4, entry.body)?;
            statement.raw_bind_parameter(5, entry.owner)?;
            statement.raw_bind_parameter(6, expires_at)?;
            if statement.parameter_count() > 6 {
                statement.raw_bind_parameter(7, entry.version)?;
            }
            Ok(statement.raw_execute()? > 0)
        };
        self.writer.run(Durability::Durable, write).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        let now = self.now();
        self.readers.read(|connection| {
            let mut statement = connection.prepare_cached(schema::GET)?;
            let found = statement.query_row((kind.as_str(), key, now), to_entry);
            found.optional()
        })
    }

    async fn put(&self, kind: Kind, key: &str, entry: Entry) -> Result<(), StoreError> {
        self.write(schema::PUT, kind, key, entry).await.map(drop)
    }

    async fn insert(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        self.write(schema::INSERT, kind, key, entry).await
    }

    async fn replace(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        self.write(schema::REPLACE, kind, key, entry).await
    }

    async fn take(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        let (key, now) = (key.to_owned(), self.now());
        let take = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(schema::TAKE)?;
            only_row(statement.query((kind.as_str(), key, now))?, to_entry)
        };
        self.writer.run(Durability::Durable, take).await
    }

    async fn remove(&self, kind: Kind, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        let remove = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(schema::REMOVE)?;
            statement.execute((kind.as_str(), key)).map(drop)
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
        let count = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(schema::COUNT)?;
            let event = (kind.as_str(), key, now.0, now.plus(window).0);
            only_row(statement.query(event)?, |row| row.get(0))
        };
        let count: Option<i64> = self.writer.run(Durability::Relaxed, count).await?;
        let count = count.ok_or_else(|| StoreError::unavailable("a count gave no answer"))?;
        Ok(count.unsigned_abs())
    }
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
    })
}

#[cfg(test)]
mod tests;
