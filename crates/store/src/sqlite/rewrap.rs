//! The part of a key rotation that is in the file: data keys are wrapped again, page by page.

use futures_util::future::join_all;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

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
            let rows = sqlx::query(schema::LIST_SEALED)
                .bind(kind)
                .bind(key)
                .bind(self.now())
                .bind(seal::BEGINNING.as_bytes())
                .bind(seal::beginning(&keys.sealing_kid()).into_bytes())
                .bind(PAGE)
                .fetch_all(&self.readers)
                .await
                .map_err(StoreError::unavailable)?;
            let page = rows
                .iter()
                .map(to_place)
                .collect::<Result<Vec<_>, StoreError>>()?;
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
        let row = sqlx::query(schema::COUNT_SEALED)
            .bind(self.now())
            .bind(seal::beginning(kid).into_bytes())
            .fetch_one(&self.readers)
            .await
            .map_err(StoreError::unavailable)?;
        let count: i64 = row.try_get(0).map_err(StoreError::unavailable)?;
        Ok(count.unsigned_abs())
    }

    /// Durable, although it changes nothing that anybody reads: the older key may be retired as soon
    /// as this is acknowledged.
    async fn rewrite(&self, kind: String, entry: Entry, body: String) -> Result<bool, StoreError> {
        let statement = sqlx::query(schema::REWRITE)
            .bind(kind)
            .bind(entry.key)
            .bind(entry.version)
            .bind(body.into_bytes());
        // Nothing comes back for a record that somebody has written or removed meanwhile.
        let rows = self.writer.run(statement, Durability::Durable).await?;
        Ok(!rows.is_empty())
    }
}

/// A row of [`schema::LIST_SEALED`]: an entry, and after it its kind.
fn to_place(row: &SqliteRow) -> Result<(String, Entry), StoreError> {
    let kind = row.try_get(6).map_err(StoreError::unavailable)?;
    Ok((kind, to_entry(row)?))
}
