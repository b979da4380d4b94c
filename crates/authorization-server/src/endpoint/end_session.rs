//! The end session endpoint: where a client sends a person who signs out
//! (OpenID Connect RP-Initiated Logout 1.0 §2).

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;

use super::authorization::MAX_REQUEST;
use crate::address::ClientAddress;
use crate::error::PageError;
use crate::form::Parameters;
use crate::html::with_security_headers;
use crate::logout_request::LogoutRequest;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// The page that asks, or says that it is done.
const PAGE: &str = "/logout/confirm";

pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let query = query.unwrap_or_default();
    if query.len() > MAX_REQUEST {
        return Err(PageError::new(Reason::MalformedRequest));
    }
    let parameters = Parameters::parse(query.as_bytes())?;
    let request = LogoutRequest::check(&server, &parameters, address).await?;
    let Some((user, session)) = server.signed_in(&headers).await? else {
        // Nothing is left to end. Only a client that knows somebody here is believed to send them
        // on: anybody can register a client, and this is no place to turn a link into another.
        let address = request
            .subject
            .is_some()
            .then(|| request.address())
            .flatten();
        return Ok(leave(&server, &request, address));
    };
    // Whoever could send a person here could sign them out, were it not for the hint: an ID token
    // that names them, which a stranger does not have (§6).
    if request.subject.as_ref() != Some(&user.subject) {
        return Ok(leave(&server, &request, None));
    }
    server.sign_out(&user.subject, &session.key).await?;
    server.facts().signed_out(&user.subject);
    tracing::info!(subject = user.subject, "signed out by a client");
    let mut response = leave(&server, &request, request.address());
    server.sessions().forget().append_to(&mut response);
    Ok(response)
}

/// A form of the client's own site comes without our cookies (`SameSite=Lax`), so the browser is
/// asked to come again by itself (§2 requires both methods).
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    body: Bytes,
) -> Result<Response, PageError> {
    let parameters = Parameters::parse(&body)?;
    LogoutRequest::check(&server, &parameters, address).await?;
    // Written anew: what comes in a body need not be fit for an address.
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(url::form_urlencoded::parse(&body))
        .finish();
    let address = server.settings().issuer.join(&format!("/logout?{query}"));
    Ok(with_security_headers(
        Redirect::to(&address).into_response(),
    ))
}

/// On to the client, or to the page.
fn leave(
    server: &AuthorizationServer,
    request: &LogoutRequest,
    address: Option<String>,
) -> Response {
    let address = address.unwrap_or_else(|| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(request.parameters())
            .finish();
        server.settings().issuer.join(&format!("{PAGE}?{query}"))
    });
    with_security_headers(Redirect::to(&address).into_response())
}
