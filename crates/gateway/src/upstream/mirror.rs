//! What a request says again in its headers (MCP 2026-07-28, Streamable HTTP, request metadata).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use resource_server::mcp::names::{MCP_METHOD, MCP_NAME, MCP_PARAM, MCP_PROTOCOL_VERSION};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::{Object, Raw, raw};
use crate::revision::Revision;

/// The annotation of a parameter that is mirrored.
const ANNOTATION: &str = "x-mcp-header";
/// How many tools with annotations are remembered of one server.
const MAX_TOOLS: usize = 10_000;
/// How many parameters of a tool can be mirrored, and how much of their names: a request with more headers would
/// not arrive.
const MAX_PARAMETERS: usize = 64;
const MAX_NAMES: usize = 4096;

/// The parameter that `Mcp-Name` repeats.
pub(crate) fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// The parameters that are mirrored, by tool.
#[derive(Debug, Default)]
pub(crate) struct Mirror(RwLock<HashMap<String, Arc<[Parameter]>>>);

/// A parameter that is mirrored: where it stands, and the header it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parameter {
    path: Vec<String>,
    header: HeaderName,
    is_number: bool,
}

impl Mirror {
    /// The headers of a request.
    pub(super) fn headers(&self, method: &str, params: Option<&RawValue>) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        let revision = HeaderValue::from_static(Revision::V2026_07_28.as_str());
        headers.insert(MCP_PROTOCOL_VERSION, revision);
        headers.insert(MCP_METHOD, encoded(method));
        let Some(params) = params.and_then(Object::of) else {
            return headers;
        };
        let Some(name) = named_by(method).and_then(|member| params.text(member)) else {
            return headers;
        };
        headers.insert(MCP_NAME, encoded(&name));
        if method == "tools/call"
            && let Some(mirrored) = self.of(&name)
            && let Some(arguments) = params.get("arguments")
        {
            for parameter in &*mirrored {
                if let Some(value) = parameter.value(arguments) {
                    headers.insert(parameter.header.clone(), value);
                }
            }
        }
        headers
    }

    /// What is wrong with the headers in which a client mirrors the arguments of a tool, if anything is.
    ///
    /// Annotations that nobody has asked the server for are not known, and then nothing is.
    pub(crate) fn mismatch<'a>(
        &self,
        tool: &str,
        arguments: impl FnOnce() -> Option<&'a RawValue>,
        headers: &HeaderMap,
    ) -> Option<String> {
        let mirrored = self.of(tool)?;
        let arguments = arguments();
        mirrored.iter().find_map(|parameter| {
            let mut given = headers.get_all(&parameter.header).iter();
            let given = (given.next(), given.next().is_some());
            let expected = arguments.and_then(|arguments| parameter.value(arguments));
            let is_same = match (given, &expected) {
                ((None, _), None) => true,
                ((Some(given), false), Some(expected)) => parameter.is_same(given, expected),
                _ => false,
            };
            (!is_same).then(|| format!("{} differs from the body", parameter.header))
        })
    }

    fn of(&self, tool: &str) -> Option<Arc<[Parameter]>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(tool).cloned()
    }

    /// A tool that has no annotations any more is called without those headers.
    fn forget(&self, tool: &RawValue) {
        if self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
        {
            return;
        }
        let Some(tool) = Object::of(tool) else { return };
        if let Some(name) = tool.text("name") {
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known.remove(&*name);
        }
    }

    /// Learns from the result of `tools/list`. Tools whose annotations break the rules are taken out of
    /// it, as every client has to do; then the result is another one.
    pub(crate) fn learn(&self, result: &RawValue, server: &str) -> Option<Raw> {
        let list = Object::of(result)?;
        let tools = list.array("tools")?;
        let count = tools.len();
        let mut kept = Vec::with_capacity(count);
        for tool in tools {
            let text = tool.get();
            if !text.contains(ANNOTATION) {
                self.forget(tool);
                kept.push(tool);
                continue;
            }
            let parsed = Object::of(tool).unwrap_or_default();
            let name = parsed.text("name").unwrap_or_default().into_owned();
            let schema = parsed.get("inputSchema").map_or("null", RawValue::get);
            let schema: Value = serde_json::from_str(schema).unwrap_or_default();
            match annotated(&schema) {
                Ok(parameters) => {
                    kept.push(tool);
                    let is_short = name.len() <= MAX_NAMES;
                    let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
                    if is_short && (known.len() < MAX_TOOLS || known.contains_key(&name)) {
                        known.insert(name, parameters.into());
                    }
                }
                Err(reason) => {
                    self.forget(tool);
                    let tool = oauth::client::token::harmless(&name);
                    tracing::warn!(server, tool, reason, "a tool is left out of the list");
                }
            }
        }
        if kept.len() == count {
            return None;
        }
        let tools = raw(&kept);
        let mut others = list.clone();
        others.set("tools", tools);
        Some(others.to_raw())
    }
}

impl Parameter {
    fn value(&self, arguments: &RawValue) -> Option<HeaderValue> {
        let mut value = arguments.to_owned();
        for name in &self.path {
            value = super::wire::member(&value, name)?;
        }
        let text = value.get();
        match text.as_bytes().first()? {
            b'"' => Some(encoded(&serde_json::from_str::<String>(text).ok()?)),
            b't' | b'f' | b'-' | b'0'..=b'9' => Some(encoded(text)),
            _ => None,
        }
    }

    /// Whether two headers have the same value, however each is written.
    fn is_same(&self, one: &HeaderValue, other: &HeaderValue) -> bool {
        let (Some(one), Some(other)) = (decoded(one), decoded(other)) else {
            return false;
        };
        if one == other {
            return true;
        }
        // MCP: integers are compared as numbers.
        self.is_number && integer(&one).is_some() && integer(&one) == integer(&other)
    }
}

/// A value as it may stand in a header.
pub(super) fn encoded(text: &str) -> HeaderValue {
    let is_visible = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    let is_padded = text.starts_with(' ') || text.ends_with(' ');
    let looks_encoded = text.starts_with("=?base64?") && text.ends_with("?=");
    let is_plain = is_visible && !is_padded && !looks_encoded;
    let plain = is_plain.then(|| HeaderValue::from_str(text).ok()).flatten();
    plain.unwrap_or_else(|| {
        let text = format!("=?base64?{}?=", STANDARD.encode(text));
        HeaderValue::try_from(text).expect("base64 is made of visible ASCII")
    })
}

/// An integer, however it is written.
fn integer(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_whole = fraction.bytes().all(|digit| digit == b'0');
    is_whole.then(|| whole.parse().ok()).flatten()
}

/// The value of a header, if it can be read.
pub(crate) fn decoded(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let inside = text.strip_prefix("=?base64?");
    let Some(inside) = inside.and_then(|inside| inside.strip_suffix("?=")) else {
        return Some(text.to_owned());
    };
    String::from_utf8(STANDARD.decode(inside).ok()?).ok()
}

/// The annotations of a schema, or the rule that one of them breaks.
fn annotated(schema: &Value) -> Result<Vec<Parameter>, &'static str> {
    let mut parameters = Vec::new();
    collect(schema, true, &mut Vec::new(), &mut parameters)?;
    let names: BTreeSet<_> = parameters.iter().map(|one| one.header.as_str()).collect();
    if names.len() < parameters.len() {
        return Err("two parameters are mirrored in one header");
    }
    let paths = parameters.iter().flat_map(|one| &one.path).map(String::len);
    let headers = names.iter().map(|name| name.len());
    if parameters.len() > MAX_PARAMETERS || paths.chain(headers).sum::<usize>() > MAX_NAMES {
        return Err("more parameters are mirrored than headers can be sent");
    }
    Ok(parameters)
}

fn collect(
    schema: &Value,
    is_reachable: bool,
    path: &mut Vec<String>,
    found: &mut Vec<Parameter>,
) -> Result<(), &'static str> {
    let Value::Object(members) = schema else {
        if let Value::Array(parts) = schema {
            for part in parts {
                collect(part, false, path, found)?;
            }
        }
        return Ok(());
    };
    for (key, value) in members {
        match key.as_str() {
            ANNOTATION => {
                if !is_reachable || path.is_empty() {
                    return Err(
                        "what is mirrored is no parameter that every call has in one place",
                    );
                }
                let name = value.as_str().filter(|name| !name.is_empty());
                let header = name.and_then(|name| format!("{MCP_PARAM}{name}").parse().ok());
                let header = header.ok_or("the name of a mirrored header is no token")?;
                let kind = members.get("type").and_then(Value::as_str);
                if !matches!(kind, Some("string" | "integer" | "boolean")) {
                    return Err("only strings, integers and booleans can be mirrored");
                }
                found.push(Parameter {
                    path: path.clone(),
                    header,
                    is_number: kind == Some("integer"),
                });
            }
            "properties" => {
                let Value::Object(properties) = value else {
                    continue;
                };
                for (name, property) in properties {
                    path.push(name.clone());
                    collect(property, is_reachable, path, found)?;
                    path.pop();
                }
            }
            "$defs" | "definitions" | "dependentSchemas" | "patternProperties" => {
                for part in value
                    .as_object()
                    .into_iter()
                    .flat_map(|parts| parts.values())
                {
                    collect(part, false, path, found)?;
                }
            }
            // Values, not schemas.
            "default" | "const" | "enum" | "examples" => {}
            _ => collect(value, false, path, found)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Raw {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn values_are_encoded_as_the_revision_says() {
        for (value, header) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(encoded(value), header);
        }
    }

    #[test]
    fn annotated_parameters_are_mirrored_where_they_have_a_value() {
        let mirror = Mirror::default();
        let list = r#"{"tools":[{"name":"sql","inputSchema":{"type":"object","properties":{
            "region":{"type":"string","x-mcp-header":"Region"},
            "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
            "flag":{"type":"boolean","x-mcp-header":"Flag"}}}}]}"#;
        assert!(mirror.learn(&parsed(list), "s").is_none());
        let call = r#"{"name":"sql","arguments":{"region":"서울","deep":{"n":-7},"flag":null}}"#;
        let headers = mirror.headers("tools/call", Some(&parsed(call)));
        assert_eq!(headers["mcp-param-region"], "=?base64?7ISc7Jq4?=");
        assert_eq!(headers["mcp-param-n"], "-7");
        assert!(!headers.contains_key("mcp-param-flag"));
        assert_eq!(headers["mcp-name"], "sql");
        assert_eq!(headers["mcp-method"], "tools/call");
        assert_eq!(headers["mcp-protocol-version"], "2026-07-28");
    }

    const REGION: &str = "mcp-param-region";

    #[test]
    fn d5_what_a_client_mirrors_has_to_be_what_it_sends() {
        let mirror = Mirror::default();
        let list = r#"{"tools":[{"name":"sql","inputSchema":{"type":"object","properties":{
            "region":{"type":"string","x-mcp-header":"Region"},
            "n":{"type":"integer","x-mcp-header":"N"}}}}]}"#;
        mirror.learn(&parsed(list), "s");
        let check = |arguments: &str, pairs: &[(&'static str, &'static str)]| {
            let arguments = parsed(arguments);
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            mirror
                .mismatch("sql", || Some(&arguments), &headers)
                .is_none()
        };
        let hello = r#"{"region":"Hello"}"#;
        assert!(check(hello, &[(REGION, "Hello")]));
        assert!(check(hello, &[(REGION, "=?base64?SGVsbG8=?=")]));
        assert!(check(r#"{"region":"SGVsbG8="}"#, &[(REGION, "SGVsbG8=")]));
        assert!(check(
            r#"{"region":"=?base64?SGVsbG8="}"#,
            &[(REGION, "=?base64?SGVsbG8=")]
        ));
        assert!(check(r#"{"region":null}"#, &[("mcp-param-other", "x")]));
        assert!(check(r#"{"n":42}"#, &[("mcp-param-n", "42.0")]));
        for wrong in ["hello", "=?base64?SGVsbG8?=", "=?base64?SGVs!!!bG8=?=", ""] {
            assert!(!check(hello, &[(REGION, wrong)]), "{wrong}");
        }
        assert!(!check(hello, &[]));
        assert!(!check(hello, &[(REGION, "Hello"), (REGION, "Hello")]));
        assert!(!check("{}", &[(REGION, "Hello")]));
        assert!(
            mirror
                .mismatch("other", || None, &HeaderMap::new())
                .is_none()
        );
    }

    #[test]
    fn what_a_tool_says_no_more_is_not_mirrored_any_more() {
        let mirror = Mirror::default();
        let list = |parameter: &str| {
            let list = r#"{"tools":[{"name":"sql","inputSchema":{"type":"object","properties":{"region":{PARAMETER}}}}]}"#;
            mirror.learn(&parsed(&list.replace("PARAMETER", parameter)), "s");
        };
        let arguments = parsed(r#"{"region":"Hello"}"#);
        let is_bare = || mirror.mismatch("sql", || Some(&arguments), &HeaderMap::new());
        for without in [
            r#""type":"string""#,
            r#""type":"number","x-mcp-header":"R""#,
        ] {
            list(r#""type":"string","x-mcp-header":"Region""#);
            assert!(is_bare().is_some());
            list(without);
            assert!(is_bare().is_none(), "{without}");
        }
    }

    #[test]
    fn g3_more_than_a_request_could_say_is_not_remembered() {
        let mirror = Mirror::default();
        let long = "x".repeat(MAX_NAMES);
        let many: Vec<_> = (0..=MAX_PARAMETERS)
            .map(|n| format!(r#""p{n}":{{"type":"string","x-mcp-header":"P{n}"}}"#))
            .collect();
        for properties in [
            format!(r#""{long}":{{"type":"string","x-mcp-header":"A"}}"#),
            format!(r#""a":{{"type":"string","x-mcp-header":"{long}"}}"#),
            many.join(","),
        ] {
            let list = format!(
                r#"{{"tools":[{{"name":"t","inputSchema":{{"properties":{{{properties}}}}}}}]}}"#
            );
            let left = mirror.learn(&parsed(&list), "s").unwrap();
            assert_eq!(left.get(), r#"{"tools":[]}"#);
            assert!(mirror.of("t").is_none());
        }
    }

    #[test]
    fn tools_that_break_the_rules_are_left_out_and_others_stay() {
        for schema in [
            r#"{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":""}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"a b"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#,
            r#"{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#,
            r#"{"type":"string","x-mcp-header":"A"}"#,
        ] {
            let list = format!(
                r#"{{"tools":[{{"name":"bad","inputSchema":{schema}}},{{"name":"good","x":1.0}}],"ttlMs":5}}"#
            );
            let learned = Mirror::default().learn(&parsed(&list), "s").unwrap();
            assert_eq!(
                learned.get(),
                r#"{"tools":[{"name":"good","x":1.0}],"ttlMs":5}"#,
                "{schema}"
            );
        }
    }
}
