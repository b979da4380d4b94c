//! Keys and tokens for the benchmarks, made anew for every run.

use std::fs;

use anyhow::Context as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::jwk::{Jwk, JwkSet};
use oauth::jws::Algorithm;
use oauth::jwt::ACCESS_TOKEN_TYPE;
use oauth::random::{self, OsRandom};
use oauth::time::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// The issuer of the tokens.
pub(crate) const ISSUER: &str = "http://127.0.0.1:9000";
/// What the tokens are for. Nothing listens there; it is a name.
pub(crate) const RESOURCE: &str = "http://127.0.0.1:9000/whoami/mcp";
/// Whose tokens they are.
pub(crate) const SUBJECT: &str = "alice";

/// A key pair that was parsed once and signs any number of messages.
pub(crate) enum Signer {
    EdDSA(Ed25519KeyPair),
    ES256(EcdsaKeyPair),
    RS256(RsaKeyPair),
}

impl Signer {
    /// A new key pair.
    pub(crate) fn new(algorithm: Algorithm) -> anyhow::Result<Self> {
        Ok(match algorithm {
            Algorithm::EdDSA => Self::EdDSA(Ed25519KeyPair::generate()?),
            Algorithm::ES256 => {
                Self::ES256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?)
            }
            Algorithm::RS256 => Self::RS256(RsaKeyPair::generate(KeySize::Rsa2048)?),
            _ => anyhow::bail!("there is no benchmark of {algorithm:?}"),
        })
    }

    /// The signature of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::EdDSA(pair) => pair.sign(message).as_ref().to_vec(),
            Self::ES256(pair) => pair.sign(&random, message)?.as_ref().to_vec(),
            Self::RS256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                signature
            }
        })
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::EdDSA(_) => "EdDSA",
            Self::ES256(_) => "ES256",
            Self::RS256(_) => "RS256",
        }
    }

    fn public(&self) -> Jwk {
        let encode = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
        let jwk = match self {
            Self::EdDSA(pair) => {
                let x = encode(pair.public_key().as_ref());
                Jwk {
                    kty: "OKP".into(),
                    crv: Some("Ed25519".into()),
                    x,
                    ..Jwk::default()
                }
            }
            Self::ES256(pair) => {
                // SEC 1 §2.3.3: 0x04, then 32 bytes of x, then 32 bytes of y.
                let point = pair.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                Jwk {
                    kty: "EC".into(),
                    crv: Some("P-256".into()),
                    x,
                    y,
                    ..Jwk::default()
                }
            }
            Self::RS256(pair) => {
                let n = encode(
                    pair.public_key()
                        .modulus()
                        .big_endian_without_leading_zero(),
                );
                let e = encode(
                    pair.public_key()
                        .exponent()
                        .big_endian_without_leading_zero(),
                );
                Jwk {
                    kty: "RSA".into(),
                    n,
                    e,
                    ..Jwk::default()
                }
            }
        };
        Jwk {
            kid: Some(self.kid()),
            alg: Some(self.algorithm().into()),
            ..jwk
        }
    }

    fn kid(&self) -> String {
        format!("bench-{}", self.algorithm())
    }

    /// An access token like no other.
    fn token(&self) -> anyhow::Result<String> {
        let header = json!({"alg": self.algorithm(), "typ": ACCESS_TOKEN_TYPE, "kid": self.kid()});
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims().to_string(), &mut token);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// The claims of an access token of [`SUBJECT`], as the authorization server writes them.
pub(crate) fn claims() -> Value {
    let now = SystemClock.now().0;
    json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": RESOURCE, "client_id": "bench",
        "iat": now, "exp": now + 24 * 60 * 60,
        "jti": random::token::<16>(&OsRandom), "grant_id": random::token::<16>(&OsRandom),
        "scope": "openid profile email", "username": SUBJECT, "preferred_username": SUBJECT,
        "name": "Alice of the benchmark", "email": "alice@example.com", "email_verified": true,
        "roles": ["User"], "auth_time": now,
    })
}

/// Keys, and `keys.json` in a directory that is gone when this is dropped.
pub(crate) struct Material {
    directory: tempfile::TempDir,
    signers: Vec<Signer>,
}

impl Material {
    /// Keys for these algorithms, published in one set.
    pub(crate) fn new(algorithms: &[Algorithm]) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let signers: Vec<_> = algorithms
            .iter()
            .map(|&algorithm| Signer::new(algorithm))
            .collect::<Result<_, _>>()?;
        let set = JwkSet {
            keys: signers.iter().map(Signer::public).collect(),
        };
        fs::write(
            directory.path().join("keys.json"),
            serde_json::to_vec(&set)?,
        )?;
        Ok(Self { directory, signers })
    }

    /// The file with the key set.
    pub(crate) fn keys(&self) -> String {
        self.directory
            .path()
            .join("keys.json")
            .to_string_lossy()
            .into_owned()
    }

    /// So many different tokens.
    pub(crate) fn tokens(&self, algorithm: Algorithm, count: usize) -> anyhow::Result<Vec<String>> {
        let name = format!("{algorithm:?}");
        let signer = self
            .signers
            .iter()
            .find(|signer| signer.algorithm() == name);
        let signer = signer.context("the material has a key of this algorithm")?;
        (0..count).map(|_| signer.token()).collect()
    }
}
