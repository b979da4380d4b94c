//! Verifying ID tokens, as the client that they were issued to (OpenID Connect Core §3.1.3.7).

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::client::key_set::{KeySource, KeysUnavailable};
use crate::jws::{self, Algorithm, Header, JwsError, VerifiedJws};
use crate::secret::Secret;
use crate::time::NumericDate;

/// How far the clocks of both sides may differ.
const LEEWAY: Duration = Duration::from_mins(1);

/// What is expected of an ID token.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The names that the issuer may have. `{claim:tid}` stands for the token's claim `tid`, for
    /// issuers that have a name per tenant.
    pub issuers: &'a [String],
    /// Our name there.
    pub client_id: &'a str,
    /// What was sent as `nonce`, if anything was.
    pub nonce: Option<&'a str>,
    /// The accepted signature algorithms with a public key.
    pub algorithms: &'a [Algorithm],
    /// Our secret there, where tokens are signed with it (`HS256`); `None` refuses such tokens.
    pub client_secret: Option<&'a Secret>,
    /// The access token that came with the ID token.
    pub access_token: &'a Secret,
    /// The moment after which the person has to have signed in, if they were asked to do it anew.
    pub signed_in_after: Option<NumericDate>,
}

/// Why an ID token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenError {
    /// The keys of the issuer are not known at this moment.
    #[error(transparent)]
    Keys(#[from] KeysUnavailable),
    /// The signature, or what the signature stands on.
    #[error(transparent)]
    Signature(#[from] JwsError),
    /// A claim is missing or wrong.
    #[error("the claim `{0}` of the ID token is missing or wrong")]
    Claim(&'static str),
}

/// Verifies `token` at the time `now` and returns its claims; `sub` is there and not empty.
pub async fn verify(
    token: &Secret,
    keys: &dyn KeySource,
    expected: &Expectation<'_>,
    now: NumericDate,
) -> Result<Map<String, Value>, IdTokenError> {
    let verified = verify_signature(token.expose(), keys, expected).await?;
    let claims: Map<String, Value> = crate::json::from_stranger(&verified.payload)
        .map_err(|_| IdTokenError::Signature(JwsError::Malformed))?;
    check_claims(&claims, &verified.header, expected, now)?;
    Ok(claims)
}

/// When the person signed in (§2), if the token says so.
pub fn auth_time(claims: &Map<String, Value>) -> Option<NumericDate> {
    date(claims, "auth_time")
}

fn date(claims: &Map<String, Value>, name: &str) -> Option<NumericDate> {
    serde_json::from_value(claims.get(name)?.clone()).ok()
}

async fn verify_signature(
    token: &str,
    keys: &dyn KeySource,
    expected: &Expectation<'_>,
) -> Result<VerifiedJws, IdTokenError> {
    if let Some(secret) = expected.client_secret
        && let Some(verified) = verify_shared_secret(token, secret)?
    {
        return Ok(verified);
    }
    if expected.algorithms.is_empty() {
        return Err(JwsError::UnknownKey.into());
    }
    let known = keys.keys().await?;
    match jws::verify(token, &known, expected.algorithms) {
        // The issuer may have begun to use another key.
        Err(JwsError::UnknownKey) => {
            let newer = keys.keys_after_miss(&known).await?;
            Ok(jws::verify(token, &newer, expected.algorithms)?)
        }
        verified => Ok(verified?),
    }
}

/// `HS256` with the secret of the client (§3.1.3.7 point 8); `None` for tokens of another algorithm.
///
/// The secret verifies this algorithm alone, and no public key is ever used as a secret.
fn verify_shared_secret(token: &str, secret: &Secret) -> Result<Option<VerifiedJws>, JwsError> {
    let decode = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| JwsError::Malformed)
    };
    let (message, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(JwsError::Malformed)?;
    let header: Header =
        serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::Malformed)?;
    if header.alg != "HS256" {
        return Ok(None);
    }
    if header.has_critical() {
        return Err(JwsError::Critical);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, message.as_bytes(), &decode(signature)?).map_err(|_| JwsError::Signature)?;
    let payload = decode(payload)?;
    Ok(Some(VerifiedJws { header, payload }))
}

fn check_claims(
    claims: &Map<String, Value>,
    header: &Header,
    expected: &Expectation<'_>,
    now: NumericDate,
) -> Result<(), IdTokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let demand = |claim: &'static str, holds: bool| {
        if holds {
            Ok(())
        } else {
            Err(IdTokenError::Claim(claim))
        }
    };
    let is_issuer = |template: &String| {
        text("iss").is_some_and(|iss| filled(template, claims).as_deref() == Some(iss))
    };
    demand("iss", expected.issuers.iter().any(is_issuer))?;
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    demand("aud", audience.contains(&expected.client_id))?;
    // §3.1.3.7 points 4 and 5: with several audiences, or if it is there, `azp` is us.
    let authorized = text("azp");
    let is_for_us = authorized.is_some_and(|party| party == expected.client_id);
    let azp_is_needed = audience.len() > 1 || claims.contains_key("azp");
    demand("azp", is_for_us || !azp_is_needed)?;
    let date = |name: &str| date(claims, name);
    demand("exp", date("exp").is_some_and(|end| end.plus(LEEWAY) > now))?;
    let latest = now.plus(LEEWAY);
    demand("iat", date("iat").is_some_and(|issued| issued <= latest))?;
    let begins = !claims.contains_key("nbf") || date("nbf").is_some_and(|begin| begin <= latest);
    demand("nbf", begins)?;
    // §3.1.3.7 point 11: what was asked for went through the browser, where it can be taken out.
    if let Some(asked) = expected.signed_in_after {
        let is_anew = |time: NumericDate| time.plus(LEEWAY) >= asked && time <= latest;
        demand("auth_time", auth_time(claims).is_some_and(is_anew))?;
    }
    if let Some(nonce) = expected.nonce {
        let same = |sent: &str| verify_slices_are_equal(sent.as_bytes(), nonce.as_bytes()).is_ok();
        demand("nonce", text("nonce").is_some_and(same))?;
    }
    if claims.contains_key("at_hash") {
        let hash = half_hash(&header.alg, expected.access_token.expose());
        demand(
            "at_hash",
            hash.is_some() && hash.as_deref() == text("at_hash"),
        )?;
    }
    demand(
        "sub",
        text("sub").is_some_and(|subject| !subject.is_empty()),
    )
}

/// The template with the claims that it names; `None` when a claim is missing or no plain word.
fn filled(template: &str, claims: &Map<String, Value>) -> Option<String> {
    let Some((before, rest)) = template.split_once("{claim:") else {
        return Some(template.to_owned());
    };
    let (name, after) = rest.split_once('}')?;
    let value = claims.get(name)?.as_str()?;
    // A value with a slash or a dot would name another place than the template means.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_word = !value.is_empty() && value.chars().all(is_plain);
    is_word.then(|| format!("{before}{value}{after}"))
}

/// The left half of the hash that belongs to `alg` (§3.1.3.6).
fn half_hash(alg: &str, text: &str) -> Option<String> {
    let algorithm = match alg {
        "HS256" | "RS256" | "PS256" | "ES256" => &digest::SHA256,
        "RS384" | "PS384" | "ES384" => &digest::SHA384,
        "RS512" | "PS512" | "EdDSA" => &digest::SHA512,
        _ => return None,
    };
    let hash = digest(algorithm, text.as_bytes());
    let half = &hash.as_ref()[..hash.as_ref().len() / 2];
    Some(URL_SAFE_NO_PAD.encode(half))
}

#[cfg(test)]
mod tests;
