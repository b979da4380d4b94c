//! Who may use the management API: bearers of its own tokens, within the rights that they still
//! have (RFC 6750, RFC 9728).

use std::marker::PhantomData;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use oauth::challenge::Challenge;
use oauth::error::ErrorCode;
use oauth::jwt::{AccessTokenClaims, is_in_audience};
use oauth::metadata::{OAUTH_PROTECTED_RESOURCE, ProtectedResourceMetadata};
use oauth::scope::Scope;

use super::problem::Problem;
use crate::bearer::bearer;
use crate::manage::{Actor, MANAGEMENT_SCOPES, Management};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// A part of the API, with the scope that permits to change it.
pub(super) trait Area: Send + Sync + 'static {
    /// The scope.
    const SCOPE: &'static str;
}

/// The scope that permits to see every part.
pub(super) const READ: &str = "manage:read";

macro_rules! areas {
    ($($area:ident => $scope:literal),+ $(,)?) => {
        $(
            #[derive(Debug)]
            pub(super) enum $area {}

            impl Area for $area {
                const SCOPE: &'static str = $scope;
            }
        )+
    };
}

areas! {
    Users => "manage:users",
    Clients => "manage:clients",
    Grants => "manage:grants",
    Roles => "manage:roles",
    Keys => "manage:keys",
}

/// The controls, for whoever may see a part of the API.
pub(super) struct ToRead<A>(pub(super) Management, pub(super) PhantomData<A>);

/// The controls, for whoever may change a part of the API.
pub(super) struct ToChange<A>(pub(super) Management, pub(super) PhantomData<A>);

impl<A: Area> FromRequestParts<AuthorizationServer> for ToRead<A> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &AuthorizationServer,
    ) -> Result<Self, Problem> {
        // Who may change something has to see it.
        let controls = controls(server, &parts.headers, &[READ, A::SCOPE]).await?;
        Ok(Self(controls, PhantomData))
    }
}

impl<A: Area> FromRequestParts<AuthorizationServer> for ToChange<A> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &AuthorizationServer,
    ) -> Result<Self, Problem> {
        let controls = controls(server, &parts.headers, &[A::SCOPE]).await?;
        Ok(Self(controls, PhantomData))
    }
}

/// Any one of the `sufficient` scopes is enough; a challenge names the first.
async fn controls(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    sufficient: &[&str],
) -> Result<Management, Problem> {
    let token = bearer(headers, Reason::AccessTokenRefused).map_err(|refusal| {
        let is_missing = refusal.status == StatusCode::UNAUTHORIZED;
        let problem = Problem::new(refusal.reason, refusal.error.description);
        // RFC 6750 §3.1: whoever sent nothing is told no error, only how to begin.
        let challenge = challenge(server, None, sufficient);
        if is_missing {
            problem.with_challenge(&challenge)
        } else {
            problem
        }
    })?;
    let invalid = || {
        let detail = "the access token is expired, revoked, or not for the management API";
        let challenge = challenge(server, Some(ErrorCode::InvalidToken), sufficient);
        Problem::new(Reason::AccessTokenRefused, detail).with_challenge(&challenge)
    };
    let claims = server.inspect(token).await?.ok_or_else(invalid)?;
    let resource = server.settings().management_resource();
    let is_for_us = resource.is_some_and(|own| is_in_audience(own.as_str(), &claims.aud));
    // A token that is bound to a key is worth nothing without a proof of it (RFC 9449 §7.2).
    if !is_for_us || claims.other.contains_key("cnf") {
        return Err(invalid());
    }
    let scope = current_scope(server, &claims).await?.ok_or_else(invalid)?;
    if !sufficient.iter().any(|token| scope.contains(token)) {
        let needed = sufficient.join(" or ");
        let challenge = challenge(server, Some(ErrorCode::InsufficientScope), sufficient);
        let problem = Problem::new(
            Reason::AccessTokenRefused,
            format!("this needs the scope {needed}"),
        );
        return Err(problem
            .with_status(StatusCode::FORBIDDEN)
            .with_challenge(&challenge));
    }
    Ok(server.management(Actor::Bearer {
        client_id: claims.client_id.unwrap_or_default(),
        subject: claims.sub,
        scope,
    }))
}

/// What the token still permits: a person whose role was taken away, or a client whose scope was,
/// does not manage until the token expires. Nothing when they are gone.
async fn current_scope(
    server: &AuthorizationServer,
    claims: &AccessTokenClaims,
) -> Result<Option<Scope>, Problem> {
    server.refresh().await?;
    let client_id = claims.client_id.as_deref().unwrap_or_default();
    let Some(client) = server.known_client(client_id).await? else {
        return Ok(None);
    };
    let permitted = if client_id == claims.sub {
        Some(client.metadata.scope.clone().unwrap_or_default())
    } else {
        let user = server.users().find(&claims.sub).await?;
        user.map(|user| client.within_limit(user.permitted_scope(&server.catalog())))
    };
    Ok(permitted.map(|permitted| permitted.intersection(&claims.scope)))
}

fn challenge(
    server: &AuthorizationServer,
    error: Option<ErrorCode>,
    sufficient: &[&str],
) -> Challenge {
    Challenge {
        error,
        scope: Scope::from_tokens(sufficient.iter().take(1)).ok(),
        resource_metadata: Some(metadata_address(server)),
        ..Challenge::default()
    }
}

/// Where the metadata of the API is, as a path (RFC 9728 §3.1).
pub(super) fn metadata_path(server: &AuthorizationServer) -> String {
    let base = server.settings().issuer.base_path();
    format!("/.well-known/{OAUTH_PROTECTED_RESOURCE}{base}/manage")
}

fn metadata_address(server: &AuthorizationServer) -> String {
    let origin = server.settings().issuer.origin();
    format!("{origin}{}", metadata_path(server))
}

/// The API as a protected resource (RFC 9728 §2).
pub(super) async fn metadata(State(server): State<AuthorizationServer>) -> Response {
    let resource = server.settings().management_resource();
    let scopes = MANAGEMENT_SCOPES.map(str::to_owned);
    let document = ProtectedResourceMetadata {
        resource: resource.map(String::from).unwrap_or_default(),
        authorization_servers: vec![server.settings().issuer.clone()],
        scopes_supported: scopes.to_vec(),
        bearer_methods_supported: vec!["header".to_owned()],
        resource_name: Some("Management".to_owned()),
        resource_documentation: None,
        dpop_signing_alg_values_supported: Vec::new(),
        dpop_bound_access_tokens_required: false,
    };
    let headers = [
        (CACHE_CONTROL, "public, max-age=300"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, Json(document)).into_response()
}
