//! Sealed values: envelope encryption with AES-256-GCM (RFC 5116).
//!
//! Every value has a data key of its own, made when it is sealed. The data key encrypts the
//! payload, and a key of the ring wraps the data key; both are bound to the same associated data.
//! So when the ring's key changes, only the data key is wrapped again: the payload stays as it is,
//! and nobody has to look into it.
//!
//! `v3.<kid>.` is followed by the wrapped data key (nonce, ciphertext, tag) and the payload
//! (ciphertext, tag). A data key encrypts one value in its life, so it needs no nonce but zero.
//! Values of before are `v2.<kid>.<data key>.<payload>`, both parts base64url of nonce, ciphertext
//! and tag: they are opened and wrapped again, and not made any more.

use std::borrow::Cow;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::SealError;

const TAG_LEN: usize = 16;
const DATA_KEY_LEN: usize = 32;
const WRAPPED_LEN: usize = NONCE_LEN + DATA_KEY_LEN + TAG_LEN;

/// How sealed values begin, those of before and those of now, and no JSON.
pub(crate) const BEGINNINGS: [&[u8]; 2] = [b"v2.", b"v3."];

/// How the values begin that the key `kid` has sealed, and no others.
pub(crate) fn beginnings(kid: &str) -> [Vec<u8>; 2] {
    BEGINNINGS.map(|version| [version, kid.as_bytes(), b"."].concat())
}

/// A sealed value, taken apart but not yet opened.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// Which key wraps its data key.
    pub(crate) kid: &'a str,
    /// Nonce, ciphertext and tag.
    data_key: Cow<'a, [u8]>,
    payload: Payload<'a>,
}

#[derive(Debug)]
enum Payload<'a> {
    /// Ciphertext and tag.
    Bytes(&'a [u8]),
    /// Nonce, ciphertext and tag in base64url.
    Text(&'a str),
}

impl<'a> Envelope<'a> {
    /// Takes a sealed value apart.
    pub(crate) fn parse(sealed: &'a [u8]) -> Result<Self, SealError> {
        let parsed = if let Some(rest) = sealed.strip_prefix(b"v3.") {
            Self::parse_bytes(rest)
        } else {
            Self::parse_text(sealed)
        };
        parsed.ok_or(SealError::Malformed)
    }

    fn parse_bytes(rest: &'a [u8]) -> Option<Self> {
        let end = rest.iter().position(|&byte| byte == b'.')?;
        let (kid, rest) = rest.split_at(end);
        let (data_key, payload) = rest[1..].split_at_checked(WRAPPED_LEN)?;
        Some(Self {
            kid: str::from_utf8(kid).ok()?,
            data_key: data_key.into(),
            payload: Payload::Bytes(payload),
        })
    }

    fn parse_text(sealed: &'a [u8]) -> Option<Self> {
        let mut parts = str::from_utf8(sealed).ok()?.split('.');
        let (version, kid) = (parts.next()?, parts.next()?);
        let (data_key, payload) = (parts.next()?, parts.next()?);
        let is_whole = version == "v2" && parts.next().is_none();
        is_whole.then_some(Self {
            kid,
            data_key: URL_SAFE_NO_PAD.decode(data_key).ok()?.into(),
            payload: Payload::Text(payload),
        })
    }

    /// The plaintext, if `key` wraps its data key and it was sealed for the same `aad`.
    pub(crate) fn open(&self, key: &LessSafeKey, aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let data_key = cipher(&*self.unwrap(key, aad)?);
        match self.payload {
            Payload::Bytes(payload) => decrypt(&data_key, [0; NONCE_LEN], payload.to_vec(), aad),
            Payload::Text(payload) => {
                let payload = URL_SAFE_NO_PAD.decode(payload);
                decrypt_after_nonce(&data_key, &payload.map_err(|_| SealError::Malformed)?, aad)
            }
        }
    }

    /// The same value with its data key wrapped by `new`, which is known as `kid`.
    pub(crate) fn rewrap(
        &self,
        old: &LessSafeKey,
        (kid, new): (&str, &LessSafeKey),
        aad: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let data_key = self.unwrap(old, aad)?;
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce);
        let mut wrapped = Vec::with_capacity(WRAPPED_LEN);
        wrap(&mut wrapped, new, nonce, &data_key, aad);
        Ok(match self.payload {
            Payload::Bytes(payload) => [b"v3.", kid.as_bytes(), b".", &wrapped, payload].concat(),
            Payload::Text(payload) => {
                let wrapped = URL_SAFE_NO_PAD.encode(wrapped);
                ["v2", kid, &wrapped, payload].join(".").into_bytes()
            }
        })
    }

    fn unwrap(
        &self,
        key: &LessSafeKey,
        aad: &[u8],
    ) -> Result<Zeroizing<[u8; DATA_KEY_LEN]>, SealError> {
        let data_key = Zeroizing::new(decrypt_after_nonce(key, &self.data_key, aad)?);
        let data_key = data_key.as_slice().try_into();
        data_key
            .map(Zeroizing::new)
            .map_err(|_| SealError::Malformed)
    }
}

/// Seals `plaintext` for `aad` with a new data key, wrapped by `key`, which is known as `kid`.
pub(crate) fn seal(kid: &str, key: &LessSafeKey, plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
    // All that is random at once: asking for it costs more than encrypting.
    let mut random = Zeroizing::new([0; DATA_KEY_LEN + NONCE_LEN]);
    fill(&mut *random);
    let (data_key, nonce) = random
        .split_first_chunk::<DATA_KEY_LEN>()
        .expect("it is long enough");
    let nonce = nonce.try_into().expect("the rest is the nonce");
    let rest = WRAPPED_LEN + plaintext.len() + TAG_LEN;
    let mut sealed = Vec::with_capacity(BEGINNINGS[1].len() + kid.len() + 1 + rest);
    for part in [BEGINNINGS[1], kid.as_bytes(), b"."] {
        sealed.extend_from_slice(part);
    }
    wrap(&mut sealed, key, nonce, data_key, aad);
    append_encrypted(
        &mut sealed,
        &cipher(data_key),
        [0; NONCE_LEN],
        plaintext,
        aad,
    );
    sealed
}

fn fill(random: &mut [u8]) {
    rand::fill(random)
        .expect("a machine without randomness cannot keep secrets, so there is no way on");
}

/// A cipher with this key, which must not meet the same nonce twice.
pub(crate) fn cipher(key: &[u8; DATA_KEY_LEN]) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, key).expect("an AES-256 key is 32 bytes");
    LessSafeKey::new(key)
}

/// Appends nonce, ciphertext and tag of a data key.
fn wrap(
    sealed: &mut Vec<u8>,
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    data_key: &[u8; DATA_KEY_LEN],
    aad: &[u8],
) {
    sealed.extend_from_slice(&nonce);
    append_encrypted(sealed, key, nonce, data_key, aad);
}

/// Appends ciphertext and tag.
fn append_encrypted(
    sealed: &mut Vec<u8>,
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    plaintext: &[u8],
    aad: &[u8],
) {
    let begin = sealed.len();
    sealed.extend_from_slice(plaintext);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut sealed[begin..])
        .expect("AES-GCM fails only beyond 64 GiB, which no record reaches");
    sealed.extend_from_slice(tag.as_ref());
}

fn decrypt_after_nonce(key: &LessSafeKey, bytes: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, bytes) = bytes.split_first_chunk().ok_or(SealError::Malformed)?;
    decrypt(key, *nonce, bytes.to_vec(), aad)
}

fn decrypt(
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    mut bytes: Vec<u8>,
    aad: &[u8],
) -> Result<Vec<u8>, SealError> {
    if bytes.len() < TAG_LEN {
        return Err(SealError::Malformed);
    }
    let nonce = Nonce::assume_unique_for_key(nonce);
    let plaintext = key
        .open_in_place(nonce, Aad::from(aad), &mut bytes)
        .map_err(|_| SealError::Forged)?;
    let end = plaintext.len();
    bytes.truncate(end);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> LessSafeKey {
        cipher(&[byte; 32])
    }

    /// A value as it was sealed before.
    fn seal_text(kid: &str, key: &LessSafeKey, plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
        let encrypt = |key: &LessSafeKey, plaintext: &[u8]| {
            let mut nonce = [0; NONCE_LEN];
            fill(&mut nonce);
            let mut bytes = nonce.to_vec();
            append_encrypted(&mut bytes, key, nonce, plaintext, aad);
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let data_key = [7; DATA_KEY_LEN];
        let (wrapped, payload) = (
            encrypt(key, &data_key),
            encrypt(&cipher(&data_key), plaintext),
        );
        ["v2", kid, &wrapped, &payload].join(".").into_bytes()
    }

    type Seal = fn(&str, &LessSafeKey, &[u8], &[u8]) -> Vec<u8>;

    /// The form of before, and that of now.
    const SEALS: [Seal; 2] = [seal_text, seal];

    fn open(sealed: &[u8], key: &LessSafeKey, aad: &[u8]) -> Result<Vec<u8>, SealError> {
        Envelope::parse(sealed)?.open(key, aad)
    }

    /// Everything before the payload, the data key without its nonce, and the payload of a value that
    /// was sealed by `k1`.
    fn parts(sealed: &[u8]) -> (&[u8], &[u8], &[u8]) {
        let (head, payload) = sealed.split_at("v3.k1.".len() + WRAPPED_LEN);
        (head, &head["v3.k1.".len() + NONCE_LEN..], payload)
    }

    #[test]
    fn a_value_opens_only_with_its_key_and_for_its_purpose() {
        for seal in SEALS {
            let sealed = seal("k1", &key(1), b"value", b"credential\0alice");
            let open = |key, aad: &[u8]| open(&sealed, &key, aad);
            assert_eq!(open(key(1), b"credential\0alice").unwrap(), b"value");
            assert_eq!(open(key(1), b"credential\0bob"), Err(SealError::Forged));
            assert_eq!(open(key(2), b"credential\0alice"), Err(SealError::Forged));
        }
    }

    #[test]
    fn the_same_value_never_looks_the_same() {
        let (one, two) = (
            seal("k1", &key(1), b"value", b""),
            seal("k1", &key(1), b"value", b""),
        );
        let ((head, data_key, payload), (other_head, other_data_key, other_payload)) =
            (parts(&one), parts(&two));
        assert_ne!(head[6..6 + NONCE_LEN], other_head[6..6 + NONCE_LEN]);
        assert_ne!(data_key, other_data_key);
        assert_ne!(payload, other_payload);
    }

    #[test]
    fn rewrapping_changes_the_key_and_not_the_payload() {
        for seal in SEALS {
            let sealed = seal("k1", &key(1), b"value", b"aad");
            let envelope = Envelope::parse(&sealed).unwrap();
            let rewrapped = envelope.rewrap(&key(1), ("k2", &key(2)), b"aad").unwrap();
            assert!(
                beginnings("k2")
                    .iter()
                    .any(|new| rewrapped.starts_with(new))
            );
            assert_eq!(rewrapped[..3], sealed[..3], "it keeps its form");
            assert_eq!(rewrapped.len(), sealed.len());
            let payload = sealed.len() - b"value".len() - TAG_LEN;
            assert_eq!(rewrapped[payload..], sealed[payload..]);
            assert_eq!(open(&rewrapped, &key(2), b"aad").unwrap(), b"value");
            assert_eq!(open(&rewrapped, &key(1), b"aad"), Err(SealError::Forged));
            let elsewhere = envelope.rewrap(&key(1), ("k2", &key(2)), b"other");
            assert_eq!(elsewhere, Err(SealError::Forged));
        }
    }

    #[test]
    fn a_data_key_of_another_value_opens_nothing() {
        let (one, two) = (
            seal("k1", &key(1), b"one", b"aad"),
            seal("k1", &key(1), b"two", b"aad"),
        );
        let mixed = [parts(&one).0, parts(&two).2].concat();
        assert_eq!(open(&mixed, &key(1), b"aad"), Err(SealError::Forged));
    }

    #[test]
    fn an_envelope_of_another_form_is_malformed() {
        let sealed = seal("k1", &key(1), b"value", b"");
        let text = String::from_utf8(seal_text("k1", &key(1), b"value", b"")).unwrap();
        let rest = text.strip_prefix("v2.").unwrap();
        let (data_key, payload) = rest.rsplit_once('.').unwrap();
        for other in [
            String::new(),
            "v2.k1".into(),
            "v2.k1.".into(),
            "v2.k1..".into(),
            "v2.k1.AAAA.AAAA".into(),
            "v3.".into(),
            "v3.k1".into(),
            "v3.k1.".into(),
            "v3.k1.short".into(),
            format!("v1.{rest}"),
            format!("v2.{data_key}"),
            format!("v2.{rest}.more"),
            format!("v2.{rest}="),
            format!("v2.{rest} "),
            format!("v2.{data_key} .{payload}"),
        ] {
            let opened = open(other.as_bytes(), &key(1), b"");
            assert_eq!(opened, Err(SealError::Malformed), "{other:?}");
        }
        // A payload that has no tag.
        let cut = &sealed[..sealed.len() - b"value".len() - 1];
        assert_eq!(open(cut, &key(1), b""), Err(SealError::Malformed));
        // A wrapped value that is no data key.
        let mut wrapped = vec![0; NONCE_LEN];
        append_encrypted(&mut wrapped, &key(1), [0; NONCE_LEN], b"short", b"");
        let other = ["v2", "k1", &URL_SAFE_NO_PAD.encode(wrapped), payload].join(".");
        let opened = open(other.as_bytes(), &key(1), b"");
        assert_eq!(opened, Err(SealError::Malformed));
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_opens(
            plaintext in proptest::collection::vec(any::<u8>(), 0..300),
            aad in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            for seal in SEALS {
                let sealed = seal("k1", &key(1), &plaintext, &aad);
                prop_assert_eq!(&open(&sealed, &key(1), &aad).unwrap(), &plaintext);
            }
        }

        #[test]
        fn a_changed_or_shortened_value_does_not_open(
            at in any::<prop::sample::Index>(),
            flip in 1u8..=255,
        ) {
            for seal in SEALS {
                let sealed = seal("k1", &key(1), b"some value", b"aad");
                let head = "v3.k1.".len();
                let at = head + at.index(sealed.len() - head);
                prop_assert!(open(&sealed[..at], &key(1), b"aad").is_err());
                let mut changed = sealed.clone();
                changed[at] ^= flip;
                prop_assert!(open(&changed, &key(1), b"aad").is_err());
            }
        }

        #[test]
        fn garbage_never_panics(
            garbage in any::<Vec<u8>>(),
            text in "v[23]\\.[a-z0-9]{0,3}\\.[\\w=-]{0,80}\\.[\\w.=-]{0,80}",
        ) {
            prop_assert!(open(&garbage, &key(1), b"").is_err());
            prop_assert!(open(&[b"v3.k1.", &*garbage].concat(), &key(1), b"").is_err());
            prop_assert!(open(text.as_bytes(), &key(1), b"").is_err());
        }
    }
}
