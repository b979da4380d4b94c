//! Nonces that prove that a `DPoP` proof is new, by the clock of the server (RFC 9449 §8, §9).

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::LEEWAY;
use crate::secret::Secret;
use crate::time::NumericDate;

/// How long a nonce is accepted.
pub(super) const ACCEPTED: Duration = Duration::from_mins(2);

/// Makes and recognizes nonces without remembering any: a moment, and a code over it.
///
/// Whoever shares the key understands the nonces, so every replica may be asked with any of them.
#[derive(Clone)]
pub struct Nonces(Key);

impl Nonces {
    /// Nonces of all holders of `key`.
    pub fn new(key: &Secret) -> Self {
        Self(Key::new(HMAC_SHA256, key.expose().as_bytes()))
    }

    /// The nonce to hand out at this moment.
    pub fn current(&self, now: NumericDate) -> String {
        let moment = now.0.to_be_bytes();
        let mut bytes = moment.to_vec();
        bytes.extend_from_slice(sign(&self.0, &moment).as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether `nonce` was handed out a short while ago, by a holder of the key whose clock may be a little
    /// ahead.
    pub fn is_current(&self, nonce: &str, now: NumericDate) -> bool {
        let issued_at = self.issued_at(nonce);
        issued_at.is_some_and(|at| at <= now.plus(LEEWAY) && at.plus(ACCEPTED) > now)
    }

    /// When `nonce` was handed out by a holder of the key; never, if by nobody.
    pub fn issued_at(&self, nonce: &str) -> Option<NumericDate> {
        let bytes = URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let (moment, code) = bytes.split_first_chunk::<8>()?;
        verify(&self.0, moment, code).ok()?;
        Some(NumericDate(i64::from_be_bytes(*moment)))
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_lives_for_two_minutes() {
        let nonces = Nonces::new(&Secret::from("key"));
        let nonce = nonces.current(NumericDate(600));
        assert_eq!(nonces.issued_at(&nonce), Some(NumericDate(600)));
        let expected = [
            (i64::MIN, false),
            (589, false),
            (590, true),
            (719, true),
            (720, false),
            (i64::MAX, false),
        ];
        for (now, is_current) in expected {
            assert_eq!(
                nonces.is_current(&nonce, NumericDate(now)),
                is_current,
                "{now}"
            );
        }
    }

    #[test]
    fn nobody_else_can_make_a_nonce() {
        let (ours, theirs) = (
            Nonces::new(&Secret::from("a")),
            Nonces::new(&Secret::from("b")),
        );
        let now = NumericDate(600);
        assert!(!ours.is_current(&theirs.current(now), now));
        for garbage in ["", "AAAA", "not base64!"] {
            assert!(!ours.is_current(garbage, now), "{garbage}");
        }
        let mut changed = ours.current(now).into_bytes();
        changed[0] = if changed[0] == b'A' { b'B' } else { b'A' };
        assert!(!ours.is_current(str::from_utf8(&changed).unwrap(), now));
    }
}
