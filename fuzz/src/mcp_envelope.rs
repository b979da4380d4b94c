//! The outside of MCP messages: what is authorized is what a server behind the guard carries out.

use resource_server::mcp::{Envelope, Message};
use serde_json::Value;

/// The input is the body of a request.
pub fn run(data: &[u8]) {
    match Message::parse(data) {
        Ok(Message::Single(envelope)) => compare(&envelope, data),
        Ok(Message::Batch(messages)) => {
            for (text, envelope) in messages {
                compare(&envelope, text.get().as_bytes());
            }
        }
        Err(_) => {}
    }
}

/// A server reads the message with a parser of its own, and must find the same.
fn compare(envelope: &Envelope<'_>, text: &[u8]) {
    let value: Value = serde_json::from_slice(text).expect("what is taken, a server can read");
    let at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    assert_eq!(envelope.method.as_deref(), at("/method"));
    assert_eq!(
        envelope.protocol_version.as_deref(),
        at("/params/_meta/io.modelcontextprotocol~1protocolVersion")
    );
    let called = at("/params/name").filter(|_| at("/method") == Some("tools/call"));
    assert_eq!(envelope.called_tool(), called);
    let id = envelope
        .id
        .map(|id| serde_json::from_str::<Value>(id.get()));
    let id = id.map(|id| id.expect("it is a part of what was parsed"));
    assert_eq!(id.as_ref(), value.get("id"));
}
