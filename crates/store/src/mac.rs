//! Tags for handles that nobody can forge: HMAC-SHA256 (RFC 2104) with keys of the key ring.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac;

use crate::key_ring::RingKey;

/// The keys of one purpose, one for each key of the ring; they follow its rotation.
#[derive(Clone)]
pub struct MacKeys {
    ring: Arc<RwLock<Vec<RingKey>>>,
    purpose: String,
}

impl MacKeys {
    pub(crate) fn new(ring: Arc<RwLock<Vec<RingKey>>>, purpose: &str) -> Self {
        Self {
            ring,
            purpose: purpose.to_owned(),
        }
    }

    /// The tag of `message` under the newest key, and that key's id.
    ///
    /// A message of several parts needs a form in which no two different lists of parts look the
    /// same.
    pub fn tag(&self, message: &[u8]) -> (String, [u8; 32]) {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let newest = ring
            .last()
            .expect("a key ring is never empty: every way in checks it");
        let tag = hmac::sign(&newest.mac_key(&self.purpose), message);
        let tag = tag.as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes");
        (newest.kid.clone(), tag)
    }

    /// Whether `tag` is the tag of `message` under the key `kid`, in constant time.
    pub fn verify(&self, kid: &str, message: &[u8], tag: &[u8]) -> bool {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        ring.iter()
            .find(|key| key.kid == kid)
            .is_some_and(|key| hmac::verify(&key.mac_key(&self.purpose), message, tag).is_ok())
    }
}

impl fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKeys")
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;
    use oauth::time::SystemClock;

    use crate::key_ring::KeyRing;

    #[test]
    fn a_tag_holds_for_one_message_one_key_and_one_purpose() {
        let ring = KeyRing::ephemeral(&OsRandom);
        let keys = ring.mac_key("session");
        let (kid, tag) = keys.tag(b"alice");
        assert!(keys.verify(&kid, b"alice", &tag));
        assert!(!keys.verify(&kid, b"bob", &tag));
        assert!(!keys.verify("other", b"alice", &tag));
        assert!(!keys.verify(&kid, b"alice", &tag[..31]));
        assert!(!keys.verify(&kid, b"alice", &[]));
        assert!(!ring.mac_key("refresh").verify(&kid, b"alice", &tag));
        assert!(
            !KeyRing::ephemeral(&OsRandom)
                .mac_key("session")
                .verify(&kid, b"alice", &tag)
        );
    }

    #[test]
    fn a9_tags_outlive_a_rotation_and_follow_it() {
        let ring = KeyRing::ephemeral(&OsRandom);
        let keys = ring.mac_key("session");
        let (old, tag) = keys.tag(b"alice");
        let new = ring.rotate(&OsRandom, &SystemClock).unwrap();
        assert!(keys.verify(&old, b"alice", &tag));
        assert!(!keys.verify(&new, b"alice", &tag));
        assert_eq!(keys.tag(b"alice").0, new);
    }

    #[test]
    fn keys_do_not_show_in_debug() {
        let keys = KeyRing::ephemeral(&OsRandom).mac_key("session");
        assert_eq!(format!("{keys:?}"), "MacKeys { purpose: \"session\", .. }");
    }
}
