//! Media types that a client of Streamable HTTP sends and takes (MCP Streamable HTTP, RFC 9110 §12.5.1).

use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use oauth::media_type;

use crate::front::Refusal;
use crate::message::{RpcError, code};

/// Refuses a body that is not said to be JSON.
pub(crate) fn json(headers: &HeaderMap) -> Result<(), Refusal> {
    if media_type::is(headers, media_type::JSON) {
        return Ok(());
    }
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(refuse(status, "`Content-Type` must be application/json"))
}

/// Refuses a client that could not read what comes before an answer.
pub(crate) fn event_stream(headers: &HeaderMap) -> Result<(), Refusal> {
    if names(headers, media_type::EVENT_STREAM) || names(headers, "*/*") {
        return Ok(());
    }
    let what = "`Accept` must name application/json and text/event-stream";
    Err(refuse(StatusCode::NOT_ACCEPTABLE, what))
}

fn names(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(ACCEPT).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| {
        let name = part.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(media_type)
    })
}

fn refuse(status: StatusCode, what: &str) -> Refusal {
    let error = RpcError::new(code::INVALID_REQUEST, what);
    Refusal::new(status, &error)
}
