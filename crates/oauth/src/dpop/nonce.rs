//! Nonces that prove that a `DPoP` proof is new, by the clock of the server (RFC 9449 §8, §9).

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::Secret;
use crate::time::NumericDate;

/// How long one nonce is handed out, in seconds; it is accepted for as long again.
const PERIOD: i64 = 60;

/// How long a nonce is accepted, at most.
pub(super) const ACCEPTED: Duration = Duration::from_secs(2 * PERIOD.unsigned_abs());

/// Makes and recognizes nonces without remembering any: a period of time, and a code over it.
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
        let period = now.0.div_euclid(PERIOD).to_be_bytes();
        let mut bytes = period.to_vec();
        bytes.extend_from_slice(sign(&self.0, &period).as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether `nonce` was handed out here in this period or the one before.
    pub fn is_current(&self, nonce: &str, now: NumericDate) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else {
            return false;
        };
        let Some((period, code)) = bytes.split_first_chunk::<8>() else {
            return false;
        };
        let age = now
            .0
            .div_euclid(PERIOD)
            .checked_sub(i64::from_be_bytes(*period));
        verify(&self.0, period, code).is_ok() && age.is_some_and(|age| (0..=1).contains(&age))
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
    fn a_nonce_lives_for_one_to_two_minutes() {
        let nonces = Nonces::new(&Secret::from("key"));
        let nonce = nonces.current(NumericDate(600));
        for (now, is_current) in [(599, false), (600, true), (719, true), (720, false)] {
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
