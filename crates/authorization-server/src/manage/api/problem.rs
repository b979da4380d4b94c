//! Problem details: why the management API refused, for programs and people (RFC 9457).

use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use store::StoreError;

use crate::manage::ManageError;
use crate::reason::Reason;

/// A refusal on its way to the caller.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) reason: Reason,
    pub(crate) cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    detail: String,
    challenge: Option<HeaderValue>,
}

/// The refusal as it is written.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemView {
    /// Always `about:blank`: `reason` says which problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The meaning of the status.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
    /// A stable code; `docs/errors.md` lists them all.
    reason: &'static str,
    /// Finds the log line of this refusal.
    request_id: String,
}

impl Problem {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        let status = match reason {
            Reason::AccessTokenRefused => StatusCode::UNAUTHORIZED,
            Reason::MoreThanOwnRights => StatusCode::FORBIDDEN,
            Reason::NotFound | Reason::NoSuchOperation => StatusCode::NOT_FOUND,
            Reason::NameTaken
            | Reason::DeclaredInSettings
            | Reason::StillInUse
            | Reason::OwnAccount => StatusCode::CONFLICT,
            Reason::ChangedMeanwhile => StatusCode::PRECONDITION_FAILED,
            Reason::StoreFailed | Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            reason,
            cause: None,
            detail: detail.into(),
            challenge: None,
        }
    }

    /// Another status than the usual one of the reason.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// What a caller has to show to get further (RFC 6750 §3).
    pub(super) fn with_challenge(mut self, challenge: &oauth::challenge::Challenge) -> Self {
        self.challenge = HeaderValue::from_str(&challenge.to_string()).ok();
        self
    }

    pub(crate) fn answer(&self, request_id: &str) -> Response {
        let view = ProblemView {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            reason: self.reason.as_str(),
            request_id: request_id.to_owned(),
        };
        let mut response = (self.status, axum::Json(view)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = &self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        response
    }
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        let reason = error.reason();
        if reason == Reason::StoreFailed {
            let detail = "the request could not be completed; try again";
            let mut problem = Self::new(reason, detail);
            problem.cause = Some(error.into());
            return problem;
        }
        Self::new(reason, error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        ManageError::from(error).into()
    }
}
