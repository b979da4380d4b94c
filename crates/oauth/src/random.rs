//! Unguessable values: the one door through which randomness enters.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Where random bytes come from: [`OsRandom`] in a running house; a test may bring its own.
pub trait Random: fmt::Debug + Send + Sync + 'static {
    /// Fills `bytes` with unguessable values.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom::new()
            .fill(bytes)
            .expect("a machine without randomness cannot issue secrets, so there is no way on");
    }
}

/// `N` random bytes in base64url without padding: 16 for identifiers, 32 for secrets.
pub fn token<const N: usize>(random: &dyn Random) -> String {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The random bytes of one of [`Names`].
const LENGTH: usize = 16;
/// For how many names bytes are drawn at once: to draw them costs the same for one and for all of these.
const AT_ONCE: usize = 64;

/// Names for what is seen once and told apart by nothing else, such as requests and tokens.
///
/// The bytes of the next ones lie in memory, so they are for names that give nobody any right. Whatever
/// must not be guessed takes [`token`].
pub struct Names {
    random: Arc<dyn Random>,
    supply: Mutex<Supply>,
}

struct Supply {
    bytes: [u8; LENGTH * AT_ONCE],
    /// How many of them are left.
    left: usize,
}

impl Names {
    /// Names that are drawn from `random`.
    pub fn new(random: Arc<dyn Random>) -> Self {
        let supply = Mutex::new(Supply {
            bytes: [0; LENGTH * AT_ONCE],
            left: 0,
        });
        Self { random, supply }
    }

    /// The next name: 16 random bytes in base64url.
    pub fn next(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.draw())
    }

    fn draw(&self) -> [u8; LENGTH] {
        let mut supply = self.supply.lock().unwrap_or_else(PoisonError::into_inner);
        if supply.left == 0 {
            self.random.fill(&mut supply.bytes);
            supply.left = supply.bytes.len();
        }
        supply.left -= LENGTH;
        let at = supply.left;
        let drawn = supply.bytes[at..].first_chunk();
        *drawn.expect("what is left is a multiple of this length")
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tokens_differ_and_carry_all_their_bytes() {
        let one = token::<32>(&OsRandom);
        assert_ne!(one, token::<32>(&OsRandom));
        assert_eq!(one.len(), 43);
    }

    #[test]
    fn no_name_comes_twice() {
        let names = Names::new(Arc::new(OsRandom));
        let seen: HashSet<_> = (0..10 * AT_ONCE).map(|_| names.next()).collect();
        assert_eq!(seen.len(), 10 * AT_ONCE);
        assert!(seen.iter().all(|name| name.len() == 22));
    }
}
