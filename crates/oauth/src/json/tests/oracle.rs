//! The rule of the scanner in the words of `serde_json`: slower, and easier to believe (RFC 8259 §4).

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// How the keys begin that nobody may use.
const RESERVED: &str = "$serde_json::private::";

/// Whether `text` is JSON without an ambiguous object.
pub(super) fn is_unambiguous(text: &str) -> bool {
    serde_json::from_str::<Unambiguous>(text).is_ok()
}

/// Any JSON value without ambiguous objects; nothing of it is kept.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Unambiguous, M::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if key.starts_with(RESERVED) {
                return Err(M::Error::custom("a key is reserved"));
            }
            map.next_value::<Unambiguous>()?;
            if let Some(key) = keys.replace(key) {
                return Err(M::Error::custom(format_args!(
                    "the key `{key}` is there twice"
                )));
            }
        }
        Ok(Unambiguous)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Unambiguous, S::Error> {
        while elements.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }
}
