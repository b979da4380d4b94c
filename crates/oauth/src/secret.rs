//! Secrets: made at random, stored as a hash, never printed.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::random::{self, Random};

/// A value that must not be seen: a client secret, a password, a token on its way in.
///
/// It has neither `Display` nor `Serialize`, its `Debug` says nothing, and its memory is wiped.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new secret of 256 random bits, in base64url.
    pub fn random(random: &dyn Random) -> Self {
        Self::from(random::token::<32>(random))
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the store may know of a high-entropy secret.
    ///
    /// Passwords are guessable: they take a password hash (RFC 9106) instead of this.
    pub fn hash(&self) -> SecretHash {
        SecretHash(URL_SAFE_NO_PAD.encode(self.digest()))
    }

    fn digest(&self) -> Digest {
        digest(&SHA256, self.0.as_bytes())
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::from(value.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// How long the base64url of 32 bytes is.
const LENGTH: usize = 43;

/// SHA-256 of a [`Secret`] in base64url: enough to recognize it, useless to a thief of the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// Whether `secret` is the one that was hashed, in constant time.
    pub fn matches(&self, secret: &Secret) -> bool {
        let mut hash = [0; LENGTH];
        let written = URL_SAFE_NO_PAD.encode_slice(secret.digest(), &mut hash);
        written.is_ok() && verify_slices_are_equal(self.0.as_bytes(), &hash).is_ok()
    }

    /// The hash as text, for use as a storage key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn a11_a_secret_cannot_be_printed() {
        let secret = Secret::from("canary");
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn only_the_hashed_secret_matches() {
        let secret = Secret::random(&OsRandom);
        assert!(secret.hash().matches(&secret));
        assert!(!secret.hash().matches(&Secret::random(&OsRandom)));
    }
}
