//! The pushed authorization request endpoint (RFC 9126).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use oauth::messages::PushedAuthorizationResponse;

use super::authorization::may_ask;
use crate::address::ClientAddress;
use crate::authorization_request::{check, redirect_uri};
use crate::client_authentication::AuthenticatedClient;
use crate::error::EndpointError;
use crate::form::malformed;
use crate::grant::PUSHED_LIFETIME;
use crate::possession::Possession;
use crate::server::AuthorizationServer;

/// Checks the whole request before a browser is involved, so that what is wrong with it is told to
/// the client and not to a person.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    possession: Possession,
    AuthenticatedClient { client, form }: AuthenticatedClient,
) -> Result<Response, EndpointError> {
    // §2.1: one reference does not lead to another.
    if form.get("request_uri").is_some() {
        return Err(malformed("request_uri must not be pushed"));
    }
    let redirect_uri = redirect_uri(&client, &form)?;
    let mut request = check(&server, &client, redirect_uri, &form)?;
    may_ask(&server, address).await?;
    // RFC 9449 §10.1: whoever proves a key here need not name it, and cannot name another.
    let binding = possession.key(&server).await?;
    if let Some(key) = binding.thumbprint() {
        binding.require(request.dpop_jkt.as_deref())?;
        request.dpop_jkt = Some(key.to_owned());
    }
    let response = PushedAuthorizationResponse {
        request_uri: server.grants().push(&client.client_id, request).await?,
        expires_in: PUSHED_LIFETIME.as_secs(),
    };
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-cache, no-store")],
        Json(response),
    )
        .into_response())
}
