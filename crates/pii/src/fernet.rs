//! Fernet tokens: AES-128-CBC and HMAC-SHA256, with a ring of keys and bound to what they are for.

use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

/// The first byte of every token.
const VERSION: u8 = 0x80;
const HEADER: usize = 1 + 8 + 16;
const MAC: usize = 32;
const BLOCK: usize = 16;
/// How far ahead the clock of whoever made a token may be, in seconds.
const SKEW: u64 = 60;

/// Padding and alphabet exactly as we write them: one token has one form.
const CANONICAL: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, GeneralPurposeConfig::new());

/// Why a token or a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FernetError {
    /// A key is not 32 bytes in base64url.
    #[error("the key is not 32 bytes in base64url")]
    BadKey,
    /// The key ring has no key of that name, or a name cannot be used.
    #[error("the key ring has no such key, or its name is not letters and digits")]
    UnknownKey,
    /// The token is malformed, forged or made with another key.
    #[error("the token is malformed, forged or made with another key")]
    BadToken,
    /// The token is older than it may be.
    #[error("the token is older than it may be")]
    Expired,
    /// The token comes from the future.
    #[error("the token comes from the future")]
    NotYetValid,
    /// The token was made for another type, tool or subject.
    #[error("the token was made for another type, tool or subject")]
    WrongBinding,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// A key: half of it signs, half of it encrypts.
pub struct FernetKey {
    signing: hmac::Key,
    encryption: Zeroizing<[u8; 16]>,
}

impl std::fmt::Debug for FernetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FernetKey")
    }
}

impl FernetKey {
    /// Reads a key: 32 bytes in base64url.
    ///
    /// # Errors
    ///
    /// When it is anything else.
    pub fn read(text: &str) -> Result<Self, FernetError> {
        let bytes = Zeroizing::new(
            URL_SAFE
                .decode(text.trim())
                .map_err(|_| FernetError::BadKey)?,
        );
        let bytes: &[u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| FernetError::BadKey)?;
        Ok(Self::of(bytes))
    }

    /// The key that is these bytes.
    pub fn of(bytes: &[u8; 32]) -> Self {
        let [signing, encryption] = [0, 16].map(|at| &bytes[at..at + 16]);
        let mut key = Zeroizing::new([0; 16]);
        key.copy_from_slice(encryption);
        Self {
            signing: hmac::Key::new(hmac::HMAC_SHA256, signing),
            encryption: key,
        }
    }

    /// A key for another purpose. What a token signs begins with `0x80`, so no purpose is a token.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let tag = hmac::sign(&self.signing, purpose.as_bytes());
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(tag.as_ref());
        key
    }

    /// Encrypts at the time `now`, in seconds. `iv` must be random, and used once.
    ///
    /// # Errors
    ///
    /// When the cryptographic library fails.
    pub fn encrypt(&self, plaintext: &[u8], now: u64, iv: [u8; 16]) -> Result<String, FernetError> {
        let key =
            UnboundCipherKey::new(&AES_128, &*self.encryption).map_err(|_| FernetError::Crypto)?;
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| FernetError::Crypto)?;
        let mut body = plaintext.to_vec();
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        key.less_safe_encrypt(&mut body, context)
            .map_err(|_| FernetError::Crypto)?;
        let mut token = vec![VERSION];
        token.extend(now.to_be_bytes());
        token.extend(iv);
        token.append(&mut body);
        let mac = hmac::sign(&self.signing, &token);
        token.extend(mac.as_ref());
        Ok(URL_SAFE.encode(token))
    }

    /// Decrypts at the time `now`. With `ttl`, a token older than so many seconds is refused.
    ///
    /// # Errors
    ///
    /// When the token is not one of this key, too old or from the future.
    pub fn decrypt(
        &self,
        token: &str,
        now: u64,
        ttl: Option<u64>,
    ) -> Result<Zeroizing<Vec<u8>>, FernetError> {
        let bytes = CANONICAL.decode(token).map_err(|_| FernetError::BadToken)?;
        if bytes.len() < HEADER + BLOCK + MAC || bytes[0] != VERSION {
            return Err(FernetError::BadToken);
        }
        // Nothing in a token is believed before its MAC is verified.
        let (signed, mac) = bytes.split_at(bytes.len() - MAC);
        hmac::verify(&self.signing, signed, mac).map_err(|_| FernetError::BadToken)?;
        let time = signed[1..9].try_into().map_err(|_| FernetError::BadToken)?;
        let time = u64::from_be_bytes(time);
        if ttl.is_some_and(|ttl| time.saturating_add(ttl) < now) {
            return Err(FernetError::Expired);
        }
        if time > now.saturating_add(SKEW) {
            return Err(FernetError::NotYetValid);
        }
        let iv: [u8; 16] = signed[9..HEADER]
            .try_into()
            .map_err(|_| FernetError::BadToken)?;
        let mut body = Zeroizing::new(signed[HEADER..].to_vec());
        if !body.len().is_multiple_of(BLOCK) {
            return Err(FernetError::BadToken);
        }
        let key =
            UnboundCipherKey::new(&AES_128, &*self.encryption).map_err(|_| FernetError::Crypto)?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| FernetError::Crypto)?;
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        let length = key
            .decrypt(&mut body, context)
            .map_err(|_| FernetError::BadToken)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

/// What an encrypted value is for; whoever carries it elsewhere gets nothing for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The type of the value.
    pub kind: &'a str,
    /// The tool in whose call it stood.
    pub tool: &'a str,
    /// The subject of the caller.
    pub subject: &'a str,
}

/// What is inside a bound token. Fernet has no additional data, so it stands in the plaintext.
#[derive(Serialize, Deserialize)]
struct Bound<'a> {
    #[serde(rename = "t", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    tool: std::borrow::Cow<'a, str>,
    #[serde(rename = "sub", borrow)]
    subject: std::borrow::Cow<'a, str>,
    #[serde(rename = "v")]
    value: String,
}

/// How an encrypted value begins; the name of its key and the token follow.
const WRAPPED: &str = "enc:v1:";

/// Keys by name: the first encrypts, all decrypt. A retired key is one that is no longer here.
#[derive(Debug)]
pub struct FernetKeys {
    keys: Vec<(String, FernetKey)>,
}

impl FernetKeys {
    /// A ring of keys, newest first.
    ///
    /// # Errors
    ///
    /// When there is no key, or a name is not letters, digits, `-` and `_`, or stands there twice.
    pub fn new(keys: Vec<(String, FernetKey)>) -> Result<Self, FernetError> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_once = |at: usize| keys[..at].iter().all(|(name, _)| *name != keys[at].0);
        let is_good = (0..keys.len()).all(|at| is_name(&keys[at].0) && is_once(at));
        if keys.is_empty() || !is_good {
            return Err(FernetError::UnknownKey);
        }
        Ok(Self { keys })
    }

    /// The newest key and its name.
    pub(crate) fn newest(&self) -> (&str, &FernetKey) {
        let (name, key) = &self.keys[0];
        (name, key)
    }

    /// The key of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&FernetKey> {
        let found = self.keys.iter().find(|(known, _)| known == name);
        found.map(|(_, key)| key)
    }

    /// Encrypts a value for one use, as `enc:v1:<key>:<token>`. `iv` must be random, and used once.
    ///
    /// # Errors
    ///
    /// When the cryptographic library fails.
    pub fn encrypt(
        &self,
        value: &str,
        binding: Binding<'_>,
        now: u64,
        iv: [u8; 16],
    ) -> Result<String, FernetError> {
        let mut bound = Bound {
            kind: binding.kind.into(),
            tool: binding.tool.into(),
            subject: binding.subject.into(),
            value: value.to_owned(),
        };
        let plaintext =
            Zeroizing::new(serde_json::to_vec(&bound).map_err(|_| FernetError::Crypto)?);
        bound.value.zeroize();
        let (name, key) = self.newest();
        let token = key.encrypt(&plaintext, now, iv)?;
        Ok(format!("{WRAPPED}{name}:{token}"))
    }

    /// Decrypts what `encrypt` made for the same use.
    ///
    /// # Errors
    ///
    /// When its key is not in the ring, it is forged, or made for another use.
    pub fn decrypt(
        &self,
        wrapped: &str,
        binding: Binding<'_>,
        now: u64,
    ) -> Result<String, FernetError> {
        let rest = wrapped.strip_prefix(WRAPPED).ok_or(FernetError::BadToken)?;
        let (name, token) = rest.split_once(':').ok_or(FernetError::BadToken)?;
        let key = self.named(name).ok_or(FernetError::UnknownKey)?;
        let plaintext = key.decrypt(token, now, None)?;
        let bound: Bound<'_> =
            serde_json::from_slice(&plaintext).map_err(|_| FernetError::BadToken)?;
        let is_same = bound.kind == binding.kind
            && bound.tool == binding.tool
            && bound.subject == binding.subject;
        if is_same {
            Ok(bound.value)
        } else {
            Err(FernetError::WrongBinding)
        }
    }

    /// Decrypts with whichever key fits, and encrypts again with the newest; the time of the token stays.
    ///
    /// # Errors
    ///
    /// When its key is not in the ring, or it is forged.
    pub fn rotate(&self, wrapped: &str, now: u64, iv: [u8; 16]) -> Result<String, FernetError> {
        let rest = wrapped.strip_prefix(WRAPPED).ok_or(FernetError::BadToken)?;
        let (name, token) = rest.split_once(':').ok_or(FernetError::BadToken)?;
        let key = self.named(name).ok_or(FernetError::UnknownKey)?;
        let plaintext = key.decrypt(token, now, None)?;
        let bytes = URL_SAFE.decode(token).map_err(|_| FernetError::BadToken)?;
        let time = bytes
            .get(1..9)
            .and_then(|time| time.try_into().ok())
            .ok_or(FernetError::BadToken)?;
        let (newest, key) = self.newest();
        let token = key.encrypt(&plaintext, u64::from_be_bytes(time), iv)?;
        Ok(format!("{WRAPPED}{newest}:{token}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    const TOKEN: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    /// 1985-10-26T01:20:00-07:00
    const NOW: u64 = 499_162_800;
    const IV: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    fn key() -> FernetKey {
        FernetKey::read(SECRET).unwrap()
    }

    #[test]
    fn p4_generate_json_of_the_specification() {
        assert_eq!(key().encrypt(b"hello", NOW, IV).unwrap(), TOKEN);
    }

    #[test]
    fn p4_verify_json_of_the_specification() {
        let plaintext = key().decrypt(TOKEN, NOW + 1, Some(60)).unwrap();
        assert_eq!(plaintext.as_slice(), b"hello");
    }

    #[test]
    fn p4_invalid_json_of_the_specification() {
        let cases = [
            (
                "incorrect mac",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
                1,
            ),
            (
                "too short",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==",
                1,
            ),
            (
                "invalid base64",
                "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
                1,
            ),
            (
                "payload size",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
                1,
            ),
            (
                "padding",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
                1,
            ),
            (
                "far future",
                "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
                1,
            ),
            (
                "expired",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
                91,
            ),
            (
                "incorrect iv",
                "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
                1,
            ),
        ];
        for (name, token, later) in cases {
            assert!(
                key().decrypt(token, NOW + later, Some(60)).is_err(),
                "{name}"
            );
        }
        let good = key().decrypt(cases[6].1, NOW + 1, Some(60));
        assert_eq!(good.unwrap().as_slice(), b"", "only its age is wrong");
    }

    #[test]
    fn p4_a_token_has_one_form() {
        for changed in [
            TOKEN.trim_end_matches('='),
            &TOKEN.replace('_', "/"),
            &format!("{TOKEN}\n"),
        ] {
            assert_eq!(
                key().decrypt(changed, NOW, None).unwrap_err(),
                FernetError::BadToken
            );
        }
    }

    fn ring(names: &[(&str, u8)]) -> FernetKeys {
        let keys = names.iter().map(|(name, seed)| {
            let key = FernetKey::read(&URL_SAFE.encode([*seed; 32])).unwrap();
            ((*name).to_owned(), key)
        });
        FernetKeys::new(keys.collect()).unwrap()
    }

    const BINDING: Binding<'_> = Binding {
        kind: "KR_RRN",
        tool: "search",
        subject: "kim",
    };

    #[test]
    fn p4_a_value_is_bound_to_type_tool_and_subject() {
        let keys = ring(&[("k1", 1)]);
        let value = keys.encrypt("김 \"1\"", BINDING, NOW, IV).unwrap();
        assert_eq!(keys.decrypt(&value, BINDING, NOW).unwrap(), "김 \"1\"");
        for other in [
            Binding {
                kind: "EMAIL",
                ..BINDING
            },
            Binding {
                tool: "send",
                ..BINDING
            },
            Binding {
                subject: "lee",
                ..BINDING
            },
        ] {
            assert_eq!(
                keys.decrypt(&value, other, NOW).unwrap_err(),
                FernetError::WrongBinding
            );
        }
    }

    #[test]
    fn p4_old_keys_read_new_keys_write_retired_keys_are_gone() {
        let old = ring(&[("k1", 1)]).encrypt("v", BINDING, NOW, IV).unwrap();
        let both = ring(&[("k2", 2), ("k1", 1)]);
        assert_eq!(both.decrypt(&old, BINDING, NOW).unwrap(), "v");
        assert!(
            both.encrypt("v", BINDING, NOW, IV)
                .unwrap()
                .starts_with("enc:v1:k2:")
        );
        let renewed = both.rotate(&old, NOW + 500, IV).unwrap();
        let retired = ring(&[("k2", 2)]);
        assert_eq!(retired.decrypt(&renewed, BINDING, NOW).unwrap(), "v");
        assert_eq!(
            retired.decrypt(&old, BINDING, NOW).unwrap_err(),
            FernetError::UnknownKey
        );
    }

    proptest! {
        #[test]
        fn p4_nothing_panics_and_nothing_forged_is_read(text in ".{0,120}", at in 0..100_usize, bit in 0..7_u8) {
            prop_assert!(key().decrypt(&text, u64::MAX, Some(u64::MAX)).is_err());
            let mut bytes = TOKEN.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8_lossy(&bytes);
            prop_assert!(key().decrypt(&changed, NOW, None).is_err());
        }
    }
}
