//! The whoami example, with and without a guard in front of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::{Extension, Router};
use oauth::issuer::Issuer;
use oauth::jwk::JwkSet;
use oauth::jwt::AccessTokenClaims;
use oauth::time::{Clock, SystemClock};
use resource_server::{CachedVerifier, Caller, JwtVerifier, ProtectedResource};

use crate::command_line::Guard;
use crate::material::{ISSUER, RESOURCE, claims};

/// The path of [`RESOURCE`].
pub(crate) const PATH: &str = "/whoami/mcp";

/// How many tokens a forgetful guard remembers.
const FEW: u64 = 16;

/// The server at [`PATH`].
pub(super) fn router(guard: Guard, keys: &Path) -> anyhow::Result<Router> {
    let whoami = examples::whoami::service(RESOURCE, None);
    if guard == Guard::None {
        // The tool asks for a caller, so there is one: always the same.
        let claims: AccessTokenClaims = serde_json::from_value(claims())?;
        let alice = Extension(Caller::from(claims));
        return Ok(Router::new().route_service(PATH, whoami).layer(alice));
    }
    let keys: JwkSet = serde_json::from_slice(&fs::read(keys)?)?;
    let issuer = Issuer::parse(ISSUER)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let verifier = JwtVerifier::with_fixed_keys(keys, issuer.clone(), RESOURCE, Arc::clone(&clock));
    let verifier = if guard == Guard::Forgetful {
        CachedVerifier::with_capacity(FEW, verifier, clock)
    } else {
        CachedVerifier::new(verifier, clock)
    };
    let resource = ProtectedResource::new(RESOURCE)?.authorization_server(issuer);
    Ok(resource.protect(whoami, verifier))
}
