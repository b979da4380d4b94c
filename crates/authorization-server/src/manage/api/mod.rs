//! The management API: `/manage/v1`, a protected resource of this very server (RFC 9110, RFC 9457).
//!
//! One table of [`Endpoint`]s makes the router and the document that describes it
//! ([`openapi`]), so neither can have what the other lacks.

mod access;
mod clients;
mod endpoint;
mod grants;
mod identity_providers;
mod keys;
pub(crate) mod openapi;
mod payload;
pub(crate) mod problem;
mod resources;
mod roles;
mod scopes;
mod users;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, ETAG, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::precondition::entity_tag;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use endpoint::Endpoint;
use problem::Problem;

/// Where the API begins, below the issuer.
const BASE: &str = "/manage/v1";

/// The API and its metadata; nothing unless it is switched on.
pub(crate) fn router(server: &AuthorizationServer) -> Router<AuthorizationServer> {
    if !server.settings().management {
        return Router::new();
    }
    let base = format!("{}{BASE}", server.settings().issuer.base_path());
    let mut router = Router::new()
        .route(&format!("{base}/openapi.json"), get(openapi::get))
        .route(&format!("{base}/{{*unknown}}"), axum::routing::any(unknown));
    for Endpoint { path, handler, .. } in endpoints() {
        router = router.route(&format!("{base}{path}"), handler);
    }
    router
        .method_not_allowed_fallback(wrong_method)
        .route(&access::metadata_path(server), get(access::metadata))
}

/// Every operation.
fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = users::endpoints();
    endpoints.extend(clients::endpoints());
    endpoints.extend(grants::endpoints());
    endpoints.extend(roles::endpoints());
    endpoints.extend(scopes::endpoints());
    endpoints.extend(resources::endpoints());
    endpoints.extend(identity_providers::endpoints());
    endpoints.extend(keys::endpoints());
    endpoints
}

async fn unknown() -> Problem {
    let detail = "there is no such operation; see openapi.json";
    Problem::new(Reason::NoSuchOperation, detail)
}

async fn wrong_method() -> Problem {
    let detail = "this address has no such method; see openapi.json";
    Problem::new(Reason::NoSuchOperation, detail).with_status(StatusCode::METHOD_NOT_ALLOWED)
}

/// People and secrets are in these answers, so nothing on the way keeps them.
fn listed(view: impl Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(view)).into_response()
}

/// One thing, with the tag that a change of it may be bound to.
fn shown(view: &impl Serialize) -> Response {
    let mut response = listed(view);
    let tag = HeaderValue::from_str(&entity_tag(view)).expect("base64url in quotes is ASCII");
    response.headers_mut().insert(ETAG, tag);
    response
}

/// Something new, with its address (RFC 9110 §15.3.2).
fn created(
    server: &State<AuthorizationServer>,
    path: &str,
    name: &str,
    view: &impl Serialize,
) -> Response {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let issuer = &server.settings().issuer;
    let location = issuer.join(&format!("{BASE}{path}/{}", name.replace('+', "%20")));
    let mut response = shown(view);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
