//! Access tokens: invented ones, and invented claims under a good signature (RFC 9068).

use std::sync::OnceLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::issuer::Issuer;
use oauth::jwk::{Jwk, JwkSet};
use oauth::jwt::{Expectation, verify_access_token};
use oauth::resource::ResourceIndicator;
use oauth::time::NumericDate;

use crate::halves;

const NOW: NumericDate = NumericDate(1_800_000_000);

struct Signer {
    key: Ed25519KeyPair,
    keys: JwkSet,
    expected: Expectation,
}

impl Signer {
    fn new() -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed is 32 bytes");
        let public = Jwk {
            kty: "OKP".to_owned(),
            crv: Some("Ed25519".to_owned()),
            x: Some(URL_SAFE_NO_PAD.encode(key.public_key().as_ref())),
            kid: Some("k".to_owned()),
            ..Jwk::default()
        };
        let issuer = Issuer::parse("https://as.example").expect("it is an issuer");
        Self {
            key,
            keys: JwkSet { keys: vec![public] },
            expected: Expectation::strict(issuer, "https://mcp.example/mcp"),
        }
    }
}

/// The input as a token; and its first line as header, its second as claims of a token that is signed.
pub fn run(data: &[u8]) {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    let signer = SIGNER.get_or_init(Signer::new);
    let verify = |token: &str| verify_access_token(token, &signer.keys, &signer.expected, NOW);
    if let Ok(token) = str::from_utf8(data) {
        assert!(verify(token).is_err(), "nobody else has the key");
    }
    let (header, payload) = halves(data);
    let message = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    let message = message.join(".");
    let signature = signer.key.sign(message.as_bytes());
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    if let Ok(claims) = verify(&token) {
        assert_eq!(claims.iss, "https://as.example");
        // Host and scheme may be spelled otherwise: it is the same resource (RFC 8707 §2).
        let resource = |name: &str| ResourceIndicator::parse(name).ok();
        let ours = resource("https://mcp.example/mcp");
        assert!(claims.aud.iter().any(|name| resource(name) == ours));
        assert!(claims.exp.0 + 30 > NOW.0);
        assert!(!claims.sub.is_empty());
        assert!(verify(&format!("{token}A")).is_err());
    }
}
