//! What a signature check accepts, and the long list of what it refuses.

use serde_json::json;

use super::*;
use crate::signing_key::SigningKey;

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_pkcs8(algorithm, &SigningKey::generate(algorithm).unwrap()).unwrap()
}

fn set(key: &SigningKey) -> JwkSet {
    JwkSet {
        keys: vec![key.public().clone()],
    }
}

fn with_header(header: &serde_json::Value, token: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn every_signing_algorithm_verifies() {
    for algorithm in [
        Algorithm::EdDSA,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::RS256,
    ] {
        let key = key(algorithm);
        let token = key.sign("at+jwt", &json!({"sub": "alice"})).unwrap();
        let verified = verify(&token, &set(&key), &Algorithm::ALL).unwrap();
        assert_eq!(verified.payload, br#"{"sub":"alice"}"#);
        assert_eq!(verified.header.typ.as_deref(), Some("at+jwt"));
    }
}

#[test]
fn a8_algorithms_outside_the_allow_list_are_refused() {
    let key = key(Algorithm::EdDSA);
    let token = key.sign("at+jwt", &json!({})).unwrap();
    let refused = verify(&token, &set(&key), &[Algorithm::RS256]).unwrap_err();
    assert_eq!(refused, JwsError::Algorithm("EdDSA".into()));
    for alg in ["none", "None", "HS256", "", "ES512"] {
        let forged = with_header(&json!({"alg": alg}), &token);
        let refused = verify(&forged, &set(&key), &Algorithm::ALL).unwrap_err();
        assert_eq!(refused, JwsError::Algorithm(alg.into()));
    }
}

#[test]
fn the_key_decides_the_algorithm_not_the_token() {
    let key = key(Algorithm::EdDSA);
    let token = key.sign("at+jwt", &json!({})).unwrap();
    let confused = with_header(&json!({"alg": "ES256"}), &token);
    assert_eq!(
        verify(&confused, &set(&key), &Algorithm::ALL).unwrap_err(),
        JwsError::UnknownKey
    );
}

#[test]
fn tampered_tokens_foreign_keys_and_critical_headers() {
    let (ours, other) = (key(Algorithm::EdDSA), key(Algorithm::EdDSA));
    let token = ours.sign("at+jwt", &json!({"sub": "alice"})).unwrap();
    assert_eq!(
        verify(&token, &set(&other), &Algorithm::ALL).unwrap_err(),
        JwsError::UnknownKey
    );

    let mut nameless = other.public().clone();
    nameless.kid = None;
    let foreign = JwkSet {
        keys: vec![nameless],
    };
    assert_eq!(
        verify(&token, &foreign, &Algorithm::ALL).unwrap_err(),
        JwsError::Signature
    );

    let critical = with_header(
        &json!({"alg": "EdDSA", "crit": ["b64"], "b64": false}),
        &token,
    );
    assert_eq!(
        verify(&critical, &set(&ours), &Algorithm::ALL).unwrap_err(),
        JwsError::Critical
    );
}

#[test]
fn keys_for_encryption_do_not_verify() {
    let key = key(Algorithm::ES256);
    let token = key.sign("at+jwt", &json!({})).unwrap();
    let mut public = key.public().clone();
    public.public_key_use = Some("enc".into());
    let keys = JwkSet { keys: vec![public] };
    assert_eq!(
        verify(&token, &keys, &Algorithm::ALL).unwrap_err(),
        JwsError::UnknownKey
    );
}

#[test]
fn garbage_is_malformed_and_never_a_panic() {
    let keys = set(&key(Algorithm::EdDSA));
    for garbage in ["", ".", "..", "a.b.c", "e30.e30.", "e30..", "....", "é.é.é"] {
        assert!(
            verify(garbage, &keys, &Algorithm::ALL).is_err(),
            "{garbage}"
        );
    }
}
