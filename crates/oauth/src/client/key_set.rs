//! The key set of an issuer, fetched and kept (RFC 7517 §5).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::address::is_protected;
use crate::client::discovery::discover;
use crate::client::fetch::{Fetch, Fetched, Limits, Reach};
use crate::issuer::Issuer;
use crate::jwk::{Jwk, JwkSet};
use crate::time::{Clock, NumericDate};

/// How long a fetched set is fresh when the server does not say.
const DEFAULT_MAX_AGE: Duration = Duration::from_mins(5);
/// What a server may say about freshness is kept within these bounds.
const MAX_AGE_BOUNDS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_hours(24));
/// An unknown key, or a failure, causes at most one request in this time.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// How long an expired set still serves while the issuer cannot be reached.
const DEFAULT_GRACE: Duration = Duration::from_hours(1);

/// The keys are not known, and cannot be at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of the issuer are not available; try again in {} seconds", retry_after.as_secs())]
pub struct KeysUnavailable {
    /// When to try again.
    pub retry_after: Duration,
}

/// Where the keys of an issuer come from.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync + 'static {
    /// The current keys.
    async fn keys(&self) -> Result<Arc<JwkSet>, KeysUnavailable>;

    /// The keys after none in `seen` fitted a token: newer ones, if there may be any.
    async fn keys_after_miss(&self, seen: &Arc<JwkSet>) -> Result<Arc<JwkSet>, KeysUnavailable> {
        let _ = seen;
        self.keys().await
    }
}

/// Keys that were given by hand and never change.
#[async_trait]
impl KeySource for Arc<JwkSet> {
    async fn keys(&self) -> Result<Arc<JwkSet>, KeysUnavailable> {
        Ok(Self::clone(self))
    }
}

/// A key set behind an address: fetched at first use, kept fresh, and kept through outages.
///
/// Reading never waits for the network while there is a usable set: one reader refreshes an expired
/// set, the others go on with the old one. Any number of unknown keys cause one request per 30 seconds.
#[derive(Debug)]
pub struct RemoteKeySet {
    fetch: Fetch,
    reach: Reach,
    address: Address,
    clock: Arc<dyn Clock>,
    grace: Duration,
    max_keys: usize,
    state: RwLock<State>,
    /// Held across a request, so that there is only one at a time.
    refreshing: Mutex<()>,
}

#[derive(Debug)]
enum Address {
    Known(String),
    /// Found through the metadata of the issuer.
    OfIssuer(Issuer),
}

#[derive(Clone, Debug, Default)]
struct State {
    set: Option<FetchedSet>,
    /// The address found by discovery.
    jwks_uri: Option<String>,
    failed_at: Option<NumericDate>,
    asked_for_unknown_key_at: Option<NumericDate>,
}

/// A set as its issuer wrote it; not every key in it may be one.
#[derive(Deserialize)]
struct WrittenSet {
    keys: Vec<Value>,
}

#[derive(Clone, Debug)]
struct FetchedSet {
    keys: Arc<JwkSet>,
    fetched_at: NumericDate,
    max_age: Duration,
}

impl RemoteKeySet {
    /// The key set at `jwks_uri`.
    pub fn at(
        fetch: Fetch,
        reach: Reach,
        jwks_uri: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::new(fetch, reach, Address::Known(jwks_uri.into()), clock)
    }

    /// The key set of `issuer`, whose address its metadata tells.
    pub fn of_issuer(fetch: Fetch, reach: Reach, issuer: Issuer, clock: Arc<dyn Clock>) -> Self {
        Self::new(fetch, reach, Address::OfIssuer(issuer), clock)
    }

    fn new(fetch: Fetch, reach: Reach, address: Address, clock: Arc<dyn Clock>) -> Self {
        Self {
            fetch,
            reach,
            address,
            clock,
            grace: DEFAULT_GRACE,
            max_keys: usize::MAX,
            state: RwLock::default(),
            refreshing: Mutex::default(),
        }
    }

    /// How long an expired set still serves while the issuer cannot be reached; one hour by default.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// A set with more keys than this counts as a failure: each of them may have to be tried.
    pub fn at_most(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys;
        self
    }

    /// The keys, if they are known without asking anybody.
    pub fn remembered(&self) -> Option<Arc<JwkSet>> {
        self.fresh(self.clock.now())
    }

    fn state(&self) -> State {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The fresh set, if there is one; this is the path of nearly every token.
    fn fresh(&self, now: NumericDate) -> Option<Arc<JwkSet>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state
            .set
            .as_ref()
            .filter(|set| set.fetched_at.is_younger_than(set.max_age, now))
            .map(|set| Arc::clone(&set.keys))
    }

    /// The last known set, or the news that there is none, after a failure at `failed_at`.
    fn last_known(&self, now: NumericDate) -> Result<Arc<JwkSet>, KeysUnavailable> {
        let state = self.state();
        let usable = state
            .set
            .filter(|set| {
                let usable_for = set.max_age.saturating_add(self.grace);
                set.fetched_at.is_younger_than(usable_for, now)
            })
            .map(|set| set.keys);
        usable.ok_or_else(|| unavailable(state.failed_at, now))
    }

    /// Fetches the set while holding the turn to do so.
    async fn refresh(&self, _turn: MutexGuard<'_, ()>) -> Option<Arc<JwkSet>> {
        let fetched = self.download().await;
        let now = self.clock.now();
        let Some((keys, max_age)) = fetched else {
            self.change(|state| {
                state.failed_at = Some(now);
                // The issuer may have moved its keys: its metadata is read again next time.
                state.jwks_uri = None;
            });
            return None;
        };
        let keys = Arc::new(keys);
        let set = FetchedSet {
            keys: Arc::clone(&keys),
            fetched_at: now,
            max_age,
        };
        self.change(|state| (state.set, state.failed_at) = (Some(set), None));
        Some(keys)
    }

    async fn download(&self) -> Option<(JwkSet, Duration)> {
        let jwks_uri = self.jwks_uri().await?;
        let answer = self
            .fetch
            .reaching(self.reach)
            .get(&jwks_uri, Limits::DOCUMENT)
            .await;
        let fetched: Fetched = answer
            .ok()
            .filter(|fetched| fetched.status.as_u16() == 200)?;
        let (shortest, longest) = MAX_AGE_BOUNDS;
        let max_age = fetched
            .fresh_for()
            .unwrap_or(DEFAULT_MAX_AGE)
            .clamp(shortest, longest);
        let keys = self.understood(fetched.json().ok()?);
        (keys.keys.len() <= self.max_keys).then_some((keys, max_age))
    }

    /// RFC 7517 §5: a key that cannot be read is ignored, and the others are used.
    fn understood(&self, written: WrittenSet) -> JwkSet {
        let read = |key| {
            Jwk::deserialize(key)
                .inspect_err(|error| {
                    tracing::debug!(%error, from = ?self.address, "a key of an issuer is ignored");
                })
                .ok()
        };
        JwkSet {
            keys: written.keys.into_iter().filter_map(read).collect(),
        }
    }

    async fn jwks_uri(&self) -> Option<String> {
        let issuer = match &self.address {
            Address::Known(jwks_uri) => return Some(jwks_uri.clone()),
            Address::OfIssuer(issuer) => issuer,
        };
        if let Some(known) = self.state().jwks_uri {
            return Some(known);
        }
        let found = discover(&self.fetch, self.reach, issuer)
            .await
            .ok()?
            .jwks_uri?;
        // Who can exchange the keys on the way can sign as the issuer.
        if is_protected(issuer.as_str()) && !is_protected(&found) {
            return None;
        }
        self.change(|state| state.jwks_uri = Some(found.clone()));
        Some(found)
    }
}

#[async_trait]
impl KeySource for RemoteKeySet {
    async fn keys(&self) -> Result<Arc<JwkSet>, KeysUnavailable> {
        let now = self.clock.now();
        if let Some(keys) = self.fresh(now) {
            return Ok(keys);
        }
        let last_known = self.last_known(now);
        let turn = match (self.refreshing.try_lock(), last_known) {
            (Ok(turn), _) => turn,
            // Somebody is fetching; what is known serves until they are done.
            (Err(_), Ok(keys)) => return Ok(keys),
            (Err(_), Err(_)) => self.refreshing.lock().await,
        };
        // Whoever fetched meanwhile did so later than this began.
        let now = self.clock.now();
        if let Some(keys) = self.fresh(now) {
            return Ok(keys);
        }
        if within_cool_down(self.state().failed_at, now) {
            return self.last_known(now);
        }
        match self.refresh(turn).await {
            Some(keys) => Ok(keys),
            None => self.last_known(self.clock.now()),
        }
    }

    async fn keys_after_miss(&self, seen: &Arc<JwkSet>) -> Result<Arc<JwkSet>, KeysUnavailable> {
        let turn = self.refreshing.lock().await;
        let (now, state) = (self.clock.now(), self.state());
        if let Some(newer) = state
            .set
            .as_ref()
            .filter(|set| !Arc::ptr_eq(&set.keys, seen))
        {
            return Ok(Arc::clone(&newer.keys));
        }
        // The key may be one that an unreachable issuer has just begun to use: this is no proof
        // against the token.
        if within_cool_down(state.failed_at, now) {
            return Err(unavailable(state.failed_at, now));
        }
        if within_cool_down(state.asked_for_unknown_key_at, now) {
            return Ok(Arc::clone(seen));
        }
        self.change(|state| state.asked_for_unknown_key_at = Some(now));
        let refreshed = self.refresh(turn).await;
        refreshed.ok_or_else(|| unavailable(Some(now), now))
    }
}

fn within_cool_down(since: Option<NumericDate>, now: NumericDate) -> bool {
    since.is_some_and(|since| since.is_younger_than(COOL_DOWN, now))
}

fn unavailable(failed_at: Option<NumericDate>, now: NumericDate) -> KeysUnavailable {
    let waited = failed_at.map_or(Duration::ZERO, |failed_at| now.since(failed_at));
    KeysUnavailable {
        retry_after: COOL_DOWN.saturating_sub(waited).max(Duration::from_secs(1)),
    }
}

#[cfg(test)]
mod tests;
