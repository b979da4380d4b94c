//! Private keys that sign tokens in compact form (RFC 7515 §5.1).

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::jwk::Jwk;
use crate::jws::Algorithm;
use crate::jwt::ACCESS_TOKEN_TYPE;

/// What a token needs beside its payload: header, signature and dots.
const ROOM: usize = 256;

/// A private key that signs tokens, parsed once: `EdDSA` by default, `ES256` where a peer needs it.
pub struct SigningKey {
    pair: KeyPair,
    public: Jwk,
    /// The encoded header of access tokens, which is always the same.
    access_token_header: String,
}

enum KeyPair {
    EdDSA(Ed25519KeyPair),
    ES256(EcdsaKeyPair),
}

/// A private key that is not PKCS#8 of the given algorithm, or an algorithm that we do not sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is not a PKCS#8 private key for EdDSA or ES256")]
pub struct InvalidKey;

impl SigningKey {
    /// A new private key as PKCS#8, to be sealed and stored.
    pub fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
        let random = SystemRandom::new();
        let document = match algorithm {
            Algorithm::EdDSA => Ed25519KeyPair::generate_pkcs8v1(&random),
            Algorithm::ES256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            }
            _ => return Err(InvalidKey),
        };
        Ok(Zeroizing::new(
            document.map_err(|_| InvalidKey)?.as_ref().to_vec(),
        ))
    }

    /// Reads a private key; its name (`kid`) is the thumbprint of its public half.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, InvalidKey> {
        let encode = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
        let (pair, mut public) = match algorithm {
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| InvalidKey)?;
                let x = encode(pair.public_key().as_ref());
                let crv = Some("Ed25519".to_owned());
                (
                    KeyPair::EdDSA(pair),
                    Jwk {
                        kty: "OKP".into(),
                        crv,
                        x,
                        ..Jwk::default()
                    },
                )
            }
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(|_| InvalidKey)?;
                // SEC 1 §2.3.3: 0x04, then 32 bytes of x, then 32 bytes of y.
                let point = pair.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                let crv = Some("P-256".to_owned());
                (
                    KeyPair::ES256(pair),
                    Jwk {
                        kty: "EC".into(),
                        crv,
                        x,
                        y,
                        ..Jwk::default()
                    },
                )
            }
            _ => return Err(InvalidKey),
        };
        public.kid = public.thumbprint();
        public.alg = Some(format!("{algorithm:?}"));
        public.public_key_use = Some("sig".into());
        let header = encoded_header(&public, ACCESS_TOKEN_TYPE);
        let access_token_header = header.expect("strings have a JSON form");
        Ok(Self {
            pair,
            public,
            access_token_header,
        })
    }

    /// The public half, for the key set.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// Signs `claims` as a token of the media type `typ` (RFC 7515 §7.1).
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> serde_json::Result<String> {
        let payload = serde_json::to_vec(claims)?;
        let mut token = String::with_capacity(ROOM + payload.len() * 4 / 3);
        if typ == ACCESS_TOKEN_TYPE {
            token.push_str(&self.access_token_header);
        } else {
            token.push_str(&encoded_header(&self.public, typ)?);
        }
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = match &self.pair {
            KeyPair::EdDSA(pair) => pair.sign(token.as_bytes()),
            KeyPair::ES256(pair) => pair
                .sign(&SystemRandom::new(), token.as_bytes())
                .expect("a P-256 key signs any message while the machine has randomness"),
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

fn encoded_header(public: &Jwk, typ: &str) -> serde_json::Result<String> {
    let header = HeaderOut {
        alg: public.alg.as_deref(),
        typ,
        kid: public.kid.as_deref(),
    };
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?))
}

#[derive(Serialize)]
struct HeaderOut<'a> {
    alg: Option<&'a str>,
    typ: &'a str,
    kid: Option<&'a str>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.public.kid)
            .finish_non_exhaustive()
    }
}
