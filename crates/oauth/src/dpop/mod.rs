//! Demonstrating proof of possession: a signed header that binds a token to a key (RFC 9449).
//!
//! [`Proof::read`] says that somebody who holds a key made this very request; it knows neither time nor
//! memory. Whoever accepts proofs also asks whether one [is fresh](Proof::is_fresh) or answers a
//! [nonce](Nonces), and keeps its [`name`](Proof::name) for [`MEMORY`], so that it is used once.

mod nonce;
mod prover;

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::json;
use crate::jwk::{Jwk, JwkSet};
use crate::jws::{self, Algorithm};
use crate::time::NumericDate;

pub use nonce::Nonces;
pub use prover::sign_proof;

/// The media type of a proof (RFC 9449 §4.2).
const PROOF_TYPE: &str = "dpop+jwt";

/// The algorithms of proofs; all have a public key (RFC 9449 §5.1).
pub const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::ES256,
    Algorithm::EdDSA,
    Algorithm::ES384,
    Algorithm::PS256,
    Algorithm::RS256,
];

/// How old a proof may be that answers no nonce.
const WINDOW: Duration = Duration::from_mins(1);

/// How far in the future a proof may be made, by clocks that disagree.
const LEEWAY: Duration = Duration::from_secs(10);

/// For how long the name of a proof must be remembered (RFC 9449 §11.1): as long as any proof may be
/// accepted. One that answers a nonce is for longer
/// than one that does not; replicas that share the memory may have clocks that disagree.
pub const MEMORY: Duration = nonce::ACCEPTED.saturating_add(LEEWAY);

/// Longer ones hold no key that we know.
const MAX_PROOF: usize = 8 * 1024;

/// Members of a JWK that belong to a private key or are one (RFC 7518 §6).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The request that a proof has to be made for.
#[derive(Clone, Copy, Debug)]
pub struct ProvenRequest<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The address as the client knows it; query and fragment do not matter.
    pub uri: &'a str,
    /// The access token that comes along, at a resource server.
    pub access_token: Option<&'a str>,
}

/// A proof whose signature and request were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The SHA-256 thumbprint of the key that signed: what `cnf.jkt` of a token holds (§6.1).
    pub thumbprint: String,
    /// The nonce it answers, not yet looked at.
    pub nonce: Option<String>,
    issued_at: NumericDate,
    id: String,
}

/// Why a proof proves nothing. The client may see the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Not a JWT with exactly the members of §4.2.
    #[error("the DPoP proof is malformed")]
    Malformed,
    /// `typ` is another one, so it was signed for another purpose.
    #[error("the DPoP proof is not of the type dpop+jwt")]
    Type,
    /// `alg` is symmetric, `none` or not known.
    #[error("the algorithm of the DPoP proof is not accepted")]
    Algorithm,
    /// `jwk` is not a public key, or holds a private one.
    #[error("the DPoP proof does not carry a public key")]
    Key,
    /// The key did not sign this.
    #[error("the signature of the DPoP proof is wrong")]
    Signature,
    /// `htm` or `htu` name another request.
    #[error("the DPoP proof was made for another request")]
    Request,
    /// `ath` is missing or names another token.
    #[error("the DPoP proof was made for another access token")]
    AccessToken,
}

#[derive(Deserialize)]
struct Header {
    typ: Option<String>,
    alg: String,
    jwk: Map<String, Value>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: NumericDate,
    ath: Option<String>,
    nonce: Option<String>,
}

impl Proof {
    /// Verifies the value of a `DPoP` header, in the order of §4.3.
    pub fn read(proof: &str, request: &ProvenRequest<'_>) -> Result<Self, ProofError> {
        if proof.len() > MAX_PROOF {
            return Err(ProofError::Malformed);
        }
        let header = proof.split('.').next().unwrap_or_default();
        let header: Header = read_part(header)?;
        if header.typ.as_deref() != Some(PROOF_TYPE) {
            return Err(ProofError::Type);
        }
        let is_accepted = |known: &Algorithm| format!("{known:?}") == header.alg;
        let algorithm = ALGORITHMS.into_iter().find(is_accepted);
        let algorithm = algorithm.ok_or(ProofError::Algorithm)?;
        let key = public_key(header.jwk)?;
        let thumbprint = key.thumbprint().ok_or(ProofError::Key)?;
        let keys = JwkSet { keys: vec![key] };
        let verified = jws::verify(proof, &keys, &[algorithm]).map_err(|error| match error {
            jws::JwsError::UnknownKey => ProofError::Key,
            jws::JwsError::Signature => ProofError::Signature,
            _ => ProofError::Malformed,
        })?;
        let claims: Claims =
            json::from_stranger(&verified.payload).map_err(|_| ProofError::Malformed)?;
        if !(1..=256).contains(&claims.jti.len()) {
            return Err(ProofError::Malformed);
        }
        if claims.htm != request.method || !is_same_address(&claims.htu, request.uri) {
            return Err(ProofError::Request);
        }
        // §4.3 no. 12: a stolen proof must not be good for another token.
        if request.access_token.map(hash) != claims.ath {
            return Err(ProofError::AccessToken);
        }
        Ok(Self {
            thumbprint,
            nonce: claims.nonce,
            issued_at: claims.iat,
            id: claims.jti,
        })
    }

    /// Whether the proof was made just now by the client's own clock (§4.3 no. 11).
    pub fn is_fresh(&self, now: NumericDate) -> bool {
        self.issued_at.plus(WINDOW) >= now && self.issued_at <= now.plus(LEEWAY)
    }

    /// Whether the proof can have been used for the first time only after `moment`, as long as every use needs
    /// a [fresh](Self::is_fresh) one. Whoever has no memory of what was before that must not take another
    /// (§11.1).
    pub fn is_after(&self, moment: NumericDate) -> bool {
        self.issued_at > moment.plus(LEEWAY)
    }

    /// Under which name the proof is remembered, so that it works once (§11.1): no longer than a hash,
    /// and not in the hands of holders of other keys.
    pub fn name(&self) -> String {
        hash(&format!("{}.{}", self.thumbprint, self.id))
    }
}

fn read_part<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, ProofError> {
    let bytes = URL_SAFE_NO_PAD.decode(part);
    let bytes = bytes.map_err(|_| ProofError::Malformed)?;
    json::from_stranger(&bytes).map_err(|_| ProofError::Malformed)
}

/// §4.3 no. 7: who sends a private key along has none any more.
fn public_key(members: Map<String, Value>) -> Result<Jwk, ProofError> {
    if PRIVATE_MEMBERS
        .iter()
        .any(|name| members.contains_key(*name))
    {
        return Err(ProofError::Key);
    }
    let key: Jwk = serde_json::from_value(members.into()).map_err(|_| ProofError::Key)?;
    if !key.may_verify() {
        return Err(ProofError::Key);
    }
    // Neither binds here, where the key is known by its thumbprint alone.
    Ok(Jwk {
        kid: None,
        alg: None,
        ..key
    })
}

/// §4.3 no. 9, after the normalization that parsing a URL does (RFC 3986 §6.2.2, §6.2.3).
fn is_same_address(claimed: &str, actual: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    let claimed = bare(claimed);
    claimed.is_some() && claimed == bare(actual)
}

/// SHA-256 in base64url: the form of `ath` (§4.2).
fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests;
