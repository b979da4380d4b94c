//! Tool lists that show a caller what they may call (MCP tools, caching).

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Caller;
use crate::mcp::ToolAccess;

/// An object whose members stay as they were written.
#[derive(Deserialize, Serialize)]
struct Object<'a>(#[serde(borrow)] BTreeMap<Cow<'a, str>, &'a RawValue>);

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// A `tools/list` answer without the tools that `caller` may not call; `None` if `text` is none.
///
/// The same decision refuses calls, so a list never promises more. From 2026-07-28 on answers say who
/// may cache them: these are for this caller alone. A server that says it in an answer to another
/// revision is corrected too, for whoever caches it reads the answer, not the request.
pub(super) fn filtered(
    text: &str,
    access: &ToolAccess,
    caller: &Caller,
    is_stateless_revision: bool,
) -> Option<String> {
    let mut message: Object<'_> = serde_json::from_str(text).ok()?;
    let mut result: Object<'_> = serde_json::from_str(message.0.get("result")?.get()).ok()?;
    let tools: Vec<&RawValue> = serde_json::from_str(result.0.get("tools")?.get()).ok()?;
    let is_permitted = |tool: &&RawValue| {
        let tool = serde_json::from_str::<Tool<'_>>(tool.get());
        // A tool without a readable name cannot be judged, and is not shown.
        tool.is_ok_and(|tool| access.permits(caller, &tool.name))
    };
    let tools: Vec<&RawValue> = tools.into_iter().filter(is_permitted).collect();
    let tools = serde_json::value::to_raw_value(&tools).ok()?;
    result.0.insert(Cow::Borrowed("tools"), &tools);
    let private = serde_json::value::to_raw_value("private").ok()?;
    if is_stateless_revision || result.0.contains_key("cacheScope") {
        result.0.insert(Cow::Borrowed("cacheScope"), &private);
    }
    let result = serde_json::value::to_raw_value(&result).ok()?;
    message.0.insert(Cow::Borrowed("result"), &result);
    serde_json::to_string(&message).ok()
}

/// The event stream `stream` with each message replaced by what `rewrite` makes of it, if anything
/// (HTML §9.2, server-sent events).
pub(super) fn rewritten_stream(stream: &str, rewrite: impl Fn(&str) -> Option<String>) -> String {
    let mut rewritten = String::with_capacity(stream.len());
    let mut data: Vec<&str> = Vec::new();
    for line in stream.lines().chain([""]) {
        if let Some(value) = line.strip_prefix("data:") {
            data.push(value.strip_prefix(' ').unwrap_or(value));
            continue;
        }
        if line.is_empty() && !data.is_empty() {
            let message = data.join("\n");
            data.clear();
            for part in rewrite(&message).unwrap_or(message).split('\n') {
                rewritten.extend(["data: ", part, "\n"]);
            }
        }
        rewritten.extend([line, "\n"]);
    }
    rewritten
}

/// The messages of an event stream that has ended, in order.
pub(super) fn messages_of_stream(stream: &str) -> Vec<String> {
    let messages = RefCell::new(Vec::new());
    rewritten_stream(stream, |message| {
        if !message.trim().is_empty() {
            messages.borrow_mut().push(message.to_owned());
        }
        None
    });
    messages.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> ToolAccess {
        let mut access = ToolAccess::default();
        access.require_for_tool("write".into(), &"w".parse().unwrap());
        access
    }

    const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"read","x-vendor":1.50},{"name":"write"},{}]}}"#;

    #[test]
    fn a_list_shows_what_may_be_called_and_keeps_the_rest_as_written() {
        let list = filtered(LIST, &access(), &Caller::new("alice"), false).unwrap();
        let expected =
            r#"{"id":1,"jsonrpc":"2.0","result":{"tools":[{"name":"read","x-vendor":1.50}]}}"#;
        assert_eq!(list, expected);
        let writer = Caller::new("alice").with_scopes("w".parse().unwrap());
        assert!(
            filtered(LIST, &access(), &writer, false)
                .unwrap()
                .contains("write")
        );
        assert_eq!(
            filtered(r#"{"id":1,"error":{}}"#, &access(), &writer, false),
            None
        );
    }

    #[test]
    fn g8_a_filtered_list_is_private_where_the_revision_knows_the_word() {
        let list = LIST.replace("\"tools\"", "\"cacheScope\":\"public\",\"tools\"");
        let private = filtered(&list, &access(), &Caller::new("alice"), true).unwrap();
        assert!(private.contains(r#""cacheScope":"private""#) && !private.contains("public"));
        let old = filtered(LIST, &access(), &Caller::new("alice"), false).unwrap();
        assert!(!old.contains("cacheScope"));
    }

    #[test]
    fn g8_a_filtered_list_that_says_who_may_cache_it_is_private_in_every_revision() {
        for member in ["cacheScope", "cache\\u0053cope"] {
            let list = LIST.replace("\"tools\"", &format!("\"{member}\":\"public\",\"tools\""));
            let private = filtered(&list, &access(), &Caller::new("alice"), false).unwrap();
            assert!(private.contains(r#""cacheScope":"private""#) && !private.contains("public"));
        }
    }

    #[test]
    fn messages_in_streams_are_found_and_replaced() {
        let stream =
            ": hello\nid: 1\ndata:\n\nevent: message\ndata: {\"a\":\ndata: 1}\n\ndata: last";
        assert_eq!(messages_of_stream(stream), ["{\"a\":\n1}", "last"]);
        let other = rewritten_stream(stream, |message| (message == "last").then(|| "L".into()));
        assert_eq!(
            other,
            stream
                .replace("data:\n", "data: \n")
                .replace("last", "L\n\n")
        );
    }
}
