//! The outside of a JSON-RPC message, read without copying (JSON-RPC 2.0, MCP base protocol).
//!
//! What is authorized must be what is carried out, so nothing here may be read in two ways: an object
//! with the same key twice is refused, wherever in the message it is, and so is a key that some readers
//! of JSON take for an instruction.

mod batch;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// The first revision whose requests carry their protocol version themselves.
const FIRST_STATELESS_REVISION: &str = "2026-07-28";

/// How the keys begin that `serde_json::Value` takes for an instruction.
///
/// `{"$serde_json::private::RawValue":"{…}"}` becomes the object inside the text, so a server behind the
/// guard would carry out what the guard has never seen.
const PRIVATE_KEYS: &str = "$serde_json::private::";

/// The parts of a JSON-RPC message that decisions are made on.
#[derive(Clone, Debug, Default)]
pub struct Envelope<'a> {
    /// The method; absent in a response.
    pub method: Option<Cow<'a, str>>,
    /// The id, as written; absent in a notification.
    pub id: Option<&'a RawValue>,
    /// `params._meta["io.modelcontextprotocol/protocolVersion"]`.
    pub protocol_version: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    uri: Option<Cow<'a, str>>,
    task_id: Option<Cow<'a, str>>,
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
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let walk = Walk {
            place: Place::Message,
            envelope: &mut envelope,
        };
        deserializer.deserialize_map(walk)?;
        deserializer.end()?;
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

    /// The tool that the message calls.
    pub fn called_tool(&self) -> Option<&str> {
        (self.method.as_deref() == Some("tools/call"))
            .then_some(self.name.as_deref())
            .flatten()
    }

    /// Whether the message is of a revision without sessions (2026-07-28 and later).
    pub fn is_stateless_revision(&self) -> bool {
        self.protocol_version.as_deref().is_some_and(is_stateless)
    }
}

/// Whether the revision `version` has no sessions; revisions are dates, so they compare as text.
pub(super) fn is_stateless(version: &str) -> bool {
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

/// Where in a message a value stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Message,
    Params,
    Meta,
    Method,
    Name,
    Uri,
    TaskId,
    ProtocolVersion,
    Elsewhere,
}

impl Place {
    fn child(self, key: &str) -> Self {
        match (self, key) {
            (Self::Message, "method") => Self::Method,
            (Self::Message, "params") => Self::Params,
            (Self::Params, "name") => Self::Name,
            (Self::Params, "uri") => Self::Uri,
            (Self::Params, "taskId") => Self::TaskId,
            (Self::Params, "_meta") => Self::Meta,
            (Self::Meta, "io.modelcontextprotocol/protocolVersion") => Self::ProtocolVersion,
            _ => Self::Elsewhere,
        }
    }
}

/// Walks through a value, collects what the envelope needs and refuses repeated keys.
struct Walk<'e, 'a> {
    place: Place,
    envelope: &'e mut Envelope<'a>,
}

impl<'a> Walk<'_, 'a> {
    fn keep(self, text: Cow<'a, str>) {
        let envelope = self.envelope;
        match self.place {
            Place::Method => envelope.method = Some(text),
            Place::Name => envelope.name = Some(text),
            Place::Uri => envelope.uri = Some(text),
            Place::TaskId => envelope.task_id = Some(text),
            Place::ProtocolVersion => envelope.protocol_version = Some(text),
            Place::Message | Place::Params | Place::Meta | Place::Elsewhere => {}
        }
    }
}

impl<'a> DeserializeSeed<'a> for Walk<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Walk<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.place == Place::Message {
            "an object"
        } else {
            "a JSON value"
        })
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let mut seen = Keys::default();
        while let Some(Key(key)) = map.next_key()? {
            if key.starts_with(PRIVATE_KEYS) {
                return Err(M::Error::custom(format_args!(
                    "no key may begin with `{PRIVATE_KEYS}`"
                )));
            }
            if self.place == Place::Message && key == "id" {
                let id: &RawValue = map.next_value()?;
                // What is inside a raw value is not walked through, so nothing may be inside it.
                if id.get().starts_with(['{', '[']) {
                    return Err(M::Error::custom("the id must be a string or a number"));
                }
                self.envelope.id = Some(id);
            } else {
                let place = self.place.child(&key);
                map.next_value_seed(Walk {
                    place,
                    envelope: self.envelope,
                })?;
            }
            if let Err(key) = seen.add(key) {
                return Err(M::Error::custom(format_args!(
                    "the key `{key}` is there twice"
                )));
            }
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut elements: S) -> Result<(), S::Error> {
        let place = Place::Elsewhere;
        while elements
            .next_element_seed(Walk {
                place,
                envelope: self.envelope,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.keep(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key of an object, unescaped, so that `"name"` and `"n\u0061me"` are the same.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The keys of one object so far; nearly every object has few, without escapes, and those need no
/// allocation.
#[derive(Default)]
struct Keys<'a> {
    few: [&'a str; 8],
    count: usize,
    others: HashSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    /// Adds a key, or gives it back if it was there.
    fn add(&mut self, key: Cow<'a, str>) -> Result<(), Cow<'a, str>> {
        let is_there = self.few[..self.count].contains(&&*key)
            || (!self.others.is_empty() && self.others.contains(&key));
        if is_there {
            return Err(key);
        }
        match (key, self.few.get_mut(self.count)) {
            (Cow::Borrowed(key), Some(free)) => {
                *free = key;
                self.count += 1;
            }
            (key, _) => {
                self.others.insert(key);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
