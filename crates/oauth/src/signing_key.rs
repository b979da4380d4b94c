//! Private keys that sign tokens in compact form (RFC 7515 §5.1).

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::jwk::Jwk;
use crate::jws::Algorithm;
use crate::jwt::ACCESS_TOKEN_TYPE;

/// What most payloads fit into.
const PAYLOAD: usize = 512;

/// What a token needs beside its payload: header, signature and dots.
const ROOM: usize = 256;

/// A private key that signs tokens, parsed once: `EdDSA` by default, `ES256` where a peer needs it.
///
/// `ES384` and `RS256` are what other issuers sign with, for whoever has to play one.
pub struct SigningKey {
    pair: KeyPair,
    public: Jwk,
    /// The encoded header of access tokens, which is always the same.
    access_token_header: String,
}

enum KeyPair {
    EdDSA(Ed25519KeyPair),
    /// `ES256` or `ES384`.
    Ecdsa(EcdsaKeyPair),
    RS256(RsaKeyPair),
}

/// A private key that is not PKCS#8 of the given algorithm, or an algorithm that we do not sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is not a PKCS#8 private key for EdDSA, ES256, ES384 or RS256")]
pub struct InvalidKey;

impl SigningKey {
    /// A new private key as PKCS#8, to be sealed and stored.
    pub fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
        let random = SystemRandom::new();
        let ecdsa = |curve| EcdsaKeyPair::generate_pkcs8(curve, &random);
        let document = match algorithm {
            Algorithm::EdDSA => Ed25519KeyPair::generate_pkcs8v1(&random),
            Algorithm::ES256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::RS256 => {
                let document = RsaKeyPair::generate(KeySize::Rsa2048).and_then(|key| key.as_der());
                let document = document.map_err(|_| InvalidKey)?;
                return Ok(Zeroizing::new(document.as_ref().to_vec()));
            }
            _ => return Err(InvalidKey),
        };
        Ok(Zeroizing::new(
            document.map_err(|_| InvalidKey)?.as_ref().to_vec(),
        ))
    }

    /// Reads a private key; its name (`kid`) is the thumbprint of its public half.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, InvalidKey> {
        let (pair, mut public) = match algorithm {
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| InvalidKey)?;
                let public = Jwk {
                    kty: "OKP".into(),
                    crv: Some("Ed25519".into()),
                    x: Some(URL_SAFE_NO_PAD.encode(pair.public_key())),
                    ..Jwk::default()
                };
                (KeyPair::EdDSA(pair), public)
            }
            Algorithm::ES256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", pkcs8)?,
            Algorithm::ES384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", pkcs8)?,
            Algorithm::RS256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| InvalidKey)?;
                let (n, e) = rsa_numbers(pair.public_key().as_ref()).ok_or(InvalidKey)?;
                let public = Jwk {
                    kty: "RSA".into(),
                    n: Some(URL_SAFE_NO_PAD.encode(n)),
                    e: Some(URL_SAFE_NO_PAD.encode(e)),
                    ..Jwk::default()
                };
                (KeyPair::RS256(pair), public)
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
        if typ == ACCESS_TOKEN_TYPE {
            return self.complete(&self.access_token_header, claims);
        }
        self.complete(&encoded_header(&self.public, typ)?, claims)
    }

    /// Signs `claims` under a header of the caller's own, whose `alg` must be that of this key.
    pub fn sign_with_header(
        &self,
        header: &impl Serialize,
        claims: &impl Serialize,
    ) -> serde_json::Result<String> {
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(header)?);
        self.complete(&header, claims)
    }

    fn complete(&self, header: &str, claims: &impl Serialize) -> serde_json::Result<String> {
        let mut payload = Vec::with_capacity(PAYLOAD);
        serde_json::to_writer(&mut payload, claims)?;
        let mut token = String::with_capacity(ROOM + header.len() + payload.len() * 4 / 3);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let random = SystemRandom::new();
        match &self.pair {
            KeyPair::EdDSA(pair) => {
                let signature = pair.sign(token.as_bytes());
                append(&mut token, signature.as_ref());
            }
            KeyPair::Ecdsa(pair) => {
                let signature = pair
                    .sign(&random, token.as_bytes())
                    .expect("an ECDSA key signs any message while the machine has randomness");
                append(&mut token, signature.as_ref());
            }
            KeyPair::RS256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, token.as_bytes(), &mut signature)
                    .expect("an RSA key of 2048 bits or more signs any message");
                append(&mut token, &signature);
            }
        }
        Ok(token)
    }
}

/// The last part of a token.
fn append(token: &mut String, signature: &[u8]) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, token);
}

fn ecdsa(
    algorithm: &'static EcdsaSigningAlgorithm,
    curve: &str,
    pkcs8: &[u8],
) -> Result<(KeyPair, Jwk), InvalidKey> {
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map_err(|_| InvalidKey)?;
    // SEC 1 §2.3.3: 0x04, then x and y, which are equally long.
    let point = &pair.public_key().as_ref()[1..];
    let (x, y) = point.split_at(point.len() / 2);
    let public = Jwk {
        kty: "EC".into(),
        crv: Some(curve.to_owned()),
        x: Some(URL_SAFE_NO_PAD.encode(x)),
        y: Some(URL_SAFE_NO_PAD.encode(y)),
        ..Jwk::default()
    };
    Ok((KeyPair::Ecdsa(pair), public))
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 §A.1.1), without leading zeros (RFC 7518 §6.3.1).
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, _) = der_value(0x30, der)?;
    let (n, rest) = der_value(0x02, numbers)?;
    let (e, _) = der_value(0x02, rest)?;
    Some((without_zero(n), without_zero(e)))
}

/// The value of the first element, which has this tag, and what comes after it (X.690 §8.1).
fn der_value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, der) = der.split_first()?;
    let (&first, der) = der.split_first()?;
    let (length, der) = if first < 0x80 {
        (usize::from(first), der)
    } else {
        let (digits, der) = der.split_at_checked(usize::from(first & 0x7f))?;
        let length = digits.iter().try_fold(0usize, |length, digit| {
            length.checked_mul(256)?.checked_add(usize::from(*digit))
        })?;
        (length, der)
    };
    (found == tag).then_some(())?;
    der.split_at_checked(length)
}

/// A positive number whose first bit is set has a zero before it (X.690 §8.3).
fn without_zero(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
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
