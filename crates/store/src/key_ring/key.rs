//! One key of the ring, as what is derived from it (RFC 5869).

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use oauth::time::NumericDate;
use zeroize::Zeroizing;

use crate::key_file::StoredKey;
use crate::seal::cipher;

/// One key; what stands in the file is wiped from memory once this is derived.
pub(crate) struct RingKey {
    /// Its id.
    pub(crate) kid: String,
    pub(super) created_at: NumericDate,
    pub(super) seals_from: NumericDate,
    /// Its nonces are random.
    pub(super) wrapping: LessSafeKey,
    derivation: Prk,
    /// The keys of the purposes that were asked for, few and always the same.
    macs: RwLock<Vec<(String, Arc<hmac::Key>)>>,
}

impl RingKey {
    pub(super) fn of(stored: &StoredKey) -> Self {
        let derivation = Salt::new(HKDF_SHA256, b"sumun key ring").extract(&*stored.material());
        let wrapping = cipher(&expand(&derivation, &[b"wrap"]));
        Self {
            kid: stored.kid.clone(),
            created_at: stored.created_at,
            seals_from: stored.seals_from,
            wrapping,
            derivation,
            macs: RwLock::default(),
        }
    }

    /// The HMAC key for `purpose`.
    pub(crate) fn mac_key(&self, purpose: &str) -> Arc<hmac::Key> {
        let known = |macs: &[(String, Arc<hmac::Key>)]| {
            let (_, key) = macs.iter().find(|(of, _)| of == purpose)?;
            Some(Arc::clone(key))
        };
        let macs = self.macs.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known(&macs) {
            return key;
        }
        drop(macs);
        let mut macs = self.macs.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known(&macs) {
            return key;
        }
        let bytes = expand(&self.derivation, &[b"mac", b"\0", purpose.as_bytes()]);
        let key = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &*bytes));
        macs.push((purpose.to_owned(), Arc::clone(&key)));
        key
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
