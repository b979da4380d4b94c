//! How many different people data were about: a number where the log names all of them, and else two between which it is.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use serde::Serialize;

use crate::record::Record;

/// A number of different people. A record lists thousands; of one with more, nobody can tell whether those who are not
/// listed are others than those of another record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct People {
    /// There are at least so many.
    pub at_least: u64,
    /// There are no more.
    pub at_most: u64,
}

/// Counts people over records.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    listed: HashSet<String, RandomState>,
    unlisted: u64,
    largest: u64,
}

impl Crowd {
    pub(super) fn add(&mut self, record: &Record<'_>) {
        for subject in &record.subjects {
            if !self.listed.contains(&**subject) {
                self.listed.insert(subject.to_string());
            }
        }
        let listed = record.subjects.len() as u64;
        let all = u64::from(record.subject_count.unwrap_or_default()).max(listed);
        self.unlisted += all - listed;
        self.largest = self.largest.max(all);
    }

    pub(super) fn people(&self) -> People {
        let listed = self.listed.len() as u64;
        People {
            at_least: listed.max(self.largest),
            at_most: listed + self.unlisted,
        }
    }
}
