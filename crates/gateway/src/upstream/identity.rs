//! The header in which a trusted upstream is told who calls: a statement that we sign and that soon ends
//! (RFC 7519).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use moka::sync::Cache;
use oauth::random::{self, Random};
use oauth::time::{Clock, NumericDate};
use resource_server::Caller;
use serde::Serialize;
use serde_json::Value;

use super::settings::ForwardIdentity;
use super::trouble::Trouble;

/// What the statement is, so that nobody takes it for an access token (RFC 8725 §3.11).
const TYP: &str = "sumun-identity+jwt";
/// How long a statement is good.
const LIFETIME: Duration = Duration::from_mins(2);
/// How long it is used again for further requests of the same caller.
const REUSE: Duration = Duration::from_mins(1);
/// How many callers' statements are kept.
const KEPT: u64 = 10_000;

/// What signs statements: a key of the house.
pub trait SignIdentity: fmt::Debug + Send + Sync + 'static {
    /// The JWT of the given type with these claims; `None` if there is no key.
    fn sign(&self, typ: &str, claims: &Value) -> Option<String>;
}

/// Tells one upstream who calls.
pub(super) struct Identity {
    header: HeaderName,
    audience: String,
    issuer: String,
    signer: Arc<dyn SignIdentity>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    signed: Cache<Who, Signed>,
}

/// What a statement depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Who {
    issuer: Option<String>,
    subject: String,
    client_id: Option<String>,
    scope: String,
}

#[derive(Clone)]
struct Signed {
    value: HeaderValue,
    until: NumericDate,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    scope: &'a str,
    /// Who says so of the caller: the issuer of their token.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_issuer: Option<&'a str>,
    iat: NumericDate,
    exp: NumericDate,
    jti: String,
}

impl Identity {
    pub(super) fn new(
        settings: &ForwardIdentity,
        issuer: String,
        signer: Arc<dyn SignIdentity>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, String> {
        let header = HeaderName::from_bytes(settings.header.as_bytes())
            .map_err(|_| format!("`{}` is no name of a header", settings.header))?;
        Ok(Self {
            header,
            audience: settings.audience.clone(),
            issuer,
            signer,
            clock,
            random,
            signed: Cache::new(KEPT),
        })
    }

    /// Adds the statement about `caller`, in place of whatever is there.
    pub(super) fn apply(&self, headers: &mut HeaderMap, caller: &Caller) -> Result<(), Trouble> {
        let who = Who {
            issuer: caller.issuer().map(str::to_owned),
            subject: caller.subject().to_owned(),
            client_id: caller.client_id().map(str::to_owned),
            scope: caller.scopes().to_string(),
        };
        let now = self.clock.now();
        let kept = self.signed.get(&who).filter(|kept| now < kept.until);
        let signed = match kept {
            Some(kept) => kept,
            None => self.sign(&who, now).ok_or_else(|| {
                Trouble::unusable("cannot be told who calls, because there is no key to sign with")
            })?,
        };
        headers.insert(self.header.clone(), signed.value.clone());
        self.signed.insert(who, signed);
        Ok(())
    }

    fn sign(&self, who: &Who, now: NumericDate) -> Option<Signed> {
        let claims = Claims {
            iss: &self.issuer,
            sub: &who.subject,
            aud: &self.audience,
            client_id: who.client_id.as_deref(),
            scope: &who.scope,
            subject_issuer: who.issuer.as_deref(),
            iat: now,
            exp: now.plus(LIFETIME),
            jti: random::token::<16>(&*self.random),
        };
        let jwt = self.signer.sign(TYP, &serde_json::to_value(claims).ok()?)?;
        let mut value = HeaderValue::from_str(&jwt).ok()?;
        value.set_sensitive(true);
        let until = now.plus(REUSE);
        Some(Signed { value, until })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Identity");
        shown.field("header", &self.header).finish_non_exhaustive()
    }
}
