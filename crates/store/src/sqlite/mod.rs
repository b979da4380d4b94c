//! The embedded back end: one SQLite file.

mod rewrap;
mod schema;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oauth::time::{Clock, NumericDate};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _};

use crate::error::StoreError;
use crate::store::{Entry, Kind, ListBy, Page, Store};
pub use rewrap::Rewrapped;
use writer::{Durability, Statement, Writer};

/// How many connections read at the same time.
const READERS: u32 = 4;

/// How long to wait for another process that writes, and for a free connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many rows one step of [`SqliteStore::sweep`] deletes: writers wait no longer than that.
const SWEEP_BATCH: u32 = 500;

/// A store in one file, for a house of one process.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
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
        schema::prepare_file(path)?;
        let failed = |error| schema::opening_failed(path, error);
        let options = options().filename(path);
        let writing = options.clone().journal_mode(SqliteJournalMode::Wal);
        let durable = pool(1, writing.clone().synchronous(SqliteSynchronous::Full));
        schema::migrate(&durable, path).await?;
        let relaxed = pool(1, writing.synchronous(SqliteSynchronous::Normal));
        let readers = pool(READERS, options.read_only(true));
        // A file that cannot be read is found out now, not at the first request.
        drop(readers.acquire().await.map_err(failed)?);
        Ok(Self {
            readers,
            writer: Writer::start(durable, relaxed),
            clock,
        })
    }

    /// A store that is gone when it is dropped: for tests.
    ///
    /// # Errors
    ///
    /// When SQLite cannot start.
    pub async fn in_memory(clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        // Every connection to `:memory:` would be another database, so there is only one.
        let only = pool(1, options());
        schema::migrate(&only, Path::new(":memory:")).await?;
        Ok(Self {
            readers: only.clone(),
            writer: Writer::start(only.clone(), only),
            clock,
        })
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
                let statement = sqlx::query(sql).bind(self.now()).bind(SWEEP_BATCH);
                let rows = self.writer.run(statement, Durability::Relaxed).await?.len();
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
        self.readers.close().await;
        self.writer.stop().await;
    }

    fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// A write of a whole entry; the statements take their parameters in this order.
    fn write(&self, sql: &'static str, kind: Kind, key: &str, entry: Entry) -> Statement {
        sqlx::query(sql)
            .bind(kind.as_str())
            .bind(key.to_owned())
            .bind(self.now())
            .bind(entry.body)
            .bind(entry.owner)
            .bind(entry.expires_at.map(|date| date.0))
    }

    /// A read or a removal of one entry.
    fn find(&self, sql: &'static str, kind: Kind, key: &str) -> Statement {
        sqlx::query(sql)
            .bind(kind.as_str())
            .bind(key.to_owned())
            .bind(self.now())
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        let row = self
            .find(schema::GET, kind, key)
            .fetch_optional(&self.readers)
            .await;
        row.map_err(StoreError::unavailable)?
            .as_ref()
            .map(to_entry)
            .transpose()
    }

    async fn put(&self, kind: Kind, key: &str, entry: Entry) -> Result<(), StoreError> {
        let statement = self.write(schema::PUT, kind, key, entry);
        self.writer
            .run(statement, Durability::Durable)
            .await
            .map(drop)
    }

    async fn insert(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        let statement = self.write(schema::INSERT, kind, key, entry);
        Ok(!self
            .writer
            .run(statement, Durability::Durable)
            .await?
            .is_empty())
    }

    async fn replace(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        let version = entry.version;
        let statement = self.write(schema::REPLACE, kind, key, entry).bind(version);
        Ok(!self
            .writer
            .run(statement, Durability::Durable)
            .await?
            .is_empty())
    }

    async fn take(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        let statement = self.find(schema::TAKE, kind, key);
        let rows = self.writer.run(statement, Durability::Durable).await?;
        rows.first().map(to_entry).transpose()
    }

    async fn remove(&self, kind: Kind, key: &str) -> Result<(), StoreError> {
        let statement = sqlx::query(schema::REMOVE)
            .bind(kind.as_str())
            .bind(key.to_owned());
        self.writer
            .run(statement, Durability::Durable)
            .await
            .map(drop)
    }

    async fn list(&self, kind: Kind, by: ListBy<'_>, page: Page) -> Result<Vec<Entry>, StoreError> {
        let sql = match by {
            ListBy::All => schema::LIST_ALL,
            ListBy::Owner(_) => schema::LIST_OF_OWNER,
        };
        let statement = sqlx::query(sql)
            .bind(kind.as_str())
            .bind(self.now())
            .bind(page.below()?)
            .bind(page.limit);
        let statement = match by {
            ListBy::All => statement,
            ListBy::Owner(owner) => statement.bind(owner.to_owned()),
        };
        let rows = statement
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::unavailable)?;
        rows.iter().map(to_entry).collect()
    }

    async fn count(&self, kind: Kind, key: &str, window: Duration) -> Result<u64, StoreError> {
        let window = window.max(Duration::from_secs(1));
        let statement = sqlx::query(schema::COUNT)
            .bind(kind.as_str())
            .bind(key.to_owned())
            .bind(self.now())
            .bind(self.clock.now().plus(window).0);
        let rows = self.writer.run(statement, Durability::Relaxed).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::unavailable("a count gave no answer"))?;
        let count: i64 = row.try_get(0).map_err(StoreError::unavailable)?;
        Ok(count.unsigned_abs())
    }
}

/// What all connections have in common.
fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(":memory:")
        .busy_timeout(PATIENCE)
        // Nothing in the file may run functions: it could have been written by somebody else.
        .pragma("trusted_schema", "OFF")
        // What was removed is overwritten wherever that costs no extra writing.
        .pragma("secure_delete", "FAST")
        .disable_statement_logging()
}

fn pool(connections: u32, options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        // A local file does not hang up, so connections are neither tested nor renewed.
        .test_before_acquire(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(options)
}

/// Reads a row of [`schema`]'s columns.
fn to_entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    let read = || {
        Ok(Entry {
            key: row.try_get(0)?,
            body: row.try_get(1)?,
            version: row.try_get(2)?,
            owner: row.try_get(3)?,
            expires_at: row.try_get::<Option<i64>, _>(4)?.map(NumericDate),
            position: row.try_get(5)?,
        })
    };
    read().map_err(|error: sqlx::Error| StoreError::unavailable(error))
}

#[cfg(test)]
mod tests;
