//! JSON-RPC messages between a client and a server, without what differs between the revisions
//! (JSON-RPC 2.0, MCP base protocol).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::json::{Object, Raw, raw};

/// A request of a client, on its way to a server.
///
/// Its parameters hold nothing about protocol and client: those stand in [`Client`](crate::visit::Client),
/// and each side writes them as its revision wants it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) params: Option<Raw>,
}

/// Whether a result of `method` may ask for input (2026-07-28).
pub(crate) fn may_need_input(method: &str) -> bool {
    matches!(method, "tools/call" | "prompts/get" | "resources/read")
}

/// A message to which nobody answers.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    pub(crate) method: String,
    pub(crate) params: Option<Raw>,
}

impl Notification {
    /// The message as it stands on the wire of every revision.
    pub(crate) fn to_raw(&self) -> Raw {
        let mut message = Object::default();
        message.set("jsonrpc", raw("2.0"));
        message.set("method", raw(&self.method));
        if let Some(params) = &self.params {
            message.set("params", params.clone());
        }
        message.to_raw()
    }
}

/// A JSON-RPC error object, as it was written by whoever made it.
#[derive(Clone, Debug)]
pub(crate) struct RpcError(pub(crate) Raw);

/// The codes of JSON-RPC 2.0 §5.1 and of MCP.
pub(crate) mod code {
    pub(crate) const PARSE_ERROR: i64 = -32700;
    pub(crate) const INVALID_REQUEST: i64 = -32600;
    pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
    pub(crate) const INVALID_PARAMS: i64 = -32602;
    pub(crate) const INTERNAL_ERROR: i64 = -32603;
    /// A resource that is not there, before 2026-07-28.
    pub(crate) const RESOURCE_NOT_FOUND: i64 = -32002;
    /// The client has to open an address first (2025-11-25).
    pub(crate) const URL_ELICITATION_REQUIRED: i64 = -32042;
    /// A header is missing, or differs from the body (2026-07-28).
    pub(crate) const HEADER_MISMATCH: i64 = -32020;
    /// The client lacks a capability that the request needs (2026-07-28).
    pub(crate) const MISSING_CLIENT_CAPABILITY: i64 = -32021;
    /// The revision is not served (2026-07-28).
    pub(crate) const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;
}

impl RpcError {
    /// An error of our own.
    pub(crate) fn new(code: i64, message: impl AsRef<str>) -> Self {
        #[derive(Serialize)]
        struct Error<'a> {
            code: i64,
            message: &'a str,
        }
        let message = message.as_ref();
        Self(raw(&Error { code, message }))
    }

    /// The same error, with `data` for programs.
    pub(crate) fn with_data<T: Serialize>(self, data: &T) -> Self {
        let mut error = Object::of(&self.0).unwrap_or_default();
        error.set("data", raw(data));
        Self(error.to_raw())
    }

    /// Its words.
    pub(crate) fn message(&self) -> String {
        let error = Object::of(&self.0);
        let message = error.as_ref().and_then(|error| error.text("message"));
        message.map_or_else(String::new, std::borrow::Cow::into_owned)
    }

    /// Its code, if it has one.
    pub(crate) fn code(&self) -> Option<i64> {
        #[derive(Deserialize)]
        struct Coded {
            code: i64,
        }
        let coded: Coded = serde_json::from_str(self.0.get()).ok()?;
        Some(coded.code)
    }
}

/// The answer to a request, with the id under which it was asked.
pub(crate) fn response(id: &RawValue, answer: Result<&RawValue, &RpcError>) -> Raw {
    #[derive(Serialize)]
    struct Response<'a> {
        jsonrpc: &'static str,
        id: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a RawValue>,
    }
    raw(&Response {
        jsonrpc: "2.0",
        id,
        result: answer.ok(),
        error: answer.err().map(|error| &*error.0),
    })
}

/// A request under an id of ours.
pub(crate) fn request(id: impl Serialize, method: &str, params: Option<&RawValue>) -> Raw {
    #[derive(Serialize)]
    struct Asked<'a, I> {
        jsonrpc: &'static str,
        id: I,
        method: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        params: Option<&'a RawValue>,
    }
    raw(&Asked {
        jsonrpc: "2.0",
        id,
        method,
        params,
    })
}

/// What a server asks a client while it works: sampling, elicitation, roots.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) params: Option<Raw>,
    /// Takes the client's answer. Dropped, it tells the server that nobody will answer.
    pub(crate) reply: oneshot::Sender<Result<Raw, RpcError>>,
}

/// What comes from a server before its answer.
#[derive(Debug)]
pub(crate) enum News {
    /// Progress, log lines, changes.
    Notification(Notification),
    /// It cannot go on without the client.
    Question(Question),
}
