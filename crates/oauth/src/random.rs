//! Unguessable values: the one door through which randomness enters.

use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_carry_all_their_bytes() {
        let one = token::<32>(&OsRandom);
        assert_ne!(one, token::<32>(&OsRandom));
        assert_eq!(one.len(), 43);
    }
}
