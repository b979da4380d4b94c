//! What clients are told when something fails: JSON-RPC errors and HTTP statuses (JSON-RPC 2.0 §5.1, MCP).

use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use oauth::media_type;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::front::wire::Malformed;
use crate::house::POLICY_DENIED;
use crate::json::{Object, Raw, raw};
use crate::message::{RpcError, code};
use crate::server::Failure;

/// The request was cancelled by its client, so this is said to nobody who listens.
///
/// It stands outside of what JSON-RPC reserves, as MCP asks of new codes.
pub(crate) const CANCELLED: i64 = -32800;

/// A JSON-RPC message as the body of an HTTP answer.
pub(crate) struct RpcResponse;

impl RpcResponse {
    /// `message` with `status`.
    pub(crate) fn json(status: StatusCode, message: Raw) -> Response<Body> {
        let text: Box<str> = message.into();
        (
            status,
            [(CONTENT_TYPE, media_type::JSON)],
            String::from(text),
        )
            .into_response()
    }

    /// An error about a message whose id is not known.
    pub(crate) fn error(status: StatusCode, error: &RpcError) -> Response<Body> {
        let null = raw(&());
        Self::json(status, crate::message::response(&null, Err(error)))
    }

    /// An error of 2026-07-28 about the message `id`.
    pub(crate) fn stateless_error(id: &RawValue, error: RpcError) -> Response<Body> {
        let error = stateless_error(error);
        let status = stateless_status(&error);
        Self::json(status, crate::message::response(id, Err(&error)))
    }

    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Response<Body> {
        status.into_response()
    }
}

/// The answer to a request that is not carried out. It is rare, so it takes little room on the way of others.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Response<Body>>);

impl Refusal {
    /// Says what is wrong with a message whose id is not known.
    pub(crate) fn new(status: StatusCode, error: &RpcError) -> Self {
        Self(Box::new(RpcResponse::error(status, error)))
    }

    /// The answer.
    pub(crate) fn response(self) -> Response<Body> {
        *self.0
    }
}

impl From<Malformed> for Refusal {
    fn from(Malformed(error): Malformed) -> Self {
        Self::new(StatusCode::BAD_REQUEST, &error)
    }
}

/// What the client of a request is told when it has failed.
///
/// A failed call of a tool is a result that says so: hosts show results to the model, which can then tell
/// the person, while many keep protocol errors to themselves. Everything else is an error.
pub(crate) fn failed(method: &str, failure: Failure) -> Result<Raw, RpcError> {
    let (message, error) = match failure {
        // What may not be done at all is an error, as it would be without the gateway.
        Failure::Rpc(error)
        | Failure::Refused {
            error,
            code: POLICY_DENIED,
        } => return Err(error),
        Failure::NotConnected(error) if error.code() == Some(code::URL_ELICITATION_REQUIRED) => {
            return Err(error);
        }
        Failure::Refused { error, .. } | Failure::NotConnected(error) => (error.message(), error),
        Failure::Unavailable {
            reason,
            retry_after,
        } => unavailable(&reason, retry_after),
        Failure::Untranslatable(reason) => {
            let error = RpcError::new(code::INVALID_REQUEST, &reason);
            (reason, error)
        }
    };
    if method == "tools/call" {
        return Ok(error_result(&message));
    }
    Err(error)
}

fn unavailable(reason: &str, retry_after: Option<Duration>) -> (String, RpcError) {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        retry_after_seconds: u64,
    }
    let Some(after) = retry_after else {
        let error = RpcError::new(code::INTERNAL_ERROR, reason);
        return (reason.to_owned(), error);
    };
    let retry_after_seconds = after.as_secs().max(1);
    let message = format!("{reason}; try again in {retry_after_seconds} s");
    let error = RpcError::new(code::INTERNAL_ERROR, &message);
    (
        message,
        error.with_data(&Data {
            retry_after_seconds,
        }),
    )
}

/// The result of a tool that has failed, in words.
pub(crate) fn error_result(message: &str) -> Raw {
    #[derive(Serialize)]
    struct Text<'a> {
        r#type: &'static str,
        text: &'a str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct CallToolResult<'a> {
        content: [Text<'a>; 1],
        is_error: bool,
    }
    raw(&CallToolResult {
        content: [Text {
            r#type: "text",
            text: message,
        }],
        is_error: true,
    })
}

/// The HTTP status of an error of 2026-07-28 (Streamable HTTP).
pub(crate) fn stateless_status(error: &RpcError) -> StatusCode {
    match error.code() {
        Some(
            code::HEADER_MISMATCH
            | code::MISSING_CLIENT_CAPABILITY
            | code::UNSUPPORTED_PROTOCOL_VERSION,
        ) => StatusCode::BAD_REQUEST,
        Some(code::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}

/// The error in codes that 2026-07-28 has. It forbids those of before that have others now.
pub(crate) fn stateless_error(error: RpcError) -> RpcError {
    let new = match error.code() {
        Some(code::RESOURCE_NOT_FOUND) => code::INVALID_PARAMS,
        Some(code::URL_ELICITATION_REQUIRED) => code::INTERNAL_ERROR,
        _ => return error,
    };
    let mut object = Object::of(&error.0).unwrap_or_default();
    object.set("code", raw(&new));
    RpcError(object.to_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> Failure {
        Failure::Unavailable {
            reason: "`todo` does not answer".to_owned(),
            retry_after: Some(Duration::from_secs(7)),
        }
    }

    #[test]
    fn g3_a_tool_that_cannot_be_reached_says_so_in_its_result() {
        let result = failed("tools/call", unavailable()).unwrap();
        let expected = r#"{"content":[{"type":"text","text":"`todo` does not answer; try again in 7 s"}],"isError":true}"#;
        assert_eq!(result.get(), expected);
    }

    #[test]
    fn other_requests_get_an_error_that_programs_understand() {
        let error = failed("tools/list", unavailable()).unwrap_err();
        let expected = r#"{"code":-32603,"message":"`todo` does not answer; try again in 7 s","data":{"retryAfterSeconds":7}}"#;
        assert_eq!(error.0.get(), expected);
    }

    #[test]
    fn an_error_of_the_server_stays_as_it_was_written() {
        let text = r#"{"message":"no","code":-32602,"vendor":1.50}"#;
        let error: Raw = serde_json::from_str(text).unwrap();
        let passed = failed("tools/call", Failure::Rpc(RpcError(error))).unwrap_err();
        assert_eq!(passed.0.get(), text);
    }

    #[test]
    fn forbidden_codes_are_exchanged_in_their_place() {
        let text = r#"{"message":"none","code":-32002,"data":{"uri":"x"}}"#;
        let error = stateless_error(RpcError(serde_json::from_str(text).unwrap()));
        let expected = r#"{"message":"none","code":-32602,"data":{"uri":"x"}}"#;
        assert_eq!(error.0.get(), expected);
    }
}
