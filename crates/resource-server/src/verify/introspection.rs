//! Verifying tokens by asking their issuer (RFC 7662).

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use oauth::client::fetch::{Authorization, Fetch, Limits};
use oauth::jwt::{is_in_audience, one_or_many};
use oauth::messages::IntrospectionResponse;
use oauth::scope::Scope;
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};

use crate::Caller;
use crate::verify::{Unavailable, VerifyError, VerifyToken, usable};

/// Verifies tokens, opaque ones too, by the introspection endpoint of their issuer.
///
/// Each question is a request to the issuer, so put a [`CachedVerifier`](crate::CachedVerifier)
/// around it.
#[derive(Debug)]
pub struct IntrospectionVerifier {
    endpoint: String,
    client_id: String,
    client_secret: Secret,
    audience: String,
    issuer: Option<String>,
    needs_audience: bool,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
}

/// The members of RFC 7662 §2.2 that decide.
#[derive(Deserialize)]
struct Members {
    sub: String,
    #[serde(default, with = "one_or_many")]
    aud: Vec<String>,
    iss: Option<String>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    #[serde(default)]
    scope: Scope,
    client_id: Option<String>,
}

impl IntrospectionVerifier {
    /// Asks `endpoint` as the client `client_id`, and accepts tokens for `audience`.
    pub fn new(
        endpoint: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: Secret,
        audience: impl Into<String>,
        fetch: Fetch,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            endpoint: endpoint.into(),
            client_id: client_id.into(),
            client_secret,
            audience: audience.into(),
            issuer: None,
            needs_audience: true,
            fetch,
            clock,
        }
    }

    /// Accepts tokens of `issuer` only, where the answer names one.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Also accepts tokens of which the issuer does not say what they are for.
    ///
    /// **Any** token of the issuer is then good here, including one that was given to another service,
    /// which that service could send on. Use it only with an issuer that serves this resource alone.
    pub fn accept_missing_audience(mut self) -> Self {
        self.needs_audience = false;
        self
    }

    fn judge(&self, members: &Members) -> Result<(), VerifyError> {
        let now = self.clock.now();
        if members.sub.is_empty() {
            return Err(VerifyError::invalid("the issuer names no subject"));
        }
        if let (Some(expected), Some(found)) = (&self.issuer, &members.iss)
            && expected != found
        {
            return Err(VerifyError::invalid(
                "the token was issued by another issuer",
            ));
        }
        let is_for_us = is_in_audience(&self.audience, &members.aud);
        if !is_for_us && (self.needs_audience || !members.aud.is_empty()) {
            return Err(VerifyError::invalid("the token is for another resource"));
        }
        if members.exp.is_some_and(|end| end <= now) {
            return Err(VerifyError::invalid("the token has expired"));
        }
        if members.nbf.is_some_and(|begin| begin > now) {
            return Err(VerifyError::invalid("the token is not valid yet"));
        }
        Ok(())
    }
}

#[async_trait]
impl VerifyToken for IntrospectionVerifier {
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        let form = [("token", token), ("token_type_hint", "access_token")];
        let client = Authorization::Basic {
            id: &self.client_id,
            secret: &self.client_secret,
        };
        let requests = self.fetch.configured();
        let answer = requests
            .post_form(client, &self.endpoint, &form, Limits::DOCUMENT)
            .await;
        let fetched = usable(answer, &self.endpoint)?;
        if fetched.status.as_u16() != 200 {
            // RFC 7662 §2.3: anything else is about our credentials or request, not about the token.
            let (status, asked) = (fetched.status, &self.endpoint);
            tracing::error!(%status, asked, "introspection is refused; check the client credentials");
            return Err(Unavailable::SOON.into());
        }
        let response: IntrospectionResponse = fetched.json().map_err(|error| {
            tracing::error!(%error, asked = self.endpoint, "the answer is no introspection");
            VerifyError::Unavailable(Unavailable::SOON)
        })?;
        if !response.active {
            return Err(VerifyError::invalid("the token is not active"));
        }
        let claims = response.claims;
        let members = Members::deserialize(Value::Object(claims.clone()))
            .map_err(|_| VerifyError::invalid("the issuer says too little about the token"))?;
        self.judge(&members)?;
        Ok(caller(members, claims))
    }
}

fn caller(members: Members, claims: serde_json::Map<String, Value>) -> Caller {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    // By these, a token that was revoked is forgotten before its time.
    let (token_id, grant_id) = (text("jti"), text("grant_id"));
    let mut caller = Caller::new(members.sub)
        .with_scopes(members.scope)
        .with_claims(claims);
    if let Some(token_id) = token_id {
        caller = caller.with_token_id(token_id);
    }
    if let Some(grant_id) = grant_id {
        caller = caller.with_grant_id(grant_id);
    }
    if let Some(issuer) = members.iss {
        caller = caller.with_issuer(issuer);
    }
    if let Some(client_id) = members.client_id {
        caller = caller.with_client_id(client_id);
    }
    if let Some(expires_at) = members.exp {
        caller = caller.with_expiry(expires_at);
    }
    caller.with_audience(members.aud)
}
