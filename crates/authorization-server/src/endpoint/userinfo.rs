//! Claims about the person, for the client they signed in at (`OpenID` Connect Core §5.3).

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use oauth::error::OAuthError;
use serde_json::json;

use crate::access_token::identity_claims;
use crate::error::EndpointError;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    request: Request,
) -> Result<Response, EndpointError> {
    let invalid = || {
        let error = OAuthError::invalid_token("the access token is expired, revoked or not ours");
        refused(error, "Bearer error=\"invalid_token\"")
    };
    let (parts, _) = request.into_parts();
    let presented = server.presented(&parts, Reason::AccessTokenRefused);
    let claims = presented.await?.ok_or_else(invalid)?;
    if !claims.scope.contains("openid") {
        let error = OAuthError::insufficient_scope("the scope openid is needed");
        return Err(refused(
            error,
            "Bearer error=\"insufficient_scope\", scope=\"openid\"",
        ));
    }
    let user = server
        .users()
        .find(&claims.sub)
        .await?
        .ok_or_else(invalid)?;
    let mut members = identity_claims(&user, &claims.scope);
    members.insert("sub".to_owned(), json!(claims.sub));
    Ok(([(CACHE_CONTROL, "no-store")], Json(members)).into_response())
}

fn refused(error: OAuthError, challenge: &'static str) -> EndpointError {
    EndpointError::new(Reason::AccessTokenRefused, error).with_challenge(challenge)
}
