//! People in events: recognizable by who has the key, nameless to everybody else (keyed HMAC, RFC 2104).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How much of the tag is kept: enough that two people never share one.
const LENGTH: usize = 16;

/// A person as the log knows them: the same person has the same one, and nobody can go back from it.
///
/// It can be made by [`Pseudonyms`] alone, so that no event can hold a name, an address or a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pseudonym([u8; LENGTH]);

impl Pseudonym {
    /// Reads one as it is written in an event.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let mut text = [0; 22];
        let length = URL_SAFE_NO_PAD
            .encode_slice(self.0, &mut text)
            .unwrap_or_default();
        out.extend_from_slice(&text[..length]);
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes pseudonyms with the log's own key. Clones share it.
///
/// There are two kinds that never meet: of those who act, and of those whom data are about.
#[derive(Clone)]
pub struct Pseudonyms(Arc<hmac::Key>);

impl Pseudonyms {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// Those of the log with this key, to look for somebody who is known.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn of_log(key: &std::path::Path) -> Result<Self, crate::key::KeyError> {
        Ok(crate::key::Keys::open(key)?.pseudonyms)
    }

    /// Who acts: a subject of an issuer. The subject alone would not say whose it is.
    pub fn person(&self, issuer: &str, subject: &str) -> Pseudonym {
        self.tag(&["person", issuer, subject])
    }

    /// Whom data are about: a value that stands for one person, such as a resident registration
    /// number or an e-mail address, in the form in which equal ones are equal.
    pub fn data_subject(&self, value: &str) -> Pseudonym {
        self.tag(&["data subject", value])
    }

    fn tag(&self, parts: &[&str]) -> Pseudonym {
        let mut all = Vec::with_capacity(128);
        for part in parts {
            // With the length before each part, no two lists of parts are the same bytes.
            all.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            all.extend_from_slice(part.as_bytes());
        }
        // At once: to feed it piece by piece takes longer than to hash so few bytes.
        let tag = hmac::sign(&self.0, &all);
        let mut kept = [0; LENGTH];
        kept.copy_from_slice(&tag.as_ref()[..LENGTH]);
        Pseudonym(kept)
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p6_people_are_told_apart_and_never_named() {
        let ours = Pseudonyms::new(b"one key");
        let alice = ours.person("https://a.example", "alice@example.com");
        assert_eq!(alice, ours.person("https://a.example", "alice@example.com"));
        assert_ne!(alice, ours.person("https://b.example", "alice@example.com"));
        assert_ne!(alice, ours.person("https://a.examplealice", "@example.com"));
        assert_ne!(alice, ours.data_subject("alice@example.com"));
        assert_ne!(
            alice,
            Pseudonyms::new(b"other key").person("https://a.example", "alice@example.com")
        );
        assert!(!alice.to_string().contains("alice"));
        assert_eq!(Pseudonym::parse(&alice.to_string()), Some(alice));
        let mut written = Vec::new();
        alice.write(&mut written);
        assert_eq!(written, alice.to_string().as_bytes());
    }
}
