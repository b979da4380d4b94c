//! Messages as they stand on the wire between gateway and server (JSON-RPC 2.0).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{Object, Raw, raw};
use crate::message::{self, RpcError};

/// What a server sent.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// An answer. Without a number, it answers nothing that was asked here.
    Answer {
        id: Option<u64>,
        answer: Result<&'a RawValue, &'a RawValue>,
    },
    /// A request of the server to the client.
    Question {
        id: &'a RawValue,
        method: Cow<'a, str>,
        params: Option<&'a RawValue>,
    },
    Notification {
        method: Cow<'a, str>,
        params: Option<&'a RawValue>,
    },
}

impl<'a> Message<'a> {
    /// Reads one message; `None` if it is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            #[serde(borrow)]
            method: Option<Cow<'a, str>>,
            #[serde(borrow)]
            params: Option<&'a RawValue>,
            #[serde(borrow)]
            result: Option<&'a RawValue>,
            #[serde(borrow)]
            error: Option<&'a RawValue>,
        }
        let envelope: Envelope<'a> = serde_json::from_str(text).ok()?;
        match envelope {
            Envelope {
                id: Some(id),
                method: Some(method),
                params,
                ..
            } => Some(Self::Question { id, method, params }),
            Envelope {
                method: Some(method),
                params,
                ..
            } => Some(Self::Notification { method, params }),
            Envelope {
                id,
                result: Some(result),
                error: None,
                ..
            } => Some(Self::Answer {
                id: number(id),
                answer: Ok(result),
            }),
            Envelope {
                id,
                result: None,
                error: Some(error),
                ..
            } => Some(Self::Answer {
                id: number(id),
                answer: Err(error),
            }),
            _ => None,
        }
    }

    /// Reads what may be one message or several (a batch of 2025-03-26).
    pub(super) fn each(text: &str) -> Option<Vec<&str>> {
        if !text.trim_start().starts_with('[') {
            return Some(vec![text]);
        }
        let batch: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        Some(batch.into_iter().map(RawValue::get).collect())
    }
}

/// Our own ids are whole numbers, and come back as they were sent.
fn number(id: Option<&RawValue>) -> Option<u64> {
    id?.get().parse().ok()
}

/// A request of ours.
pub(super) fn request(id: u64, method: &str, params: Option<&RawValue>) -> String {
    text(message::request(id, method, params))
}

/// The notification that the request `id` is not waited for any more.
pub(super) fn cancelled(id: u64) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":"the client does not wait any more"}}}}"#
    )
}

/// The answer to a question of the server.
pub(super) fn answer(id: &RawValue, answer: Result<&RawValue, &RpcError>) -> String {
    text(message::response(id, answer))
}

fn text(message: Raw) -> String {
    Box::<str>::from(message).into()
}

/// The token under which a request wants to hear of progress: the client's own, as it wrote it.
pub(super) fn progress_token(params: Option<&RawValue>) -> Option<Raw> {
    let params = Object::of(params?)?;
    let meta = params.object("_meta")?;
    meta.get("progressToken").map(RawValue::to_owned)
}

/// `params` with members of `_meta` exchanged, added or, without a value, taken out.
pub(super) fn with_meta(params: Option<&RawValue>, changes: &[(&str, Option<Raw>)]) -> Option<Raw> {
    let mut params = params.and_then(Object::of).unwrap_or_default();
    let meta = {
        let mut meta = params.object("_meta").unwrap_or_default();
        for (name, value) in changes {
            match value {
                Some(value) => meta.set((*name).to_owned(), value.clone()),
                None => {
                    meta.remove(name);
                }
            }
        }
        (!meta.is_empty()).then(|| meta.to_raw())
    };
    match meta {
        Some(meta) => params.set("_meta", meta),
        None => {
            params.remove("_meta");
        }
    }
    (!params.is_empty()).then(|| params.to_raw())
}

/// `params` of a notification of progress, under the client's own token.
pub(super) fn with_progress_token(params: &RawValue, token: &Raw) -> Raw {
    let mut params = Object::of(params).unwrap_or_default();
    params.set("progressToken", token.clone());
    params.to_raw()
}

/// A message on one line: what breaks lines in JSON stands between its parts alone.
pub(super) fn on_one_line(message: &mut String) {
    if message.bytes().any(|byte| byte == b'\n' || byte == b'\r') {
        *message = message.replace(['\n', '\r'], " ");
    }
}

/// A member of an object, as a value of its own.
pub(super) fn member(object: &RawValue, name: &str) -> Option<Raw> {
    Object::of(object)?.get(name).map(RawValue::to_owned)
}

/// A member that is a string.
pub(super) fn text_member(object: &RawValue, name: &str) -> Option<String> {
    Some(Object::of(object)?.text(name)?.into_owned())
}

/// The empty object.
pub(super) fn empty() -> Raw {
    raw(&Object::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_questions_and_notifications_are_told_apart() {
        let text = r#"{"jsonrpc":"2.0","id":7,"result":{"a":1.50}}"#;
        let Some(Message::Answer { id, answer }) = Message::parse(text) else {
            panic!("{text}")
        };
        assert_eq!((id, answer.unwrap().get()), (Some(7), r#"{"a":1.50}"#));
        let text = r#"{"jsonrpc":"2.0","id":"7","error":{"code":1,"message":"m"}}"#;
        let parsed = Message::parse(text);
        assert!(matches!(
            parsed,
            Some(Message::Answer {
                id: None,
                answer: Err(_)
            })
        ));
        let text = r#"{"jsonrpc":"2.0","id":"7","method":"ping"}"#;
        assert!(matches!(
            Message::parse(text),
            Some(Message::Question { .. })
        ));
        let text = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;
        assert!(matches!(
            Message::parse(text),
            Some(Message::Notification { .. })
        ));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in [
            "",
            "7",
            "{}",
            "[]",
            r#"{"id":1}"#,
            r#"{"id":1,"result":1,"error":{}}"#,
            r#"{"id":1,"id":2,"result":1}"#,
        ] {
            assert!(Message::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn meta_is_exchanged_in_its_place() {
        let params: Raw =
            serde_json::from_str(r#"{"_meta":{"progressToken":"x","k":1.0},"name":"n"}"#).unwrap();
        let changed = with_meta(Some(&params), &[("progressToken", Some(raw(&5)))]).unwrap();
        assert_eq!(
            changed.get(),
            r#"{"_meta":{"progressToken":5,"k":1.0},"name":"n"}"#
        );
        let changed = with_meta(Some(&params), &[("progressToken", None), ("k", None)]).unwrap();
        assert_eq!(changed.get(), r#"{"name":"n"}"#);
        assert!(with_meta(None, &[]).is_none());
    }

    #[test]
    fn a_message_stands_on_one_line() {
        let mut message = "{\n  \"a\": \"b\\n\"\r\n}".to_owned();
        on_one_line(&mut message);
        assert_eq!(message, "{   \"a\": \"b\\n\"  }");
    }
}
