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
