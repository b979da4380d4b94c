//! Dynamic client registration (RFC 7591, acceptance C1).

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use oauth::client_metadata::{ClientMetadata, OPERATOR_GRANT_TYPES};
use oauth::error::{ErrorCode, OAuthError};
use oauth::grant_type;
use oauth::messages::RegistrationResponse;
use oauth::secret::Secret;
use oauth::time::NumericDate;
use store::Kind;

use crate::address::ClientAddress;
use crate::client::Registered;
use crate::error::EndpointError;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::settings::Registration;

/// The largest registration that is read, and so about the largest that is kept, in bytes: with a key
/// or two, clients need a quarter of it.
pub(crate) const MAX_REGISTRATION: usize = 8 * 1024;

const ATTEMPTS: Kind = Kind::new("registration_attempts");
const HOUR: Duration = Duration::from_hours(1);

pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, EndpointError> {
    let body = read(body)?;
    let settings = server.settings();
    let Some(rules) = &settings.registration else {
        let error = OAuthError::access_denied("registration is switched off; ask the operator");
        return Err(EndpointError::new(Reason::AccessDenied, error));
    };
    count(&server, rules, address).await?;
    let metadata = parse(&body)?;
    check(&server, &metadata)?;
    let drawn_up = server.clients().draw_up(metadata, rules);
    // First, because what cannot be recorded does not happen.
    server.facts().registered(&drawn_up.client, address).await?;
    let registered = server.clients().register(drawn_up, rules).await?;
    tracing::info!(client.id = registered.client.client_id, "client registered");
    Ok(answer(&server, StatusCode::CREATED, registered))
}

/// What is registered now (RFC 7591 §3.2.1, RFC 7592 §3).
pub(super) fn answer(
    server: &AuthorizationServer,
    status: StatusCode,
    registered: Registered,
) -> Response {
    let Registered {
        client,
        secret,
        management,
    } = registered;
    let exposed = |secret: Secret| secret.expose().to_owned();
    let issuer = &server.settings().issuer;
    let configuration = || issuer.join(&format!("/register/{}", client.client_id));
    let response = RegistrationResponse {
        registration_client_uri: management.as_ref().map(|_| configuration()),
        registration_access_token: management.map(exposed),
        client_id: client.client_id,
        client_id_issued_at: client.created_at,
        // RFC 7591 §3.2.1: 0 says that the secret does not expire.
        client_secret_expires_at: secret.as_ref().map(|_| NumericDate(0)),
        client_secret: secret.map(exposed),
        metadata: client.metadata,
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(response)).into_response()
}

/// The body, unless it is too large.
pub(super) fn read(body: Result<Bytes, BytesRejection>) -> Result<Bytes, EndpointError> {
    body.map_err(|rejection| too_large(&rejection))
}

/// The rules for strangers, whether they register or change what they registered.
pub(super) fn check(
    server: &AuthorizationServer,
    metadata: &ClientMetadata,
) -> Result<(), EndpointError> {
    metadata
        .check(&server.settings().private_use_schemes)
        .map_err(refuse)?;
    let serves_devices = server.settings().device_authorization.is_some();
    if metadata.uses_grant(grant_type::DEVICE_CODE) && !serves_devices {
        let text = format!("the grant type {} is switched off", grant_type::DEVICE_CODE);
        return Err(refuse(OAuthError::invalid_client_metadata(text)));
    }
    // A stranger may act for people who agree, never for itself.
    if let Some(own) = OPERATOR_GRANT_TYPES
        .iter()
        .find(|grant| metadata.uses_grant(grant))
    {
        let text = format!("{own} is for clients that the operator registers");
        return Err(refuse(OAuthError::invalid_client_metadata(text)));
    }
    Ok(())
}

fn too_large(rejection: &BytesRejection) -> EndpointError {
    let text = format!("the body could not be read; {MAX_REGISTRATION} bytes are the limit");
    refuse(OAuthError::invalid_client_metadata(text)).with_status(rejection.status())
}

async fn count(
    server: &AuthorizationServer,
    rules: &Registration,
    address: ClientAddress,
) -> Result<(), EndpointError> {
    let attempts = server
        .store()
        .count(ATTEMPTS, &address.rate_key(), HOUR)
        .await?;
    if attempts > rules.per_address_and_hour {
        return Err(EndpointError::too_many_requests(HOUR));
    }
    Ok(())
}

pub(super) fn parse(body: &[u8]) -> Result<ClientMetadata, EndpointError> {
    let metadata: serde_json::Result<ClientMetadata> = oauth::json::from_stranger(body);
    let mut metadata = metadata.map_err(|error| {
        // The parser's message names the field and never the server's inside.
        refuse(OAuthError::invalid_client_metadata(format!(
            "the body is not client metadata: {error}"
        )))
    })?;
    metadata.forget_reserved_members();
    Ok(metadata)
}

pub(super) fn refuse(error: OAuthError) -> EndpointError {
    let reason = match error.code {
        ErrorCode::InvalidRedirectUri => Reason::RedirectUriRefused,
        _ => Reason::ClientMetadataRefused,
    };
    EndpointError::new(reason, error)
}
