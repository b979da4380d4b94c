//! The one token in the `Authorization` header of a request (RFC 6750 §2.1, §3, RFC 9449 §7).

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use oauth::challenge::Scheme;
use oauth::error::{ErrorCode, OAuthError};
use oauth::jwt::AccessTokenClaims;
use serde_json::Value;

use crate::error::EndpointError;
use crate::form::malformed;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// The token of the scheme `Bearer`. `reason` is why whoever sent none is refused.
pub(crate) fn bearer(headers: &HeaderMap, reason: Reason) -> Result<&str, EndpointError> {
    match credentials(headers)? {
        Some((Scheme::Bearer, token)) => Ok(token),
        _ => Err(missing(reason)),
    }
}

impl AuthorizationServer {
    /// The claims of the access token of a request, if it is ours, good, and in the right hands: a
    /// token that is bound to a key needs a proof of possession.
    pub(crate) async fn presented(
        &self,
        parts: &Parts,
        reason: Reason,
    ) -> Result<Option<AccessTokenClaims>, EndpointError> {
        let credentials = credentials(&parts.headers)?;
        let (scheme, token) = credentials.ok_or_else(|| missing(reason))?;
        let Some(claims) = self.inspect(token).await? else {
            return Ok(None);
        };
        let confirmation = claims.other.get("cnf").map(|cnf| cnf.get("jkt"));
        match (scheme, confirmation) {
            (Scheme::Bearer, None) => Ok(Some(claims)),
            (Scheme::Dpop, Some(Some(Value::String(thumbprint)))) => {
                let proof = self.read_proof(parts, Some(token)).map_err(at_a_resource)?;
                let Some(proof) = proof.filter(|proof| proof.thumbprint == *thumbprint) else {
                    return Ok(None);
                };
                self.require_new(&proof).await.map_err(at_a_resource)?;
                Ok(Some(claims))
            }
            // §7.1, §7.2: neither as a bearer token, nor bound in a way that is not known here.
            _ => Ok(None),
        }
    }
}

/// RFC 9449 §7.1, §9: where a token is used, a proof that is no good is a 401 with a challenge.
fn at_a_resource(refusal: EndpointError) -> EndpointError {
    let challenge = match refusal.error.code {
        ErrorCode::UseDpopNonce => r#"DPoP error="use_dpop_nonce""#,
        ErrorCode::InvalidDpopProof => r#"DPoP error="invalid_dpop_proof""#,
        _ => return refusal,
    };
    refusal
        .with_status(StatusCode::UNAUTHORIZED)
        .with_challenge(challenge)
}

fn credentials(headers: &HeaderMap) -> Result<Option<(Scheme, &str)>, EndpointError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(malformed("the Authorization header is repeated"));
    }
    let parts = value
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '));
    Ok(parts.and_then(|(scheme, token)| {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Scheme::Bearer,
            "dpop" => Scheme::Dpop,
            _ => return None,
        };
        Some((scheme, token.trim()))
    }))
}

/// §3.1: whoever sent nothing is told no error, only how to begin.
fn missing(reason: Reason) -> EndpointError {
    let error = OAuthError::invalid_token("an access token is needed");
    EndpointError::new(reason, error)
        .with_challenge("Bearer")
        .without_code()
}
