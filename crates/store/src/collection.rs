//! Collections: the typed and, for secret kinds, sealed view of a store.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::Deref;
use std::sync::Arc;

use oauth::time::NumericDate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::key_ring::KeyRing;
use crate::store::{Entry, Kind, ListBy, Page, SharedStore};

/// Something worth remembering, defined by the room whose logic it carries.
pub trait Record: Serialize + DeserializeOwned + Send + Sync {
    /// Its kind, unlike any other record's.
    const KIND: Kind;

    /// Whether a thief of the store must not be able to read it.
    const SEALED: bool = false;

    /// Whose record it is, so that [`ListBy::Owner`] finds it.
    fn owner(&self) -> Option<&str> {
        None
    }

    /// From when on it is absent.
    fn expires_at(&self) -> Option<NumericDate> {
        None
    }

    /// Whether a power loss may undo that it was written a moment ago: so that somebody has less than before,
    /// and has to ask again. What takes something away, or marks that something was used, must stay.
    fn may_be_lost(&self) -> bool {
        false
    }
}

/// A record as it was read, with the version that [`Collection::replace`] expects to find again.
#[derive(Clone, Debug)]
pub struct Versioned<R> {
    /// The record.
    pub record: R,
    /// Its key.
    pub key: String,
    version: i64,
    position: i64,
}

impl<R> Versioned<R> {
    /// The [`Page::before`] that continues a list after this record.
    pub fn cursor(&self) -> String {
        self.position.to_string()
    }
}

impl<R> Deref for Versioned<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.record
    }
}

/// All records of one kind.
pub struct Collection<R> {
    store: SharedStore,
    keys: Arc<KeyRing>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Collection<R> {
    /// The records of kind `R::KIND` in `store`, sealed with `keys` if they are secret.
    pub fn new(store: SharedStore, keys: Arc<KeyRing>) -> Self {
        Self {
            store,
            keys,
            record: PhantomData,
        }
    }

    /// Reads the record.
    pub async fn get(&self, key: &str) -> Result<Option<Versioned<R>>, StoreError> {
        let entry = self.store.get(R::KIND, key).await?;
        entry.map(|entry| self.open(entry)).transpose()
    }

    /// Writes the record, whatever was there before.
    pub async fn put(&self, key: &str, record: &R) -> Result<(), StoreError> {
        self.store.put(R::KIND, key, self.entry(key, record)).await
    }

    /// Writes the record if its key is free; `false` when it is taken.
    pub async fn insert(&self, key: &str, record: &R) -> Result<bool, StoreError> {
        self.store
            .insert(R::KIND, key, self.entry(key, record))
            .await
    }

    /// Writes `next` if `current` is still what is stored; `false` when somebody was faster.
    pub async fn replace(&self, current: &Versioned<R>, next: &R) -> Result<bool, StoreError> {
        let entry = Entry {
            version: current.version,
            ..self.entry(&current.key, next)
        };
        self.store.replace(R::KIND, &current.key, entry).await
    }

    /// Reads and removes the record in one step.
    pub async fn take(&self, key: &str) -> Result<Option<R>, StoreError> {
        let entry = self.store.take(R::KIND, key).await?;
        entry.map(|entry| Ok(self.open(entry)?.record)).transpose()
    }

    /// Removes the record, if it is there.
    pub async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.store.remove(R::KIND, key).await
    }

    /// Lists records, newest first.
    pub async fn list(&self, by: ListBy<'_>, page: Page) -> Result<Vec<Versioned<R>>, StoreError> {
        let entries = self.store.list(R::KIND, by, page).await?;
        entries.into_iter().map(|entry| self.open(entry)).collect()
    }

    fn entry(&self, key: &str, record: &R) -> Entry {
        let body = serde_json::to_vec(record)
            .expect("a record is plain data with string keys, which JSON can always write");
        let mut entry = Entry {
            owner: record.owner().map(str::to_owned),
            expires_at: record.expires_at(),
            may_be_lost: record.may_be_lost(),
            ..Entry::new(key, body)
        };
        if R::SEALED {
            let body = Zeroizing::new(mem::take(&mut entry.body));
            let aad = associated_data(R::KIND.as_str(), &entry);
            entry.body = self.keys.seal(&body, &aad);
        }
        entry
    }

    fn open(&self, entry: Entry) -> Result<Versioned<R>, StoreError> {
        let record = if R::SEALED {
            let aad = associated_data(R::KIND.as_str(), &entry);
            match self.keys.open(&entry.body, &aad) {
                Ok(body) => serde_json::from_slice(&Zeroizing::new(body)),
                Err(source) => {
                    return Err(StoreError::Seal {
                        kind: R::KIND,
                        key: entry.key,
                        source,
                    });
                }
            }
        } else {
            serde_json::from_slice(&entry.body)
        };
        let Entry {
            key,
            version,
            position,
            ..
        } = entry;
        match record {
            Ok(record) => Ok(Versioned {
                record,
                key,
                version,
                position,
            }),
            Err(error) => Err(StoreError::Corrupt {
                kind: R::KIND,
                key,
                category: error.classify(),
                column: error.column(),
            }),
        }
    }
}

/// What a sealed body is bound to: all that is not sealed and outlives a write. So it cannot be moved
/// to another record, given to another owner, or kept for longer.
///
/// A kind never holds a zero byte and a key comes with its length, so that two different places never
/// give the same bytes.
pub(crate) fn associated_data(kind: &str, entry: &Entry) -> Vec<u8> {
    let length = (entry.key.len() as u64).to_be_bytes();
    let mut aad = [kind.as_bytes(), b"\0", &length, entry.key.as_bytes()].concat();
    match entry.expires_at {
        Some(date) => {
            aad.push(1);
            aad.extend_from_slice(&date.0.to_be_bytes());
        }
        None => aad.push(0),
    }
    if let Some(owner) = &entry.owner {
        aad.push(1);
        aad.extend_from_slice(owner.as_bytes());
    }
    aad
}

impl<R> Clone for Collection<R> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            keys: Arc::clone(&self.keys),
            record: PhantomData,
        }
    }
}

impl<R: Record> fmt::Debug for Collection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection")
            .field("kind", &R::KIND.as_str())
            .finish_non_exhaustive()
    }
}
