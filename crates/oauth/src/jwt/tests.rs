//! Acceptance A8, claim by claim.

use serde_json::json;

use super::*;
use crate::signing_key::SigningKey;

const NOW: NumericDate = NumericDate(1_800_000_000);
const ISSUER: &str = "https://as.example";
const RESOURCE: &str = "https://mcp.example/mcp";

fn good() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "exp": NOW.0 + 300, "iat": NOW.0,
        "jti": "t1", "client_id": "c1", "scope": "read:todos",
    })
}

fn verify_typed(typ: &str, claims: &Value) -> Result<AccessTokenClaims, TokenError> {
    let pkcs8 = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let key = SigningKey::from_pkcs8(Algorithm::EdDSA, &pkcs8).unwrap();
    let keys = JwkSet {
        keys: vec![key.public().clone()],
    };
    let expected = Expectation::strict(Issuer::parse(ISSUER).unwrap(), RESOURCE);
    verify_access_token(&key.sign(typ, claims).unwrap(), &keys, &expected, NOW)
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: &TokenError) {
    let mut claims = good();
    change(&mut claims);
    assert_eq!(
        verify_typed(ACCESS_TOKEN_TYPE, &claims).unwrap_err(),
        *expected
    );
}

fn without(name: &'static str) -> impl FnOnce(&mut Value) {
    move |claims| drop(claims.as_object_mut().unwrap().remove(name))
}

#[test]
fn a_good_token_is_accepted() {
    let claims = verify_typed("application/AT+JWT", &good()).unwrap();
    assert_eq!(claims.sub, "alice");
    assert!(claims.scope.contains("read:todos"));
}

#[test]
fn a8_required_claims() {
    for name in ["exp", "sub", "aud", "iss"] {
        check(without(name), &TokenError::Claims);
    }
    check(|c| c["sub"] = json!(""), &TokenError::Claims);
    check(|c| c["aud"] = json!([]), &TokenError::Claims);
    check(|c| c["iss"] = json!([ISSUER]), &TokenError::Claims);
}

#[test]
fn a8_issuer_and_audience() {
    check(
        |c| c["iss"] = json!("https://as.example/"),
        &TokenError::Issuer,
    );
    check(
        |c| c["aud"] = json!("https://mcp.example/other"),
        &TokenError::Audience,
    );
    let mut several = good();
    several["aud"] = json!(["https://x.example", "HTTPS://MCP.example/mcp"]);
    assert!(verify_typed(ACCESS_TOKEN_TYPE, &several).is_ok());
}

#[test]
fn a8_times() {
    check(|c| c["exp"] = json!(NOW.0 - 31), &TokenError::Expired);
    check(|c| c["nbf"] = json!(NOW.0 + 31), &TokenError::NotYetValid);
    check(|c| c["iat"] = json!(NOW.0 + 31), &TokenError::NotYetValid);
    check(|c| c["exp"] = json!("soon"), &TokenError::Claims);
    let mut fraction = good();
    fraction["exp"] = json!(1_800_000_000.5);
    assert!(
        verify_typed(ACCESS_TOKEN_TYPE, &fraction).is_ok(),
        "within the leeway"
    );
}

#[test]
fn a8_another_kind_of_token() {
    for typ in ["JWT", "", "dpop+jwt", "oauth-id-jag+jwt"] {
        assert_eq!(
            verify_typed(typ, &good()).unwrap_err(),
            TokenError::Type,
            "{typ}"
        );
    }
}
