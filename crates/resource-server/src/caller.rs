//! Who calls: the verified origin of a request (RFC 9068 §2.2).

use std::sync::Arc;

use serde_json::{Map, Value};

use oauth::jwt::AccessTokenClaims;
use oauth::scope::Scope;
use oauth::time::NumericDate;

/// Who calls, for which client, and with which scopes. Clones are cheap.
///
/// It holds what the token says and never the token itself, so it can be kept and logged from.
/// A [`VerifyToken`](crate::VerifyToken) of your own makes one like this:
///
/// ```
/// use resource_server::Caller;
/// let caller = Caller::new("alice").with_scopes("read:todos".parse().unwrap());
/// assert!(caller.scopes().contains("read:todos"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Caller(Arc<Facts>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Facts {
    subject: String,
    client_id: Option<String>,
    issuer: Option<String>,
    scopes: Scope,
    audience: Vec<String>,
    expires_at: Option<NumericDate>,
    grant_id: Option<String>,
    token_id: Option<String>,
    claims: Map<String, Value>,
    /// Whether `cnf` is among the claims, which is asked at every request.
    is_bound: bool,
}

/// Binds a token to something that whoever uses it has to prove (RFC 7800 §3).
const CONFIRMATION: &str = "cnf";

impl Caller {
    /// A caller of whom only the subject is known.
    pub fn new(subject: impl Into<String>) -> Self {
        let subject = subject.into();
        let claims = Map::from_iter([("sub".to_owned(), Value::from(subject.as_str()))]);
        Self(Arc::new(Facts {
            subject,
            claims,
            ..Facts::default()
        }))
    }

    /// The same caller, with these scopes.
    pub fn with_scopes(mut self, scopes: Scope) -> Self {
        Arc::make_mut(&mut self.0).scopes = scopes;
        self
    }

    /// The same caller, using this client.
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).client_id = Some(client_id.into());
        self
    }

    /// The same caller, vouched for by this issuer.
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).issuer = Some(issuer.into());
        self
    }

    /// The same caller, with a token that ends then.
    pub fn with_expiry(mut self, expires_at: NumericDate) -> Self {
        Arc::make_mut(&mut self.0).expires_at = Some(expires_at);
        self
    }

    /// The same caller, with one more claim.
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let facts = Arc::make_mut(&mut self.0);
        facts.claims.insert(name.into(), value.into());
        facts.is_bound = facts.claims.contains_key(CONFIRMATION);
        self
    }

    /// The same caller, with all of `claims`.
    pub fn with_claims(mut self, claims: Map<String, Value>) -> Self {
        let facts = Arc::make_mut(&mut self.0);
        facts.claims.extend(claims);
        facts.is_bound = facts.claims.contains_key(CONFIRMATION);
        self
    }

    /// The same caller, with a token for these resources.
    pub fn with_audience(mut self, audience: Vec<String>) -> Self {
        Arc::make_mut(&mut self.0).audience = audience;
        self
    }

    /// The same caller, with a token from this grant.
    pub fn with_grant_id(mut self, grant_id: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).grant_id = Some(grant_id.into());
        self
    }

    /// The same caller, with a token of this name.
    pub fn with_token_id(mut self, token_id: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).token_id = Some(token_id.into());
        self
    }

    /// On whose behalf the call is made (`sub`); unique within the issuer only.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The client that makes the call (`client_id`).
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// Who vouches for all this (`iss`).
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// What the caller may do (`scope`).
    pub fn scopes(&self) -> &Scope {
        &self.0.scopes
    }

    /// Which resources the token is for (`aud`).
    pub fn audience(&self) -> &[String] {
        &self.0.audience
    }

    /// When the token ends (`exp`).
    pub fn expires_at(&self) -> Option<NumericDate> {
        self.0.expires_at
    }

    /// The grant that the token comes from, where the issuer names it (`grant_id`).
    pub fn grant_id(&self) -> Option<&str> {
        self.0.grant_id.as_deref()
    }

    /// The name of the token (`jti`).
    pub fn token_id(&self) -> Option<&str> {
        self.0.token_id.as_deref()
    }

    /// Every claim, those above included.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.0.claims
    }

    /// The roles of the person (the claim `roles`, RFC 9068 §2.2.3.1).
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        let roles = self.0.claims.get("roles").and_then(Value::as_array);
        roles.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The key that the token is bound to, by its thumbprint (`cnf.jkt`, RFC 9449 §6.1).
    ///
    /// The guards of this crate let such a token pass only with a proof of possession. Whoever calls a
    /// verifier without them has to refuse it.
    pub fn key_thumbprint(&self) -> Option<&str> {
        self.0.claims.get(CONFIRMATION)?.get("jkt")?.as_str()
    }

    /// Whether the token is bound to anything at all, known or not (`cnf`, RFC 7800 §3).
    pub(crate) fn is_bound(&self) -> bool {
        self.0.is_bound
    }

    /// Who acts on the subject's behalf, when somebody else does (`act`, RFC 8693 §4.1).
    pub fn actor(&self) -> Option<&str> {
        self.0.claims.get("act")?.get("sub")?.as_str()
    }
}

impl From<AccessTokenClaims> for Caller {
    fn from(claims: AccessTokenClaims) -> Self {
        let all = serde_json::to_value(&claims);
        let Ok(Value::Object(all)) = all else {
            unreachable!("claims are a struct of strings, numbers and JSON values")
        };
        Self(Arc::new(Facts {
            subject: claims.sub,
            client_id: claims.client_id,
            issuer: Some(claims.iss),
            scopes: claims.scope,
            audience: claims.aud,
            expires_at: Some(claims.exp),
            grant_id: claims.grant_id,
            token_id: claims.jti,
            is_bound: all.contains_key(CONFIRMATION),
            claims: all,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_claims_of_a_token_are_there() {
        let claims = json!({
            "iss": "https://as.example", "sub": "alice", "aud": "r", "exp": 9, "client_id": "c",
            "scope": "a b", "grant_id": "g", "jti": "t", "roles": ["Admin", 7], "act": {"sub": "bot"},
        });
        let caller =
            Caller::from(serde_json::from_value::<AccessTokenClaims>(claims.clone()).unwrap());
        assert_eq!(Value::Object(caller.claims().clone()), claims);
        assert_eq!(caller.roles().collect::<Vec<_>>(), ["Admin"]);
        assert_eq!(
            (caller.actor(), caller.grant_id()),
            (Some("bot"), Some("g"))
        );
        assert_eq!(
            (caller.token_id(), caller.client_id()),
            (Some("t"), Some("c"))
        );
        assert_eq!(caller.expires_at(), Some(NumericDate(9)));
    }
}
