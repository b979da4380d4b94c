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

/// Whether calls go through to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// They do.
    Closed,
    /// They are answered at once, without it.
    Open,
    /// One tries whether it is back.
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
    last_error: Option<String>,
}

/// A call that may try; dropped without a word, it says nothing about the upstream.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    is_trial: bool,
}

impl Breaker {
    pub(super) fn new(name: String, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let inner = Inner {
            state: State::Closed,
            since: clock.now(),
            in_a_row: 0,
            openings: 0,
            open_until: Instant::now(),
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
        let is_trial = match inner.state {
            State::Closed => false,
            State::Open if Instant::now() >= inner.open_until => {
                inner.enter(State::HalfOpen, self.clock.now());
                true
            }
            _ => {
                let left = inner.open_until.saturating_duration_since(Instant::now());
                drop(inner);
                self.failures.fetch_add(1, Ordering::Relaxed);
                return Err(Trouble::Unusable {
                    reason: "has failed several times and is left alone for a while".to_owned(),
                    retry_after: Some(left.max(FIRST_PAUSE)),
                });
            }
        };
        drop(inner);
        Ok(Pass {
            breaker: self,
            is_trial,
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
        self.is_trial = false;
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
        self.is_trial = false;
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
        // A trial that was given up: the next call tries.
        if self.is_trial {
            self.breaker.lock().state = State::Open;
        }
    }
}

impl Inner {
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
