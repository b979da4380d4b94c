//! What was found of personal data in a call, and what was done with it, each way by itself: arguments may leave in
//! clear while the result is masked, and no record says of one what is true of the other.

use std::collections::BTreeMap;

use super::json::{number, string};
use super::{Action, Direction, Name};

/// How many types of personal data are listed each way, for each thing that was done.
const MOST_TYPES: usize = 32;

/// Counts of values, by direction, by what was done, and by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found(BTreeMap<(Direction, Action), Vec<(Name, u32)>>);

impl Found {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts of the same type add up; what is one type too many counts as `OTHER`.
    pub(crate) fn add(&mut self, direction: Direction, action: Action, kind: Name, count: u32) {
        if count == 0 {
            return;
        }
        let kinds = self.0.entry((direction, action)).or_default();
        if let Some((_, sum)) = kinds.iter_mut().find(|(known, _)| *known == kind) {
            *sum = sum.saturating_add(count);
        } else if kinds.len() < MOST_TYPES {
            kinds.push((kind, count));
        } else if let Some((last, sum)) = kinds.last_mut() {
            *last = Name::from("OTHER");
            *sum = sum.saturating_add(count);
        }
    }

    /// Whether something was refused because of the personal data in it.
    pub(crate) fn is_rejected(&self) -> bool {
        self.0.keys().any(|(_, action)| *action == Action::Rejected)
    }

    /// Writes an object of directions, of actions, of types: `{"result":{"masked":{"EMAIL":2}}}`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut open = None;
        for ((direction, action), kinds) in &self.0 {
            match open {
                Some(before) if before == *direction => out.push(b','),
                Some(_) => out.extend_from_slice(b"},"),
                None => out.push(b'{'),
            }
            if open != Some(*direction) {
                string(out, direction.name());
                out.extend_from_slice(b":{");
                open = Some(*direction);
            }
            string(out, action.name());
            for (n, (kind, count)) in kinds.iter().enumerate() {
                out.extend_from_slice(if n == 0 { b":{" } else { b"," });
                string(out, kind.as_str());
                out.push(b':');
                number(out, (*count).into());
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"}}");
    }
}
