//! How a request is turned away: status, challenge, and a sentence for a person (RFC 6750 §3).

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use oauth::challenge::Challenge;
use oauth::error::{ErrorCode, OAuthError};
use oauth::scope::Scope;

use crate::verify::VerifyError;

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no bearer token. RFC 6750 §3.1: then the challenge carries no error either.
    NoCredentials,
    /// The credentials cannot be read, or are there twice.
    Malformed(&'static str),
    /// The token is no good.
    InvalidToken(String),
    /// The token is good, but not for this; the scope is what to ask for.
    InsufficientScope {
        /// What to ask the authorization server for.
        scope: Scope,
        /// What needs it.
        reason: String,
    },
    /// Nobody can tell whether the token is good.
    Unavailable(Duration),
}

/// What every challenge of a resource says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Advice {
    pub(crate) resource_metadata: Option<String>,
    /// What to ask for at first.
    pub(crate) scope: Scope,
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Invalid(reason) => Self::InvalidToken(reason),
            VerifyError::Unavailable(unavailable) => Self::Unavailable(unavailable.retry_after),
        }
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoCredentials | Self::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error(&self) -> Option<OAuthError> {
        Some(match self {
            Self::NoCredentials => return None,
            Self::Malformed(reason) => OAuthError::invalid_request(reason),
            Self::InvalidToken(reason) => OAuthError::invalid_token(reason),
            Self::InsufficientScope { reason, .. } => OAuthError::insufficient_scope(reason),
            Self::Unavailable(_) => OAuthError::temporarily_unavailable(
                "the token cannot be verified at the moment; keep it and try again later",
            ),
        })
    }

    /// The challenge, for every answer that another token could change (RFC 9728 §5.1).
    fn challenge(&self, advice: &Advice) -> Option<HeaderValue> {
        let scope = match self {
            Self::Unavailable(_) => return None,
            Self::NoCredentials | Self::InvalidToken(_) => Some(advice.scope.clone()),
            Self::InsufficientScope { scope, .. } => Some(scope.clone()),
            Self::Malformed(_) => None,
        };
        let error = self.error();
        let challenge = Challenge {
            error: error.as_ref().map(|error| error.code),
            error_description: error.map(|error| error.description),
            scope,
            resource_metadata: advice.resource_metadata.clone(),
        };
        HeaderValue::try_from(challenge.to_string()).ok()
    }

    /// The answer, without a body.
    pub(crate) fn response<B: Default>(&self, advice: &Advice) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        // RFC 9111 §3.5 lets caches keep answers to authorized requests in some cases; not these.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge(advice) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Self::Unavailable(retry_after) = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
        }
        response
    }

    /// The answer, with a body that a person can read.
    #[cfg_attr(
        not(feature = "axum"),
        expect(dead_code, reason = "used by the axum endpoint")
    )]
    pub(crate) fn explained<B: Default + From<Bytes>>(&self, advice: &Advice) -> Response<B> {
        let (code, description) = match self.error() {
            Some(OAuthError { code, description }) => (Some(code), description),
            None => (
                None,
                "send an access token in the Authorization header".to_owned(),
            ),
        };
        let body = match code.map(ErrorCode::as_str) {
            Some(code) => json!({"error": code, "error_description": description}),
            None => json!({"error_description": description}),
        };
        let mut response = self.response::<B>(advice);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        *response.body_mut() = B::from(Bytes::from(body.to_string()));
        response
    }
}
