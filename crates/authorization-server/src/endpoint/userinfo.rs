//! Claims about the person, for the client they signed in at (`OpenID` Connect Core §5.3).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use oauth::error::OAuthError;
use serde_json::json;

use crate::access_token::identity_claims;
use crate::error::EndpointError;
use crate::form::malformed;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Result<Response, EndpointError> {
    let token = bearer(&headers)?;
    let invalid = || {
        let error = OAuthError::invalid_token("the access token is expired, revoked or not ours");
        refused(error, "Bearer error=\"invalid_token\"")
    };
    let claims = server.inspect(token).await?.ok_or_else(invalid)?;
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

/// The one access token in the header (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, EndpointError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(malformed("the Authorization header is repeated"));
    }
    let token = value
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| token.trim()).ok_or_else(|| {
        // RFC 6750 §3.1: whoever sent nothing is told no error, only how to begin.
        refused(
            OAuthError::invalid_token("an access token is needed"),
            "Bearer",
        )
        .without_code()
    })
}

fn refused(error: OAuthError, challenge: &'static str) -> EndpointError {
    EndpointError::new(Reason::AccessTokenRefused, error).with_challenge(challenge)
}
