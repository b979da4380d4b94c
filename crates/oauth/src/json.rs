//! JSON from strangers, read in one way only (RFC 8259 §4).

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// Keys with which `serde_json` marks values of its own; from outside they would smuggle a document
/// inside a string past whoever looked at the keys.
const RESERVED: &str = "$serde_json::private::";

/// Parses `bytes`, refusing objects that two readers could understand differently: one with the same
/// key twice, or with a key that `serde_json` keeps for itself.
pub fn from_stranger<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice::<Unambiguous>(bytes)?;
    serde_json::from_slice(bytes)
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn ordinary_documents_are_read() {
        let text = r#"{"a":[1,-2,3.5,null,true,"x"],"b":{"a":{}}}"#;
        let value: Value = from_stranger(text.as_bytes()).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn ambiguous_documents_are_refused() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":{"a":1,"a":2}}]"#,
            r#"{"x":{"$serde_json::private::RawValue":"{}"}}"#,
            r#"{"$serde_json::private::Number":"1"}"#,
        ] {
            assert!(from_stranger::<Value>(text.as_bytes()).is_err(), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(
            from_stranger::<Value>(deep.as_bytes()).is_err(),
            "and not by a stack overflow"
        );
    }
}
