//! Results in the form of the client's era (MCP 2026-07-28, base protocol and caching).

use std::borrow::Cow;

use resource_server::mcp::names::SERVER_INFO;
use serde_json::value::RawValue;

use crate::json::{Object, Raw, raw};
use crate::revision::Era;
use crate::server::Failure;

/// The member that every result has from 2026-07-28 on, and none before.
const RESULT_TYPE: &str = "resultType";

/// An extension that changes what a result is; clients before 2026-07-28 have no words for it.
const TASKS: &str = "io.modelcontextprotocol/tasks";

/// A result for a client with a session: without what later revisions added.
///
/// The same members mean nothing in a result without a type, and stay there.
pub(crate) fn for_session(result: Raw) -> Result<Raw, Failure> {
    if !result.get().contains("\"resultType\"") {
        return Ok(result);
    }
    let Some(mut object) = Object::of(&result) else {
        return Ok(result);
    };
    match object.text(RESULT_TYPE).as_deref() {
        None => return Ok(result),
        Some("complete") => {}
        Some(other) => {
            return Err(Failure::Untranslatable(format!(
                "the server's answer is of the type `{other}`, which this client does not know; a \
                 client of 2026-07-28 does"
            )));
        }
    }
    for key in [RESULT_TYPE, "ttlMs", "cacheScope"] {
        object.remove(key);
    }
    if let Some(mut meta) = object.object("_meta")
        && meta.remove(SERVER_INFO).is_some()
    {
        let rest = (!meta.is_empty()).then(|| meta.to_raw());
        match rest {
            Some(rest) => object.set("_meta", rest),
            None => drop(object.remove("_meta")),
        }
    }
    Ok(object.to_raw())
}

/// A result for a client of 2026-07-28: with the members that it must have.
pub(crate) fn for_stateless(method: &str, result: Raw, info: Option<&RawValue>) -> Raw {
    let Some(mut object) = Object::of(&result) else {
        return result;
    };
    let is_complete = match object.text(RESULT_TYPE) {
        None => {
            object.set(RESULT_TYPE, raw("complete"));
            true
        }
        Some(kind) => kind == "complete",
    };
    if is_complete && is_cacheable(method) {
        // What an older server says is true now and for this caller, and nothing more is known.
        if !object.contains("ttlMs") {
            object.set("ttlMs", raw(&0));
        }
        if !object.contains("cacheScope") {
            object.set("cacheScope", raw("private"));
        }
    }
    if let Some(info) = info {
        let mut meta = object.object("_meta").unwrap_or_default();
        if !meta.contains(SERVER_INFO) {
            meta.set(SERVER_INFO, info.to_owned());
            let meta = meta.to_raw();
            object.set("_meta", meta);
        }
    }
    object.to_raw()
}

/// Whether a result says for how long it is true (MCP caching).
fn is_cacheable(method: &str) -> bool {
    matches!(
        method,
        "server/discover"
            | "tools/list"
            | "prompts/list"
            | "resources/list"
            | "resources/templates/list"
            | "resources/read"
    )
}

/// Whether a result names its server, and so needs nothing of ours.
pub(crate) fn names_its_server(result: &RawValue) -> bool {
    result.get().contains(SERVER_INFO)
}

/// The capabilities of a server as a client of the other era may see them.
///
/// Tasks are not bridged: before 2026-07-28 they were asked for with a call, since then a server
/// decides upon them, and their results differ.
pub(crate) fn capabilities(written: &RawValue, is_stateless: bool) -> Raw {
    let other = if is_stateless {
        Era::Sessions
    } else {
        Era::Stateless
    };
    without_tasks(written, &[other])
}

/// The capabilities of a server without the tasks of these eras.
pub(crate) fn without_tasks(written: &RawValue, eras: &[Era]) -> Raw {
    let Some(mut known) = Object::of(written) else {
        return Object::default().to_raw();
    };
    let mut is_less = false;
    if eras.contains(&Era::Sessions) {
        is_less |= known.remove("tasks").is_some();
    }
    if eras.contains(&Era::Stateless)
        && let Some(mut extensions) = known.object("extensions")
        && extensions.remove(TASKS).is_some()
    {
        is_less = true;
        let rest: Option<Cow<'_, RawValue>> =
            (!extensions.is_empty()).then(|| Cow::Owned(extensions.to_raw()));
        match rest {
            Some(rest) => known.set("extensions", rest.into_owned()),
            None => drop(known.remove("extensions")),
        }
    }
    if is_less {
        known.to_raw()
    } else {
        written.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Raw {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_client_with_a_session_sees_nothing_of_later_revisions() {
        let new = r#"{"resultType":"complete","content":[1.50],"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"},"v":1}}"#;
        let old = for_session(parse(new)).unwrap();
        assert_eq!(old.get(), r#"{"content":[1.50],"_meta":{"v":1}}"#);
        let own = r#"{"content":[{"text":"\"resultType\""}],"ttlMs":7}"#;
        assert_eq!(for_session(parse(own)).unwrap().get(), own);
        let question = for_session(parse(r#"{"resultType":"input_required"}"#));
        assert!(matches!(question, Err(Failure::Untranslatable(_))));
    }

    #[test]
    fn a_client_without_sessions_gets_all_that_it_relies_on() {
        let info = parse(r#"{"name":"s","version":"1"}"#);
        let list = for_stateless("tools/list", parse(r#"{"tools":[]}"#), Some(&info));
        let expected = r#"{"tools":[],"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}"#;
        assert_eq!(list.get(), expected);
        // What the server has said itself stays.
        let own = r#"{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{}}}"#;
        assert_eq!(
            for_stateless("tools/list", parse(own), Some(&info)).get(),
            own
        );
        let question = r#"{"resultType":"input_required","requestState":"x"}"#;
        assert_eq!(
            for_stateless("resources/read", parse(question), None).get(),
            question
        );
    }

    #[test]
    fn tasks_are_offered_to_nobody_of_the_other_era() {
        let old = r#"{"tools":{},"tasks":{"list":{}}}"#;
        assert_eq!(capabilities(&parse(old), true).get(), r#"{"tools":{}}"#);
        assert_eq!(capabilities(&parse(old), false).get(), old);
        let new = r#"{"extensions":{"io.modelcontextprotocol/tasks":{},"a/b":{}},"tools":{}}"#;
        let seen = capabilities(&parse(new), false);
        assert_eq!(seen.get(), r#"{"extensions":{"a/b":{}},"tools":{}}"#);
        assert_eq!(capabilities(&parse(new), true).get(), new);
    }
}
