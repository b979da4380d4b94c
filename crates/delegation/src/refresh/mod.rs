//! A valid token, always: renewed before its end, by one caller in the whole house (RFC 6749 §6).
//!
//! | file | concept |
//! |---|---|
//! | `refresher.rs` | [`RefreshCredential`]: who asks the provider |
//! | `lifetime.rs` | when a token ends, whatever its provider says |
//! | `lease.rs` | whose turn it is, in a house of many processes |
//! | `renewal.rs` | one renewal, step by step |
//! | `error.rs` | [`ValidTokenError`]: what callers see |

mod error;
mod lease;
mod lifetime;
mod refresher;
mod renewal;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use oauth::random::Random;
use oauth::secret::Secret;
use oauth::time::Clock;
use store::{KeyRing, SharedStore, StoreError};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::observe::Observe;
use crate::vault::Vault;
use lease::Leases;
use lifetime::Lifetimes;
use renewal::{Renewals, Seen, Wish};

pub use error::ValidTokenError;
pub use refresher::{RefreshCredential, RefreshError};

/// When tokens are renewed, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSettings {
    /// How long before its end an access token is renewed: 5 minutes.
    pub buffer: Duration,
    /// How long an access token lives whose provider does not say so: an hour.
    pub assumed_lifetime: Duration,
    /// How long a provider may take to answer: 30 seconds. A lease lasts twice as long, so that
    /// nobody else asks meanwhile; [`RefreshCredential`] should give up earlier by itself.
    pub deadline: Duration,
    /// How often a process looks whether another one has finished: every 100 milliseconds.
    pub poll_interval: Duration,
}

impl Default for RefreshSettings {
    fn default() -> Self {
        Self {
            buffer: Duration::from_mins(5),
            assumed_lifetime: Duration::from_hours(1),
            deadline: Duration::from_secs(30),
            poll_interval: Duration::from_millis(100),
        }
    }
}

/// The doors of [`ValidTokens`]: storage, secrets, time, randomness, and the way to the providers.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where credentials and leases are.
    pub store: SharedStore,
    /// What seals credentials.
    pub keys: Arc<KeyRing>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where the names of lease holders come from.
    pub random: Arc<dyn Random>,
    /// Who asks the providers.
    pub refresher: Arc<dyn RefreshCredential>,
}

type Outcome = Result<Secret, ValidTokenError>;
type Flights = Arc<Mutex<HashMap<Wish, watch::Receiver<Option<Outcome>>>>>;

/// Access tokens of people that are good when they are handed out; clones share their renewals.
///
/// However many callers, threads and processes want the token of one person at one provider, the
/// provider is asked once, and all of them get the answer.
#[derive(Clone, Debug)]
pub struct ValidTokens {
    renewals: Arc<Renewals>,
    flights: Flights,
    tasks: TaskTracker,
}

impl ValidTokens {
    /// The tokens of the vault in `parts.store`.
    pub fn new(parts: Parts, settings: RefreshSettings) -> Self {
        let Parts {
            store,
            keys,
            clock,
            random,
            refresher,
        } = parts;
        let leases = Leases::new(
            Arc::clone(&store),
            Arc::clone(&keys),
            Arc::clone(&clock),
            random,
            settings.deadline * 2,
        );
        let renewals = Renewals {
            vault: Vault::new(store, keys),
            leases,
            lifetimes: Lifetimes {
                buffer: settings.buffer,
                assumed: settings.assumed_lifetime,
            },
            refresher,
            clock,
            settings,
            observer: OnceLock::new(),
        };
        Self {
            renewals: Arc::new(renewals),
            flights: Flights::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// From now on, every renewal is told to `observer`; the first one stays.
    pub fn observe(&self, observer: Arc<dyn Observe>) {
        let _ = self.renewals.observer.set(observer);
    }

    /// Whether `subject` has connected `provider`, and the provider has not ended it since. Nobody
    /// is asked, so a token can still turn out to be worth nothing.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or the credential cannot be opened.
    pub async fn is_connected(&self, subject: &str, provider: &str) -> Result<bool, StoreError> {
        let held = self.renewals.vault.find(subject, provider).await?;
        let now = self.renewals.clock.now();
        Ok(held.is_some_and(|held| {
            let credential = &held.credential;
            !held.has_ended && (credential.can_be_renewed(now) || credential.is_good(now))
        }))
    }

    /// An access token of `subject` at `provider` that is still good for a while.
    ///
    /// # Errors
    ///
    /// When the person has to connect the account ([`ValidTokenError::needs_person`]), or when the
    /// provider or the store is not available.
    pub async fn valid_token(
        &self,
        subject: &str,
        provider: &str,
    ) -> Result<Secret, ValidTokenError> {
        self.granted(wish(subject, provider, None)).await
    }

    /// Another access token than `refused`, which an API has answered with 401 (RFC 6750 §3.1)
    /// although its time was not up.
    ///
    /// # Errors
    ///
    /// As for [`ValidTokens::valid_token`]; and [`ValidTokenError::JustRenewed`] if `refused` was renewed
    /// less than half a minute ago, in whichever process: the answer of the API is the answer then.
    pub async fn valid_token_instead_of(
        &self,
        refused: &Secret,
        subject: &str,
        provider: &str,
    ) -> Result<Secret, ValidTokenError> {
        self.granted(wish(subject, provider, Some(refused))).await
    }

    /// Waits for the renewals that are under way; to be awaited when nothing is served any more.
    ///
    /// A renewal that is cut off has spent a refresh token for nothing.
    pub async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn granted(&self, wish: Wish) -> Outcome {
        if let Seen::Good(token) = self.renewals.look(&wish).await? {
            return Ok(token);
        }
        let mut flight = self.flight(&wish);
        let outcome = match flight.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        // Without an outcome the renewal has died, and its lease has yet to end.
        outcome.unwrap_or_else(|| Err(wish.unavailable(self.renewals.settings.deadline * 2)))
    }

    /// The renewal that grants `wish`: the one under way, or a new one.
    ///
    /// It goes on when the caller goes away, because a refresh token that has been spent must have
    /// its successor stored.
    fn flight(&self, wish: &Wish) -> watch::Receiver<Option<Outcome>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(wish) {
            return flight.clone();
        }
        let (landed, flight) = watch::channel(None);
        flights.insert(wish.clone(), flight.clone());
        let entry = FlightEntry {
            flights: Arc::clone(&self.flights),
            wish: wish.clone(),
        };
        let renewals = Arc::clone(&self.renewals);
        let work = async move {
            let outcome = renewals.renew(&entry.wish).await;
            // Who comes after this reads the store, and finds what has been stored.
            drop(entry);
            landed.send_replace(Some(outcome));
        };
        self.tasks.spawn(work.in_current_span());
        flight
    }
}

fn wish(subject: &str, provider: &str, refused: Option<&Secret>) -> Wish {
    Wish {
        subject: subject.to_owned(),
        provider: provider.to_owned(),
        refused: refused.map(Secret::hash),
    }
}

/// A renewal under way, in the list as long as this lives, also when it dies.
struct FlightEntry {
    flights: Flights,
    wish: Wish,
}

impl Drop for FlightEntry {
    fn drop(&mut self) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.remove(&self.wish);
    }
}
