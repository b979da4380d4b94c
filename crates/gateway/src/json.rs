//! JSON objects whose members stay as they were written (RFC 8259).
//!
//! What passes through the gateway keeps its unknown members, the spelling of its numbers and the order
//! of its keys. So nothing is read into values of ours that need not be, and what changes is exchanged in
//! its place.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// A JSON value as it was written.
pub(crate) type Raw = Box<RawValue>;

/// The JSON form of `value`, which must be one that has a JSON form: strings, numbers, structs of them.
pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> Raw {
    to_raw_value(value).expect("strings, numbers and structs of them have a JSON form")
}

/// An object: its members in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Object<'a> {
    /// Reads `text`, or says that it is no object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Reads `value` if it is an object.
    pub(crate) fn of(value: &'a RawValue) -> Option<Self> {
        Self::parse(value.get()).ok()
    }

    /// The value of a member, as it was written.
    pub(crate) fn get(&self, key: &str) -> Option<&RawValue> {
        let member = self.0.iter().find(|(name, _)| name == key);
        member.map(|(_, value)| &**value)
    }

    /// A member that is an object.
    pub(crate) fn object(&self, key: &str) -> Option<Object<'_>> {
        Object::of(self.get(key)?)
    }

    /// A member that is a string, unescaped.
    pub(crate) fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
        let text: Text<'_> = serde_json::from_str(self.get(key)?.get()).ok()?;
        Some(text.0)
    }

    /// A member that is an array, element by element.
    pub(crate) fn array(&self, key: &str) -> Option<Vec<&RawValue>> {
        serde_json::from_str(self.get(key)?.get()).ok()
    }

    /// Whether there is such a member.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Gives a member another value, in its place, or adds it at the end.
    pub(crate) fn set(&mut self, key: impl Into<Cow<'a, str>>, value: Raw) {
        let key = key.into();
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, place)) => *place = Cow::Owned(value),
            None => self.0.push((key, Cow::Owned(value))),
        }
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Cow<'a, RawValue>> {
        let index = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(index).1)
    }

    /// Whether no name stands there twice: of two members, some readers take the first and some the last.
    pub(crate) fn is_unambiguous(&self) -> bool {
        let mut names = HashSet::with_capacity(self.0.len());
        self.0.iter().all(|(name, _)| names.insert(&**name))
    }

    /// The names of all members.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// All members.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there are no members.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object as a value.
    pub(crate) fn to_raw(&self) -> Raw {
        raw(self)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                #[derive(Deserialize)]
                #[serde(transparent)]
                struct Key<'k>(#[serde(borrow)] Cow<'k, str>);
                let mut members = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    members.push((key, Cow::Borrowed(value)));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g6_what_is_not_touched_stays_as_it_was_written() {
        let text = r#"{"b":1.50,"a":{"x":1e2,"y":12345678901234567890123},"c":"\u00e9"}"#;
        let mut object = Object::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&object).unwrap(), text);
        object.set("a", raw(&7));
        object.set("d", raw("new"));
        let changed = r#"{"b":1.50,"a":7,"c":"\u00e9","d":"new"}"#;
        assert_eq!(serde_json::to_string(&object).unwrap(), changed);
        assert_eq!(object.remove("b").unwrap().get(), "1.50");
        assert_eq!(object.text("c").as_deref(), Some("é"));
        assert!(!object.contains("b"));
    }
}
