//! The key ring: the keys that seal records and tag handles, and their rotation (RFC 5869).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use oauth::random::Random;
use oauth::time::{Clock, NumericDate};
use zeroize::Zeroizing;

use crate::error::{KeyRingError, SealError};
use crate::key_file::{KeyFile, StoredKey};
use crate::mac::MacKeys;
use crate::seal::{self, Envelope};

/// The keys: the last one seals and tags, all of them open and verify.
///
/// AES-GCM with random nonces stays safe for 2³² values per key; a house that seals ten values a
/// second gets there after 13 years. Rotate once a year, and the question never arises.
pub struct KeyRing {
    keys: Arc<RwLock<Vec<RingKey>>>,
    path: Option<PathBuf>,
}

/// What may be said about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id, which stands in every value that it sealed.
    pub kid: String,
    /// When it was made.
    pub created_at: NumericDate,
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
        let file = match KeyFile::read(path)? {
            Some(file) => file,
            None => KeyFile::create(path, StoredKey::generate(random, clock.now()))?,
        };
        Ok(Self::new(&file, Some(path.to_owned())))
    }

    /// A key ring that lives as long as the process: for tests, and for a house without memory.
    pub fn ephemeral(random: &dyn Random) -> Self {
        let key = StoredKey::generate(random, NumericDate(0));
        Self::new(&KeyFile { keys: vec![key] }, None)
    }

    fn new(file: &KeyFile, path: Option<PathBuf>) -> Self {
        Self {
            keys: Arc::new(RwLock::new(derive_all(file))),
            path,
        }
    }

    /// Adds a new key, on disk first, and seals with it from now on. Returns its id.
    ///
    /// Other processes that use the same file open what it seals after their next
    /// [`KeyRing::reload`].
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written; the keys in use are then the same as before.
    pub fn rotate(&self, random: &dyn Random, clock: &dyn Clock) -> Result<String, KeyRingError> {
        let key = StoredKey::generate(random, clock.now());
        let kid = key.kid.clone();
        match &self.path {
            Some(path) => self.install(derive_all(&KeyFile::append(path, key)?)),
            None => {
                self.keys
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(RingKey::of(&key));
            }
        }
        Ok(kid)
    }

    /// Reads the file again, to follow a rotation by another process.
    ///
    /// # Errors
    ///
    /// When the file cannot be read; the keys in use are then the same as before.
    pub fn reload(&self) -> Result<(), KeyRingError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let file = KeyFile::read(path)?.ok_or_else(|| KeyRingError::Unreadable {
            path: path.clone(),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        self.install(derive_all(&file));
        Ok(())
    }

    /// All keys, oldest first.
    pub fn keys(&self) -> Vec<KeyInfo> {
        let info = |key: &RingKey| KeyInfo {
            kid: key.kid.clone(),
            created_at: key.created_at,
        };
        self.read().iter().map(info).collect()
    }

    /// Seals `plaintext` with the newest key, bound to `aad`.
    ///
    /// The result is text that is safe in URLs, headers and JSON.
    pub fn seal(&self, plaintext: &[u8], aad: &[u8]) -> String {
        let keys = self.read();
        let newest = newest(&keys);
        seal::seal(&newest.kid, &newest.sealing, plaintext, aad)
    }

    /// Opens what [`KeyRing::seal`] made for the same `aad`, with whichever key it was.
    pub fn open(&self, sealed: impl AsRef<[u8]>, aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let envelope = Envelope::parse(sealed.as_ref())?;
        let keys = self.read();
        match keys.iter().find(|key| key.kid == envelope.kid) {
            Some(key) => envelope.open(&key.sealing, aad),
            None => Err(SealError::UnknownKey {
                kid: envelope.kid.to_owned(),
            }),
        }
    }

    /// The keys that tag handles of this purpose, unlike those of any other purpose.
    pub fn mac_key(&self, purpose: &str) -> MacKeys {
        MacKeys::new(Arc::clone(&self.keys), purpose)
    }

    /// Whether the newest key sealed this value.
    pub(crate) fn is_sealed_by_newest(&self, sealed: &[u8]) -> bool {
        Envelope::parse(sealed).is_ok_and(|envelope| envelope.kid == newest(&self.read()).kid)
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<RingKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn install(&self, keys: Vec<RingKey>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.read().iter().map(|key| key.kid.clone()).collect();
        f.debug_struct("KeyRing")
            .field("kids", &kids)
            .finish_non_exhaustive()
    }
}

/// One key, as what is derived from it; the key itself is wiped from memory once it is derived.
pub(crate) struct RingKey {
    /// Its id.
    pub(crate) kid: String,
    created_at: NumericDate,
    sealing: RandomizedNonceKey,
    derivation: Prk,
}

impl RingKey {
    fn of(stored: &StoredKey) -> Self {
        let derivation = Salt::new(HKDF_SHA256, b"sumun key ring").extract(&*stored.material());
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, &*expand(&derivation, &[b"seal"]))
            .expect("an AES-256 key is 32 bytes");
        Self {
            kid: stored.kid.clone(),
            created_at: stored.created_at,
            sealing,
            derivation,
        }
    }

    /// The HMAC key for `purpose`.
    pub(crate) fn mac_key(&self, purpose: &str) -> hmac::Key {
        let bytes = expand(&self.derivation, &[b"mac", b"\0", purpose.as_bytes()]);
        hmac::Key::new(hmac::HMAC_SHA256, &*bytes)
    }
}

/// One key per purpose (RFC 5869 §3.2), so that no use of a key can be turned against another.
fn expand(derivation: &Prk, purpose: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    derivation
        .expand(purpose, HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *bytes))
        .expect("HKDF-SHA256 gives up to 8160 bytes");
    bytes
}

fn derive_all(file: &KeyFile) -> Vec<RingKey> {
    file.keys.iter().map(RingKey::of).collect()
}

fn newest(keys: &[RingKey]) -> &RingKey {
    keys.last()
        .expect("a key ring is never empty: every way in checks it")
}

#[cfg(test)]
mod tests;
