//! Tags for handles that nobody can forge: HMAC-SHA256 (RFC 2104) with keys of the key ring.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;

use crate::key_ring::Ring;

/// The keys of one purpose, one for each key of the ring; they follow its rotation.
#[derive(Clone)]
pub struct MacKeys {
    ring: Arc<Ring>,
    purpose: String,
}

impl MacKeys {
    pub(crate) fn new(ring: Arc<Ring>, purpose: &str) -> Self {
        Self {
            ring,
            purpose: purpose.to_owned(),
        }
    }

    /// The tag of `message` under the key that seals now, and that key's id.
    ///
    /// A message of several parts needs a form in which no two different lists of parts look the
    /// same.
    pub fn tag(&self, message: &[u8]) -> (String, [u8; 32]) {
        let keys = self.ring.read();
        let key = keys.sealing();
        let tag = hmac::sign(&key.mac_key(&self.purpose), message);
        let tag = tag.as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes");
        (key.kid.clone(), tag)
    }

    /// Whether `tag` is the tag of `message` under the key `kid`, in constant time.
    pub fn verify(&self, kid: &str, message: &[u8], tag: &[u8]) -> bool {
        let verified = self.ring.with_key(kid, |key, _| {
            hmac::verify(&key.mac_key(&self.purpose), message, tag).is_ok()
        });
        verified.unwrap_or(false)
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
    use std::time::Duration;

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
        let new = ring
            .rotate(&OsRandom, &SystemClock, Duration::ZERO)
            .unwrap();
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
