//! Personal data as they stand in a line: `{"result":{"masked":{"EMAIL":2}}}`, and formerly `{"EMAIL":2}`, when one
//! direction and one action were said of all of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::event::{Action, Direction};

/// Counts by type.
type Counts<'a> = BTreeMap<Cow<'a, str>, u32>;

/// What a line says about personal data. Words that a later version may add are text here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonalData<'a>(#[serde(borrow)] BTreeMap<Cow<'a, str>, Member<'a>>);

/// Of a direction, or of a type in lines of former versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Count(u32),
    Actions(BTreeMap<Cow<'a, str>, Counts<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Either)
    }
}

/// Tells the two by what stands there, without a copy of it.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Member<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count, or counts by action and type")
    }

    fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Self::Value, E> {
        Ok(Member::Count(u32::try_from(count).unwrap_or(u32::MAX)))
    }

    fn visit_map<A: MapAccess<'de>>(self, actions: A) -> Result<Self::Value, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(actions)).map(Member::Actions)
    }
}

/// So many values of a type, which way they were going, and what was done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Which way; nothing where a line does not say so.
    pub direction: Option<Direction>,
    /// What was done; nothing where a line does not say so.
    pub action: Option<Action>,
    /// The type.
    pub kind: &'a str,
    /// How many.
    pub count: u32,
}

impl PersonalData<'_> {
    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them; `direction` and `action` are those of the whole line, for where nothing closer is said.
    pub(super) fn found(
        &self,
        direction: Option<Direction>,
        action: Option<Action>,
    ) -> impl Iterator<Item = Found<'_>> {
        self.0.iter().flat_map(move |(word, member)| {
            let one = match member {
                Member::Count(count) => Some(Found {
                    direction,
                    action,
                    kind: word,
                    count: *count,
                }),
                Member::Actions(_) => None,
            };
            let actions = match member {
                Member::Actions(actions) => Some(actions),
                Member::Count(_) => None,
            };
            let each = actions
                .into_iter()
                .flatten()
                .flat_map(move |(action, counts)| {
                    counts.iter().map(move |(kind, count)| Found {
                        direction: Direction::parse(word),
                        action: Action::parse(action),
                        kind,
                        count: *count,
                    })
                });
            one.into_iter().chain(each)
        })
    }
}

impl Found<'_> {
    /// Whether it came back to the caller, in whatever form.
    pub fn came_back(&self) -> bool {
        self.direction != Some(Direction::Arguments) && !self.action.is_some_and(Action::stops)
    }

    /// Whether it reached the caller as it is, for all that is known.
    pub fn reached_the_caller(&self) -> bool {
        self.came_back() && !self.action.is_some_and(Action::hides)
    }
}

/// As tables and terminals show it: `result:masked:EMAIL:2`.
impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = self.direction.map_or("unknown", Direction::name);
        let action = self.action.map_or("none", Action::name);
        write!(f, "{direction}:{action}:{}:{}", self.kind, self.count)
    }
}
