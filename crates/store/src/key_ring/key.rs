//! One key of the ring, as what is derived from it (RFC 5869).

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use oauth::time::NumericDate;
use zeroize::Zeroizing;

use crate::key_file::StoredKey;

/// One key; what stands in the file is wiped from memory once this is derived.
pub(crate) struct RingKey {
    /// Its id.
    pub(crate) kid: String,
    pub(super) created_at: NumericDate,
    pub(super) seals_from: NumericDate,
    pub(super) wrapping: RandomizedNonceKey,
    derivation: Prk,
}

impl RingKey {
    pub(super) fn of(stored: &StoredKey) -> Self {
        let derivation = Salt::new(HKDF_SHA256, b"sumun key ring").extract(&*stored.material());
        let wrapping = RandomizedNonceKey::new(&AES_256_GCM, &*expand(&derivation, &[b"wrap"]))
            .expect("an AES-256 key is 32 bytes");
        Self {
            kid: stored.kid.clone(),
            created_at: stored.created_at,
            seals_from: stored.seals_from,
            wrapping,
            derivation,
        }
    }

    /// The HMAC key for `purpose`.
    pub(crate) fn mac_key(&self, purpose: &str) -> hmac::Key {
        let bytes = expand(&self.derivation, &[b"mac", b"\0", purpose.as_bytes()]);
        hmac::Key::new(hmac::HMAC_SHA256, &*bytes)
    }

    /// The secret for `purpose`.
    pub(crate) fn secret(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        expand(&self.derivation, &[b"secret", b"\0", purpose.as_bytes()])
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
