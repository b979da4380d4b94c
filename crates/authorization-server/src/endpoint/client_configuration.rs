//! The client configuration endpoint: a client manages its own registration (RFC 7592).

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, StatusCode};
use oauth::error::OAuthError;
use oauth::secret::Secret;
use serde::Deserialize;
use store::Versioned;

use super::registration::{answer, check, parse, read, refuse};
use crate::bearer::bearer;
use crate::client::{Client, Registered};
use crate::error::EndpointError;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::settings::Registration;

/// What is registered (RFC 7592 §2.1).
pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, EndpointError> {
    rules(&server)?;
    let (client, token) = managed(&server, &client_id, &headers).await?;
    let registered = Registered {
        client: client.record,
        // Only its hash is known. A client that lost it asks for another one by `PUT`.
        secret: None,
        management: Some(token),
    };
    Ok(answer(&server, StatusCode::OK, registered))
}

/// Other metadata instead of all that is registered (RFC 7592 §2.2).
pub(crate) async fn put(
    State(server): State<AuthorizationServer>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, EndpointError> {
    let rules = rules(&server)?;
    // Before the body, so that nobody without a token learns what would be wrong with theirs.
    managed(&server, &client_id, &headers).await?;
    let body = read(body)?;
    let metadata = parse(&body)?;
    let identification = Identification::parse(&body)?;
    check(&server, &metadata)?;
    loop {
        let (client, token) = managed(&server, &client_id, &headers).await?;
        let secret = identification.secret_of(&client)?;
        let updated = server
            .clients()
            .update(&client, metadata.clone(), secret, rules)
            .await?;
        if let Some(updated) = updated {
            tracing::info!(client.id = client_id, "client changed its registration");
            let registered = Registered {
                management: Some(token),
                ..updated
            };
            return Ok(answer(&server, StatusCode::OK, registered));
        }
    }
}

/// The end of the registration, and of everything that was allowed to the client (RFC 7592 §2.3).
pub(crate) async fn delete(
    State(server): State<AuthorizationServer>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, EndpointError> {
    rules(&server)?;
    managed(&server, &client_id, &headers).await?;
    server.remove_client(&client_id).await?;
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok((StatusCode::NO_CONTENT, no_store).into_response())
}

fn rules(server: &AuthorizationServer) -> Result<&Registration, EndpointError> {
    let rules = server.settings().registration.as_ref();
    rules.filter(|rules| rules.management).ok_or_else(|| {
        let text = "management of registrations is switched off; ask the operator";
        EndpointError::new(Reason::AccessDenied, OAuthError::access_denied(text))
    })
}

/// The client whose registration access token was presented, and that token.
async fn managed(
    server: &AuthorizationServer,
    client_id: &str,
    headers: &HeaderMap,
) -> Result<(Versioned<Client>, Secret), EndpointError> {
    let token = Secret::from(bearer(headers, Reason::RegistrationTokenRefused)?);
    let client = server.clients().managed(client_id, &token).await?;
    // §2: one answer for a wrong token and for a client that does not exist.
    let client = client.ok_or_else(|| {
        let error = OAuthError::invalid_token("the registration access token is not valid");
        EndpointError::new(Reason::RegistrationTokenRefused, error)
            .with_challenge("Bearer error=\"invalid_token\"")
    })?;
    Ok((client, token))
}

/// What an update says beside metadata (RFC 7592 §2.2).
#[derive(Deserialize)]
struct Identification {
    client_id: Option<String>,
    client_secret: Option<Secret>,
    registration_access_token: Option<Secret>,
    registration_client_uri: Option<String>,
    client_secret_expires_at: Option<serde_json::Value>,
    client_id_issued_at: Option<serde_json::Value>,
}

impl Identification {
    fn parse(body: &[u8]) -> Result<Self, EndpointError> {
        let invalid = |text: &str| refuse(OAuthError::invalid_client_metadata(text));
        let parsed: Self = serde_json::from_slice(body)
            .map_err(|_| invalid("client_id and client_secret must be text"))?;
        let is_answer = parsed.registration_access_token.is_some()
            || parsed.registration_client_uri.is_some()
            || parsed.client_secret_expires_at.is_some()
            || parsed.client_id_issued_at.is_some();
        if is_answer {
            return Err(invalid(
                "registration_access_token, registration_client_uri, client_secret_expires_at and \
                 client_id_issued_at must not be sent",
            ));
        }
        Ok(parsed)
    }

    /// The secret of `client`, if the update shows it; nobody chooses their own.
    fn secret_of(&self, client: &Client) -> Result<Option<Secret>, EndpointError> {
        let invalid = |text: &str| Err(refuse(OAuthError::invalid_client_metadata(text)));
        if self.client_id.as_ref() != Some(&client.client_id) {
            return invalid("client_id must be that of the client");
        }
        match (&self.client_secret, &client.secret) {
            (None, _) => Ok(None),
            (Some(shown), Some(known)) if known.matches(shown) => Ok(Some(shown.clone())),
            (Some(_), _) => invalid("client_secret is not that of the client; leave it out"),
        }
    }
}
