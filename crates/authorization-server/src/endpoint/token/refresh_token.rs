//! `grant_type=refresh_token` (OAuth 2.1 §4.3).

use oauth::error::OAuthError;
use oauth::messages::TokenResponse;
use oauth::scope::Scope;

use super::{approval_of, check_resource, tokens};
use crate::client::Client;
use crate::error::EndpointError;
use crate::form::Parameters;
use crate::grant::{Approval, Rotation, Stage};
use crate::possession::Binding;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

pub(super) async fn exchange(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    let token = form.require("refresh_token")?;
    let grants = server.grants();
    let refused = |id: Option<&str>, error| server.refuse_grant(id, client, error);
    // What can be refused without moving the grant is refused first, so that a mistake in the
    // request does not cost the client its refresh token.
    let (grant, _) = grants
        .find_by_refresh_token(token, &client.client_id)
        .await
        .map_err(|error| refused(None, error))?;
    check_resource(&grant, form.get("resource"))?;
    if let Stage::Exchanged {
        refresh: Some(refresh),
        ..
    } = &grant.stage
    {
        binding.require(refresh.terms.bound_to.as_deref())?;
    }
    let approved = approval_of(server, client, &grant).await?;
    let scope = narrowed(&approved.0, form.get("scope"))?;
    let Rotation { grant, generation } = grants
        .rotate(token, &client.client_id)
        .await
        .map_err(|error| refused(Some(&grant.id), error))?;
    let refresh_token = grants.refresh_token(&grant.id, generation);
    tokens(
        server,
        &grant,
        &approved,
        scope,
        Some(refresh_token),
        binding,
    )
}

/// RFC 6749 §6: a client may ask for less than was granted; the refresh token keeps it all.
fn narrowed(approval: &Approval, asked: Option<&str>) -> Result<Scope, EndpointError> {
    let Some(asked) = asked else {
        return Ok(approval.scope.clone());
    };
    match asked.parse::<Scope>() {
        Ok(asked) if asked.is_subset(&approval.scope) => Ok(asked),
        _ => {
            let text = format!(
                "only a part of what was granted can be asked for: {}",
                approval.scope
            );
            Err(EndpointError::new(
                Reason::ScopeRefused,
                OAuthError::invalid_scope(text),
            ))
        }
    }
}
