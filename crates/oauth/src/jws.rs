//! Verifying signed tokens in compact form (RFC 7515), behind one strict door.
//!
//! The algorithm is decided by the key and the caller's allow-list, never by the token alone; `none`
//! and shared-secret algorithms do not exist here, and a `crit` header is always refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};

use crate::jwk::{Jwk, JwkSet};

/// Signature algorithms with a public and a private key (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "these are the registered names, which say all there is"
)]
pub enum Algorithm {
    EdDSA,
    ES256,
    ES384,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
}

impl Algorithm {
    /// Every algorithm that [`verify`] knows.
    pub const ALL: [Self; 9] = [
        Self::EdDSA,
        Self::ES256,
        Self::ES384,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
    ];

    fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::RS512 => jsonwebtoken::Algorithm::RS512,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::PS384 => jsonwebtoken::Algorithm::PS384,
            Self::PS512 => jsonwebtoken::Algorithm::PS512,
        }
    }

    /// The key that verifies this algorithm, if `jwk` is one.
    fn decoding_key(self, jwk: &Jwk) -> Option<DecodingKey> {
        let named = jwk.alg.as_deref();
        let own_name = format!("{self:?}");
        // RFC 9864 renames EdDSA with an Ed25519 key to Ed25519; key sets may carry either name.
        if named.is_some_and(|alg| alg != own_name && !(alg == "Ed25519" && self == Self::EdDSA)) {
            return None;
        }
        let curve = jwk.crv.as_deref();
        match (self, jwk.kty.as_str(), curve) {
            (Self::EdDSA, "OKP", Some("Ed25519")) => {
                DecodingKey::from_ed_components(jwk.x.as_ref()?).ok()
            }
            (Self::ES256, "EC", Some("P-256")) | (Self::ES384, "EC", Some("P-384")) => {
                DecodingKey::from_ec_components(jwk.x.as_ref()?, jwk.y.as_ref()?).ok()
            }
            (Self::EdDSA | Self::ES256 | Self::ES384, ..) => None,
            (_, "RSA", _) => {
                DecodingKey::from_rsa_components(jwk.n.as_ref()?, jwk.e.as_ref()?).ok()
            }
            _ => None,
        }
    }
}

/// The members of a JOSE header that decisions are made on (RFC 7515 §4.1).
#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    /// The name of the algorithm, known or not.
    pub alg: String,
    /// The name of the key.
    pub kid: Option<String>,
    /// The media type of the whole token.
    pub typ: Option<String>,
    crit: Option<serde_json::Value>,
}

impl Header {
    /// Whether the header demands an extension (RFC 7515 §4.1.11).
    pub(crate) fn has_critical(&self) -> bool {
        self.crit.is_some()
    }
}

/// A token whose signature was verified; its claims still have to be.
#[derive(Clone, Debug)]
pub struct VerifiedJws {
    /// The header.
    pub header: Header,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
}

/// Why a signature was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Not three base64url parts with a JSON header.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// The header demands an extension (RFC 7515 §4.1.11); none is supported.
    #[error("the token requires an extension that is not supported")]
    Critical,
    /// `alg` is not on the allow-list.
    #[error("the signature algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// No key of the set fits; a set that is fetched may be worth fetching again.
    #[error("no key of the issuer fits the token")]
    UnknownKey,
    /// A key fits, the signature does not.
    #[error("the signature is wrong")]
    Signature,
}

/// Verifies `token` with a key of `keys`, accepting only the algorithms in `allowed`.
pub fn verify(token: &str, keys: &JwkSet, allowed: &[Algorithm]) -> Result<VerifiedJws, JwsError> {
    let (message, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(JwsError::Malformed)?;
    let header: Header = decode(header)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or(JwsError::Malformed)?;
    let payload = decode(payload).ok_or(JwsError::Malformed)?;
    if header.has_critical() {
        return Err(JwsError::Critical);
    }
    let algorithm = allowed.iter().find(|alg| format!("{alg:?}") == header.alg);
    let Some(&algorithm) = algorithm else {
        return Err(JwsError::Algorithm(header.alg));
    };
    let named = |key: &&Jwk| header.kid.is_none() || key.kid.is_none() || key.kid == header.kid;
    let usable = keys
        .keys
        .iter()
        .filter(|key| key.may_verify())
        .filter(named);
    let mut candidates = usable
        .filter_map(|key| algorithm.decoding_key(key))
        .peekable();
    if candidates.peek().is_none() {
        return Err(JwsError::UnknownKey);
    }
    let fits = |key: DecodingKey| {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, algorithm.library())
            .unwrap_or(false)
    };
    if candidates.any(fits) {
        Ok(VerifiedJws { header, payload })
    } else {
        Err(JwsError::Signature)
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

#[cfg(test)]
mod tests;
