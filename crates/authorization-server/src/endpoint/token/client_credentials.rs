//! `grant_type=client_credentials`: a client acts for itself (OAuth 2.1 §4.2).

use oauth::error::OAuthError;
use oauth::messages::TokenResponse;

use super::unsigned;
use crate::client::{Client, Origin};
use crate::error::EndpointError;
use crate::form::Parameters;
use crate::possession::Binding;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// Nothing is read from or written to the store here: the token is its own proof, and only its
/// revocation, a rare thing, is remembered.
pub(super) fn exchange(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    // Only an operator can give a client rights of its own; a registration is a stranger's wish.
    let (Origin::PreRegistered { .. } | Origin::Administered) = client.origin else {
        let error = OAuthError::unauthorized_client("the client has no rights of its own");
        return Err(EndpointError::new(Reason::GrantTypeNotAllowed, error));
    };
    let allowed = client.metadata.scope.clone().unwrap_or_default();
    let asked = form.get("scope");
    let catalog = server.catalog();
    let target = catalog.target(
        form.get("resource"),
        Some(asked.unwrap_or(allowed.as_str())),
    )?;
    if asked.is_some() && !target.scope.is_subset(&allowed) {
        let text = if allowed.is_empty() {
            "the operator has given this client no scope of its own".to_owned()
        } else {
            format!("the client may ask for: {allowed}")
        };
        return Err(EndpointError::new(
            Reason::ScopeRefused,
            OAuthError::invalid_scope(text),
        ));
    }
    let scope = target.scope.intersection(&allowed);
    let audience = target.resource.indicator.as_str();
    Ok(TokenResponse {
        access_token: server
            .mint_for_client(client, audience, &scope, binding)
            .map_err(unsigned)?,
        token_type: binding.token_type().to_owned(),
        expires_in: server.access_token_lifetime().as_secs(),
        refresh_token: None,
        scope,
        id_token: None,
        issued_token_type: None,
    })
}
