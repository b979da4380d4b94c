//! How a request is turned away: status, challenge, and a sentence for a person (RFC 6750 §3,
//! RFC 9449 §7.1 and §9).

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use oauth::challenge::{Challenge, Scheme};
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
    /// The proof of possession is missing or no good.
    InvalidProof(String),
    /// The proof must answer this nonce.
    UseNonce(String),
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
#[derive(Clone, Debug)]
pub(crate) struct Advice {
    pub(crate) resource_metadata: Option<String>,
    /// What to ask for at first.
    pub(crate) scope: Scope,
    /// How a token may be sent, the usual way first.
    pub(crate) schemes: &'static [Scheme],
}

impl Default for Advice {
    fn default() -> Self {
        Self {
            resource_metadata: None,
            scope: Scope::empty(),
            schemes: &[Scheme::Bearer],
        }
    }
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
            Self::NoCredentials
            | Self::InvalidToken(_)
            | Self::InvalidProof(_)
            | Self::UseNonce(_) => StatusCode::UNAUTHORIZED,
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
            Self::InvalidProof(reason) => OAuthError::invalid_dpop_proof(reason),
            Self::UseNonce(_) => {
                OAuthError::use_dpop_nonce("put the nonce of DPoP-Nonce into the proof")
            }
            Self::InsufficientScope { reason, .. } => OAuthError::insufficient_scope(reason),
            Self::Unavailable(_) => OAuthError::temporarily_unavailable(
                "the token cannot be verified at the moment; keep it and try again later",
            ),
        })
    }

    /// The challenges, for every answer that another token could change (RFC 9728 §5.1).
    fn challenges(&self, advice: &Advice) -> Vec<HeaderValue> {
        let scope = match self {
            Self::Unavailable(_) => return Vec::new(),
            Self::InsufficientScope { scope, .. } => Some(scope.clone()),
            Self::Malformed(_) => None,
            _ => Some(advice.scope.clone()),
        };
        let schemes = match self {
            // Another way of sending it would not help.
            Self::InvalidProof(_) | Self::UseNonce(_) => &[Scheme::Dpop],
            _ => advice.schemes,
        };
        let error = self.error();
        let challenge = |&scheme: &Scheme| Challenge {
            scheme,
            error: error.as_ref().map(|error| error.code),
            error_description: error.as_ref().map(|error| error.description.clone()),
            scope: scope.clone(),
            resource_metadata: advice.resource_metadata.clone(),
        };
        let values = schemes.iter().map(challenge);
        values
            .filter_map(|challenge| HeaderValue::try_from(challenge.to_string()).ok())
            .collect()
    }

    /// The answer, without a body.
    pub(crate) fn response<B: Default>(&self, advice: &Advice) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        // RFC 9111 §3.5 lets caches keep answers to authorized requests in some cases; not these.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for challenge in self.challenges(advice) {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        if let Self::UseNonce(nonce) = self
            && let Ok(nonce) = HeaderValue::try_from(nonce)
        {
            headers.insert(HeaderName::from_static("dpop-nonce"), nonce);
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
