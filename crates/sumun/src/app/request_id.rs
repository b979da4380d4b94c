//! Ids of requests, by which an answer and its log lines find each other.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use oauth::random::Random;

/// The random bytes of one id.
const LENGTH: usize = 16;
/// For how many ids bytes are drawn at once: to draw them costs the same for one and for all of these.
const AT_ONCE: usize = 64;

/// Ids of our own making, so that nobody outside decides what is written to the log. They give nobody any
/// right, so it does no harm that the next ones lie in memory.
#[derive(Debug)]
pub(super) struct RequestIds<R> {
    random: R,
    supply: Mutex<Supply>,
}

#[derive(Debug)]
struct Supply {
    bytes: [u8; LENGTH * AT_ONCE],
    /// How many of them are left.
    left: usize,
}

impl<R: Random> RequestIds<R> {
    pub(super) fn new(random: R) -> Self {
        let supply = Mutex::new(Supply {
            bytes: [0; LENGTH * AT_ONCE],
            left: 0,
        });
        Self { random, supply }
    }

    /// The next id, as it stands in headers.
    pub(super) fn next(&self) -> HeaderValue {
        let mut id = [0; LENGTH];
        {
            let mut supply = self.supply.lock().unwrap_or_else(PoisonError::into_inner);
            if supply.left == 0 {
                self.random.fill(&mut supply.bytes);
                supply.left = supply.bytes.len();
            }
            supply.left -= LENGTH;
            let at = supply.left;
            id.copy_from_slice(&supply.bytes[at..at + LENGTH]);
        }
        let mut text = [0; LENGTH.div_ceil(3) * 4];
        let length = URL_SAFE_NO_PAD.encode_slice(id, &mut text);
        let length = length.expect("there is room for the padding that is left out");
        HeaderValue::from_bytes(&text[..length]).expect("base64url is visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use oauth::random::OsRandom;

    use super::*;

    #[test]
    fn no_id_comes_twice() {
        let ids = RequestIds::new(OsRandom);
        let seen: HashSet<_> = (0..10 * AT_ONCE).map(|_| ids.next()).collect();
        assert_eq!(seen.len(), 10 * AT_ONCE);
        assert!(seen.iter().all(|id| id.len() == 22));
    }
}
