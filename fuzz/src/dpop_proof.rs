//! Proofs of possession (`DPoP`): invented ones, and invented claims that a key has signed (RFC 9449 §4.3).

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::dpop::{Proof, ProvenRequest};
use oauth::time::NumericDate;

use crate::halves;

const NOW: NumericDate = NumericDate(1_800_000_000);

/// In a header, this stands for the members of the key that signs.
const KEY: &str = "KEY";

/// A key that anybody could have made, and its members as they stand in a proof.
struct Signer {
    key: EcdsaKeyPair,
    members: String,
}

impl Signer {
    fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let key = key.expect("a machine that fuzzes has randomness");
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
        let members = format!(r#""kty":"EC","crv":"P-256","x":"{x}","y":"{y}""#);
        Self { key, members }
    }
}

/// The input as a proof; and its first line as header, its second as claims of a proof that is signed.
pub fn run(data: &[u8]) {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    let signer = SIGNER.get_or_init(Signer::new);
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let request = ProvenRequest {
        method: "POST",
        uri: "https://as.example/token",
        access_token: None,
    };
    // Whoever has a key can sign, so an invented proof may be a good one; it only has to end somewhere.
    let _ = Proof::read(text, &request);
    let (header, claims) = halves(data);
    let header = String::from_utf8_lossy(header).replacen(KEY, &signer.members, 1);
    let message = [header.as_bytes(), claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let message = message.join(".");
    let signature = signer.key.sign(&SystemRandom::new(), message.as_bytes());
    let signature = signature.expect("the key signs whatever it gets");
    let proof = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    let Ok(good) = Proof::read(&proof, &request) else {
        return;
    };
    assert_eq!(good.thumbprint.len(), 43);
    assert_eq!(good.name().len(), 43);
    let _ = good.is_fresh(NOW);
    let other = |method, uri, access_token| ProvenRequest {
        method,
        uri,
        access_token,
    };
    for wrong in [
        other("GET", request.uri, None),
        other("POST", "https://as.example/other", None),
        other("POST", request.uri, Some("a token")),
    ] {
        assert!(Proof::read(&proof, &wrong).is_err());
    }
}
