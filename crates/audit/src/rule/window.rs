//! Sliding windows per key: how much there was, of how many kinds, and which events show it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;

/// How many keys one window follows; who is quiet longest is forgotten first.
const MOST_KEYS: usize = 20_000;

/// How many entries one key has; a busier one forgets its oldest.
const MOST_ENTRIES: usize = 20_000;

/// How many events an alert names.
const MOST_EVIDENCE: usize = 20;

/// A window of some length over entries of many keys.
#[derive(Debug)]
pub(super) struct Windows {
    length: i64,
    keys: HashMap<Box<str>, Window, RandomState>,
}

#[derive(Debug, Default)]
struct Window {
    entries: VecDeque<Entry>,
    sum: u64,
    /// How often each kind is in the window.
    kinds: HashMap<u64, u32, RandomState>,
    latest: i64,
    /// Until then nothing more is said about this key.
    silent_until: i64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    time: i64,
    sequence: u64,
    amount: u64,
    kind: u64,
}

/// What is in the window of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The sum of the amounts.
    pub(super) sum: u64,
    /// How many different kinds.
    pub(super) kinds: u64,
}

impl Windows {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length: i64::try_from(length.as_millis()).unwrap_or(i64::MAX),
            keys: HashMap::default(),
        }
    }

    /// Adds an entry and returns what is in the window of its key now.
    pub(super) fn add(
        &mut self,
        key: &str,
        time: i64,
        sequence: u64,
        amount: u64,
        kind: u64,
    ) -> Seen {
        if !self.keys.contains_key(key) {
            self.make_room();
            self.keys.insert(key.into(), Window::default());
        }
        let window = self.keys.get_mut(key).expect("it is there now");
        if window.latest.saturating_sub(time) > self.length {
            // The clock went back: what is dated later would stay until that time comes again.
            *window = Window::default();
        }
        window.latest = window.latest.max(time);
        window.forget(window.latest.saturating_sub(self.length));
        if window.entries.len() >= MOST_ENTRIES {
            window.pop();
        }
        window.entries.push_back(Entry {
            time,
            sequence,
            amount,
            kind,
        });
        window.sum += amount;
        *window.kinds.entry(kind).or_default() += 1;
        window.seen()
    }

    /// What is in the window of a key at a time.
    pub(super) fn seen(&mut self, key: &str, time: i64) -> Seen {
        let from = time.saturating_sub(self.length);
        let Some(window) = self.keys.get_mut(key) else {
            return Seen::default();
        };
        window.forget(from);
        window.seen()
    }

    /// Whether to speak about a key now; having spoken, it is silent for as long as the window is.
    pub(super) fn speak(&mut self, key: &str, time: i64) -> bool {
        let Some(window) = self.keys.get_mut(key) else {
            return false;
        };
        if time < window.silent_until {
            return false;
        }
        window.silent_until = time.saturating_add(self.length);
        true
    }

    /// The latest events in the window of a key.
    pub(super) fn evidence(&self, key: &str) -> Vec<u64> {
        let Some(window) = self.keys.get(key) else {
            return Vec::new();
        };
        let mut latest: Vec<_> = window
            .entries
            .iter()
            .rev()
            .map(|entry| entry.sequence)
            .collect();
        latest.dedup();
        latest.truncate(MOST_EVIDENCE);
        latest.reverse();
        latest
    }

    /// How long the window is, in seconds.
    pub(super) fn seconds(&self) -> u64 {
        u64::try_from(self.length / 1000).unwrap_or_default()
    }

    fn make_room(&mut self) {
        if self.keys.len() < MOST_KEYS {
            return;
        }
        // Half of them at once, so that this is rare.
        let mut times: Vec<_> = self.keys.values().map(|window| window.latest).collect();
        let middle = times.len() / 2;
        let (_, &mut median, _) = times.select_nth_unstable(middle);
        self.keys.retain(|_, window| window.latest > median);
    }
}

impl Window {
    fn seen(&self) -> Seen {
        Seen {
            sum: self.sum,
            kinds: self.kinds.len() as u64,
        }
    }

    /// Drops what is older than `from`.
    fn forget(&mut self, from: i64) {
        while self.entries.front().is_some_and(|entry| entry.time < from) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        self.sum -= entry.amount;
        if let Some(count) = self.kinds.get_mut(&entry.kind) {
            *count -= 1;
            if *count == 0 {
                self.kinds.remove(&entry.kind);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_window_does_not_count() {
        let mut windows = Windows::new(Duration::from_secs(10));
        assert_eq!(windows.add("a", 0, 1, 5, 1), Seen { sum: 5, kinds: 1 });
        assert_eq!(windows.add("a", 9_000, 2, 5, 2), Seen { sum: 10, kinds: 2 });
        assert_eq!(windows.add("b", 9_000, 3, 1, 2), Seen { sum: 1, kinds: 1 });
        assert_eq!(
            windows.add("a", 10_001, 4, 5, 2),
            Seen { sum: 10, kinds: 1 }
        );
        assert_eq!(windows.evidence("a"), [2, 4]);
        assert_eq!(windows.seen("a", 60_000), Seen::default());
    }

    #[test]
    fn one_key_is_spoken_of_once_per_window() {
        let mut windows = Windows::new(Duration::from_secs(10));
        windows.add("a", 0, 1, 1, 0);
        assert!(windows.speak("a", 0));
        assert!(!windows.speak("a", 9_999));
        assert!(windows.speak("a", 10_000));
        assert!(!windows.speak("nobody", 0));
    }

    #[test]
    fn a_clock_that_was_wrong_for_a_moment_silences_nobody_and_counts_nothing_for_ever() {
        let mut windows = Windows::new(Duration::from_secs(10));
        let wrong = 1_000_000_000;
        windows.add("a", 0, 1, 1, 1);
        windows.add("a", wrong, 2, 1, 2);
        assert!(windows.speak("a", wrong));
        assert_eq!(windows.add("a", 1_000, 3, 1, 3), Seen { sum: 1, kinds: 1 });
        assert_eq!(windows.add("a", 20_000, 4, 1, 4), Seen { sum: 1, kinds: 1 });
        assert!(windows.speak("a", 20_000));
    }

    #[test]
    fn memory_is_bounded() {
        let mut windows = Windows::new(Duration::from_secs(10));
        for n in 0..3 * MOST_KEYS as u64 {
            windows.add(&n.to_string(), n.cast_signed(), n, 1, 0);
        }
        assert!(windows.keys.len() <= MOST_KEYS);
        for n in 0..3 * MOST_ENTRIES as u64 {
            windows.add("busy", 0, n, 1, n);
        }
        assert_eq!(windows.keys["busy"].entries.len(), MOST_ENTRIES);
        assert_eq!(windows.keys["busy"].kinds.len(), MOST_ENTRIES);
    }
}
