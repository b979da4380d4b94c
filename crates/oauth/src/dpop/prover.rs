//! Making proofs of possession: the client's side (RFC 9449 §4.2).

use serde_json::json;

use super::{PROOF_TYPE, ProvenRequest, hash};
use crate::jwk::Jwk;
use crate::random::{self, Random};
use crate::signing_key::SigningKey;
use crate::time::NumericDate;

/// The value of the `DPoP` header of `request`, for one use; `nonce` is the last one that the server
/// has given out, if it has.
pub fn sign_proof(
    key: &SigningKey,
    request: &ProvenRequest<'_>,
    nonce: Option<&str>,
    now: NumericDate,
    random: &dyn Random,
) -> String {
    let public = key.public();
    let jwk = Jwk {
        kid: None,
        alg: None,
        public_key_use: None,
        ..public.clone()
    };
    let header = json!({"typ": PROOF_TYPE, "alg": public.alg, "jwk": jwk});
    let mut claims = json!({
        "jti": random::token::<16>(random), "htm": request.method, "htu": request.uri, "iat": now,
    });
    if let Some(token) = request.access_token {
        claims["ath"] = hash(token).into();
    }
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    let proof = key.sign_with_header(&header, &claims);
    proof.expect("JSON values have a JSON form")
}
