//! The names of several servers side by side.
//!
//! A tool `add` of `todo` is `todo__add`, a resource `file:///a` is `todo+file:///a`, so every name leads
//! back to its server without a table. Names of upstreams hold no underscore and no plus sign.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{Object, Raw, raw};
use crate::message::{Notification, Request};
use crate::server::Interest;

/// Between upstream and name. Models and their APIs take letters, digits, `_` and `-`.
const NAME_SEPARATOR: &str = "__";
/// Between upstream and URI: schemes may hold a plus sign (RFC 3986 §3.1).
const URI_SEPARATOR: &str = "+";

/// What kind of name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tool,
    Prompt,
    Resource,
    Task,
}

impl Place {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Task => "task",
        }
    }

    fn separator(self) -> &'static str {
        match self {
            Self::Resource => URI_SEPARATOR,
            Self::Tool | Self::Prompt | Self::Task => NAME_SEPARATOR,
        }
    }
}

/// A prefixed name, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prefixed<'n> {
    pub(super) member: &'n str,
    pub(super) inner: &'n str,
}

pub(super) fn split(name: &str, place: Place) -> Option<Prefixed<'_>> {
    let (member, inner) = name.split_once(place.separator())?;
    Some(Prefixed { member, inner })
}

pub(super) fn join(member: &str, inner: &str, place: Place) -> String {
    [member, place.separator(), inner].concat()
}

/// Where in the parameters of a request the name stands that says whom it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) place: Place,
    pub(super) member: &'static str,
    /// In `ref` (`completion/complete`), or at the top.
    is_reference: bool,
}

impl Address {
    /// The address of a request, if its method has one.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let top = |place, member| {
            Some(Self {
                place,
                member,
                is_reference: false,
            })
        };
        match &*request.method {
            "tools/call" => top(Place::Tool, "name"),
            "prompts/get" => top(Place::Prompt, "name"),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                top(Place::Resource, "uri")
            }
            "tasks/get" | "tasks/result" | "tasks/update" | "tasks/cancel" => {
                top(Place::Task, "taskId")
            }
            "completion/complete" => {
                let params = Object::of(request.params.as_deref()?)?;
                let is_prompt = params.object("ref")?.text("type")? == "ref/prompt";
                let (place, member) = if is_prompt {
                    (Place::Prompt, "name")
                } else {
                    (Place::Resource, "uri")
                };
                Some(Self {
                    place,
                    member,
                    is_reference: true,
                })
            }
            _ => None,
        }
    }

    /// The name in `params`.
    pub(super) fn read(&self, params: &RawValue) -> Option<String> {
        let params = Object::of(params)?;
        if self.is_reference {
            Some(params.object("ref")?.text(self.member)?.into_owned())
        } else {
            Some(params.text(self.member)?.into_owned())
        }
    }

    /// `params` with another name in its place.
    pub(super) fn exchanged(&self, params: &RawValue, name: &str) -> Option<Raw> {
        let mut params = Object::of(params)?;
        if self.is_reference {
            let mut reference = params.object("ref")?;
            reference.set(self.member, raw(name));
            let reference = reference.to_raw();
            params.set("ref", reference);
        } else {
            params.set(self.member, raw(name));
        }
        Some(params.to_raw())
    }
}

/// `object` with the string `key` prefixed, if it is there; whether it was.
fn prefix_member(object: &mut Object<'_>, key: &'static str, member: &str, place: Place) -> bool {
    let Some(inner) = object.text(key).map(Cow::into_owned) else {
        return false;
    };
    object.set(key, raw(&join(member, &inner, place)));
    true
}

/// One element of a list with its names prefixed.
pub(super) fn prefix_item(item: &RawValue, member: &str, place: Place) -> Raw {
    let Some(mut item) = Object::of(item) else {
        return item.to_owned();
    };
    match place {
        Place::Resource => {
            prefix_member(&mut item, "uri", member, place);
            prefix_member(&mut item, "uriTemplate", member, place);
        }
        Place::Task => {
            prefix_member(&mut item, "taskId", member, place);
        }
        Place::Tool | Place::Prompt => {
            prefix_member(&mut item, "name", member, place);
        }
    }
    item.to_raw()
}

/// A result with the resources and tasks that it names prefixed; untouched if it names none.
pub(super) fn prefix_result(result: &Raw, member: &str) -> Raw {
    let text = result.get();
    // Nearly no result names any, and looking for these words is cheaper than reading it.
    if !["\"uri\"", "\"taskId\""]
        .iter()
        .any(|word| text.contains(word))
    {
        return result.clone();
    }
    let Some(mut object) = Object::of(result) else {
        return result.clone();
    };
    for list in ["content", "contents"] {
        if let Some(items) = object.array(list) {
            let items: Vec<Raw> = items
                .into_iter()
                .map(|item| prefix_block(item, member))
                .collect();
            object.set(list, raw(&items));
        }
    }
    if let Some(messages) = object.array("messages") {
        let messages: Vec<Raw> = messages
            .into_iter()
            .map(|message| prefix_inside(message, "content", |block| prefix_block(block, member)))
            .collect();
        object.set("messages", raw(&messages));
    }
    prefix_member(&mut object, "taskId", member, Place::Task);
    if let Some(task) = object.get("task") {
        let task = prefix_item(task, member, Place::Task);
        object.set("task", task);
    }
    object.to_raw()
}

/// A content block: a link has a `uri`, an embedded resource has it inside.
fn prefix_block(block: &RawValue, member: &str) -> Raw {
    let linked = prefix_item(block, member, Place::Resource);
    prefix_inside(&linked, "resource", |resource| {
        prefix_item(resource, member, Place::Resource)
    })
}

fn prefix_inside(value: &RawValue, key: &'static str, change: impl Fn(&RawValue) -> Raw) -> Raw {
    let Some(mut object) = Object::of(value) else {
        return value.to_owned();
    };
    let Some(inside) = object.get(key).map(&change) else {
        return value.to_owned();
    };
    object.set(key, inside);
    object.to_raw()
}

/// A notification with the resource or task that it is about prefixed.
pub(super) fn prefix_notification(notification: Notification, member: &str) -> Notification {
    let place = match &*notification.method {
        "notifications/resources/updated" => Place::Resource,
        "notifications/tasks/status" | "notifications/tasks" => Place::Task,
        _ => return notification,
    };
    let params = notification
        .params
        .map(|params| prefix_item(&params, member, place));
    Notification {
        params,
        ..notification
    }
}

/// The part of an interest that concerns `member`.
pub(super) fn interest_in(interest: &Interest, member: &str) -> Interest {
    let own = |uri: &String| {
        let prefixed = split(uri, Place::Resource)?;
        (prefixed.member == member).then(|| prefixed.inner.to_owned())
    };
    Interest {
        resources: interest.resources.iter().filter_map(own).collect(),
        ..interest.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g7_a_name_leads_back_to_its_server() {
        let name = join("my-todo", "add__one", Place::Tool);
        assert_eq!(name, "my-todo__add__one");
        let split = split(&name, Place::Tool).unwrap();
        assert_eq!((split.member, split.inner), ("my-todo", "add__one"));
        assert_eq!(join("a", "file:///x", Place::Resource), "a+file:///x");
    }

    #[test]
    fn g6_results_change_where_they_name_resources_and_nowhere_else() {
        let plain: Raw =
            serde_json::from_str(r#"{"content":[{"type":"text","text":"uri"}],"x":1.0}"#).unwrap();
        assert_eq!(prefix_result(&plain, "a").get(), plain.get());
        let linked: Raw = serde_json::from_str(
            r#"{"content":[{"type":"resource_link","uri":"f:1","n":1.50},{"type":"resource","resource":{"uri":"f:2","text":"t"}}]}"#,
        )
        .unwrap();
        assert_eq!(
            prefix_result(&linked, "a").get(),
            r#"{"content":[{"type":"resource_link","uri":"a+f:1","n":1.50},{"type":"resource","resource":{"uri":"a+f:2","text":"t"}}]}"#
        );
    }

    #[test]
    fn completions_are_addressed_by_what_they_complete() {
        let request = Request {
            method: "completion/complete".to_owned(),
            params: Some(
                serde_json::from_str(
                    r#"{"ref":{"type":"ref/prompt","name":"a__p"},"argument":{}}"#,
                )
                .unwrap(),
            ),
        };
        let address = Address::of(&request).unwrap();
        let params = request.params.as_deref().unwrap();
        assert_eq!(address.read(params).as_deref(), Some("a__p"));
        assert_eq!(
            address.exchanged(params, "p").unwrap().get(),
            r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{}}"#
        );
    }
}
