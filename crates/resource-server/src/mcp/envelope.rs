//! The outside of a JSON-RPC message, read without copying (JSON-RPC 2.0, MCP base protocol).
//!
//! What is authorized must be what is carried out, so nothing here may be read in two ways: an object
//! with the same key twice is refused, wherever in the message it is, and so is a key that some readers
//! of JSON take for an instruction, or for a member of the protocol although it is spelt otherwise.
//! `params` and `_meta` are objects: from an array, some readers fill the members of a type by their
//! position, and would find a name where others see none.

mod batch;

use std::borrow::Cow;

use oauth::json::{ScanError, Scanner, is_disguised};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::mcp::names::{CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION};

/// The first revision whose requests carry their protocol version themselves.
const FIRST_STATELESS_REVISION: &str = "2026-07-28";

/// The members of a message (JSON-RPC 2.0 §4, §5).
const OF_MESSAGE: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];

/// The members of `params` that MCP knows, of whichever method.
const OF_PARAMS: &[&str] = &[
    "_meta",
    "argument",
    "arguments",
    "capabilities",
    "clientInfo",
    "context",
    "cursor",
    "inputResponses",
    "level",
    "name",
    "notifications",
    "protocolVersion",
    "ref",
    "requestId",
    "requestState",
    "task",
    "taskId",
    "uri",
];

/// The members of `params._meta` that MCP knows.
const OF_META: &[&str] = &[
    PROTOCOL_VERSION,
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    LOG_LEVEL,
    "progressToken",
];

/// The parts of a JSON-RPC message that decisions are made on.
#[derive(Clone, Debug, Default)]
pub struct Envelope<'a> {
    /// The method; absent in a response.
    pub method: Option<Cow<'a, str>>,
    /// The id, as written; absent in a notification.
    pub id: Option<&'a RawValue>,
    /// `params._meta["io.modelcontextprotocol/protocolVersion"]`.
    pub protocol_version: Option<Cow<'a, str>>,
    /// `params._meta["io.modelcontextprotocol/clientCapabilities"]`, as written.
    pub client_capabilities: Option<&'a str>,
    /// Whether the message has a result or an error, as answers have.
    pub is_answer: bool,
    jsonrpc: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    uri: Option<Cow<'a, str>>,
    task_id: Option<Cow<'a, str>>,
    arguments: Option<&'a str>,
}

/// What a POST body holds.
#[derive(Clone, Debug)]
pub enum Message<'a> {
    /// One message.
    Single(Envelope<'a>),
    /// Several (revision 2025-03-26 only), each as written and with its envelope.
    Batch(Vec<(&'a RawValue, Envelope<'a>)>),
}

/// Why a body is no JSON-RPC message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    Syntax(String),
    /// The body is JSON, but no JSON-RPC message, or one that could be read in two ways.
    #[error("the body is no JSON-RPC message: {0}")]
    Invalid(String),
}

impl From<ScanError> for EnvelopeError {
    fn from(error: ScanError) -> Self {
        if error.is_syntax() {
            Self::Syntax(error.to_string())
        } else {
            Self::Invalid(error.to_string())
        }
    }
}

impl From<serde_json::Error> for EnvelopeError {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            Category::Data => Self::Invalid(error.to_string()),
            Category::Syntax | Category::Eof | Category::Io => Self::Syntax(error.to_string()),
        }
    }
}

impl<'a> Envelope<'a> {
    /// Reads one message.
    pub fn parse(text: &'a str) -> Result<Self, EnvelopeError> {
        let mut envelope = Self::default();
        let mut scanner = Scanner::new(text);
        if !scanner.is_at_object() {
            scanner.skip()?;
            return Err(scanner.refuse("expected an object").into());
        }
        scanner.object(|scanner, key| match key {
            "method" => keep(scanner, &mut envelope.method),
            "id" => id(scanner).map(|id| envelope.id = Some(id)),
            "jsonrpc" => keep(scanner, &mut envelope.jsonrpc),
            "result" | "error" => {
                envelope.is_answer = true;
                scanner.skip().map(drop)
            }
            // JSON-RPC 2.0 §4.2 knows parameters by position, MCP only those by name (base protocol,
            // `params?: { [key: string]: unknown }`).
            "params" => members(scanner, "params", |scanner, key| {
                param(scanner, key, &mut envelope)
            }),
            _ => other(scanner, key, OF_MESSAGE),
        })?;
        scanner.end()?;
        Ok(envelope)
    }

    /// What the message is about: the value that the header `Mcp-Name` repeats (SEP-2243).
    pub fn name(&self) -> Option<&str> {
        let name = match self.method.as_deref()? {
            "tools/call" | "prompts/get" => &self.name,
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => &self.uri,
            "tasks/get" | "tasks/update" | "tasks/cancel" => &self.task_id,
            _ => return None,
        };
        name.as_deref()
    }

    /// Whether it is a request as JSON-RPC 2.0 §4 and MCP want it: of that version, with an id that is a text or a
    /// number, and no answer besides.
    pub fn is_request(&self) -> bool {
        let is_id = |id: &RawValue| {
            let first = id.get().bytes().next();
            matches!(first, Some(b'"' | b'-' | b'0'..=b'9'))
        };
        let is_version = self.jsonrpc.as_deref() == Some("2.0");
        is_version && self.method.is_some() && self.id.is_some_and(is_id) && !self.is_answer
    }

    /// The tool that the message calls.
    pub fn called_tool(&self) -> Option<&str> {
        (self.method.as_deref() == Some("tools/call"))
            .then_some(self.name.as_deref())
            .flatten()
    }

    /// The arguments that a tool is called with, or a prompt is got with, as they are written.
    pub fn arguments(&self) -> Option<&'a str> {
        match self.method.as_deref()? {
            "tools/call" | "prompts/get" => self.arguments,
            _ => None,
        }
    }

    /// Whether the message is of a revision without sessions (2026-07-28 and later).
    pub fn is_stateless_revision(&self) -> bool {
        self.protocol_version.as_deref().is_some_and(is_stateless)
    }
}

/// Whether the revision `version` has no sessions; revisions are dates, so they compare as text.
pub fn is_stateless(version: &str) -> bool {
    version >= FIRST_STATELESS_REVISION
}

impl<'a> Message<'a> {
    /// Reads a POST body.
    pub fn parse(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        // Once for the whole body, instead of once for each text in it.
        let body =
            str::from_utf8(body).map_err(|error| EnvelopeError::Syntax(error.to_string()))?;
        if !body.trim_ascii_start().starts_with('[') {
            return Envelope::parse(body).map(Self::Single);
        }
        let parse = |element: &'a RawValue| Ok((element, Envelope::parse(element.get())?));
        batch::elements(body)?
            .into_iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self::Batch)
    }
}

/// Reads one member of `params`, as far as a decision depends on it.
fn param<'a>(
    scanner: &mut Scanner<'a>,
    key: &str,
    envelope: &mut Envelope<'a>,
) -> Result<(), ScanError> {
    match key {
        "name" => keep(scanner, &mut envelope.name),
        "uri" => keep(scanner, &mut envelope.uri),
        "taskId" => keep(scanner, &mut envelope.task_id),
        "arguments" => scanner.skip().map(|text| envelope.arguments = Some(text)),
        "_meta" => members(scanner, "_meta", |scanner, key| match key {
            PROTOCOL_VERSION => keep(scanner, &mut envelope.protocol_version),
            CLIENT_CAPABILITIES => scanner
                .skip()
                .map(|text| envelope.client_capabilities = Some(text)),
            _ => other(scanner, key, OF_META),
        }),
        _ => other(scanner, key, OF_PARAMS),
    }
}

/// Passes over a member on which nothing depends, unless some readers take it for one of `known`
/// (GHSA-wvj2-96wp-fq3f).
fn other(scanner: &mut Scanner<'_>, key: &str, known: &[&str]) -> Result<(), ScanError> {
    if is_disguised(key, known.iter().copied()) {
        return Err(scanner.refuse(format!("the key `{key}` could be read as another one")));
    }
    scanner.skip().map(drop)
}

/// Reads the members of an object; `null` is nobody's object and has none, anything else is refused.
fn members<'a>(
    scanner: &mut Scanner<'a>,
    name: &str,
    member: impl FnMut(&mut Scanner<'a>, &str) -> Result<(), ScanError>,
) -> Result<(), ScanError> {
    if scanner.is_at_object() {
        return scanner.object(member);
    }
    if scanner.skip()? == "null" {
        return Ok(());
    }
    Err(scanner.refuse(format!("`{name}` must be an object")))
}

/// Keeps a text; what is none is as good as absent.
fn keep<'a>(scanner: &mut Scanner<'a>, place: &mut Option<Cow<'a, str>>) -> Result<(), ScanError> {
    if scanner.is_at_text() {
        *place = Some(scanner.text()?);
        return Ok(());
    }
    scanner.skip().map(drop)
}

fn id<'a>(scanner: &mut Scanner<'a>) -> Result<&'a RawValue, ScanError> {
    let id = scanner.skip()?;
    // JSON-RPC 2.0 §4: an id has no parts.
    if id.starts_with(['{', '[']) {
        return Err(scanner.refuse("the id must be a string or a number"));
    }
    serde_json::from_str(id).map_err(|error| scanner.refuse(error.to_string()))
}

#[cfg(test)]
mod tests;
