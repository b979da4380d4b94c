//! The part of a key rotation that is in the file: data keys are wrapped again, page by page.

use std::sync::Arc;

use futures_util::future::join_all;
use rusqlite::Connection;
use tokio::task::spawn_blocking;

use super::change::Turn;
use super::writer::Durability;
use super::{SqliteStore, schema, to_entry};
use crate::collection::associated_data;
use crate::error::StoreError;
use crate::key_ring::KeyRing;
use crate::seal;
use crate::store::Entry;

/// How many records are read at once, and wrapped again in one commit or two.
const PAGE: u32 = 100;

/// What [`SqliteStore::rewrap`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// How many records are under the newer key now.
    pub rewrapped: u64,
    /// How many could not be opened, and stay as they are.
    pub unreadable: u64,
}

impl SqliteStore {
    /// Wraps the data key of every sealed record, of whatever kind, by the key that seals now.
    ///
    /// Readers and writers go on meanwhile. What a record says does not change, and so neither does
    /// its version: who read it before can still replace it after. Whoever is stopped in the middle
    /// begins again and finds only the rest to do.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written; what has been done so far stays done.
    pub async fn rewrap(&self, keys: &KeyRing) -> Result<Rewrapped, StoreError> {
        let mut done = Rewrapped::default();
        let (mut kind, mut key) = (String::new(), String::new());
        loop {
            let (now, newest) = (self.now(), seal::beginnings(&keys.sealing_kid()));
            let page = self.scan(move |connection| {
                let ([old, new], [old_newest, newest]) = (seal::BEGINNINGS, newest);
                let place = (kind, key, now, PAGE, old, new, old_newest, newest);
                let mut statement = connection.prepare_cached(schema::LIST_SEALED)?;
                let rows = statement.query_map(place, |row| Ok((row.get(6)?, to_entry(row)?)))?;
                rows.collect::<rusqlite::Result<Vec<(String, Entry)>>>()
            });
            let page = page.await?;
            let Some((last_kind, last)) = page.last() else {
                return Ok(done);
            };
            (kind, key) = (last_kind.clone(), last.key.clone());
            let mut writes = Vec::with_capacity(page.len());
            for (kind, entry) in page {
                match keys.rewrap(&entry.body, &associated_data(&kind, &entry)) {
                    Ok(body) => writes.push(self.rewrite(kind, entry, body)),
                    Err(_) => done.unreadable += 1,
                }
            }
            for written in join_all(writes).await {
                done.rewrapped += u64::from(written?);
            }
        }
    }

    /// How many records the key `kid` has sealed: while there are any, it must stay in the key ring.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn sealed_by(&self, kid: &str) -> Result<u64, StoreError> {
        let (now, [old, new]) = (self.now(), seal::beginnings(kid));
        let count: i64 = self
            .scan(move |connection| {
                let mut statement = connection.prepare_cached(schema::COUNT_SEALED)?;
                statement.query_row((now, old, new), |row| row.get(0))
            })
            .await?;
        Ok(count.unsigned_abs())
    }

    /// A read that may look at every record: apart, because requests are answered on this thread.
    async fn scan<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        let found = spawn_blocking(move || readers.read(read)).await;
        found.map_err(StoreError::unavailable)?
    }

    /// Durable, although it changes nothing that anybody reads: the older key may be retired as soon
    /// as this is acknowledged.
    async fn rewrite(&self, kind: String, entry: Entry, body: Vec<u8>) -> Result<bool, StoreError> {
        let write = move |turn: &mut Turn<'_>| {
            let mut statement = turn.connection.prepare_cached(schema::REWRITE)?;
            // Nothing is changed of a record that somebody has written or removed meanwhile.
            let rows = statement.execute((&kind, &entry.key, entry.version, body))?;
            turn.gone(&kind, entry.key);
            Ok(rows > 0)
        };
        self.writer.run(Durability::Durable, write).await
    }
}
