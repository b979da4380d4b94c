//! Request headers that repeat the body, and `Accept` (MCP Streamable HTTP, SEP-2243).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::mcp::Envelope;
use crate::mcp::fault::Fault;
use crate::mcp::names::{MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION, MCP_SESSION_ID};

/// Refuses headers that are there twice or differ from `message`.
///
/// Others may decide by these headers, and the server behind decides by the body; both must see the
/// same. Whether a header must be there at all depends on the revision, which the server knows.
pub(super) fn compare(headers: &HeaderMap, message: &Envelope<'_>) -> Result<(), Fault> {
    // One pass, since each look-up by name costs as much.
    let mut mirrored = [
        (MCP_METHOD, message.method.as_deref(), None),
        (MCP_NAME, message.name(), None),
        (
            MCP_PROTOCOL_VERSION,
            message.protocol_version.as_deref(),
            None,
        ),
    ];
    for (name, value) in headers {
        let Some((_, _, seen)) = mirrored.iter_mut().find(|(known, ..)| known == name) else {
            continue;
        };
        if seen.replace(value).is_some() {
            return Err(twice(name));
        }
    }
    for (name, body, header) in mirrored {
        // Before 2026-07-28 the body does not repeat the version.
        let is_repeated = name != MCP_PROTOCOL_VERSION || body.is_some();
        if let Some(header) = header.filter(|_| is_repeated) {
            compare_one(&name, header, body)?;
        }
    }
    Ok(())
}

fn compare_one(name: &HeaderName, value: &HeaderValue, body: Option<&str>) -> Result<(), Fault> {
    let unreadable = || Fault::HeaderMismatch(format!("{name} is unreadable"));
    let is_same = match encoded(value.as_bytes()) {
        Some(base64) => {
            let bytes = STANDARD.decode(base64).map_err(|_| unreadable())?;
            body.is_some_and(|body| body.as_bytes() == bytes)
        }
        None => body.map(str::as_bytes) == Some(value.as_bytes()),
    };
    if is_same {
        return Ok(());
    }
    value.to_str().map_err(|_| unreadable())?;
    Err(differs(name))
}

/// The inside of `=?base64?…?=`, the form of values that do not fit into a header as they are.
fn encoded(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"=?base64?")?.strip_suffix(b"?=")
}

fn twice(name: &HeaderName) -> Fault {
    Fault::HeaderMismatch(format!("{name} is there twice"))
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
        Some(_) => Err(twice(name)),
        None => Ok(first),
    }
}

/// Names both media types of MCP to the server where the client takes anything.
///
/// MCP clients must list both, and servers may insist; `*/*` or no `Accept` at all means the same.
pub(super) fn spell_out_accept(headers: &mut HeaderMap) {
    if headers.get(ACCEPT).is_none_or(is_anything) {
        let both = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(ACCEPT, both);
    }
}

fn is_anything(accept: &HeaderValue) -> bool {
    let accept = accept.as_bytes();
    // Nearly no value holds a star, and one byte is found faster than three.
    let stars = accept.iter().map(|byte| usize::from(*byte == b'*'));
    stars.sum::<usize>() > 0 && accept.windows(3).any(|part| part == b"*/*")
}

/// Which headers of a request need a closer look.
///
/// They are found in one pass, since each look-up by name costs as much.
#[derive(Debug)]
pub(super) struct Glance {
    pub(super) has_session_id: bool,
    /// Whether [`spell_out_accept`] has something to say.
    pub(super) takes_anything: bool,
}

impl Glance {
    pub(super) fn at(headers: &HeaderMap) -> Self {
        let mut glance = Self {
            has_session_id: false,
            takes_anything: true,
        };
        let mut accept = None;
        for (name, value) in headers {
            if *name == ACCEPT {
                accept.get_or_insert(value);
            } else if *name == MCP_SESSION_ID {
                glance.has_session_id = true;
            }
        }
        glance.takes_anything = accept.is_none_or(is_anything);
        glance
    }
}
