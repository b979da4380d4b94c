//! Access tokens: minted as RFC 9068 JWTs, and inspected when one comes back.

use std::time::Duration;

use oauth::actor::{self, Actor};
use oauth::jws::{self, Algorithm};
use oauth::jwt::{ACCESS_TOKEN_TYPE, AccessTokenClaims};
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::NumericDate;
use serde_json::{Map, Value};
use store::StoreError;

use crate::client::Client;
use crate::grant::{Approval, Grant};
use crate::possession::Binding;
use crate::server::AuthorizationServer;
use crate::user::User;

/// The claims about a person that the granted scope opens to the resource (RFC 9068 §2.2.2).
pub(crate) fn identity_claims(user: &User, scope: &Scope) -> Map<String, Value> {
    let mut claims = Map::new();
    if scope.contains("profile") {
        claims.insert("username".into(), user.username.as_str().into());
        claims.insert("preferred_username".into(), user.username.as_str().into());
        if let Some(name) = &user.name {
            claims.insert("name".into(), name.as_str().into());
        }
    }
    if scope.contains("email")
        && let Some(email) = &user.email
    {
        claims.insert("email".into(), email.as_str().into());
        claims.insert("email_verified".into(), user.email_verified.into());
    }
    claims
}

/// What becomes of a token that a resource server exchanges (RFC 8693 §2.2).
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    /// What the token says that is exchanged.
    pub(crate) subject: &'a AccessTokenClaims,
    pub(crate) user: &'a User,
    /// Who exchanges it.
    pub(crate) client_id: &'a str,
    pub(crate) audience: &'a ResourceIndicator,
    pub(crate) scope: &'a Scope,
    /// Who acts, and who did before.
    pub(crate) actor: Actor,
    pub(crate) expires_at: NumericDate,
    pub(crate) binding: &'a Binding,
}

impl AuthorizationServer {
    /// An access token of a grant, for the person who gave it.
    pub(crate) fn mint_for_user(
        &self,
        grant: &Grant,
        approval: &Approval,
        user: &User,
        scope: &Scope,
        binding: &Binding,
    ) -> serde_json::Result<String> {
        let mut other = identity_claims(user, scope);
        binding.confirm(&mut other);
        // RFC 9068 §2.2.3.1: what the person is, beside what they allowed.
        other.insert(
            "roles".into(),
            self.catalog().roles_in_force(&user.roles).into(),
        );
        other.insert("auth_time".into(), approval.authenticated_at.0.into());
        self.mint(&AccessTokenClaims {
            sub: approval.subject.clone(),
            aud: vec![grant.request.resource.as_str().to_owned()],
            client_id: Some(grant.client_id.clone()),
            scope: scope.clone(),
            grant_id: Some(grant.id.clone()),
            other,
            ..self.blank_claims()
        })
    }

    /// An access token of the same grant for another resource, in the hands of an actor.
    pub(crate) fn mint_exchanged(&self, exchange: &Exchange<'_>) -> serde_json::Result<String> {
        let subject = exchange.subject;
        let mut other = identity_claims(exchange.user, exchange.scope);
        exchange.binding.confirm(&mut other);
        other.insert(
            "roles".into(),
            self.catalog().roles_in_force(&exchange.user.roles).into(),
        );
        if let Some(auth_time) = subject.other.get("auth_time") {
            other.insert("auth_time".into(), auth_time.clone());
        }
        other.insert(actor::CLAIM.into(), serde_json::to_value(&exchange.actor)?);
        self.mint(&AccessTokenClaims {
            sub: subject.sub.clone(),
            aud: vec![exchange.audience.as_str().to_owned()],
            exp: exchange.expires_at,
            // RFC 8693 §4.3: the client that asked for this token.
            client_id: Some(exchange.client_id.to_owned()),
            scope: exchange.scope.clone(),
            grant_id: subject.grant_id.clone(),
            other,
            ..self.blank_claims()
        })
    }

    /// An access token of a client that acts for itself (RFC 6749 §4.4, RFC 9068 §2.2: `sub` is the
    /// client).
    pub(crate) fn mint_for_client(
        &self,
        client: &Client,
        audience: &str,
        scope: &Scope,
        binding: &Binding,
    ) -> serde_json::Result<String> {
        let mut other = Map::new();
        binding.confirm(&mut other);
        self.mint(&AccessTokenClaims {
            sub: client.client_id.clone(),
            aud: vec![audience.to_owned()],
            client_id: Some(client.client_id.clone()),
            scope: scope.clone(),
            other,
            ..self.blank_claims()
        })
    }

    /// Seconds until an access token that is minted now ends.
    pub(crate) fn access_token_lifetime(&self) -> Duration {
        self.settings().lifetimes.access_token
    }

    /// The claims of an access token of ours that is good at this moment; `None` for any other text.
    pub(crate) async fn inspect(
        &self,
        token: &str,
    ) -> Result<Option<AccessTokenClaims>, StoreError> {
        let Some(claims) = self.read_access_token(token) else {
            return Ok(None);
        };
        Ok(self.is_live(&claims).await?.then_some(claims))
    }

    /// The claims of an unexpired access token that was signed here, revoked or not.
    pub(crate) fn read_access_token(&self, token: &str) -> Option<AccessTokenClaims> {
        let allowed = [Algorithm::EdDSA, Algorithm::ES256];
        let verified = jws::verify(token, &self.key_set(), &allowed).ok()?;
        if verified.header.typ.as_deref() != Some(ACCESS_TOKEN_TYPE) {
            return None;
        }
        let claims: AccessTokenClaims = serde_json::from_slice(&verified.payload).ok()?;
        // `exp` is rounded down to a second and `expires_in` is not, so the last second counts (A10).
        let is_current = claims.exp >= self.now();
        (is_current && claims.iss == self.settings().issuer.as_str()).then_some(claims)
    }

    fn blank_claims(&self) -> AccessTokenClaims {
        let now = self.now();
        AccessTokenClaims {
            iss: self.settings().issuer.as_str().to_owned(),
            sub: String::new(),
            aud: Vec::new(),
            exp: now.plus(self.access_token_lifetime()),
            iat: Some(now),
            nbf: None,
            jti: Some(self.names().next()),
            client_id: None,
            scope: Scope::empty(),
            grant_id: None,
            other: Map::new(),
        }
    }

    fn mint(&self, claims: &AccessTokenClaims) -> serde_json::Result<String> {
        self.signing_keys()
            .signing()
            .sign(ACCESS_TOKEN_TYPE, claims)
    }
}
