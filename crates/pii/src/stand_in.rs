//! Stand-ins: what takes the place of a value, and is the value again for the same subject.
//!
//! A stand-in holds its value, sealed for its type and subject, so that nobody has to remember anything
//! and every replica can restore it. Equal values of one subject have equal stand-ins (RFC 8452 lets a
//! nonce be used again at the price of just that), so that whoever works with them can still join rows.

use std::ops::Range;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::fernet::{FernetError, FernetKey, FernetKeys};
use crate::kind::Kind;

/// How a stand-in begins; its type, the name of its key and the sealed value follow.
pub(crate) const BEGINNING: &str = "tok:";
const PURPOSE: &str = "stand-in, AES-256-GCM-SIV, version 1";

/// The stand-in for a value.
pub(crate) fn seal(
    keys: &FernetKeys,
    kind: &Kind,
    value: &str,
    subject: &str,
) -> Result<String, FernetError> {
    let (name, key) = keys.newest();
    let kind = shown(kind);
    let mut sealed = value.as_bytes().to_vec();
    cipher(key)?
        .seal_in_place_append_tag(nonce(), Aad::from(purpose(&kind, subject)), &mut sealed)
        .map_err(|_| FernetError::Crypto)?;
    let sealed = URL_SAFE_NO_PAD.encode(sealed);
    Ok(format!("{BEGINNING}{kind}:{name}:{sealed}"))
}

/// A stand-in in a text, and what it stands for.
pub(crate) struct Opened {
    pub(crate) range: Range<usize>,
    pub(crate) kind: Kind,
    pub(crate) value: String,
}

/// Every stand-in of the subject in a text. What was made with a key that is gone, for somebody else or
/// by somebody else is a text like any other.
pub(crate) fn all_in(text: &str, keys: &FernetKeys, subject: &str) -> Vec<Opened> {
    let places = memchr::memmem::find_iter(text.as_bytes(), BEGINNING);
    places
        .filter_map(|at| open(text, at, keys, subject))
        .collect()
}

fn open(text: &str, start: usize, keys: &FernetKeys, subject: &str) -> Option<Opened> {
    let (kind, rest) = text[start + BEGINNING.len()..].split_once(':')?;
    let (name, rest) = rest.split_once(':')?;
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let length = rest.bytes().take_while(|byte| is_inner(*byte)).count();
    let mut sealed = URL_SAFE_NO_PAD.decode(&rest[..length]).ok()?;
    let key = keys.named(name)?;
    let value = cipher(key)
        .ok()?
        .open_in_place(nonce(), Aad::from(purpose(kind, subject)), &mut sealed)
        .ok()?;
    Some(Opened {
        range: start..start + BEGINNING.len() + kind.len() + name.len() + 2 + length,
        kind: Kind::named(kind),
        value: str::from_utf8(value).ok()?.to_owned(),
    })
}

fn cipher(key: &FernetKey) -> Result<LessSafeKey, FernetError> {
    let key = UnboundKey::new(&AES_256_GCM_SIV, &*key.derive(PURPOSE));
    Ok(LessSafeKey::new(key.map_err(|_| FernetError::Crypto)?))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn purpose(kind: &str, subject: &str) -> Vec<u8> {
    format!("{kind}:{subject}").into_bytes()
}

/// The name of a type without what would end it.
fn shown(kind: &Kind) -> String {
    kind.name().replace([':', '"', '\\'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> FernetKeys {
        let keys = names.iter().map(|name| {
            let seed = name.bytes().next().unwrap_or(0);
            let text = base64::engine::general_purpose::URL_SAFE.encode([seed; 32]);
            ((*name).to_owned(), FernetKey::read(&text).unwrap())
        });
        FernetKeys::new(keys.collect()).unwrap()
    }

    #[test]
    fn p4_a_stand_in_is_the_value_for_the_same_subject_only() {
        let keys = keys(&["a"]);
        let sealed = seal(&keys, &Kind::Email, "kim@naver.com", "kim").unwrap();
        assert_eq!(
            sealed,
            seal(&keys, &Kind::Email, "kim@naver.com", "kim").unwrap()
        );
        assert_ne!(
            sealed,
            seal(&keys, &Kind::Email, "kim@naver.com", "lee").unwrap()
        );
        let text = format!("to {sealed}, please");
        let opened = all_in(&text, &keys, "kim");
        assert_eq!(opened[0].value, "kim@naver.com");
        assert_eq!(opened[0].kind, Kind::Email);
        assert_eq!(&text[opened[0].range.clone()], sealed);
        assert!(all_in(&text, &keys, "lee").is_empty());
        assert!(all_in(&text.replace("EMAIL", "SECRET"), &keys, "kim").is_empty());
        let mut forged = sealed.into_bytes();
        forged[14] ^= 1;
        assert!(all_in(&String::from_utf8_lossy(&forged), &keys, "kim").is_empty());
    }

    #[test]
    fn p4_old_keys_open_and_retired_keys_do_not() {
        let old = seal(&keys(&["a"]), &Kind::Email, "a@b.kr", "kim").unwrap();
        assert_eq!(all_in(&old, &keys(&["b", "a"]), "kim").len(), 1);
        assert!(all_in(&old, &keys(&["b"]), "kim").is_empty());
    }

    #[test]
    fn nothing_panics_on_what_only_begins_so() {
        let keys = keys(&["a"]);
        for text in [
            "tok:",
            "tok::",
            "tok:a:a:",
            "tok:김:a:AAAA",
            "tok:tok:tok:tok:",
        ] {
            assert!(all_in(text, &keys, "kim").is_empty());
        }
    }
}
