//! The chain: a keyed tag per event over everything before it, and heads that say where it ends
//! (HMAC, RFC 2104; Ed25519, RFC 8032).
//!
//! The tags show edits, deletions, swaps and insertions to whoever has the key. What they cannot show
//! is that the end was cut off; for that there are heads, kept apart from the log. A head is signed,
//! so that a copy elsewhere can be believed without the key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The tag of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mac([u8; 32]);

/// What stands between the content of a line and its tag.
const BEFORE: &[u8] = b",\"mac\":\"";
/// What stands behind the tag.
const AFTER: &[u8] = b"\"}\n";
/// The length of a tag in base64url.
const WRITTEN: usize = 43;

impl Mac {
    /// What the first event of a log follows.
    pub(crate) const NOTHING: Self = Self([0; 32]);

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Ends a line: tag, brace and newline.
    pub(crate) fn end_line(self, out: &mut Vec<u8>) {
        let mut text = [0; WRITTEN];
        let length = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text);
        out.extend_from_slice(BEFORE);
        out.extend_from_slice(&text[..length.unwrap_or_default()]);
        out.extend_from_slice(AFTER);
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key of the tags.
#[derive(Clone)]
pub(crate) struct Chain(Arc<hmac::Key>);

impl Chain {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// The tag of an event with this content after the event with the tag `previous`.
    pub(crate) fn tag(&self, previous: Mac, content: &[u8]) -> Mac {
        let mut signing = hmac::Context::with_key(&self.0);
        signing.update(&previous.0);
        signing.update(content);
        let mut tag = [0; 32];
        tag.copy_from_slice(signing.sign().as_ref());
        Mac(tag)
    }

    /// The tag of a whole line, if it is the right one after `previous`.
    pub(crate) fn verify(&self, previous: Mac, line: &[u8]) -> Option<Mac> {
        let (content, written) = split(line)?;
        let tag = self.tag(previous, content);
        verify_slices_are_equal(&tag.0, &written.0).ok()?;
        Some(tag)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain")
    }
}

/// The content of a line with its newline, and its tag.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], Mac)> {
    let rest = line.strip_suffix(AFTER)?;
    let (rest, written) = rest.split_at_checked(rest.len().checked_sub(WRITTEN)?)?;
    let content = rest.strip_suffix(BEFORE)?;
    let written = std::str::from_utf8(written).ok()?;
    Some((content, Mac::parse(written)?))
}

/// Where the log ends: everything up to here was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Which log.
    pub(crate) log: String,
    /// The last event.
    pub(crate) sequence: u64,
    /// When the head was made.
    pub(crate) timestamp: String,
    /// The tag of the last event.
    pub(crate) mac: String,
    /// Who signed it: an Ed25519 public key.
    pub(crate) public_key: String,
    /// The signature of all of it.
    pub(crate) signature: String,
}

impl Head {
    fn signed_bytes(&self) -> Vec<u8> {
        let Self {
            log,
            sequence,
            timestamp,
            mac,
            public_key,
            ..
        } = self;
        format!("sumun audit head\n{log}\n{sequence}\n{timestamp}\n{mac}\n{public_key}\n")
            .into_bytes()
    }

    /// Whether it was signed by the key that it names.
    pub(crate) fn is_genuine(&self) -> bool {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let (Some(key), Some(signature)) = (decode(&self.public_key), decode(&self.signature))
        else {
            return false;
        };
        let key = UnparsedPublicKey::new(&ED25519, key);
        key.verify(&self.signed_bytes(), &signature).is_ok()
    }
}

/// The key that signs heads.
#[derive(Clone)]
pub(crate) struct HeadKey(Arc<Ed25519KeyPair>);

impl HeadKey {
    pub(crate) fn new(seed: &[u8]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        Self(Arc::new(
            pair.expect("a derived key is 32 bytes, which is a seed"),
        ))
    }

    /// What heads are verified with.
    pub(crate) fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())
    }

    pub(crate) fn sign(&self, log: &str, sequence: u64, timestamp: &str, mac: Mac) -> Head {
        let mut head = Head {
            log: log.to_owned(),
            sequence,
            timestamp: timestamp.to_owned(),
            mac: mac.to_string(),
            public_key: self.public_key(),
            signature: String::new(),
        };
        head.signature = URL_SAFE_NO_PAD.encode(self.0.sign(&head.signed_bytes()).as_ref());
        head
    }

    /// Whether this key signed the head.
    pub(crate) fn verify(&self, head: &Head) -> bool {
        head.public_key == self.public_key() && head.is_genuine()
    }
}

impl fmt::Debug for HeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadKey({})", self.public_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(chain: &Chain, previous: Mac, content: &str) -> (Vec<u8>, Mac) {
        let mut line = content.as_bytes().to_vec();
        let mac = chain.tag(previous, &line);
        mac.end_line(&mut line);
        (line, mac)
    }

    #[test]
    fn a_line_belongs_behind_one_other_alone() {
        let chain = Chain::new(b"key");
        let (first, mac) = line(&chain, Mac::NOTHING, r#"{"sequence":1"#);
        let (second, _) = line(&chain, mac, r#"{"sequence":2"#);
        assert_eq!(chain.verify(Mac::NOTHING, &first), Some(mac));
        assert!(chain.verify(mac, &second).is_some());
        assert_eq!(chain.verify(Mac::NOTHING, &second), None);
        assert_eq!(Chain::new(b"other").verify(Mac::NOTHING, &first), None);
        let edited = String::from_utf8(first).unwrap().replace('1', "3");
        assert_eq!(chain.verify(Mac::NOTHING, edited.as_bytes()), None);
        assert_eq!(chain.verify(Mac::NOTHING, b"\"}\n"), None);
    }

    #[test]
    fn a_head_is_believed_when_it_is_signed_by_us() {
        let key = HeadKey::new(&[7; 32]);
        let head = key.sign("log", 9, "2026-11-28T16:31:11.123Z", Mac::NOTHING);
        assert!(key.verify(&head));
        assert!(!HeadKey::new(&[8; 32]).verify(&head));
        let earlier = Head {
            sequence: 8,
            ..head
        };
        assert!(!key.verify(&earlier));
    }
}
