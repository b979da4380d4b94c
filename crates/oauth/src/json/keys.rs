//! The keys of one object, of which none may be there twice (RFC 8259 §4).

use std::borrow::Cow;
use std::collections::HashSet;

/// The keys of one object so far; nearly every object has few, without escapes, and those need no
/// allocation.
#[derive(Default)]
pub(super) struct Keys<'a> {
    few: [&'a str; 8],
    count: usize,
    /// Hashed with a seed, so that nobody can choose keys that are slow to find.
    others: Option<HashSet<Cow<'a, str>>>,
}

impl<'a> Keys<'a> {
    pub(super) fn contains(&self, key: &str) -> bool {
        self.few[..self.count].contains(&key)
            || self
                .others
                .as_ref()
                .is_some_and(|others| others.contains(key))
    }

    pub(super) fn add(&mut self, key: Cow<'a, str>) {
        match (key, self.few.get_mut(self.count)) {
            (Cow::Borrowed(key), Some(free)) => {
                *free = key;
                self.count += 1;
            }
            (key, _) => {
                self.others.get_or_insert_default().insert(key);
            }
        }
    }
}
