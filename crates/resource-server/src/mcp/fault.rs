//! JSON-RPC errors for messages that never reach the server (JSON-RPC 2.0 §5.1, MCP Streamable HTTP).

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use oauth::media_type;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::mcp::EnvelopeError;

/// Why a message is not passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The body is not JSON.
    Parse(String),
    /// The body is no message, or one that this revision does not have.
    Invalid(String),
    /// A header is there twice, unreadable, or says something else than the body (SEP-2243).
    HeaderMismatch(String),
    /// The body does not come in time.
    TooSlow,
    /// The body is larger than the limit.
    TooLarge(usize),
    /// The server behind the guard answered something that cannot be passed on.
    Internal(&'static str),
}

#[derive(Serialize)]
struct ErrorMessage<'a> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: i32,
    message: &'a str,
}

impl From<EnvelopeError> for Fault {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Syntax(reason) => Self::Parse(reason),
            EnvelopeError::Invalid(reason) => Self::Invalid(reason),
        }
    }
}

impl Fault {
    fn status(&self) -> StatusCode {
        match self {
            Self::Parse(_) | Self::Invalid(_) | Self::HeaderMismatch(_) => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Internal(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// The error as a JSON-RPC message.
    pub(super) fn message(&self, id: Option<&RawValue>) -> String {
        let (code, message) = match self {
            Self::Parse(reason) => (-32700, format!("parse error: {reason}")),
            Self::Invalid(reason) => (-32600, format!("invalid request: {reason}")),
            Self::HeaderMismatch(reason) => (-32020, format!("header mismatch: {reason}")),
            Self::TooSlow => (-32600, "the body does not come in time".to_owned()),
            Self::TooLarge(limit) => (-32600, format!("the body is larger than {limit} bytes")),
            Self::Internal(reason) => (-32603, format!("internal error: {reason}")),
        };
        let error = ErrorObject {
            code,
            message: &message,
        };
        serde_json::to_string(&ErrorMessage {
            jsonrpc: "2.0",
            id,
            error,
        })
        .expect("numbers and strings have a JSON form")
    }

    /// The whole answer.
    pub(super) fn response(&self, id: Option<&RawValue>) -> Response<Body> {
        let json = [(CONTENT_TYPE, media_type::JSON)];
        (self.status(), json, self.message(id)).into_response()
    }
}
