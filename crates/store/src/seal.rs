//! Sealed values: `v1.<kid>.<base64url(nonce ‖ ciphertext ‖ tag)>`, AES-256-GCM (RFC 5116).

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::SealError;

const VERSION: &str = "v1";
const TAG_LEN: usize = 16;

/// A sealed value, taken apart but not yet opened.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// Which key sealed it.
    pub(crate) kid: &'a str,
    payload: &'a str,
}

impl<'a> Envelope<'a> {
    /// Takes a sealed value apart.
    pub(crate) fn parse(sealed: &'a [u8]) -> Result<Self, SealError> {
        let sealed = str::from_utf8(sealed).map_err(|_| SealError::Malformed)?;
        let mut parts = sealed.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(VERSION), Some(kid), Some(payload), None) => Ok(Self { kid, payload }),
            _ => Err(SealError::Malformed),
        }
    }

    /// The plaintext, if `key` sealed it for the same `aad`.
    pub(crate) fn open(&self, key: &RandomizedNonceKey, aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut bytes = URL_SAFE_NO_PAD
            .decode(self.payload)
            .map_err(|_| SealError::Malformed)?;
        if bytes.len() < NONCE_LEN + TAG_LEN {
            return Err(SealError::Malformed);
        }
        let (nonce, ciphertext) = bytes.split_at_mut(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Malformed)?;
        let plaintext = key
            .open_in_place(nonce, Aad::from(aad), ciphertext)
            .map_err(|_| SealError::Forged)?;
        let end = NONCE_LEN + plaintext.len();
        bytes.truncate(end);
        bytes.drain(..NONCE_LEN);
        Ok(bytes)
    }
}

/// Seals `plaintext` for `aad` with `key`, which is known as `kid`.
pub(crate) fn seal(kid: &str, key: &RandomizedNonceKey, plaintext: &[u8], aad: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
    bytes.extend_from_slice(&[0; NONCE_LEN]);
    bytes.extend_from_slice(plaintext);
    let (nonce, tag) = key
        .seal_in_place_separate_tag(Aad::from(aad), &mut bytes[NONCE_LEN..])
        .expect("AES-GCM fails only beyond 64 GiB, which no record reaches");
    bytes[..NONCE_LEN].copy_from_slice(nonce.as_ref());
    bytes.extend_from_slice(tag.as_ref());
    format!("{VERSION}.{kid}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::AES_256_GCM;
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> RandomizedNonceKey {
        RandomizedNonceKey::new(&AES_256_GCM, &[byte; 32]).unwrap()
    }

    fn open(sealed: &str, key: &RandomizedNonceKey, aad: &[u8]) -> Result<Vec<u8>, SealError> {
        Envelope::parse(sealed.as_bytes())?.open(key, aad)
    }

    #[test]
    fn a_value_opens_only_with_its_key_and_for_its_purpose() {
        let sealed = seal("k1", &key(1), b"value", b"credential\0alice");
        assert_eq!(
            open(&sealed, &key(1), b"credential\0alice").unwrap(),
            b"value"
        );
        assert_eq!(
            open(&sealed, &key(1), b"credential\0bob"),
            Err(SealError::Forged)
        );
        assert_eq!(
            open(&sealed, &key(2), b"credential\0alice"),
            Err(SealError::Forged)
        );
    }

    #[test]
    fn the_same_value_never_looks_the_same() {
        assert_ne!(
            seal("k1", &key(1), b"value", b""),
            seal("k1", &key(1), b"value", b"")
        );
    }

    #[test]
    fn an_envelope_of_another_form_is_malformed() {
        let sealed = seal("k1", &key(1), b"value", b"");
        let payload = sealed.rsplit('.').next().unwrap();
        for other in [
            String::new(),
            "v1.k1".into(),
            "v1.k1.".into(),
            "v1.k1.AAAA".into(),
            format!("v2.k1.{payload}"),
            format!("v1.k1.{payload}.more"),
            format!("v1.k1.{payload}="),
            format!("v1.k1.{payload} "),
        ] {
            assert_eq!(
                open(&other, &key(1), b""),
                Err(SealError::Malformed),
                "{other:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_opens(
            plaintext in proptest::collection::vec(any::<u8>(), 0..300),
            aad in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let sealed = seal("k1", &key(1), &plaintext, &aad);
            prop_assert_eq!(open(&sealed, &key(1), &aad).unwrap(), plaintext);
        }

        #[test]
        fn a_changed_or_shortened_value_does_not_open(
            at in any::<prop::sample::Index>(),
            flip in 1u8..=255,
        ) {
            let sealed = seal("k1", &key(1), b"some value", b"aad");
            let payload = sealed.rsplit('.').next().unwrap();
            let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap();
            let at = at.index(bytes.len());
            let shortened = format!("v1.k1.{}", URL_SAFE_NO_PAD.encode(&bytes[..at]));
            prop_assert!(open(&shortened, &key(1), b"aad").is_err());
            let mut changed = bytes;
            changed[at] ^= flip;
            let changed = format!("v1.k1.{}", URL_SAFE_NO_PAD.encode(changed));
            prop_assert_eq!(open(&changed, &key(1), b"aad"), Err(SealError::Forged));
        }

        #[test]
        fn garbage_never_panics(garbage in any::<Vec<u8>>(), text in "v1\\.[a-z0-9]{0,3}\\.[\\w.=-]{0,80}") {
            prop_assert!(Envelope::parse(&garbage).and_then(|e| e.open(&key(1), b"")).is_err());
            prop_assert!(open(&text, &key(1), b"").is_err());
        }
    }
}
