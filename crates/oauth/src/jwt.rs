//! JWT access tokens and the strict profile for verifying them (RFC 9068).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::issuer::Issuer;
use crate::jwk::JwkSet;
use crate::jws::{self, Algorithm, JwsError};
use crate::resource::ResourceIndicator;
use crate::scope::Scope;
use crate::time::NumericDate;

/// The media type that marks an access token (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The claims of an access token (RFC 9068 §2.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// Who issued the token.
    pub iss: String,
    /// On whose behalf the caller acts; the client itself when no person is involved.
    pub sub: String,
    /// Which resources the token is for; never empty.
    #[serde(with = "one_or_many")]
    pub aud: Vec<String>,
    /// When the token ends.
    pub exp: NumericDate,
    /// When the token was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<NumericDate>,
    /// When the token begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<NumericDate>,
    /// The name of this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// Which client the token was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What the caller may do.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The grant that the token comes from; our own tokens name it so that it can be revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// Everything else, such as `username`, `email` or `cnf`.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a resource server expects of an access token.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The one issuer whose tokens are accepted, compared byte for byte.
    pub issuer: Issuer,
    /// The names of this resource; one of them must be in `aud`.
    pub audiences: Vec<String>,
    /// Accepted values of the `typ` header, without `application/`.
    pub types: Vec<String>,
    /// Accepted signature algorithms.
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks of issuer and resource server may differ.
    pub leeway: Duration,
}

impl Expectation {
    /// The strict profile: `at+jwt` only, every asymmetric algorithm, 30 seconds of leeway.
    pub fn strict(issuer: Issuer, audience: impl Into<String>) -> Self {
        Self {
            issuer,
            audiences: vec![audience.into()],
            types: vec![ACCESS_TOKEN_TYPE.to_owned()],
            algorithms: Algorithm::ALL.to_vec(),
            leeway: Duration::from_secs(30),
        }
    }
}

/// Why an access token was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The signature, or what the signature stands on.
    #[error(transparent)]
    Signature(#[from] JwsError),
    /// The payload is not a JSON object with well-formed claims.
    #[error("the token's claims are missing or malformed")]
    Claims,
    /// `typ` says that this is another kind of token (RFC 9068 §4).
    #[error("the token is not an access token")]
    Type,
    /// `iss` is somebody else.
    #[error("the token was issued by another issuer")]
    Issuer,
    /// `aud` does not name this resource.
    #[error("the token is for another resource")]
    Audience,
    /// `exp` is in the past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// Verifies an access token by the strict profile (RFC 9068 §4) at the time `now`.
///
/// A token that is bound to a key (`cnf`) is none that its bearer may use: whoever calls this has to
/// ask for a proof of possession, too (RFC 9449 §7).
pub fn verify_access_token(
    token: &str,
    keys: &JwkSet,
    expected: &Expectation,
    now: NumericDate,
) -> Result<AccessTokenClaims, TokenError> {
    let verified = jws::verify(token, keys, &expected.algorithms)?;
    let typ = verified.header.typ.unwrap_or_default().to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    if !expected
        .types
        .iter()
        .any(|accepted| accepted.eq_ignore_ascii_case(typ))
    {
        return Err(TokenError::Type);
    }
    let claims: AccessTokenClaims =
        serde_json::from_slice(&verified.payload).map_err(|_| TokenError::Claims)?;
    check_claims(&claims, expected, now)?;
    Ok(claims)
}

fn check_claims(
    claims: &AccessTokenClaims,
    expected: &Expectation,
    now: NumericDate,
) -> Result<(), TokenError> {
    if claims.sub.is_empty() || claims.aud.is_empty() {
        return Err(TokenError::Claims);
    }
    if claims.iss != expected.issuer.as_str() {
        return Err(TokenError::Issuer);
    }
    if !expected
        .audiences
        .iter()
        .any(|name| is_in_audience(name, &claims.aud))
    {
        return Err(TokenError::Audience);
    }
    if claims.exp.plus(expected.leeway) <= now {
        return Err(TokenError::Expired);
    }
    let latest = now.plus(expected.leeway);
    if claims.nbf.is_some_and(|begin| begin > latest)
        || claims.iat.is_some_and(|issued| issued > latest)
    {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}

/// Whether `name` stands in `audience`, by text or as the same canonical resource indicator.
pub fn is_in_audience(name: &str, audience: &[String]) -> bool {
    let canonical = ResourceIndicator::parse(name).ok();
    audience.iter().any(|aud| {
        aud == name || (canonical.is_some() && ResourceIndicator::parse(aud).ok() == canonical)
    })
}

/// `aud` is one string or an array of them (RFC 7519 §4.1.3).
pub mod one_or_many {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }

    /// Writes one value as a string, several as an array.
    pub fn serialize<S: Serializer>(values: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        match values {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }

    /// Reads a string or an array of strings.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<String>, D::Error> {
        Ok(match OneOrMany::deserialize(deserializer)? {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        })
    }
}

#[cfg(test)]
mod tests;
