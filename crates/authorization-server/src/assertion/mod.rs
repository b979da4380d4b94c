//! Assertions: signed statements in place of a password or of a person (RFC 7521 §5.2, RFC 7523 §3).
//!
//! Three kinds arrive here: a client's about itself (`private_key_jwt`), a workload's from its
//! platform ([`workload`]), and a person's from their identity provider ([`id_jag`]). What every
//! one of them must say is checked in this file.

mod client;
pub(crate) mod id_jag;
mod trusted;
pub(crate) mod workload;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::client::key_set::{KeySource, KeysUnavailable};
use oauth::jws::{self, Algorithm, JwsError, VerifiedJws};
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Collection, Kind, Record, StoreError};

use crate::server::AuthorizationServer;
use crate::stranger::NotAsked;

pub(crate) use trusted::{Trusted, TrustedIssuers};

/// How far the clocks of an issuer and ours may differ.
const SKEW: Duration = Duration::from_secs(30);

/// The claims that every assertion has (RFC 7523 §3), and whatever else it says.
#[derive(Debug, Deserialize)]
pub(crate) struct AssertionClaims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    #[serde(with = "oauth::jwt::one_or_many")]
    pub(crate) aud: Vec<String>,
    pub(crate) exp: NumericDate,
    pub(crate) nbf: Option<NumericDate>,
    pub(crate) iat: Option<NumericDate>,
    pub(crate) jti: Option<String>,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// Why nothing rests on an assertion.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssertionError {
    #[error(transparent)]
    Signature(#[from] JwsError),
    #[error(transparent)]
    Keys(#[from] KeysUnavailable),
    #[error("it lacks iss, sub, aud or exp, or one of its claims is malformed")]
    Claims,
    #[error("its type is none that is accepted here")]
    Type,
    #[error("its issuer is not trusted here")]
    Issuer,
    #[error("its subject is not known here")]
    Subject,
    #[error("its audience must be the issuer of this server, and nobody else")]
    Audience,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    NotYetValid,
    #[error("it lives too long; {} seconds are the limit", .0.as_secs())]
    LivesTooLong(Duration),
    #[error("the claim {0} is missing")]
    Missing(&'static str),
    /// A key was to be proven that nobody proves here (RFC 7800).
    #[error("it is bound to a key, which is not supported")]
    BoundToKey,
    #[error("it was used before; make a new one for each request")]
    UsedBefore,
    #[error(transparent)]
    NotAsked(#[from] NotAsked),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AssertionClaims {
    /// RFC 7523 §3 items 4 to 6, and a limit on how far `exp` may be away.
    pub(crate) fn check_time(
        &self,
        now: NumericDate,
        longest: Duration,
    ) -> Result<(), AssertionError> {
        let latest = now.plus(SKEW);
        if self.exp.plus(SKEW) <= now {
            return Err(AssertionError::Expired);
        }
        let whole_life = self.iat.map(|iat| self.exp.since(iat));
        if self.exp > latest.plus(longest) || whole_life.is_some_and(|life| life > longest) {
            return Err(AssertionError::LivesTooLong(longest));
        }
        let begins_later = |time: Option<NumericDate>| time.is_some_and(|time| time > latest);
        if begins_later(self.nbf) || begins_later(self.iat) {
            return Err(AssertionError::NotYetValid);
        }
        Ok(())
    }
}

/// What an assertion says of itself, to find out who can verify it. Nothing is believed yet.
#[derive(Debug)]
pub(crate) struct Unverified {
    /// The `typ` header in lower case, without `application/` (RFC 7515 §4.1.9).
    pub(crate) typ: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) subject: Option<String>,
}

impl Unverified {
    /// Nothing when it is no JWT at all.
    pub(crate) fn read(assertion: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Header {
            typ: Option<String>,
        }
        #[derive(Deserialize)]
        struct Names {
            iss: Option<String>,
            sub: Option<String>,
        }
        let mut parts = assertion.split('.');
        let header: Header = decode(parts.next()?)?;
        let names: Names = decode(parts.next()?)?;
        Some(Self {
            typ: header.typ.map(|typ| media_type(&typ)),
            issuer: names.iss,
            subject: names.sub,
        })
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// RFC 7515 §4.1.9: without regard to case, and `application/` may be left out.
fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}

/// Verifies the signature, with newer keys if none of the known ones fits, and reads the claims.
pub(crate) async fn verify(
    assertion: &str,
    source: &dyn KeySource,
    algorithms: &[Algorithm],
) -> Result<AssertionClaims, AssertionError> {
    let VerifiedJws { payload, .. } = verify_signature(assertion, source, algorithms).await?;
    oauth::json::from_stranger(&payload).map_err(|_| AssertionError::Claims)
}

async fn verify_signature(
    assertion: &str,
    source: &dyn KeySource,
    algorithms: &[Algorithm],
) -> Result<VerifiedJws, AssertionError> {
    let keys = source.keys().await?;
    match jws::verify(assertion, &keys, algorithms) {
        Err(JwsError::UnknownKey) => {
            let newer = source.keys_after_miss(&keys).await?;
            Ok(jws::verify(assertion, &newer, algorithms)?)
        }
        verified => Ok(verified?),
    }
}

/// An assertion that was used; it cannot be used again (RFC 7523 §3, `jti`).
#[derive(Serialize, Deserialize)]
struct UsedAssertion {
    expires_at: NumericDate,
}

impl Record for UsedAssertion {
    const KIND: Kind = Kind::new("used_assertion");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

impl AuthorizationServer {
    /// Marks an assertion as used, which only its first user can do; of any number at once, one.
    ///
    /// `jti` is unique for its issuer only.
    pub(crate) async fn use_once(&self, claims: &AssertionClaims) -> Result<(), AssertionError> {
        let jti = claims.jti.as_deref().filter(|jti| !jti.is_empty());
        let jti = jti.ok_or(AssertionError::Missing("jti"))?;
        let used = Collection::<UsedAssertion>::new(self.store().clone(), self.keys().clone());
        let key = Secret::from(format!("{}\n{jti}", claims.iss)).hash();
        let once = UsedAssertion {
            expires_at: claims.exp.plus(SKEW),
        };
        if used.insert(key.as_str(), &once).await? {
            Ok(())
        } else {
            Err(AssertionError::UsedBefore)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7515_section_4_1_9_media_types() {
        assert_eq!(media_type("JWT"), "jwt");
        assert_eq!(media_type("application/at+JWT"), "at+jwt");
    }

    #[test]
    fn what_is_no_jwt_says_nothing() {
        assert!(Unverified::read("a.b.c").is_none());
        // {} . {"iss":"x"}
        let read = Unverified::read("e30.eyJpc3MiOiJ4In0.").unwrap();
        assert_eq!((read.typ, read.issuer.as_deref()), (None, Some("x")));
    }
}
