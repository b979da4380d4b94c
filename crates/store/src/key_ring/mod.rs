//! The key ring: the keys that seal records and tag handles, and their rotation.

mod key;
mod ring;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oauth::random::Random;
use oauth::time::{Clock, NumericDate};
use zeroize::Zeroizing;

use crate::error::{KeyRingError, SealError};
use crate::key_file::{KeyFile, StoredKey};
use crate::mac::MacKeys;
use crate::seal::{self, Envelope};
use key::RingKey;
use ring::Keys;
pub(crate) use ring::Ring;

/// The keys: one seals and tags, all of them open and verify.
///
/// AES-GCM with random nonces stays safe for 2³² values per key; a house that seals ten values a
/// second gets there after 13 years. Rotate once a year, and the question never arises.
pub struct KeyRing {
    ring: Arc<Ring>,
}

/// What may be said about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id, which stands in every value that it sealed.
    pub kid: String,
    /// When it was made.
    pub created_at: NumericDate,
    /// What it is used for.
    pub usage: KeyUsage,
}

/// What a key of the ring is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsage {
    /// It opens, and will seal from this moment on.
    SealsFrom(NumericDate),
    /// It seals and tags.
    Seals,
    /// It opens what it has sealed before this moment.
    OpensUntilRetired {
        /// Since when another key seals.
        since: NumericDate,
    },
}

impl KeyRing {
    /// Opens the key ring in the file `path`, or makes one with a first key if there is no file.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::TooOpen`] when others may read the file; else, when it cannot be read, or
    /// not be made.
    pub fn open_or_create(
        path: &Path,
        random: &dyn Random,
        clock: &dyn Clock,
    ) -> Result<Self, KeyRingError> {
        let now = clock.now();
        let (file, stamp) = match KeyFile::read(path)? {
            Some(read) => read,
            None => KeyFile::create(path, StoredKey::generate(random, now, now))?,
        };
        let keys = Keys::new(&file, now, Some(stamp));
        let ring = Arc::new(Ring::new(keys, Some(path.to_owned())));
        Ok(Self { ring })
    }

    /// A key ring that lives as long as the process: for tests, and for a house without memory.
    pub fn ephemeral(random: &dyn Random) -> Self {
        let now = NumericDate(0);
        let file = KeyFile {
            keys: vec![StoredKey::generate(random, now, now)],
        };
        let ring = Arc::new(Ring::new(Keys::new(&file, now, None), None));
        Self { ring }
    }

    /// Adds a new key, on disk first, which seals as soon as `delay` is over. Returns its id.
    ///
    /// Processes that share the file can use the new key at once. The delay is for those that have
    /// a copy of it: they must know the key before somebody else seals with it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written; the keys in use are then the same as before.
    pub fn rotate(
        &self,
        random: &dyn Random,
        clock: &dyn Clock,
        delay: Duration,
    ) -> Result<String, KeyRingError> {
        let now = clock.now();
        let key = StoredKey::generate(random, now, now.plus(delay));
        let kid = key.kid.clone();
        if let Some(path) = self.ring.path() {
            let (file, stamp) = KeyFile::append(path, key)?;
            self.ring.install(Keys::new(&file, now, Some(stamp)));
        } else {
            self.ring.push(RingKey::of(&key), now);
        }
        Ok(kid)
    }

    /// Takes a key out of the file. What it has sealed cannot be opened any more, by anybody.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::InUse`] for a key that seals or will seal; else, when the file cannot be
    /// read or written. The keys in use are then the same as before.
    pub fn retire(&self, kid: &str, clock: &dyn Clock) -> Result<(), KeyRingError> {
        self.reload(clock)?;
        let is_spare = |key: &KeyInfo| {
            key.kid == kid && matches!(key.usage, KeyUsage::OpensUntilRetired { .. })
        };
        if !self.keys().iter().any(is_spare) {
            return Err(KeyRingError::InUse {
                kid: kid.to_owned(),
            });
        }
        if let Some(path) = self.ring.path() {
            let (file, stamp) = KeyFile::remove(path, kid)?;
            self.ring
                .install(Keys::new(&file, clock.now(), Some(stamp)));
        } else {
            self.ring.remove(kid, clock.now());
        }
        Ok(())
    }

    /// Reads the file again, to follow a rotation by another process, and lets a key seal whose time
    /// has come. Call it every minute or so.
    ///
    /// # Errors
    ///
    /// When the file cannot be read; the keys in use are then the same as before.
    pub fn reload(&self, clock: &dyn Clock) -> Result<(), KeyRingError> {
        self.ring.reload(clock.now())
    }

    /// All keys, oldest first.
    pub fn keys(&self) -> Vec<KeyInfo> {
        let keys = self.ring.read();
        let usage = |at, key: &RingKey| match keys.superseded_at(at) {
            Some(since) => KeyUsage::OpensUntilRetired { since },
            None if keys.is_to_come(at) => KeyUsage::SealsFrom(key.seals_from),
            None => KeyUsage::Seals,
        };
        let info = |(at, key): (usize, &RingKey)| KeyInfo {
            kid: key.kid.clone(),
            created_at: key.created_at,
            usage: usage(at, key),
        };
        keys.all.iter().enumerate().map(info).collect()
    }

    /// Seals `plaintext` with the key that seals now, bound to `aad`.
    pub fn seal(&self, plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
        let keys = self.ring.read();
        let key = keys.sealing();
        seal::seal(&key.kid, &key.wrapping, plaintext, aad)
    }

    /// Opens what [`KeyRing::seal`] made for the same `aad`, with whichever key it was.
    pub fn open(&self, sealed: impl AsRef<[u8]>, aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let envelope = Envelope::parse(sealed.as_ref())?;
        let open = |key: &RingKey, _: &Keys| envelope.open(&key.wrapping, aad);
        self.ring
            .with_key(envelope.kid, open)
            .unwrap_or_else(|| Err(unknown(&envelope)))
    }

    /// The same sealed value under the key that seals now, without a look at what is in it.
    pub(crate) fn rewrap(&self, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let envelope = Envelope::parse(sealed)?;
        let rewrap = |key: &RingKey, keys: &Keys| {
            let newer = keys.sealing();
            envelope.rewrap(&key.wrapping, (&newer.kid, &newer.wrapping), aad)
        };
        self.ring
            .with_key(envelope.kid, rewrap)
            .unwrap_or_else(|| Err(unknown(&envelope)))
    }

    /// The id of the key that seals now.
    pub(crate) fn sealing_kid(&self) -> String {
        self.ring.read().sealing().kid.clone()
    }

    /// The secrets of this purpose with the ids of their keys, for those who encrypt by themselves: first
    /// that of the key that seals now, then those of the others. They are unlike those of any other
    /// purpose, and follow the ring: when [`changes`](Self::changes) says another number, ask again.
    pub fn secrets(&self, purpose: &str) -> Vec<(String, Zeroizing<[u8; 32]>)> {
        let keys = self.ring.read();
        let sealing = keys.sealing();
        let others = keys.all.iter().rev().filter(|key| key.kid != sealing.kid);
        std::iter::once(sealing)
            .chain(others)
            .map(|key| (key.kid.clone(), key.secret(purpose)))
            .collect()
    }

    /// How often the keys may have become others: by a rotation, a retirement, or because the file was read again.
    pub fn changes(&self) -> u64 {
        self.ring.changes()
    }

    /// The keys that tag handles of this purpose, unlike those of any other purpose.
    pub fn mac_key(&self, purpose: &str) -> MacKeys {
        MacKeys::new(Arc::clone(&self.ring), purpose)
    }
}

fn unknown(envelope: &Envelope<'_>) -> SealError {
    SealError::UnknownKey {
        kid: envelope.kid.to_owned(),
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.ring.read();
        let kids: Vec<_> = keys.all.iter().map(|key| &key.kid).collect();
        f.debug_struct("KeyRing")
            .field("kids", &kids)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
