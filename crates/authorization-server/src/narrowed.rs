//! A token with less in it, for a caller who is here already (RFC 8693): a part of the scope of the one
//! that the call came with, for the same resource, and for minutes.
//!
//! The caller's token is not at hand where tools run, and does not have to be: a guard has verified it,
//! and what it says is enough. The new one goes the way of every exchanged token.

use std::time::Duration;

use oauth::actor::Actor;
use oauth::error::OAuthError;
use oauth::jwt::AccessTokenClaims;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::secret::Secret;

use crate::endpoint::token::Successor;
use crate::error::EndpointError;
use crate::possession::Binding;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// The longest that such a token may live.
const LONGEST: Duration = Duration::from_mins(5);

/// A token with less in it than the one of the caller.
#[derive(Clone, Debug)]
pub struct NarrowedToken {
    /// The token.
    pub access_token: Secret,
    /// How it is sent: `Bearer`, or `DPoP` when the caller's is bound to a key.
    pub token_type: &'static str,
    /// Seconds until it ends.
    pub expires_in: u64,
    /// What it may do.
    pub scope: Scope,
}

/// There is no such token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NarrowError {
    /// The caller cannot have it; the sentence says why.
    #[error("{0}")]
    Refused(String),
    /// It could not be made now.
    #[error("the token cannot be issued now ({0}); try again later")]
    Unavailable(&'static str),
}

impl AuthorizationServer {
    /// Issues a token to the client and for the person of `claims`, which a guard has verified for
    /// `resource`. It can do a part of what that one can, `asked` or all of it, and ends with it, with
    /// its grant, and after `lifetime` or five minutes. `actor` is who wants it. It is handed out when
    /// it is recorded.
    pub async fn narrow(
        &self,
        claims: &AccessTokenClaims,
        resource: &ResourceIndicator,
        actor: &str,
        asked: Option<&Scope>,
        lifetime: Duration,
    ) -> Result<NarrowedToken, NarrowError> {
        let answer = self
            .narrowed(claims, resource, actor, asked, lifetime)
            .await;
        match answer {
            Ok(token) => {
                let recorded = self.facts().narrowed(claims, resource, None).await;
                recorded.map_err(|error| unavailable(error.into()))?;
                Ok(token)
            }
            Err(error) => {
                let refused = self.facts().narrowed(claims, resource, Some(error.reason));
                // Nothing is handed out, so nobody has to wait for the record of it.
                if let Err(error) = refused.await {
                    tracing::error!("audit: a refused token could not be recorded: {error}");
                }
                Err(unavailable(error))
            }
        }
    }

    async fn narrowed(
        &self,
        claims: &AccessTokenClaims,
        resource: &ResourceIndicator,
        actor: &str,
        asked: Option<&Scope>,
        lifetime: Duration,
    ) -> Result<NarrowedToken, EndpointError> {
        if claims.iss != self.settings().issuer.as_str() {
            return Err(refused("the token of this call was issued elsewhere"));
        }
        // Without a grant nobody could take the new one back.
        if claims.grant_id.is_none() {
            return Err(refused(
                "the token of this call speaks for no person: a client that acts for itself gets its \
                 tokens with client_credentials",
            ));
        }
        let is_for_it = claims.aud.iter().any(|aud| aud == resource.as_str());
        if !is_for_it || !self.is_live(claims).await? {
            return Err(refused("the token of this call is not good any more"));
        }
        // A bound token must not become one that anybody can use who finds it.
        let binding = Binding::of(claims)
            .ok_or_else(|| refused("the token of this call is bound in a way that is not known"))?;
        let client_id = claims.client_id.as_deref().unwrap_or_default();
        // A client that is named by a document was asked for lately, or it would not have this token.
        let client = self.known_client(client_id).await?;
        let client =
            client.ok_or_else(|| refused("the client of this call is not known any more"))?;
        let catalog = self.catalog();
        let target = catalog.resource(resource);
        let target = target.ok_or_else(|| refused("no tokens are issued for this server"))?;
        let asked = asked.map(Scope::to_string);
        let next = Successor {
            client: &client,
            subject: claims,
            actor: Actor::new(actor),
            target,
            asked: asked.as_deref(),
            ends_by: self.now().plus(lifetime.min(LONGEST)),
            binding: &binding,
        };
        let (access_token, expires_in, scope) = self.succeed(&catalog, next).await?;
        Ok(NarrowedToken {
            access_token: Secret::from(access_token),
            token_type: binding.token_type(),
            expires_in,
            scope,
        })
    }
}

fn refused(text: &str) -> EndpointError {
    EndpointError::new(
        Reason::SubjectTokenRefused,
        OAuthError::invalid_request(text),
    )
}

/// What the caller may know; the log has the rest.
fn unavailable(error: EndpointError) -> NarrowError {
    let reason = error.reason.as_str();
    if !error.status.is_server_error() {
        tracing::info!(reason, "token refused: {reason}");
        return NarrowError::Refused(error.error.description);
    }
    tracing::error!(reason, ?error, "token not issued: {reason}");
    NarrowError::Unavailable(reason)
}
