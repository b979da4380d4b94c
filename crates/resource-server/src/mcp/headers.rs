//! Request headers that repeat the body, and `Accept` (MCP Streamable HTTP, SEP-2243).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::mcp::Envelope;
use crate::mcp::fault::Fault;

pub(super) static MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(super) static MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
pub(super) static MCP_PROTOCOL_VERSION: HeaderName =
    HeaderName::from_static("mcp-protocol-version");
pub(super) static MCP_SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// Refuses headers that are there twice or differ from `message`.
///
/// Others may decide by these headers, and the server behind decides by the body; both must see the
/// same. Whether a header must be there at all depends on the revision, which the server knows.
pub(super) fn compare(headers: &HeaderMap, message: &Envelope<'_>) -> Result<(), Fault> {
    compare_one(headers, &MCP_METHOD, message.method.as_deref())?;
    compare_one(headers, &MCP_NAME, message.name())?;
    let version = single(headers, &MCP_PROTOCOL_VERSION)?;
    // Before 2026-07-28 the body does not repeat the version.
    match (version, message.protocol_version.as_deref()) {
        (Some(header), Some(body)) if header.as_bytes() != body.as_bytes() => {
            Err(differs(&MCP_PROTOCOL_VERSION))
        }
        _ => Ok(()),
    }
}

fn compare_one(headers: &HeaderMap, name: &HeaderName, body: Option<&str>) -> Result<(), Fault> {
    let Some(value) = single(headers, name)? else {
        return Ok(());
    };
    let unreadable = || Fault::HeaderMismatch(format!("{name} is unreadable"));
    let text = value.to_str().map_err(|_| unreadable())?;
    let is_same = match encoded(text) {
        Some(base64) => {
            let bytes = STANDARD.decode(base64).map_err(|_| unreadable())?;
            body.is_some_and(|body| body.as_bytes() == bytes)
        }
        None => body == Some(text),
    };
    if is_same { Ok(()) } else { Err(differs(name)) }
}

/// The inside of `=?base64?…?=`, the form of values that do not fit into a header as they are.
fn encoded(value: &str) -> Option<&str> {
    value.strip_prefix("=?base64?")?.strip_suffix("?=")
}

fn differs(name: &HeaderName) -> Fault {
    Fault::HeaderMismatch(format!("{name} differs from the body"))
}

/// The only value of a header, if there is one.
pub(super) fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h HeaderValue>, Fault> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        Some(_) => Err(Fault::HeaderMismatch(format!("{name} is there twice"))),
        None => Ok(first),
    }
}

/// Names both media types of MCP to the server where the client takes anything.
///
/// MCP clients must list both, and servers may insist; `*/*` or no `Accept` at all means the same.
pub(super) fn spell_out_accept(headers: &mut HeaderMap) {
    let takes_anything = match headers.get(ACCEPT).map(HeaderValue::as_bytes) {
        None => true,
        // Nearly no value holds a star, and one byte is found faster than three.
        Some(value) => value.contains(&b'*') && value.windows(3).any(|part| part == b"*/*"),
    };
    if takes_anything {
        let both = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(ACCEPT, both);
    }
}
