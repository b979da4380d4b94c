//! Errors of endpoints (JSON) and pages (HTML), and the one place where they become answers.
//!
//! A handler returns an error with its reason and hidden cause. [`Finish`](crate::finish::Finish), the
//! outermost layer, has it logged once under the request id and written as an answer, which carries that
//! id and nothing of the cause (acceptance C8).

use std::sync::Arc;
use std::time::Duration;

use audit::AuditError;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use oauth::error::{ErrorCode, OAuthError};
use store::StoreError;

use crate::manage::api::problem::Problem;
use crate::reason::Reason;

/// A refusal by an endpoint: what the peer sees, and why.
#[derive(Debug)]
pub(crate) struct EndpointError {
    pub(crate) status: StatusCode,
    pub(crate) error: OAuthError,
    pub(crate) reason: Reason,
    challenge: Option<&'static str>,
    names_code: bool,
    retry_after: Option<Duration>,
    nonce: Option<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl EndpointError {
    /// A refusal with the status that the RFC gives its code.
    pub(crate) fn new(reason: Reason, error: OAuthError) -> Self {
        let status = match error.code {
            ErrorCode::InvalidClient | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
            ErrorCode::AccessDenied | ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
            ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            error,
            reason,
            challenge: None,
            names_code: true,
            retry_after: None,
            nonce: None,
            cause: None,
        }
    }

    /// The nonce that the next proof of possession has to answer (RFC 9449 §8).
    pub(crate) fn with_nonce(mut self, nonce: String) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// RFC 6749 §5.2: a 401 names the scheme that the client tried.
    pub(crate) fn with_challenge(mut self, scheme: &'static str) -> Self {
        self.challenge = Some(scheme);
        self
    }

    /// Another status than the one of the code, where HTTP knows a better one.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The answer to whoever sent no credentials at all names no error (RFC 6750 §3.1).
    pub(crate) fn without_code(mut self) -> Self {
        self.names_code = false;
        self
    }

    pub(crate) fn with_cause(
        mut self,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// RFC 6585 §4 in the shape of an OAuth error.
    pub(crate) fn too_many_requests(retry_after: Duration) -> Self {
        let error = OAuthError::temporarily_unavailable("too many requests; try again later");
        let refusal = Self::new(Reason::TooManyRequests, error);
        let mut refusal = refusal.with_status(StatusCode::TOO_MANY_REQUESTS);
        refusal.retry_after = Some(retry_after);
        refusal
    }

    /// Nobody can say whether an assertion is good while the keys of its issuer are not known: that is
    /// no verdict on the assertion (acceptance B2).
    pub(crate) fn issuer_unavailable(retry_after: Duration) -> Self {
        let text = "the issuer of the assertion cannot be reached; try again later";
        let error = OAuthError::temporarily_unavailable(text);
        let mut refusal = Self::new(Reason::IssuerUnavailable, error);
        refusal.retry_after = Some(retry_after);
        refusal
    }

    pub(crate) fn answer(&self, request_id: &str) -> Response {
        let mut body = serde_json::json!({
            "error_description": self.error.description,
            "request_id": request_id,
        });
        if self.names_code {
            body["error"] = self.error.code.as_str().into();
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(scheme) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        let nonce = self.nonce.as_deref().map(HeaderValue::from_str);
        if let Some(Ok(nonce)) = nonce {
            headers.insert("dpop-nonce", nonce);
        }
        response
    }
}

impl From<StoreError> for EndpointError {
    fn from(cause: StoreError) -> Self {
        let error = OAuthError::server_error("the request could not be completed; try again");
        Self::new(Reason::StoreFailed, error).with_cause(cause)
    }
}

impl From<AuditError> for EndpointError {
    fn from(cause: AuditError) -> Self {
        let error = OAuthError::server_error("the request cannot be recorded; try again later");
        Self::new(Reason::Unrecorded, error).with_cause(cause)
    }
}

impl IntoResponse for EndpointError {
    fn into_response(self) -> Response {
        Failure::Endpoint(self).into_response()
    }
}

/// A refusal that a person sees, because the client must not be redirected to (RFC 6749 §4.1.2.1).
#[derive(Debug)]
pub(crate) struct PageError {
    pub(crate) status: StatusCode,
    pub(crate) reason: Reason,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl PageError {
    pub(crate) fn new(reason: Reason) -> Self {
        let status = match reason {
            Reason::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Reason::ForeignForm | Reason::IdentityUnknown | Reason::InvitationOfSomebodyElse => {
                StatusCode::FORBIDDEN
            }
            Reason::InvitationUnknown => StatusCode::NOT_FOUND,
            Reason::IdentityTaken | Reason::IdentityAlreadyConnected | Reason::LastWayIn => {
                StatusCode::CONFLICT
            }
            Reason::IdentityProviderUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Reason::IdentityProviderRefused => StatusCode::BAD_GATEWAY,
            Reason::StoreFailed | Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            reason,
            cause: None,
        }
    }

    /// Another status than the one of the reason, where HTTP knows a better one.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with_cause(
        mut self,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same refusal for a program that asked for JSON.
    pub(crate) fn to_endpoint_error(&self) -> EndpointError {
        let error = match self.reason {
            Reason::UnknownClient | Reason::MetadataDocumentRefused => {
                OAuthError::invalid_client("no such client; register again, or check client_id")
            }
            Reason::RequestUriUnknown => OAuthError::invalid_request_uri(
                "request_uri is unknown, used or expired; push the request again",
            ),
            Reason::RedirectUriNotRegistered => {
                OAuthError::invalid_request("redirect_uri is not one that the client registered")
            }
            Reason::TooManyRequests => {
                OAuthError::temporarily_unavailable("too many requests; try again later")
            }
            _ if self.status.is_server_error() => {
                OAuthError::server_error("the request could not be completed; try again")
            }
            _ => OAuthError::invalid_request("the authorization request is malformed"),
        };
        EndpointError::new(self.reason, error).with_status(self.status)
    }
}

impl From<EndpointError> for PageError {
    fn from(error: EndpointError) -> Self {
        Self {
            cause: error.cause,
            ..Self::new(error.reason)
        }
    }
}

impl From<StoreError> for PageError {
    fn from(cause: StoreError) -> Self {
        Self::new(Reason::StoreFailed).with_cause(cause)
    }
}

impl From<AuditError> for PageError {
    fn from(cause: AuditError) -> Self {
        Self::new(Reason::Unrecorded).with_cause(cause)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        Failure::Page(self).into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Failure::Problem(self).into_response()
    }
}

/// A failure on its way to [`Finish`](crate::finish::Finish).
#[derive(Debug)]
pub(crate) enum Failure {
    Endpoint(EndpointError),
    Page(PageError),
    Problem(Problem),
}

impl Failure {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Endpoint(error) => error.reason,
            Self::Page(error) => error.reason,
            Self::Problem(problem) => problem.reason,
        }
    }

    /// Says once, under the request id, what has happened.
    pub(crate) fn log(&self, request_id: &str, path: &str) {
        let (status, reason, cause) = match self {
            Self::Endpoint(error) => (error.status, error.reason, &error.cause),
            Self::Page(error) => (error.status, error.reason, &error.cause),
            Self::Problem(problem) => (problem.status, problem.reason, &problem.cause),
        };
        // A device asks every few seconds until its person has decided.
        let is_routine = reason == Reason::AuthorizationPending;
        let (reason, cause) = (reason.as_str(), cause.as_deref().map(chain));
        if status.is_server_error() {
            tracing::error!(
                request.id = request_id,
                path,
                reason,
                cause,
                "request failed: {reason}"
            );
        } else if is_routine {
            tracing::debug!(
                request.id = request_id,
                path,
                reason,
                "request refused: {reason}"
            );
        } else {
            tracing::info!(
                request.id = request_id,
                path,
                reason,
                cause,
                "request refused: {reason}"
            );
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The cause and its causes, in one line.
fn chain(cause: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
