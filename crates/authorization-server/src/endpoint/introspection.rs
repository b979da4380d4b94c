//! Token introspection (RFC 7662).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::error::OAuthError;
use oauth::messages::IntrospectionResponse;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::client_authentication::AuthenticatedClient;
use crate::error::EndpointError;
use crate::grant::{GrantError, Stage};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    AuthenticatedClient { client, form }: AuthenticatedClient,
) -> Result<Response, EndpointError> {
    // §2.1: the endpoint is authenticated, or tokens could be tried out here.
    if client.metadata.token_endpoint_auth_method == TokenEndpointAuthMethod::None {
        let error = OAuthError::invalid_client("introspection needs client authentication");
        return Err(
            EndpointError::new(Reason::ClientAuthenticationFailed, error).with_challenge("Basic"),
        );
    }
    let token = form.require("token")?;
    let claims = match access_token(&server, &client, token).await? {
        Some(claims) => Some(claims),
        None => refresh_token(&server, &client, token).await?,
    };
    // §2.2: of a token that is not active, or none of the caller's business, nothing more is said.
    let response = match claims {
        Some(claims) => IntrospectionResponse {
            active: true,
            claims,
        },
        None => IntrospectionResponse::default(),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(response)).into_response())
}

/// The claims of an access token, for the client it was issued to or the resource it is for.
async fn access_token(
    server: &AuthorizationServer,
    client: &Client,
    token: &str,
) -> Result<Option<Map<String, Value>>, EndpointError> {
    let Some(claims) = server.inspect(token).await? else {
        return Ok(None);
    };
    let is_own = claims.client_id.as_deref() == Some(&client.client_id);
    if !is_own && !client.may_introspect(&claims.aud) {
        return Ok(None);
    }
    let Ok(Value::Object(mut members)) = serde_json::to_value(&claims) else {
        return Ok(None);
    };
    let is_bound = claims.other.contains_key("cnf");
    let token_type = if is_bound { "DPoP" } else { "Bearer" };
    members.insert("token_type".to_owned(), json!(token_type));
    Ok(Some(members))
}

/// What there is to say about a refresh token, to the client that holds it.
async fn refresh_token(
    server: &AuthorizationServer,
    client: &Client,
    token: &str,
) -> Result<Option<Map<String, Value>>, EndpointError> {
    let found = server
        .grants()
        .find_by_refresh_token(token, &client.client_id)
        .await;
    let (grant, presented) = match found {
        Ok(found) => found,
        Err(GrantError::Refused { .. }) => return Ok(None),
        Err(GrantError::Store(error)) => return Err(error.into()),
    };
    let Stage::Exchanged {
        approval,
        refresh: Some(refresh),
        ..
    } = &grant.stage
    else {
        return Ok(None);
    };
    if refresh.generation != presented {
        return Ok(None);
    }
    let Value::Object(members) = json!({
        "iss": server.settings().issuer,
        "sub": approval.subject,
        "client_id": grant.client_id,
        "scope": approval.scope,
        "exp": grant.expires_at,
    }) else {
        return Ok(None);
    };
    Ok(Some(members))
}
