//! Verifying tokens by the claims that their issuer gives for them (`OpenID` Connect Core §5.3).

use async_trait::async_trait;
use serde_json::{Map, Value};

use oauth::client::fetch::{Authorization, Fetch, Limits};
use oauth::scope::Scope;
use oauth::secret::Secret;

use crate::Caller;
use crate::verify::{Unavailable, VerifyError, VerifyToken, usable};

/// Verifies tokens by sending them to the userinfo endpoint of their issuer.
///
/// # Danger
/// Such tokens do not say what they are for. **Any token of the issuer is good here**, including one
/// that a person gave to another service: that service can act as the person towards this one. Use it
/// only where the issuer serves this resource alone, and prefer every other way. MCP requires tokens
/// to be issued for the server that accepts them.
#[derive(Debug)]
pub struct UserinfoVerifier {
    endpoint: String,
    issuer: Option<String>,
    scopes: Scope,
    fetch: Fetch,
}

impl UserinfoVerifier {
    /// Accepts every token that `endpoint` accepts; the name says what that means.
    pub fn for_tokens_without_audience(endpoint: impl Into<String>, fetch: Fetch) -> Self {
        Self {
            endpoint: endpoint.into(),
            issuer: None,
            scopes: Scope::empty(),
            fetch,
        }
    }

    /// Names the issuer, which userinfo does not.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The scopes that every caller has, since userinfo does not say what a token may do.
    pub fn scopes(mut self, scopes: Scope) -> Self {
        self.scopes = scopes;
        self
    }
}

#[async_trait]
impl VerifyToken for UserinfoVerifier {
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        let token = Secret::from(token);
        let requests = self.fetch.configured();
        let bearer = Authorization::Bearer(&token);
        let answer = requests
            .get_as(bearer, &self.endpoint, Limits::DOCUMENT)
            .await;
        let fetched = usable(answer, &self.endpoint)?;
        match fetched.status.as_u16() {
            200 => {}
            400 | 401 | 403 => return Err(VerifyError::invalid("the issuer refuses the token")),
            status => {
                tracing::error!(
                    status,
                    asked = self.endpoint,
                    "this is no userinfo endpoint"
                );
                return Err(Unavailable::SOON.into());
            }
        }
        let claims: Map<String, Value> = fetched.json().map_err(|error| {
            tracing::error!(%error, asked = self.endpoint, "the answer is no userinfo");
            VerifyError::Unavailable(Unavailable::SOON)
        })?;
        let subject = claims
            .get("sub")
            .and_then(Value::as_str)
            .filter(|subject| !subject.is_empty());
        let subject = subject.ok_or_else(|| VerifyError::invalid("the issuer names no subject"))?;
        let caller = Caller::new(subject)
            .with_scopes(self.scopes.clone())
            .with_claims(claims);
        Ok(match &self.issuer {
            Some(issuer) => caller.with_issuer(issuer),
            None => caller,
        })
    }
}
