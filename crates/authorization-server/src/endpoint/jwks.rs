//! The public keys (RFC 7517 §5, RFC 8414 `jwks_uri`).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;

use crate::server::AuthorizationServer;
use crate::signing_keys::KEY_SET_MAX_AGE;

pub(crate) async fn get(State(server): State<AuthorizationServer>) -> Response {
    let cache = format!("public, max-age={}", KEY_SET_MAX_AGE.as_secs());
    ([(CACHE_CONTROL, cache)], Json(&*server.key_set())).into_response()
}
