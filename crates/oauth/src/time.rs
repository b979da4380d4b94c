//! Points in time as the standards write them (`NumericDate`, RFC 7519 §2), and the clock they come from.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize};

/// Seconds since 1970-01-01T00:00:00Z, ignoring leap seconds (RFC 7519 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct NumericDate(pub i64);

/// RFC 7519 §2 allows fractions of a second on the wire; they are dropped.
impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`as` saturates, which is what a date in \
            the far future should do"
        )]
        let seconds = number
            .as_i64()
            .or_else(|| number.as_f64().map(|seconds| seconds as i64));
        seconds
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a NumericDate"))
    }
}

impl NumericDate {
    /// This point in time moved later by `duration`; fractions of a second are dropped.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(duration.as_secs()))
    }

    /// This point in time moved earlier by `duration`; fractions of a second are dropped.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(duration.as_secs()))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whether this is less than `age` ago at `now`.
    ///
    /// A moment in the future is not: the clock was set back, and nobody knows how long ago it was.
    /// What is asked for again only after a while, or kept for a while, would otherwise stand still.
    pub fn is_younger_than(self, age: Duration, now: Self) -> bool {
        self <= now && now.since(self) < age
    }
}

impl fmt::Display for NumericDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where "now" comes from: [`SystemClock`] in a running house, [`ManualClock`] in tests.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> NumericDate;

    /// The current time in milliseconds since the epoch, for records that follow each other closely.
    fn now_millis(&self) -> i64 {
        self.now().0.saturating_mul(1000)
    }
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> NumericDate {
        NumericDate(i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX))
    }

    fn now_millis(&self) -> i64 {
        i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one door through which time enters"
)]
fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// A clock that moves only when it is told to; clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: NumericDate) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: NumericDate) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock forward by whole seconds.
    pub fn advance(&self, duration: Duration) {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> NumericDate {
        NumericDate(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(
            NumericDate(i64::MAX).plus(Duration::from_secs(1)),
            NumericDate(i64::MAX)
        );
        assert_eq!(NumericDate(5).since(NumericDate(9)), Duration::ZERO);
        assert_eq!(NumericDate(9).since(NumericDate(5)), Duration::from_secs(4));
    }

    #[test]
    fn what_lies_in_the_future_is_not_young() {
        let young = |moment, now| {
            NumericDate(moment).is_younger_than(Duration::from_secs(30), NumericDate(now))
        };
        assert!(young(100, 100) && young(100, 129));
        assert!(!young(100, 130) && !young(100, 99));
    }

    #[test]
    fn clones_of_a_manual_clock_move_together() {
        let clock = ManualClock::at(NumericDate(100));
        let other = clock.clone();
        clock.advance(Duration::from_secs(5));
        assert_eq!(other.now(), NumericDate(105));
    }
}
