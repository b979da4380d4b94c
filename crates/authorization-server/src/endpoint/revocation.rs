//! Token revocation (RFC 7009).

use axum::extract::State;
use http::StatusCode;
use oauth::actor;

use crate::client::Client;
use crate::client_authentication::AuthenticatedClient;
use crate::error::EndpointError;
use crate::grant::GrantError;
use crate::revocation::Revocation;
use crate::server::AuthorizationServer;
use store::StoreError;

/// Ends the grant of a token, whichever of its tokens is presented (acceptance A6).
///
/// `token_type_hint` is not needed: the two kinds of tokens cannot be mistaken for each other.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    AuthenticatedClient { client, form }: AuthenticatedClient,
) -> Result<StatusCode, EndpointError> {
    let token = form.require("token")?;
    match server
        .grants()
        .find_by_refresh_token(token, &client.client_id)
        .await
    {
        Ok((grant, _)) => server.revoke_grant(&grant.id).await?,
        Err(GrantError::Refused { .. }) => revoke_access_token(&server, &client, token).await?,
        Err(GrantError::Store(error)) => return Err(error.into()),
    }
    // §2.2: an unknown token is already revoked, and a client learns nothing about others'.
    Ok(StatusCode::OK)
}

async fn revoke_access_token(
    server: &AuthorizationServer,
    client: &Client,
    token: &str,
) -> Result<(), EndpointError> {
    let Some(claims) = server.read_access_token(token) else {
        return Ok(());
    };
    // §2.1: only the client that a token was issued to can revoke it.
    if claims.client_id.as_deref() != Some(&client.client_id) {
        return Ok(());
    }
    match (claims.grant_id, claims.jti) {
        // Who exchanged a token gives back what it got, not what the person gave to somebody else.
        (Some(_), Some(jti)) if claims.other.contains_key(actor::CLAIM) => {
            server.revocations().revoke(&jti, claims.exp).await?;
        }
        (Some(grant_id), _) => server.revoke_grant(&grant_id).await?,
        (None, Some(jti)) => server.revocations().revoke(&jti, claims.exp).await?,
        (None, None) => {}
    }
    Ok(())
}

impl AuthorizationServer {
    /// Ends a grant and tells everyone who remembers its tokens.
    pub(crate) async fn revoke_grant(&self, grant_id: &str) -> Result<(), StoreError> {
        let owner = self.grants().revoke(grant_id).await?;
        self.tell_revoked(grant_id);
        self.facts().grant_ended(grant_id, owner.as_deref());
        if let Some(subject) = owner {
            self.let_go_soon(&subject);
        }
        tracing::info!(grant.id = grant_id, "grant revoked");
        Ok(())
    }

    /// Tells everyone who remembers tokens of a grant that it has ended.
    pub(crate) fn tell_revoked(&self, grant_id: &str) {
        self.revocations()
            .tell(Revocation::Grant(grant_id.to_owned()));
    }
}
