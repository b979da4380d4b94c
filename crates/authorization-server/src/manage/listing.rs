//! Lists page by page, and changes of single fields (RFC 7396).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};
use store::{Page, Versioned};

/// A part of a list, newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct Listing<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Listing<T> {
    /// A list on one page.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// A page as the store gave it for `page`.
    pub(super) fn of<R>(records: &[Versioned<R>], page: &Page, view: impl Fn(&R) -> T) -> Self {
        Self {
            items: records.iter().map(|record| view(&record.record)).collect(),
            next: page.next(records),
        }
    }
}

/// What becomes of a field that may be empty: a JSON merge patch leaves it out, sets it, or sets it
/// to `null` (RFC 7396 §1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays what it is.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Change<T> {
    /// Does to `field` what is asked for.
    pub(super) fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

/// A field that is there: whoever leaves it out gets the default, [`Change::Keep`].
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(deserializer)?;
        Ok(value.map_or(Self::Clear, Self::Set))
    }
}

impl<T: JsonSchema> JsonSchema for Change<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7396_absent_null_and_set_are_three_things() {
        #[derive(Deserialize)]
        struct Patch {
            #[serde(default)]
            name: Change<String>,
        }
        let after = |text: &str| {
            let mut name = Some("before".to_owned());
            let patch: Patch = serde_json::from_str(text).unwrap();
            patch.name.apply(&mut name);
            name
        };
        assert_eq!(after("{}").as_deref(), Some("before"));
        assert_eq!(after(r#"{"name":null}"#), None);
        assert_eq!(after(r#"{"name":"after"}"#).as_deref(), Some("after"));
    }
}
