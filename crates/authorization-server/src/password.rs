//! Password hashes: argon2id in the PHC string format (RFC 9106).

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use oauth::random::Random;
use oauth::secret::Secret;
use serde::{Deserialize, Serialize};

/// 19 MiB, two passes, one lane: what OWASP recommends where many people sign in at once.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What is stored of a password: its hash, the salt and the cost, in one string.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PasswordHash(String);

impl PasswordHash {
    /// 128 random bits, so that the same password never gives the same hash.
    pub(crate) fn salt(random: &dyn Random) -> [u8; 16] {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        salt
    }

    /// Hashes `password`. Slow on purpose.
    pub(crate) fn new(password: &Secret, salt: &[u8; 16]) -> Self {
        let hash: phc::PasswordHash = hasher()
            .hash_password_with_salt(password.expose().as_bytes(), salt)
            .expect("salt and cost are constants in range, and a password is under 4 GiB");
        Self(hash.to_string())
    }

    /// Whether `password` is the one that was hashed. As slow as hashing it was.
    pub(crate) fn verify(&self, password: &Secret) -> bool {
        phc::PasswordHash::new(&self.0).is_ok_and(|hash| {
            hasher()
                .verify_password(password.expose().as_bytes(), &hash)
                .is_ok()
        })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

fn hasher() -> Argon2<'static> {
    let cost = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the cost is in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;

    #[test]
    fn a11_the_stored_form_says_its_cost_and_not_the_password() {
        let password = Secret::from("correct horse");
        let hash = PasswordHash::new(&password, &PasswordHash::salt(&OsRandom));
        assert!(
            hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.0
        );
        assert_eq!(format!("{hash:?}"), "PasswordHash");
        assert!(hash.verify(&password));
        assert!(!hash.verify(&Secret::from("correct horsf")));
    }

    #[test]
    fn a_hash_that_is_none_matches_nothing() {
        assert!(!PasswordHash(String::new()).verify(&Secret::from("")));
    }
}
