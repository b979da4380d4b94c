//! Collections: the typed and, for secret kinds, sealed view of a store.

use std::fmt;
use std::marker::PhantomData;
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

    /// Seals every record again that an older key than the newest has sealed, and says how many.
    ///
    /// After this, the older keys may leave the key ring.
    pub async fn reseal(&self) -> Result<u64, StoreError> {
        let mut resealed = 0;
        if !R::SEALED {
            return Ok(resealed);
        }
        let mut page = Page::default();
        loop {
            let entries = self.store.list(R::KIND, ListBy::All, page.clone()).await?;
            let Some(last) = entries.last() else {
                return Ok(resealed);
            };
            page.before = Some(last.cursor());
            for entry in entries {
                if !self.keys.is_sealed_by_newest(&entry.body) {
                    let old = self.open(entry)?;
                    // Whoever writes the record in the meantime seals it with the newest key.
                    resealed += u64::from(self.replace(&old, &old.record).await?);
                }
            }
        }
    }

    fn entry(&self, key: &str, record: &R) -> Entry {
        let body = serde_json::to_vec(record)
            .expect("a record is plain data with string keys, which JSON can always write");
        let body = if R::SEALED {
            let body = Zeroizing::new(body);
            self.keys
                .seal(&body, &associated_data(R::KIND, key))
                .into_bytes()
        } else {
            body
        };
        Entry {
            owner: record.owner().map(str::to_owned),
            expires_at: record.expires_at(),
            ..Entry::new(key, body)
        }
    }

    fn open(&self, entry: Entry) -> Result<Versioned<R>, StoreError> {
        let Entry {
            key,
            body,
            version,
            position,
            ..
        } = entry;
        let record = if R::SEALED {
            match self.keys.open(&body, &associated_data(R::KIND, &key)) {
                Ok(body) => serde_json::from_slice(&Zeroizing::new(body)),
                Err(source) => {
                    return Err(StoreError::Seal {
                        kind: R::KIND,
                        key,
                        source,
                    });
                }
            }
        } else {
            serde_json::from_slice(&body)
        };
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

/// What a sealed body is bound to, so that it cannot be moved to another record.
///
/// A kind never holds a zero byte, so two different records never give the same bytes.
fn associated_data(kind: Kind, key: &str) -> Vec<u8> {
    [kind.as_str().as_bytes(), b"\0", key.as_bytes()].concat()
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
