//! What rules look at: the caller, what they want, and the arguments, which are read when a rule asks.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt;

use oauth::json::is_disguised;
use resource_server::Caller;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::expression::{Budget, Inputs};
use super::operation::{Operation, Subject};

/// Whose client it is that makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientKind {
    /// A client that the operator has registered as their own, on behalf of a person.
    FirstParty,
    /// Any other client, on behalf of a person.
    ThirdParty,
    /// A client that acts for itself: its tokens name it as their subject (RFC 9068 §2.2).
    Machine,
}

impl ClientKind {
    /// The word in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstParty => "first_party",
            Self::ThirdParty => "third_party",
            Self::Machine => "machine",
        }
    }
}

/// The clients that belong to the operator, and who vouches for their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstParty {
    /// The issuer of their tokens: another one's client may have the same name.
    pub issuer: Option<String>,
    /// Their client identifiers.
    pub clients: BTreeSet<String>,
}

impl FirstParty {
    pub(super) fn kind(&self, caller: &Caller) -> ClientKind {
        match caller.client_id() {
            Some(client) if client == caller.subject() => ClientKind::Machine,
            Some(client)
                if self.clients.contains(client) && self.issuer.as_deref() == caller.issuer() =>
            {
                ClientKind::FirstParty
            }
            _ => ClientKind::ThirdParty,
        }
    }
}

/// Why the arguments of a call cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A list shows what could be called; nobody has called yet.
    NotKnownYet,
    /// They are no object, or name something twice.
    Wrong,
}

/// Everything that rules look at.
pub(super) struct Facts<'a> {
    pub(super) caller: &'a Caller,
    pub(super) operation: &'a Operation<'a>,
    pub(super) subject: Subject<'a>,
    pub(super) first_party: &'a FirstParty,
    /// Whether conditions on scopes count as fulfilled: what would be if the caller had them all.
    pub(super) scopes_aside: bool,
    arguments: OnceCell<Result<Value, Unreadable>>,
    inputs: OnceCell<Option<Inputs>>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        caller: &'a Caller,
        operation: &'a Operation<'a>,
        subject: Subject<'a>,
        first_party: &'a FirstParty,
    ) -> Self {
        Self {
            caller,
            operation,
            subject,
            first_party,
            scopes_aside: false,
            arguments: OnceCell::new(),
            inputs: OnceCell::new(),
        }
    }

    /// The same facts of a call whose arguments nobody knows yet.
    pub(super) fn as_listed(&self) -> Facts<'a> {
        let subject = Subject {
            is_listed: true,
            ..self.subject
        };
        Facts::new(self.caller, self.operation, subject, self.first_party)
    }

    /// The same facts of a caller who has every scope.
    pub(super) fn with_scopes_aside(&self) -> Facts<'a> {
        let facts = Facts::new(self.caller, self.operation, self.subject, self.first_party);
        Facts {
            scopes_aside: true,
            ..facts
        }
    }

    /// What expressions see of them, made once; nothing if there is too much of it.
    pub(super) fn inputs(&self, budget: &mut Budget) -> Option<&Inputs> {
        let inputs = self.inputs.get_or_init(|| Inputs::new(self, budget));
        inputs.as_ref()
    }

    /// The arguments of the call: what the upstream will understand, or nothing.
    pub(super) fn arguments(&self) -> Result<&Value, Unreadable> {
        let read = self.arguments.get_or_init(|| {
            if self.subject.is_listed {
                return Err(Unreadable::NotKnownYet);
            }
            let Some(written) = self.operation.arguments else {
                return Ok(Value::Object(Map::new()));
            };
            match serde_json::from_str(written) {
                Ok(Unambiguous(arguments @ Value::Object(_))) => Ok(arguments),
                _ => Err(Unreadable::Wrong),
            }
        });
        read.as_ref().map_err(|unreadable| *unreadable)
    }
}

/// Something on the way to a place is neither an object nor missing, or has a name that only nearly is the one
/// of the place: an upstream may find something there
/// where we see nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoWay;

/// What stands at a place, if anything does: a JSON pointer (RFC 6901) if it begins with a slash, else names
/// with dots between.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Result<Option<&'v Value>, NoWay> {
    let names: Vec<Cow<'_, str>> = match path.strip_prefix('/') {
        Some(pointer) => {
            let names = pointer.split('/');
            names
                .map(|name| name.replace("~1", "/").replace("~0", "~").into())
                .collect()
        }
        None => path.split('.').map(Cow::from).collect(),
    };
    let mut value = value;
    for name in names {
        let next = match value {
            Value::Object(members) => {
                // Some readers take `UserID` for `userId`, and of both the last (GHSA-wvj2-96wp-fq3f).
                if members.keys().any(|key| is_disguised(key, [&*name])) {
                    return Err(NoWay);
                }
                members.get(&*name)
            }
            Value::Array(list) if path.starts_with('/') => {
                let index: usize = name.parse().map_err(|_| NoWay)?;
                list.get(index)
            }
            Value::Null => None,
            _ => return Err(NoWay),
        };
        match next {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// A claim: by its whole name, or by a JSON pointer if that begins with a slash.
pub(super) fn claim<'c>(caller: &'c Caller, name: &str) -> Option<&'c Value> {
    let Some(path) = name.strip_prefix('/') else {
        return caller.claims().get(name);
    };
    let (first, rest) = match path.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let first = caller
        .claims()
        .get(&first.replace("~1", "/").replace("~0", "~"))?;
    match rest {
        Some(rest) => first.pointer(&format!("/{rest}")),
        None => Some(first),
    }
}

/// A JSON value in which no object names a member twice (RFC 8259 §4): of two members a rule would see
/// one, and the upstream perhaps the other.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Unambiguous;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Unambiguous, E> {
                Ok(Unambiguous(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Unambiguous, E> {
                Ok(Unambiguous(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Unambiguous, E> {
                Ok(Unambiguous(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Unambiguous, E> {
                Ok(Unambiguous(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Unambiguous, E> {
                Ok(Unambiguous(
                    Number::from_f64(value).map_or(Value::Null, Value::Number),
                ))
            }

            fn visit_str<E>(self, value: &str) -> Result<Unambiguous, E> {
                Ok(Unambiguous(value.into()))
            }

            fn visit_string<E>(self, value: String) -> Result<Unambiguous, E> {
                Ok(Unambiguous(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unambiguous, A::Error> {
                let mut values = Vec::new();
                while let Some(Unambiguous(value)) = list.next_element()? {
                    values.push(value);
                }
                Ok(Unambiguous(Value::Array(values)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unambiguous, A::Error> {
                let mut members = Map::new();
                while let Some((name, Unambiguous(value))) = map.next_entry::<String, _>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member stands there twice"));
                    }
                }
                Ok(Unambiguous(Value::Object(members)))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn d5_arguments_that_name_something_twice_are_not_read() {
        let read = |text: &str| serde_json::from_str(text).map(|Unambiguous(value)| value);
        let text = r#"{"a":[1,-2,2.5,null,true,"x\n"],"b":{"a":{}}}"#;
        assert_eq!(
            read(text).unwrap(),
            serde_json::from_str::<Value>(text).unwrap()
        );
        assert!(read(r#"{"a":1,"\u0061":2}"#).is_err());
        assert!(read(r#"{"b":[{"a":1,"a":1}]}"#).is_err());
    }

    #[test]
    fn places_in_arguments_and_claims() {
        let value = json!({"filter": {"owner": "alice"}, "a.b": 1});
        assert_eq!(at(&value, "filter.owner"), Ok(Some(&json!("alice"))));
        assert_eq!(at(&value, "/a.b"), Ok(Some(&json!(1))));
        assert_eq!(at(&value, "filter.none"), Ok(None));
        assert_eq!(at(&value, "filter.owner.name"), Err(NoWay));
        let list = json!({"filter": [{"owner": "root"}], "none": null});
        assert_eq!(at(&list, "filter.owner"), Err(NoWay));
        assert_eq!(at(&list, "/filter/0/owner"), Ok(Some(&json!("root"))));
        assert_eq!(at(&list, "none.owner"), Ok(None));
        for disguised in [
            json!({"filter": {"owner": "alice", "Owner": "root"}}),
            json!({"filter": {"OWNER": "root"}}),
            json!({"filter": {"owner": "alice"}, "Filter": {"owner": "root"}}),
        ] {
            assert_eq!(at(&disguised, "filter.owner"), Err(NoWay));
            assert_eq!(at(&disguised, "/filter/owner"), Err(NoWay));
        }
        let caller = Caller::new("alice")
            .with_claim("https://example.com/team", "red")
            .with_claim("org", json!({"unit": "x", "a/b": [1]}));
        assert_eq!(
            claim(&caller, "https://example.com/team"),
            Some(&json!("red"))
        );
        assert_eq!(claim(&caller, "/org/unit"), Some(&json!("x")));
        assert_eq!(claim(&caller, "/org/a~1b/0"), Some(&json!(1)));
        assert_eq!(claim(&caller, "sub"), Some(&json!("alice")));
        assert_eq!(claim(&caller, "none"), None);
    }

    #[test]
    fn a_client_of_another_issuer_is_not_ours() {
        let ours = FirstParty {
            issuer: Some("https://as.example".to_owned()),
            clients: ["console".to_owned()].into(),
        };
        let caller = Caller::new("alice").with_client_id("console");
        let from = |issuer: &str| ours.kind(&caller.clone().with_issuer(issuer));
        assert_eq!(from("https://as.example"), ClientKind::FirstParty);
        assert_eq!(from("https://other.example"), ClientKind::ThirdParty);
        let machine = Caller::new("console").with_client_id("console");
        assert_eq!(ours.kind(&machine), ClientKind::Machine);
        assert_eq!(ours.kind(&Caller::new("alice")), ClientKind::ThirdParty);
    }
}
