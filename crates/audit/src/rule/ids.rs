//! Enumeration: calls that ask for one id after the other (OWASP API1).
//!
//! Events hold no values, so this is looked at before a value is forgotten: what is recorded is only
//! how many calls in a row asked for the next id.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::event::{Name, Pseudonym};

/// How many pairs of person and tool are remembered.
const MOST: usize = 10_000;

/// How far the next id of a walk may be from the one before.
const LARGEST_STEP: u64 = 8;

/// Follows the ids that are asked for. It forgets the values as soon as the next one comes, and
/// everything when there are too many people to follow.
#[derive(Debug, Default)]
pub struct IdRuns {
    runs: Mutex<HashMap<(Option<Pseudonym>, Name), Run, foldhash::fast::RandomState>>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    last: u64,
    step: i64,
    length: u32,
}

impl IdRuns {
    /// Follows nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// This person asks this tool for this id now; returns how many ids in a row it is.
    ///
    /// The id is an integer among the arguments, or the number at the end of a text among them.
    pub fn observe(&self, user: Option<Pseudonym>, tool: &Name, id: u64) -> u32 {
        let mut runs = self.runs.lock().expect("nobody panics with the lock");
        if runs.len() >= MOST && !runs.contains_key(&(user, tool.clone())) {
            runs.clear();
        }
        let fresh = Run {
            last: id,
            step: 0,
            length: 1,
        };
        let run = runs.entry((user, tool.clone())).or_insert(fresh);
        let distance = id.abs_diff(run.last);
        if distance == 0 {
            return run.length;
        }
        let step = i64::try_from(distance).unwrap_or(i64::MAX);
        let step = if id > run.last { step } else { -step };
        if distance > LARGEST_STEP {
            *run = fresh;
        } else if step == run.step {
            run.length = run.length.saturating_add(1);
        } else {
            run.length = 2;
        }
        run.last = id;
        run.step = if run.length == 1 { 0 } else { step };
        run.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_a_row_are_counted() {
        let runs = IdRuns::new();
        let tool = Name::from("get-customer");
        let mut ask = |id| runs.observe(None, &tool, id);
        let walk: Vec<_> = (100..105).map(&mut ask).collect();
        assert_eq!(walk, [1, 2, 3, 4, 5]);
        assert_eq!(ask(104), 5, "the same one again is no step");
        assert_eq!(ask(4711), 1);
        let back: Vec<_> = [4709, 4707, 4705].into_iter().map(&mut ask).collect();
        assert_eq!(back, [2, 3, 4]);
        let people: Vec<_> = [91_223, 14, 774_100].into_iter().map(ask).collect();
        assert_eq!(people, [1, 1, 1]);
    }

    #[test]
    fn whoever_comes_last_is_still_followed() {
        let runs = IdRuns::new();
        for n in 0..2 * MOST {
            runs.observe(None, &Name::from(n.to_string()), 1);
        }
        let tool = Name::from("last");
        runs.observe(None, &tool, 1);
        assert_eq!(runs.observe(None, &tool, 2), 2);
        assert!(runs.runs.lock().unwrap().len() <= MOST);
    }
}
