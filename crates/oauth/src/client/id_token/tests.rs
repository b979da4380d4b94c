//! ID tokens that are accepted, and everything that is not (OpenID Connect Core §3.1.3.7).

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::json;

use super::*;
use crate::jwk::JwkSet;
use crate::signing_key::SigningKey;

const NOW: NumericDate = NumericDate(1_800_000_000);
const ISSUER: &str = "https://login.example/{claim:tid}/v2.0";

fn claims() -> Value {
    json!({
        "iss": "https://login.example/7f/v2.0", "tid": "7f", "sub": "alice", "aud": "us",
        "exp": NOW.0 + 600, "iat": NOW.0, "nonce": "n",
    })
}

/// The claims with a change: `null` removes one.
fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

fn shared_secret_token(alg: &str, secret: &str, claims: &Value) -> Secret {
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "JWT"}).to_string());
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}").into()
}

struct Case {
    key: SigningKey,
    issuers: Vec<String>,
    access_token: Secret,
    secret: Option<Secret>,
    signed_in_after: Option<NumericDate>,
}

impl Case {
    fn new() -> Self {
        let pkcs8 = SigningKey::generate(Algorithm::ES256).unwrap();
        Self {
            key: SigningKey::from_pkcs8(Algorithm::ES256, &pkcs8).unwrap(),
            issuers: vec![ISSUER.to_owned()],
            access_token: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y".into(),
            secret: None,
            signed_in_after: None,
        }
    }

    fn sign(&self, claims: &Value) -> Secret {
        self.key.sign("JWT", claims).unwrap().into()
    }

    fn verify(&self, token: &Secret) -> Result<Map<String, Value>, IdTokenError> {
        let keys = vec![self.key.public().clone()];
        let keys = Arc::new(JwkSet { keys });
        let expected = Expectation {
            issuers: &self.issuers,
            client_id: "us",
            nonce: Some("n"),
            algorithms: &[Algorithm::ES256],
            client_secret: self.secret.as_ref(),
            access_token: &self.access_token,
            signed_in_after: self.signed_in_after,
        };
        verify(token, &keys, &expected, NOW).now_or_never().unwrap()
    }
}

#[test]
fn a_token_for_us_is_accepted() {
    let case = Case::new();
    let verified = case.verify(&case.sign(&claims())).unwrap();
    assert_eq!(verified["sub"], "alice");
    let several = changed("aud", json!(["other", "us"]));
    assert!(case.verify(&case.sign(&several)).is_err(), "azp is missing");
    let mut several = several;
    several["azp"] = "us".into();
    assert!(case.verify(&case.sign(&several)).is_ok());
}

#[test]
fn point_11_who_had_to_sign_in_anew_has_done_so() {
    let mut case = Case::new();
    let at = |time: Value| changed("auth_time", time);
    assert!(case.verify(&case.sign(&at(json!(NOW.0 - 86400)))).is_ok());
    case.signed_in_after = Some(NOW.minus(Duration::from_secs(20)));
    for good in [NOW.0, NOW.0 - 20, NOW.0 - 80, NOW.0 + 60] {
        let verified = case.verify(&case.sign(&at(json!(good)))).unwrap();
        assert_eq!(auth_time(&verified), Some(NumericDate(good)));
    }
    for bad in [
        json!(NOW.0 - 81),
        json!(NOW.0 + 61),
        json!("now"),
        Value::Null,
    ] {
        let refused = case.verify(&case.sign(&at(bad.clone())));
        assert_eq!(refused, Err(IdTokenError::Claim("auth_time")), "{bad}");
    }
}

#[test]
fn every_claim_is_looked_at() {
    let case = Case::new();
    for (claim, value) in [
        ("iss", Value::Null),
        ("iss", json!("https://login.example/8f/v2.0")),
        ("iss", json!("https://login.example/7f/v2.0/")),
        ("tid", Value::Null),
        ("tid", json!("7f/../8f")),
        ("aud", Value::Null),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("azp", json!("other")),
        ("azp", json!(5)),
        ("exp", Value::Null),
        ("exp", json!(NOW.0 - 61)),
        ("exp", json!("never")),
        ("iat", Value::Null),
        ("iat", json!(NOW.0 + 61)),
        ("nbf", json!(NOW.0 + 61)),
        ("nbf", json!("soon")),
        ("nonce", Value::Null),
        ("nonce", json!("m")),
        ("at_hash", json!("")),
        ("at_hash", json!(["77QmUPtjPfzWtF2AnpK9RQ"])),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
    ] {
        let error = case
            .verify(&case.sign(&changed(claim, value.clone())))
            .unwrap_err();
        let blamed = if claim == "tid" { "iss" } else { claim };
        assert_eq!(error, IdTokenError::Claim(blamed), "{claim} = {value}");
    }
}

/// The example of OpenID Connect Core appendix A.3.
#[test]
fn oidc_core_appendix_a_3_at_hash() {
    let case = Case::new();
    let good = changed("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ"));
    assert!(case.verify(&case.sign(&good)).is_ok());
}

#[test]
fn a_shared_secret_is_accepted_only_where_it_is_expected() {
    let mut case = Case::new();
    let token = shared_secret_token("HS256", "channel secret", &claims());
    let refused = case.verify(&token).unwrap_err();
    assert_eq!(refused, JwsError::Algorithm("HS256".into()).into());
    case.secret = Some("channel secret".into());
    assert_eq!(case.verify(&token).unwrap()["sub"], "alice");
    // A public key still works beside it, and another secret does not.
    assert!(case.verify(&case.sign(&claims())).is_ok());
    let forged = shared_secret_token("HS256", "guess", &claims());
    assert_eq!(
        case.verify(&forged).unwrap_err(),
        JwsError::Signature.into()
    );
    let other = shared_secret_token("HS512", "channel secret", &claims());
    assert_eq!(
        case.verify(&other).unwrap_err(),
        JwsError::Algorithm("HS512".into()).into()
    );
}

#[test]
fn a_token_of_somebody_else_or_none_at_all_is_refused() {
    let (case, other) = (Case::new(), Case::new());
    assert!(matches!(
        case.verify(&other.sign(&claims())),
        Err(IdTokenError::Signature(
            JwsError::UnknownKey | JwsError::Signature
        ))
    ));
    for token in ["", "a.b", "a.b.c", "..", "e30.e30."] {
        assert!(case.verify(&Secret::from(token)).is_err(), "{token}");
    }
}
