//! JSON-RPC messages of clients, as they come in (JSON-RPC 2.0, MCP base protocol).

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::json::Raw;
use crate::message::{Notification, RpcError, code};

/// One message of a client.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    /// It wants an answer.
    Request(Asked<'a>),
    /// It wants none.
    Notification(Notification),
    /// It answers a question.
    Answer {
        id: &'a RawValue,
        answer: Result<Raw, RpcError>,
    },
}

/// A request as it was written.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) id: &'a RawValue,
    pub(crate) method: String,
    pub(crate) params: Option<&'a RawValue>,
}

/// The text is no message.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) RpcError);

/// A member with its value, even if that is `null`.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(raw: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(raw).map(Some)
}

#[derive(Deserialize)]
struct Wire<'a> {
    jsonrpc: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

impl<'a> Incoming<'a> {
    /// Reads one message.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        if text.trim_ascii_start().starts_with('[') {
            return Err(Malformed(no_batch()));
        }
        let wire: Wire<'a> =
            serde_json::from_str(text).map_err(|error| match error.classify() {
                Category::Data => invalid(&format!("the body is no JSON-RPC message: {error}")),
                _ => not_json(error),
            })?;
        if wire.jsonrpc.as_deref() != Some("2.0") {
            return Err(invalid("`jsonrpc` must be \"2.0\""));
        }
        // MCP: ids are strings or numbers, and never `null`.
        let is_id = |id: &RawValue| {
            id.get()
                .starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit())
        };
        if wire.id.is_some_and(|id| !is_id(id)) {
            return Err(invalid("`id` must be a string or a number"));
        }
        if wire
            .params
            .is_some_and(|params| !params.get().starts_with('{'))
        {
            return Err(invalid("`params` must be an object"));
        }
        // JSON-RPC 2.0 §4, §5: others may take it for the answer that it is, too.
        if wire.method.is_some() && (wire.result.is_some() || wire.error.is_some()) {
            return Err(invalid(
                "a message with a `method` has no `result` and no `error`",
            ));
        }
        match wire {
            Wire {
                method: Some(method),
                id: Some(id),
                params,
                ..
            } => Ok(Self::Request(Asked { id, method, params })),
            Wire {
                method: Some(method),
                params,
                ..
            } => Ok(Self::Notification(Notification {
                method,
                params: params.map(RawValue::to_owned),
            })),
            Wire {
                id: Some(id),
                result: Some(result),
                error: None,
                ..
            } => Ok(Self::Answer {
                id,
                answer: Ok(result.to_owned()),
            }),
            Wire {
                id: Some(id),
                result: None,
                error: Some(error),
                ..
            } => Ok(Self::Answer {
                id,
                answer: Err(RpcError(error.to_owned())),
            }),
            _ => Err(invalid(
                "a message has a `method`, or an `id` with `result` or `error`",
            )),
        }
    }
}

/// What a client is told that sends several messages at once where that does not exist.
pub(crate) fn no_batch() -> RpcError {
    let what = "batches exist in revision 2025-03-26 only, over HTTP; send the messages one by one";
    RpcError::new(code::INVALID_REQUEST, what)
}

/// A body as a text: JSON is in UTF-8 (RFC 8259 §8.1).
pub(crate) fn text(body: &[u8]) -> Result<&str, Malformed> {
    str::from_utf8(body).map_err(not_json)
}

/// The messages of a batch, as they are written.
pub(crate) fn elements(text: &str) -> Result<Vec<&RawValue>, Malformed> {
    serde_json::from_str(text).map_err(not_json)
}

fn not_json(error: impl fmt::Display) -> Malformed {
    let what = format!("the body is not JSON: {error}");
    Malformed(RpcError::new(code::PARSE_ERROR, what))
}

fn invalid(what: &str) -> Malformed {
    Malformed(RpcError::new(code::INVALID_REQUEST, what))
}

/// The name under which an id is found again: two spellings of one text are the same id.
pub(crate) fn id_key(id: &RawValue) -> String {
    let text: Result<String, _> = serde_json::from_str(id.get());
    // A quotation mark cannot be the beginning of a number.
    text.map_or_else(|_| id.get().to_owned(), |text| format!("\"{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str) -> Option<i64> {
        Incoming::parse(text).unwrap_err().0.code()
    }

    #[test]
    fn messages_are_told_apart_by_their_members() {
        let request = r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":null,"x":1}"#;
        let Incoming::Request(asked) = Incoming::parse(request).unwrap() else {
            panic!("no request")
        };
        assert_eq!((asked.id.get(), &*asked.method), ("\"a\"", "ping"));
        assert!(asked.params.is_none());
        let notification = r#"{"jsonrpc":"2.0","method":"x","params":{"a":1.0}}"#;
        let notification = Incoming::parse(notification).unwrap();
        assert!(
            matches!(notification, Incoming::Notification(n) if n.params.as_ref().unwrap().get() == r#"{"a":1.0}"#)
        );
        let answer = Incoming::parse(r#"{"jsonrpc":"2.0","id":1,"result":null}"#).unwrap();
        assert!(matches!(answer, Incoming::Answer { answer: Ok(_), .. }));
        let answer = Incoming::parse(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#).unwrap();
        assert!(matches!(answer, Incoming::Answer { answer: Err(_), .. }));
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_code_of_json_rpc() {
        assert_eq!(code_of("{"), Some(-32700));
        assert_eq!(code_of("7"), Some(-32600));
        for text in [
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":null}"#,
        ] {
            assert_eq!(code_of(text), Some(-32600), "{text}");
        }
    }

    #[test]
    fn several_messages_are_refused_in_words() {
        for text in [r#" [{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "[]", "["] {
            let error = Incoming::parse(text).unwrap_err().0;
            assert_eq!(error.code(), Some(-32600));
            assert!(error.message().contains("one by one"), "{text}");
        }
    }

    #[test]
    fn a_text_and_a_number_are_different_ids() {
        let key = |text: &str| id_key(serde_json::from_str(text).unwrap());
        assert_eq!(key(r#""é""#), key(r#""\u00e9""#));
        assert_ne!(key("1"), key("\"1\""));
    }
}
