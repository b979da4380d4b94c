//! How an upstream is doing, and a breaker that keeps storms away from one that is not doing well.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oauth::random::Random;
use oauth::time::{Clock, NumericDate};
use tokio::time::Instant;

use super::trouble::Trouble;

/// How many failures in a row open the breaker.
const THRESHOLD: u32 = 5;
/// How long it stays open at first.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long it stays open at most.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long one call tries alone. One that takes longer says nothing yet, and the next one tries, too.
const TRIAL: Duration = Duration::from_secs(5);

/// Whether calls go through to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// They do.
    Closed,
    /// They are answered at once, without it.
    Open,
    /// One tries whether it is back, and another one if that takes long.
    HalfOpen,
}

/// How an upstream is doing.
#[derive(Clone, Debug)]
pub struct Health {
    /// Its name in the settings.
    pub name: String,
    /// Whether calls go through to it.
    pub state: State,
    /// Since when.
    pub since: NumericDate,
    /// What went wrong last, in words that anybody may read.
    pub last_error: Option<String>,
    /// How many child processes run.
    pub children: usize,
    /// How many sessions are open with it.
    pub sessions: usize,
    /// How many calls there were.
    pub calls: u64,
    /// How many of them it failed to answer.
    pub failures: u64,
}

/// Counts, and decides whether a call may try.
#[derive(Debug)]
pub(super) struct Breaker {
    name: String,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    inner: Mutex<Inner>,
    calls: AtomicU64,
    failures: AtomicU64,
    pub(super) children: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    since: NumericDate,
    in_a_row: u32,
    openings: u32,
    open_until: Instant,
    /// How many calls have tried whether it is back; the last of them is the one that is waited for.
    trials: u64,
    trial_until: Instant,
    last_error: Option<String>,
}

/// A call that may try; dropped without a word, it says nothing about the upstream.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    /// Its number, if it tries whether the upstream is back.
    trial: Option<u64>,
}

impl Breaker {
    pub(super) fn new(name: String, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let inner = Inner {
            state: State::Closed,
            since: clock.now(),
            in_a_row: 0,
            openings: 0,
            open_until: Instant::now(),
            trials: 0,
            trial_until: Instant::now(),
            last_error: None,
        };
        Self {
            name,
            clock,
            random,
            inner: Mutex::new(inner),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            children: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call through, or says when to come again.
    pub(super) fn admit(&self) -> Result<Pass<'_>, Trouble> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        let now = Instant::now();
        let trial = match inner.state {
            State::Closed => None,
            State::Open if now >= inner.open_until => {
                inner.enter(State::HalfOpen, self.clock.now());
                Some(inner.begin_trial(now))
            }
            State::HalfOpen if now >= inner.trial_until => Some(inner.begin_trial(now)),
            state => {
                let until = match state {
                    State::HalfOpen => inner.trial_until,
                    _ => inner.open_until,
                };
                drop(inner);
                self.failures.fetch_add(1, Ordering::Relaxed);
                return Err(Trouble::Withheld {
                    reason: "has failed several times and is left alone for a while",
                    retry_after: Some(until.saturating_duration_since(now).max(FIRST_PAUSE)),
                });
            }
        };
        drop(inner);
        Ok(Pass {
            breaker: self,
            trial,
        })
    }

    /// How the upstream is doing.
    pub(super) fn health(&self, sessions: usize) -> Health {
        let inner = self.lock();
        Health {
            name: self.name.clone(),
            state: inner.state,
            since: inner.since,
            last_error: inner.last_error.clone(),
            children: self.children.load(Ordering::Relaxed),
            sessions,
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

impl Pass<'_> {
    /// The upstream has answered, whatever it was.
    pub(super) fn good(mut self) {
        self.trial = None;
        let mut inner = self.breaker.lock();
        inner.in_a_row = 0;
        if inner.state != State::Closed {
            inner.openings = 0;
            inner.enter(State::Closed, self.breaker.clock.now());
            tracing::info!(upstream = self.breaker.name, "an upstream is back");
        }
    }

    /// It has not, because of `reason`.
    pub(super) fn bad(mut self, reason: &str) {
        self.trial = None;
        let breaker = self.breaker;
        breaker.failures.fetch_add(1, Ordering::Relaxed);
        let mut inner = breaker.lock();
        inner.last_error = Some(reason.to_owned());
        inner.in_a_row += 1;
        let opens = match inner.state {
            State::Closed => inner.in_a_row >= THRESHOLD,
            State::HalfOpen => true,
            State::Open => false,
        };
        if opens {
            let pause = backoff(inner.openings, FIRST_PAUSE, LONGEST_PAUSE, &*breaker.random);
            inner.openings = inner.openings.saturating_add(1);
            inner.open_until = Instant::now() + pause;
            inner.enter(State::Open, breaker.clock.now());
            tracing::warn!(
                upstream = breaker.name,
                reason,
                ?pause,
                "an upstream is left alone"
            );
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // A trial that was given up: the next call tries, unless another one does already.
        if let Some(trial) = self.trial {
            let mut inner = self.breaker.lock();
            if inner.state == State::HalfOpen && inner.trials == trial {
                inner.trial_until = Instant::now();
            }
        }
    }
}

impl Inner {
    fn begin_trial(&mut self, now: Instant) -> u64 {
        self.trials += 1;
        self.trial_until = now + TRIAL;
        self.trials
    }

    fn enter(&mut self, state: State, now: NumericDate) {
        self.state = state;
        self.since = now;
    }
}

/// A pause that doubles with every time, and differs a little so that not all come at once.
pub(super) fn backoff(
    times: u32,
    first: Duration,
    longest: Duration,
    random: &dyn Random,
) -> Duration {
    let pause = first.saturating_mul(1 << times.min(16)).min(longest);
    let mut byte = [0];
    random.fill(&mut byte);
    pause.mul_f64(0.75 + f64::from(byte[0]) / 1024.0)
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;
    use oauth::time::SystemClock;
    use tokio::time::advance;

    use super::*;

    /// A breaker that is open, and lets the next call try.
    async fn before_a_trial() -> Breaker {
        let breaker = Breaker::new(
            "notes".to_owned(),
            Arc::new(SystemClock),
            Arc::new(OsRandom),
        );
        for _ in 0..THRESHOLD {
            breaker.admit().unwrap().bad("is broken");
        }
        assert!(breaker.admit().is_err());
        advance(LONGEST_PAUSE).await;
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_takes_long_holds_nobody_else_up() {
        let breaker = before_a_trial().await;
        let long = breaker.admit().unwrap();
        let Err(Trouble::Withheld { retry_after, .. }) = breaker.admit() else {
            panic!("one tries alone at first");
        };
        assert_eq!(retry_after, Some(TRIAL));
        advance(TRIAL).await;
        breaker.admit().unwrap().good();
        assert_eq!(breaker.health(0).state, State::Closed);
        // That the first one is given up changes nothing any more.
        drop(long);
        assert_eq!(breaker.health(0).state, State::Closed);
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_is_given_up_leaves_it_to_the_next_one() {
        let breaker = before_a_trial().await;
        drop(breaker.admit().unwrap());
        let second = breaker.admit().unwrap();
        assert!(breaker.admit().is_err());
        second.bad("is still broken");
        assert_eq!(breaker.health(0).state, State::Open);
    }
}
