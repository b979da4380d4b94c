//! What a caller wants to do with an upstream (MCP: tools, prompts, resources, and the protocol itself).

use std::borrow::Cow;

use oauth::json::is_disguised;
use serde_json::value::RawValue;

use crate::json::Object;

/// Something that a caller wants to do, or an entry of a list that might be shown to them.
///
/// An entry of a list has the method of that list: a tool in a list is `tools/list` with its name. It is
/// decided like a call whose arguments are not known yet, so it is shown if there can be a permitted call.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The name of the upstream in the settings.
    pub upstream: &'a str,
    /// The method of the message.
    pub method: &'a str,
    /// The tool, prompt, resource or resource template, without a prefix of the gateway's.
    pub name: Option<&'a str>,
    /// The arguments of a call, as they are written (JSON). A call without any has an empty object.
    pub arguments: Option<&'a str>,
    /// What the tool says of itself (`annotations.readOnlyHint`).
    pub read_only: Option<bool>,
}

impl<'a> Operation<'a> {
    /// A message that is about nothing in particular.
    pub fn message(upstream: &'a str, method: &'a str) -> Self {
        Self {
            upstream,
            method,
            name: None,
            arguments: None,
            read_only: None,
        }
    }

    /// A message about the tool, prompt or resource `name`, or an entry of a list.
    pub fn about(upstream: &'a str, method: &'a str, name: &'a str) -> Self {
        Self {
            name: Some(name),
            ..Self::message(upstream, method)
        }
    }

    /// The same, with arguments.
    pub fn with_arguments(self, arguments: Option<&'a str>) -> Self {
        Self { arguments, ..self }
    }

    /// The same, of a tool that says this of itself.
    pub fn with_read_only(self, read_only: Option<bool>) -> Self {
        Self { read_only, ..self }
    }
}

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item<'a> {
    Tool(&'a str),
    Prompt(&'a str),
    Resource(&'a str),
    /// Resources whose addresses are filled in later (RFC 6570).
    Template(&'a str),
    /// The protocol itself, such as `initialize` or a list.
    Protocol,
    /// A method that needs a name and has none.
    Nameless,
    /// A method that is not known here.
    Unknown,
}

/// An operation as rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) item: Item<'a>,
    /// The method by which an entry of a list is called, else the method of the message.
    pub(super) method: &'a str,
    /// Whether the arguments are not known yet.
    pub(super) is_listed: bool,
}

impl<'a> Subject<'a> {
    pub(super) fn of(operation: &Operation<'a>) -> Self {
        let Operation { method, name, .. } = *operation;
        let subject = |item, method, is_listed| Self {
            item,
            method,
            is_listed,
        };
        let Some(name) = name else {
            let item = match method {
                "tools/call"
                | "prompts/get"
                | "resources/read"
                | "resources/subscribe"
                | "resources/unsubscribe" => Item::Nameless,
                _ if is_protocol(method) => Item::Protocol,
                _ => Item::Unknown,
            };
            return subject(item, method, false);
        };
        match method {
            "tools/call" => subject(Item::Tool(name), method, false),
            "tools/list" => subject(Item::Tool(name), "tools/call", true),
            "prompts/get" => subject(Item::Prompt(name), method, false),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                subject(Item::Resource(name), method, false)
            }
            "resources/list" => subject(Item::Resource(name), "resources/read", true),
            "resources/templates/list" => subject(Item::Template(name), "resources/read", true),
            // A stream of news about a resource is what `resources/subscribe` was before.
            "subscriptions/listen" => subject(Item::Resource(name), "resources/subscribe", false),
            // Addresses have a scheme, and names of prompts have none.
            "completion/complete" if name.contains(':') => {
                subject(Item::Template(name), "resources/read", true)
            }
            "prompts/list" | "completion/complete" => {
                subject(Item::Prompt(name), "prompts/get", true)
            }
            _ if is_protocol(method) => subject(Item::Protocol, method, false),
            _ => subject(Item::Unknown, method, false),
        }
    }
}

/// Methods without which nothing works, and which give away nothing by themselves: what lists show is
/// decided entry by entry. Tasks are not among them: an upstream knows the gateway and not its callers, so
/// nobody says whose a task is (SEP-2663: every request about a task is authorized).
fn is_protocol(method: &str) -> bool {
    matches!(
        method,
        "initialize"
            | "ping"
            | "server/discover"
            | "tools/list"
            | "prompts/list"
            | "resources/list"
            | "resources/templates/list"
            | "completion/complete"
            | "logging/setLevel"
            | "subscriptions/listen"
    ) || method.starts_with("notifications/")
}

/// Where a subscription names its resources (MCP 2026-07-28).
const URIS: &str = "resourceSubscriptions";

/// The names that a message is about, each of which has to be permitted.
pub(super) struct Asked<'a> {
    /// The method that each name is judged by.
    pub(super) method: &'a str,
    pub(super) names: Vec<Cow<'a, str>>,
    pub(super) arguments: Option<&'a RawValue>,
}

impl<'a> Asked<'a> {
    /// Reads the parameters of a message; `None` if they are no object or name something twice, in whatever
    /// case, since then the upstream might read another name than we.
    pub(super) fn read(method: &'a str, params: Option<&'a RawValue>) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
        let text = |raw: &'a RawValue| serde_json::from_str(raw.get()).ok().map(|Text(text)| text);
        let mut members = match params {
            Some(params) => Members::of(
                params,
                &["name", "arguments", "uri", "notifications", "ref"],
            )?,
            None => Members(Object::default()),
        };
        let mut asked = Self {
            method,
            names: Vec::new(),
            arguments: None,
        };
        match method {
            "tools/call" | "prompts/get" => {
                asked.names.extend(members.take("name").and_then(text));
                asked.arguments = members.take("arguments");
            }
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                asked.names.extend(members.take("uri").and_then(text));
            }
            "subscriptions/listen" => {
                if let Some(wanted) = members.take("notifications")
                    && let Some(uris) = Members::of(wanted, &[URIS])?.take(URIS)
                {
                    let uris: Vec<Text<'a>> = serde_json::from_str(uris.get()).ok()?;
                    asked.names = uris.into_iter().map(|Text(uri)| uri).collect();
                }
            }
            "completion/complete" => {
                let mut reference = Members::of(members.take("ref")?, &["type", "name", "uri"])?;
                let kind = reference.take("type").and_then(text)?;
                let (name, uri) = (reference.take("name"), reference.take("uri"));
                // It may complete what may be got and what may be read, for some arguments. What could be
                // taken for both is neither.
                let (method, named) = match (&*kind, name, uri) {
                    ("ref/prompt", Some(name), None) => ("prompts/list", name),
                    ("ref/resource", None, Some(uri)) => ("resources/templates/list", uri),
                    _ => return None,
                };
                asked.method = method;
                asked.names.push(text(named)?);
            }
            _ => {}
        }
        Some(asked)
    }
}

/// Members of an object that live as long as its text.
struct Members<'a>(Object<'a>);

impl<'a> Members<'a> {
    /// None if it is no object, or if somebody could read `known` members otherwise than we (acceptance D5).
    fn of(raw: &'a RawValue, known: &[&str]) -> Option<Self> {
        let object = Object::of(raw)?;
        if object
            .keys()
            .any(|key| is_disguised(key, known.iter().copied()))
        {
            return None;
        }
        let mut names: Vec<&str> = object.keys().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        let is_unambiguous = names.len() == count;
        is_unambiguous.then_some(Self(object))
    }

    fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        match self.0.remove(key)? {
            Cow::Borrowed(value) => Some(value),
            Cow::Owned(_) => unreachable!("the object was read, and nothing was put into it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;

    fn asked(method: &str, params: &serde_json::Value) -> (String, Vec<String>) {
        let params = to_raw_value(params).unwrap();
        let asked = Asked::read(method, Some(&params)).unwrap();
        let names = asked.names.iter().map(ToString::to_string).collect();
        (asked.method.to_owned(), names)
    }

    #[test]
    fn gw_27_every_resource_of_a_subscription_is_asked_for() {
        let params =
            serde_json::json!({"notifications": {"resourceSubscriptions": ["a:1", "b:\u{e9}"]}});
        let (method, names) = asked("subscriptions/listen", &params);
        assert_eq!(
            (&*method, &names[..]),
            (
                "subscriptions/listen",
                &["a:1".to_owned(), "b:é".to_owned()][..]
            )
        );
    }

    #[test]
    fn completion_follows_what_it_completes() {
        let prompt = serde_json::json!({"ref": {"type": "ref/prompt", "name": "ns:greet"}});
        assert_eq!(
            asked("completion/complete", &prompt),
            ("prompts/list".into(), vec!["ns:greet".into()])
        );
        let template =
            serde_json::json!({"ref": {"type": "ref/resource", "uri": "file:///{path}"}});
        let expected = (
            "resources/templates/list".into(),
            vec!["file:///{path}".into()],
        );
        assert_eq!(asked("completion/complete", &template), expected);
    }

    #[test]
    fn d5_parameters_that_name_something_twice_are_not_read() {
        for (method, params) in [
            ("tools/call", r#"{"name":"a","name":"b"}"#),
            ("tools/call", "[]"),
            (
                "subscriptions/listen",
                r#"{"notifications":{"resourceSubscriptions":["a:"],"resourceSubscriptions":[]}}"#,
            ),
            ("tools/call", r#"{"name":"a","Name":"b"}"#),
            (
                "subscriptions/listen",
                r#"{"Notifications":{"resourceSubscriptions":["secret:"]}}"#,
            ),
            (
                "subscriptions/listen",
                r#"{"notifications":{"ResourceSubscriptions":["secret:"]}}"#,
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"a","Name":"b"}}"#,
            ),
            ("completion/complete", "{}"),
            ("completion/complete", r#"{"ref":{"name":"a"}}"#),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/other","name":"a"}}"#,
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/resource","name":"permitted","uri":"secret://{id}"}}"#,
            ),
        ] {
            let params: Box<RawValue> = serde_json::from_str(params).unwrap();
            assert!(
                Asked::read(method, Some(&params)).is_none(),
                "{method} {params}"
            );
        }
    }
}
