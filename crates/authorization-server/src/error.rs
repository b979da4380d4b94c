//! Errors of endpoints (JSON) and pages (HTML), and the one place where they become answers.
//!
//! A handler returns an error with its reason and hidden cause. [`finish`], the outermost layer,
//! logs it once under the request id and writes the answer, which carries that id and nothing of
//! the cause (acceptance C8).

use std::sync::Arc;
use std::time::Duration;

use audit::AuditError;
use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, StatusCode};
use oauth::error::{ErrorCode, OAuthError};
use store::StoreError;
use tower_http::request_id::RequestId;

use crate::html::Frame;
use crate::manage::api::problem::Problem;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::text::Language;

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

    fn answer(&self, request_id: &str) -> Response {
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
    fn to_endpoint_error(&self) -> EndpointError {
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

/// A failure on its way to [`finish`].
#[derive(Debug)]
enum Failure {
    Endpoint(EndpointError),
    Page(PageError),
    Problem(Problem),
}

impl Failure {
    fn reason(&self) -> Reason {
        match self {
            Self::Endpoint(error) => error.reason,
            Self::Page(error) => error.reason,
            Self::Problem(problem) => problem.reason,
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

/// Writes failures as answers with the request id, and logs each of them once.
pub(crate) async fn finish(
    State(server): State<AuthorizationServer>,
    mut request: Request,
    next: Next,
) -> Response {
    let request_id = request_id(&server, &request);
    // What a failure needs of its request; these are handles, so nothing is copied for the others.
    let path = request.uri().path_and_query().cloned();
    let headers = [ACCEPT, ACCEPT_LANGUAGE].map(|name| request.headers().get(name).cloned());
    request
        .extensions_mut()
        .insert(CurrentRequestId(Arc::clone(&request_id)));
    let mut response = next.run(request).await;
    if let Some(failure) = response.extensions_mut().remove::<Arc<Failure>>() {
        log(
            &failure,
            &request_id,
            path.as_ref().map_or("", PathAndQuery::path),
        );
        let [accept, accept_language] = headers;
        let answer = match &*failure {
            Failure::Endpoint(error) => error.answer(&request_id),
            Failure::Problem(problem) => problem.answer(&request_id),
            // Some clients look at the authorization endpoint themselves before they send a person.
            Failure::Page(error) if wants_json(accept.as_ref()) => {
                error.to_endpoint_error().answer(&request_id)
            }
            Failure::Page(error) => {
                let language = Language::accepted(accept_language.as_ref());
                let path = path.as_ref().map_or("", PathAndQuery::path);
                let frame = Frame::at(language, path, server.settings().issuer.base_path());
                crate::html::error_page(error.status, frame, error.reason, &request_id)
            }
        };
        response = with_headers_of(&response, answer);
        // For whoever counts refusals.
        response.extensions_mut().insert(failure.reason());
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// The id of the request in whose answer it will stand, for errors that travel by redirect.
#[derive(Clone, Debug)]
pub(crate) struct CurrentRequestId(pub(crate) Arc<str>);

/// Whether the caller is a program: it asks for JSON and not for a page.
fn wants_json(accept: Option<&HeaderValue>) -> bool {
    let accept = accept.and_then(|value| value.to_str().ok());
    let accept = accept.unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

fn request_id(server: &AuthorizationServer, request: &Request) -> Arc<str> {
    let outer = request.extensions().get::<RequestId>();
    let outer = outer.and_then(|id| id.header_value().to_str().ok());
    let own = || oauth::random::token::<16>(server.random()).into();
    outer.map_or_else(own, Arc::from)
}

fn log(failure: &Failure, request_id: &str, path: &str) {
    let (status, reason, cause) = match failure {
        Failure::Endpoint(error) => (error.status, error.reason, &error.cause),
        Failure::Page(error) => (error.status, error.reason, &error.cause),
        Failure::Problem(problem) => (problem.status, problem.reason, &problem.cause),
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

/// Layers between the handler and here may have set headers (cookies, CORS); they stay.
fn with_headers_of(original: &Response, mut answer: Response) -> Response {
    let mut headers: HeaderMap = original.headers().clone();
    headers.remove(http::header::CONTENT_LENGTH);
    headers.remove(http::header::CONTENT_TYPE);
    headers.extend(answer.headers().clone());
    *answer.headers_mut() = headers;
    answer
}
