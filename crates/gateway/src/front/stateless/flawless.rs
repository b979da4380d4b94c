//! Whether a request is as the revision wants it, seen without taking it apart (MCP 2026-07-28, acceptance D5).
//!
//! What a server of the same revision gets as it was written is looked at no further, so nothing may be wrong
//! with it. This says whether; what is wrong, and in which order that is told, is for [`admission`](super::admission)
//! to say, to which everything goes that is not flawless.

use http::{HeaderMap, HeaderName};
use resource_server::mcp::Envelope;
use resource_server::mcp::names::{MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION};
use serde_json::value::RawValue;

use super::Stateless;
use crate::front::accepts;
use crate::revision::{Era, Revision};

impl Stateless {
    /// Whether nothing is wrong with a request whose headers have been
    /// [compared](resource_server::mcp::compare_headers) with its body.
    pub(crate) fn is_flawless(&self, headers: &HeaderMap, envelope: &Envelope<'_>) -> bool {
        envelope.is_request()
            && says_what_it_needs(envelope)
            && repeats(headers, &MCP_PROTOCOL_VERSION, envelope.protocol_version.as_deref())
            && repeats(headers, &MCP_METHOD, envelope.method.as_deref())
            // It may be encoded, and so it was compared already.
            && headers.contains_key(&MCP_NAME) == envelope.name().is_some()
            && accepts::json(headers).is_ok()
            && accepts::event_stream(headers).is_ok()
            && !self.is_mirrored_wrongly(headers, envelope)
    }

    /// Whether a header that repeats an argument differs from it, or is missing (SEP-2243).
    fn is_mirrored_wrongly(&self, headers: &HeaderMap, envelope: &Envelope<'_>) -> bool {
        let Some(tool) = envelope.called_tool() else {
            return false;
        };
        let arguments = || serde_json::from_str::<&RawValue>(envelope.arguments()?).ok();
        self.mirror.mismatch(tool, arguments, headers).is_some()
    }
}

fn says_what_it_needs(envelope: &Envelope<'_>) -> bool {
    let version = envelope.protocol_version.as_deref();
    let revision = version.and_then(|version| version.parse::<Revision>().ok());
    let can = envelope.client_capabilities;
    revision.is_some_and(|revision| revision.era() == Era::Stateless)
        && can.is_some_and(|can| can.starts_with('{'))
}

/// Whether the one header of this name is what the body says, letter for letter.
fn repeats(headers: &HeaderMap, name: &HeaderName, body: Option<&str>) -> bool {
    let header = headers.get(name).map(http::HeaderValue::as_bytes);
    header.is_some() && header == body.map(str::as_bytes)
}
