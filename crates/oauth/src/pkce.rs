//! Proof key for code exchange: S256 and nothing else (RFC 7636).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::random::{self, Random};

/// What a client sends with the authorization request: the hash of its verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

/// What a client proves itself with at the token endpoint.
#[derive(Clone)]
pub struct CodeVerifier(String);

/// A challenge or verifier whose length or characters RFC 7636 §4.1 and §4.2 do not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("43 to 128 characters of A-Z, a-z, 0-9 and -._~ are expected")]
pub struct InvalidPkce;

impl CodeChallenge {
    /// Parses the `code_challenge` parameter: with S256 it is always 43 characters of base64url.
    pub fn parse(text: &str) -> Result<Self, InvalidPkce> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(hash) if hash.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(InvalidPkce),
        }
    }

    /// The challenge as sent in an authorization request.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the challenge of `verifier` (RFC 7636 §4.6), in constant time.
    pub fn matches(&self, verifier: &CodeVerifier) -> bool {
        let computed = verifier.challenge();
        verify_slices_are_equal(self.0.as_bytes(), computed.0.as_bytes()).is_ok()
    }
}

impl CodeVerifier {
    /// A new verifier of 256 random bits (RFC 7636 §4.1 recommends this form).
    pub fn random(random: &dyn Random) -> Self {
        Self(random::token::<32>(random))
    }

    /// Parses the `code_verifier` parameter.
    pub fn parse(text: &str) -> Result<Self, InvalidPkce> {
        let unreserved =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPkce)
        }
    }

    /// The verifier as sent to the token endpoint.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `BASE64URL(SHA256(ASCII(code_verifier)))` (RFC 7636 §4.2).
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(URL_SAFE_NO_PAD.encode(digest(&SHA256, self.0.as_bytes())))
    }
}

impl std::fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeVerifier")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7636_appendix_b() {
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge =
            CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.matches(&verifier));
    }

    #[test]
    fn lengths_and_characters() {
        assert!(CodeVerifier::parse(&"a".repeat(43)).is_ok());
        assert!(CodeVerifier::parse(&"a".repeat(128)).is_ok());
        assert!(CodeVerifier::parse(&"a".repeat(42)).is_err());
        assert!(CodeVerifier::parse(&"a".repeat(129)).is_err());
        assert!(CodeVerifier::parse(&format!("{}+", "a".repeat(43))).is_err());
        assert!(CodeChallenge::parse("too-short").is_err());
    }
}
