//! The keys in use, shared by all who seal and tag, and how they follow the file.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use oauth::time::NumericDate;

use super::key::RingKey;
use crate::error::KeyRingError;
use crate::key_file::{KeyFile, Stamp};

/// The keys in use.
pub(crate) struct Ring {
    keys: RwLock<Keys>,
    path: Option<PathBuf>,
    /// How often the keys may have become others.
    changes: AtomicU64,
}

/// The keys as they were read, and which of them seals.
pub(crate) struct Keys {
    pub(super) all: Vec<RingKey>,
    sealing: usize,
    as_of: NumericDate,
    stamp: Option<Stamp>,
}

impl Keys {
    pub(super) fn new(file: &KeyFile, as_of: NumericDate, stamp: Option<Stamp>) -> Self {
        let mut keys = Self {
            all: file.keys.iter().map(RingKey::of).collect(),
            sealing: 0,
            as_of,
            stamp,
        };
        keys.choose(as_of);
        keys
    }

    /// The last key whose time has come seals. If the clock is behind all of them, it is the first:
    /// whoever shares the key ring has known that one for longest.
    fn choose(&mut self, as_of: NumericDate) {
        let has_come = |key: &RingKey| key.seals_from <= as_of;
        self.as_of = as_of;
        self.sealing = self.all.iter().rposition(has_come).unwrap_or(0);
    }

    /// The key that seals and tags.
    pub(crate) fn sealing(&self) -> &RingKey {
        self.all
            .get(self.sealing)
            .expect("a key ring is never empty: every way in checks it")
    }

    /// Since when the key at `at` only opens; `None` for the key that seals and those to come.
    pub(super) fn superseded_at(&self, at: usize) -> Option<NumericDate> {
        let successors = self.all.get(at + 1..=self.sealing).unwrap_or_default();
        successors.iter().map(|key| key.seals_from).min()
    }

    pub(super) fn is_to_come(&self, at: usize) -> bool {
        at > self.sealing
    }
}

impl Ring {
    pub(super) fn new(keys: Keys, path: Option<PathBuf>) -> Self {
        Self {
            keys: RwLock::new(keys),
            path,
            changes: AtomicU64::new(0),
        }
    }

    pub(super) fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut Keys)) {
        change(&mut self.keys.write().unwrap_or_else(PoisonError::into_inner));
        // Afterwards: whoever sees the number sees the keys.
        self.changes.fetch_add(1, Ordering::Release);
    }

    pub(super) fn install(&self, keys: Keys) {
        self.change(|known| *known = keys);
    }

    /// Adds a key to a ring without a file.
    pub(super) fn push(&self, key: RingKey, now: NumericDate) {
        self.change(|keys| {
            keys.all.push(key);
            keys.choose(now);
        });
    }

    /// Removes a key from a ring without a file.
    pub(super) fn remove(&self, kid: &str, now: NumericDate) {
        self.change(|keys| {
            keys.all.retain(|key| key.kid != kid);
            keys.choose(now);
        });
    }

    /// Reads the file again, and looks which key's time has come.
    pub(super) fn reload(&self, now: NumericDate) -> Result<(), KeyRingError> {
        let Some(path) = &self.path else {
            self.change(|keys| keys.choose(now));
            return Ok(());
        };
        let (file, stamp) = KeyFile::read_existing(path)?;
        self.install(Keys::new(&file, now, Some(stamp)));
        Ok(())
    }

    /// What `use_it` makes of the key `kid`; `None` if there is no such key.
    ///
    /// A key that is not known may have been added by another process, on disk first. So the file
    /// is looked at, and read again if it is another one than before; a value with an invented key
    /// costs no more than that look.
    pub(crate) fn with_key<T>(
        &self,
        kid: &str,
        mut use_it: impl FnMut(&RingKey, &Keys) -> T,
    ) -> Option<T> {
        let mut attempt = || {
            let keys = self.read();
            let key = keys.all.iter().find(|key| key.kid == kid)?;
            Some(use_it(key, &keys))
        };
        attempt().or_else(|| {
            self.follow();
            attempt()
        })
    }

    /// Reads the file again if it has changed. Which key's time has come is for
    /// [`Ring::reload`] to say: this happens at any moment, and needs no clock.
    fn follow(&self) {
        let Some(path) = &self.path else { return };
        let (stamp, as_of) = {
            let keys = self.read();
            (keys.stamp, keys.as_of)
        };
        if Stamp::of(path).is_some_and(|now| Some(now) != stamp)
            // A file that cannot be read is told by the next `reload`, which has somebody to tell.
            && let Ok((file, stamp)) = KeyFile::read_existing(path)
        {
            self.install(Keys::new(&file, as_of, Some(stamp)));
        }
    }
}
