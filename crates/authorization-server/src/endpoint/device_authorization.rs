//! The device authorization endpoint: where a device gets its codes (RFC 8628 §3.1, §3.2).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use oauth::grant_type;
use oauth::messages::DeviceAuthorizationResponse;

use super::authorization::may_ask;
use super::token::{registered, unsupported};
use crate::address::ClientAddress;
use crate::client_authentication::AuthenticatedClient;
use crate::error::EndpointError;
use crate::grant::POLL_INTERVAL;
use crate::server::AuthorizationServer;

pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    AuthenticatedClient { client, form }: AuthenticatedClient,
) -> Result<Response, EndpointError> {
    let settings = server.settings();
    let Some(rules) = &settings.device_authorization else {
        return Err(unsupported());
    };
    registered(&client, grant_type::DEVICE_CODE)?;
    let catalog = server.catalog();
    let target = catalog.target(form.get("resource"), form.get("scope"))?;
    let resource = target.resource.indicator.clone();
    let scope = client.may_ask_for(target.scope)?;
    may_ask(&server, address).await?;
    let grants = server.grants();
    let (grant, user_code) = grants
        .begin_on_device(&client.client_id, scope, resource, rules.lifetime)
        .await?;
    let verification_uri = settings.issuer.join("/device");
    let response = DeviceAuthorizationResponse {
        device_code: grants.device_code(&grant),
        user_code: user_code.to_string(),
        verification_uri_complete: Some(format!("{verification_uri}?user_code={user_code}")),
        verification_uri,
        expires_in: rules.lifetime.as_secs(),
        interval: POLL_INTERVAL.as_secs(),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(response)).into_response())
}
