//! Rules about personal data: how much, about how many people, in which order, and secrets.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;

use foldhash::fast::{FixedState, RandomState};

use super::engine::{AlertParts, Seen};
use super::window::Windows;
use super::{Finding, Rule, Thresholds};
use crate::event::{EventType, Severity};
use crate::record::Found;

/// A caller that reads much every day is measured by itself, but not below this share of the threshold.
const LEAST_PERCENT: u64 = 40;

/// How far above its own median a caller is unusual, in median absolute deviations.
const DEVIATIONS: u64 = 6;

/// How many windows of a caller's past make a usual, and how many are remembered.
const LEAST_PAST: usize = 50;
const MOST_PAST: usize = 500;

/// How many callers have a past, grants are followed, and things are remembered as told.
const MOST_CALLERS: usize = 20_000;

/// How many events make the usual hours of a person.
const LEAST_EVENTS: u32 = 200;

/// How long a rule that needs one event alone is silent about the same thing.
const QUIET: i64 = 60 * 60 * 1000;

#[derive(Debug)]
pub(super) struct Data {
    thresholds: Thresholds,
    values: Windows,
    subjects: Windows,
    past: HashMap<Box<str>, Past, RandomState>,
    hours: HashMap<Box<str>, Hours, RandomState>,
    walks: HashMap<Box<str>, i64, RandomState>,
    secrets: HashMap<Box<str>, i64, RandomState>,
    hasher: FixedState,
}

impl Data {
    pub(super) fn new(thresholds: &Thresholds) -> Self {
        Self {
            values: Windows::new(thresholds.mass_read_window),
            subjects: Windows::new(thresholds.many_subjects_window),
            thresholds: thresholds.clone(),
            past: HashMap::default(),
            hours: HashMap::default(),
            walks: HashMap::default(),
            secrets: HashMap::default(),
            hasher: FixedState::default(),
        }
    }

    pub(super) fn observe(&mut self, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
        if !matches!(seen.kind, EventType::CallOutcome | EventType::PiiAction) {
            return;
        }
        let is_unusual_hour = self.is_unusual_hour(seen);
        // What a caller cannot read is no leak. But a tool that answers with secrets has them, and whoever looks at one
        // record after the other does so whatever the policy leaves of each.
        findings.extend(self.secret(seen));
        findings.extend(self.mass_read(seen, is_unusual_hour));
        if seen.record.found().any(|found| found.came_back()) {
            findings.extend(self.many_subjects(seen, is_unusual_hour));
        }
        findings.extend(self.enumeration(seen));
    }

    fn mass_read(&mut self, seen: &Seen<'_>, is_unusual_hour: bool) -> Option<Finding> {
        let threshold = self.thresholds.mass_read;
        let in_clear = seen.record.found().filter(Found::reached_the_caller);
        let amount = in_clear.map(|found| u64::from(found.count)).sum();
        if threshold == 0 || amount == 0 {
            return None;
        }
        // One client may serve many people, and each of them is a caller of their own.
        let key = seen.caller()?;
        let sum = self
            .values
            .add(key, seen.time, seen.record.sequence, amount, 0)
            .sum;
        let window = i64::try_from(self.values.seconds()).unwrap_or(i64::MAX) * 1000;
        make_room(&mut self.past, |past| past.bucket);
        let past = self.past.entry(key.into()).or_default();
        past.add(seen.time / window.max(1), amount);
        let mut limit = threshold;
        let floor = threshold.saturating_mul(LEAST_PERCENT) / 100;
        if sum > floor
            && let Some(usual) = past.usual()
        {
            limit = limit.min(usual.max(floor));
        }
        // Who reads at hours at which they never do is given half as much.
        let limit = if is_unusual_hour { limit / 2 } else { limit };
        if sum <= limit || !self.values.speak(key, seen.time) {
            return None;
        }
        let alert = AlertParts {
            count: sum,
            threshold: limit,
            window_seconds: self.values.seconds(),
            evidence: self.values.evidence(key),
        };
        Some(seen.finding(Rule::MassRead, Severity::High, alert))
    }

    fn many_subjects(&mut self, seen: &Seen<'_>, is_unusual_hour: bool) -> Option<Finding> {
        let threshold = self.thresholds.many_subjects;
        let record = seen.record;
        if threshold == 0 || record.subjects.is_empty() {
            return None;
        }
        let key = seen.caller()?;
        let mut kinds = 0;
        for subject in &record.subjects {
            let kind = self.hasher.hash_one(subject);
            kinds = self
                .subjects
                .add(key, seen.time, record.sequence, 0, kind)
                .kinds;
        }
        // Those who are not listed may be the same as before; but so many there were at once.
        let kinds = kinds.max(record.subject_count.unwrap_or_default().into());
        let limit = if is_unusual_hour {
            threshold / 2
        } else {
            threshold
        };
        if kinds <= limit || !self.subjects.speak(key, seen.time) {
            return None;
        }
        let alert = AlertParts {
            count: kinds,
            threshold: limit,
            window_seconds: self.subjects.seconds(),
            evidence: self.subjects.evidence(key),
        };
        Some(seen.finding(Rule::ManySubjects, Severity::High, alert))
    }

    fn enumeration(&mut self, seen: &Seen<'_>) -> Option<Finding> {
        let threshold = self.thresholds.enumeration;
        let length = u64::from(seen.record.id_run?);
        if threshold == 0 || length < threshold {
            return None;
        }
        let key = format!("{}\0{}", seen.caller()?, seen.record.tool_name.as_deref()?);
        if !speak(&mut self.walks, &key, seen.time) {
            return None;
        }
        let sequence = seen.record.sequence;
        let alert = AlertParts {
            count: length,
            threshold,
            window_seconds: 0,
            evidence: vec![sequence],
        };
        Some(seen.finding(Rule::Enumeration, Severity::High, alert))
    }

    fn secret(&mut self, seen: &Seen<'_>) -> Option<Finding> {
        let secrets = seen.record.found().filter(|found| found.kind == "SECRET");
        let came_back: Vec<_> = secrets.filter(Found::came_back).collect();
        if came_back.is_empty() {
            return None;
        }
        let count = came_back.iter().map(|found| u64::from(found.count)).sum();
        // Where the policy hid it nobody has it; that the tool gives it away is to be looked at all the same.
        let severity = if came_back.iter().any(Found::reached_the_caller) {
            Severity::High
        } else {
            Severity::Medium
        };
        let server = seen.record.server.as_deref().unwrap_or_default();
        let tool = seen.record.tool_name.as_deref().unwrap_or_default();
        let key = format!("{}\0{server}\0{tool}", severity.name());
        if !speak(&mut self.secrets, &key, seen.time) {
            return None;
        }
        let alert = AlertParts {
            count,
            threshold: 1,
            window_seconds: 0,
            evidence: vec![seen.record.sequence],
        };
        Some(seen.finding(Rule::SecretInResult, severity, alert))
    }

    /// Whether the person is never active at this time of the day; and remembers that they are now.
    fn is_unusual_hour(&mut self, seen: &Seen<'_>) -> bool {
        let Some(user) = seen.record.user_id.as_deref() else {
            return false;
        };
        make_room(&mut self.hours, |hours| hours.latest);
        let hours = self.hours.entry(user.into()).or_default();
        hours.latest = seen.time;
        hours.observe(usize::try_from(seen.time / 3_600_000 % 24).unwrap_or_default())
    }
}

/// How much a caller has read in the windows before this one.
#[derive(Debug, Default)]
struct Past {
    bucket: i64,
    sum: u64,
    sums: VecDeque<u64>,
}

impl Past {
    fn add(&mut self, bucket: i64, amount: u64) {
        if bucket != self.bucket {
            if self.sum > 0 {
                self.sums.push_back(self.sum);
            }
            if self.sums.len() > MOST_PAST {
                self.sums.pop_front();
            }
            (self.bucket, self.sum) = (bucket, 0);
        }
        self.sum += amount;
    }

    /// How much is still usual; nothing, as long as there is too little past.
    fn usual(&self) -> Option<u64> {
        if self.sums.len() < LEAST_PAST {
            return None;
        }
        let mut sums: Vec<_> = self.sums.iter().copied().collect();
        let middle = median(&mut sums);
        for sum in &mut sums {
            *sum = sum.abs_diff(middle);
        }
        Some(middle + DEVIATIONS * median(&mut sums).max(1))
    }
}

fn median(numbers: &mut [u64]) -> u64 {
    let middle = numbers.len() / 2;
    *numbers.select_nth_unstable(middle).1
}

/// When a person is active, by the hours of the day.
#[derive(Debug, Default)]
struct Hours {
    counts: [u32; 24],
    latest: i64,
}

impl Hours {
    fn observe(&mut self, hour: usize) -> bool {
        let total: u32 = self.counts.iter().sum();
        let around: u32 = [hour + 23, hour, hour + 1]
            .iter()
            .map(|hour| self.counts[hour % 24])
            .sum();
        let is_unusual = total >= LEAST_EVENTS && around * 100 < total;
        self.counts[hour] += 1;
        if total > 10_000 {
            // What was long ago counts half, so that people may change their habits.
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
        is_unusual
    }
}

/// Whether to speak of something for which one event is enough; then not again for an hour.
pub(super) fn speak(
    spoken: &mut HashMap<Box<str>, i64, RandomState>,
    key: &str,
    time: i64,
) -> bool {
    // A silence that would last longer than any does was begun by a clock that has been set back since.
    let is_silent = |until: &i64| time < *until && *until <= time.saturating_add(QUIET);
    if spoken.get(key).is_some_and(is_silent) {
        return false;
    }
    make_room(spoken, |until| *until);
    spoken.insert(key.into(), time.saturating_add(QUIET));
    true
}

/// Forgets those who are quiet longest, half of them at once, when there are too many.
pub(super) fn make_room<V>(
    map: &mut HashMap<Box<str>, V, RandomState>,
    latest: impl Fn(&V) -> i64,
) {
    if map.len() < MOST_CALLERS {
        return;
    }
    let mut times: Vec<_> = map.values().map(&latest).collect();
    let middle = times.len() / 2;
    let (_, &mut median, _) = times.select_nth_unstable(middle);
    map.retain(|_, value| latest(value) > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_told_there_is_no_more_than_so_much_and_no_silence_without_end() {
        let mut spoken = HashMap::default();
        for (n, time) in (0..3 * MOST_CALLERS).zip(0..) {
            assert!(speak(&mut spoken, &n.to_string(), time));
        }
        assert!(spoken.len() <= MOST_CALLERS);
        assert!(speak(&mut spoken, "told", 10 * QUIET));
        assert!(!speak(&mut spoken, "told", 11 * QUIET - 1));
        assert!(speak(&mut spoken, "told", QUIET), "the clock was set back");
    }
}
