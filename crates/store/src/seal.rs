//! Sealed values: `v2.<kid>.<data key>.<payload>`, envelope encryption with AES-256-GCM (RFC 5116).
//!
//! Every value has a data key of its own, made when it is sealed. The data key encrypts the
//! payload, and a key of the ring wraps the data key; both are bound to the same associated data.
//! So when the ring's key changes, only the data key is wrapped again: the payload stays as it is,
//! and nobody has to look into it. Both parts are base64url of nonce, ciphertext and tag.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::SealError;

const VERSION: &str = "v2";
const TAG_LEN: usize = 16;
const DATA_KEY_LEN: usize = 32;

/// How the values begin that the key `kid` has sealed, and no others.
pub(crate) fn beginning(kid: &str) -> String {
    format!("{VERSION}.{kid}.")
}

/// How every sealed value begins, and no JSON.
pub(crate) const BEGINNING: &str = "v2.";

/// A sealed value, taken apart but not yet opened.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// Which key wraps its data key.
    pub(crate) kid: &'a str,
    data_key: &'a str,
    payload: &'a str,
}

impl<'a> Envelope<'a> {
    /// Takes a sealed value apart.
    pub(crate) fn parse(sealed: &'a [u8]) -> Result<Self, SealError> {
        let sealed = str::from_utf8(sealed).map_err(|_| SealError::Malformed)?;
        let mut parts = sealed.split('.');
        let mut next = || parts.next().ok_or(SealError::Malformed);
        let (version, kid, data_key, payload) = (next()?, next()?, next()?, next()?);
        if version != VERSION || parts.next().is_some() {
            return Err(SealError::Malformed);
        }
        Ok(Self {
            kid,
            data_key,
            payload,
        })
    }

    /// The plaintext, if `key` wraps its data key and it was sealed for the same `aad`.
    pub(crate) fn open(&self, key: &RandomizedNonceKey, aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let data_key = cipher(&*self.unwrap(key, aad)?);
        decrypt(&data_key, self.payload, aad)
    }

    /// The same value with its data key wrapped by `new`, which is known as `kid`.
    pub(crate) fn rewrap(
        &self,
        old: &RandomizedNonceKey,
        (kid, new): (&str, &RandomizedNonceKey),
        aad: &[u8],
    ) -> Result<String, SealError> {
        let data_key = self.unwrap(old, aad)?;
        Ok(write(kid, &encrypt(new, &*data_key, aad), self.payload))
    }

    fn unwrap(
        &self,
        key: &RandomizedNonceKey,
        aad: &[u8],
    ) -> Result<Zeroizing<[u8; DATA_KEY_LEN]>, SealError> {
        let data_key = Zeroizing::new(decrypt(key, self.data_key, aad)?);
        let data_key = data_key.as_slice().try_into();
        data_key
            .map(Zeroizing::new)
            .map_err(|_| SealError::Malformed)
    }
}

/// Seals `plaintext` for `aad` with a new data key, wrapped by `key`, which is known as `kid`.
pub(crate) fn seal(kid: &str, key: &RandomizedNonceKey, plaintext: &[u8], aad: &[u8]) -> String {
    let mut data_key = Zeroizing::new([0; DATA_KEY_LEN]);
    rand::fill(&mut *data_key)
        .expect("a machine without randomness cannot keep secrets, so there is no way on");
    let payload = encrypt(&cipher(&data_key), plaintext, aad);
    write(kid, &encrypt(key, &*data_key, aad), &payload)
}

fn write(kid: &str, data_key: &str, payload: &str) -> String {
    [VERSION, kid, data_key, payload].join(".")
}

fn cipher(key: &[u8; DATA_KEY_LEN]) -> RandomizedNonceKey {
    RandomizedNonceKey::new(&AES_256_GCM, key).expect("an AES-256 key is 32 bytes")
}

/// Base64url of nonce, ciphertext and tag.
fn encrypt(key: &RandomizedNonceKey, plaintext: &[u8], aad: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
    bytes.extend_from_slice(&[0; NONCE_LEN]);
    bytes.extend_from_slice(plaintext);
    let (nonce, tag) = key
        .seal_in_place_separate_tag(Aad::from(aad), &mut bytes[NONCE_LEN..])
        .expect("AES-GCM fails only beyond 64 GiB, which no record reaches");
    bytes[..NONCE_LEN].copy_from_slice(nonce.as_ref());
    bytes.extend_from_slice(tag.as_ref());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What [`encrypt`] made of with the same key and associated data.
fn decrypt(key: &RandomizedNonceKey, text: &str, aad: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut bytes = URL_SAFE_NO_PAD
        .decode(text)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> RandomizedNonceKey {
        cipher(&[byte; 32])
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
        let (one, two) = (
            seal("k1", &key(1), b"value", b""),
            seal("k1", &key(1), b"value", b""),
        );
        for (one, two) in one.split('.').zip(two.split('.')).skip(2) {
            assert_ne!(one, two);
        }
    }

    #[test]
    fn rewrapping_changes_the_key_and_not_the_payload() {
        let sealed = seal("k1", &key(1), b"value", b"aad");
        let envelope = Envelope::parse(sealed.as_bytes()).unwrap();
        let rewrapped = envelope.rewrap(&key(1), ("k2", &key(2)), b"aad").unwrap();
        assert!(rewrapped.starts_with(&beginning("k2")));
        assert_eq!(
            rewrapped.rsplit('.').next().unwrap(),
            sealed.rsplit('.').next().unwrap()
        );
        assert_eq!(open(&rewrapped, &key(2), b"aad").unwrap(), b"value");
        assert_eq!(open(&rewrapped, &key(1), b"aad"), Err(SealError::Forged));
        let elsewhere = envelope.rewrap(&key(1), ("k2", &key(2)), b"other");
        assert_eq!(elsewhere, Err(SealError::Forged));
    }

    #[test]
    fn a_data_key_of_another_value_opens_nothing() {
        let (one, two) = (
            seal("k1", &key(1), b"one", b"aad"),
            seal("k1", &key(1), b"two", b"aad"),
        );
        let data_key = one.split('.').nth(2).unwrap();
        let payload = two.split('.').nth(3).unwrap();
        let mixed = write("k1", data_key, payload);
        assert_eq!(open(&mixed, &key(1), b"aad"), Err(SealError::Forged));
    }

    #[test]
    fn an_envelope_of_another_form_is_malformed() {
        let sealed = seal("k1", &key(1), b"value", b"");
        let rest = sealed.strip_prefix(BEGINNING).unwrap();
        let (data_key, payload) = rest.rsplit_once('.').unwrap();
        for other in [
            String::new(),
            "v2.k1".into(),
            "v2.k1.".into(),
            "v2.k1..".into(),
            "v2.k1.AAAA.AAAA".into(),
            format!("v1.{rest}"),
            format!("v2.{data_key}"),
            format!("v2.{rest}.more"),
            format!("v2.{rest}="),
            format!("v2.{rest} "),
            format!("v2.{data_key} .{payload}"),
        ] {
            assert_eq!(
                open(&other, &key(1), b""),
                Err(SealError::Malformed),
                "{other:?}"
            );
        }
        // A wrapped value that is no data key.
        let wrapped = encrypt(&key(1), b"short", b"");
        let other = write("k1", &wrapped, payload);
        assert_eq!(open(&other, &key(1), b""), Err(SealError::Malformed));
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
            part in 2usize..4,
            at in any::<prop::sample::Index>(),
            flip in 1u8..=255,
        ) {
            let sealed = seal("k1", &key(1), b"some value", b"aad");
            let parts: Vec<_> = sealed.split('.').collect();
            let with = |bytes: &[u8]| {
                let changed = URL_SAFE_NO_PAD.encode(bytes);
                let mut parts = parts.clone();
                parts[part] = &changed;
                parts.join(".")
            };
            let mut bytes = URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
            let at = at.index(bytes.len());
            prop_assert!(open(&with(&bytes[..at]), &key(1), b"aad").is_err());
            bytes[at] ^= flip;
            prop_assert_eq!(open(&with(&bytes), &key(1), b"aad"), Err(SealError::Forged));
        }

        #[test]
        fn garbage_never_panics(
            garbage in any::<Vec<u8>>(),
            text in "v2\\.[a-z0-9]{0,3}\\.[\\w=-]{0,80}\\.[\\w.=-]{0,80}",
        ) {
            prop_assert!(Envelope::parse(&garbage).and_then(|e| e.open(&key(1), b"")).is_err());
            prop_assert!(open(&text, &key(1), b"").is_err());
        }
    }
}
