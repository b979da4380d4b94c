//! Identity providers to try things with: the vendors as they answer on the wire (RFC 6749, OpenID Connect Core).
//!
//! A [`Simulator`] plays one [`Vendor`] on one origin, with the vendor's own paths. It has people of
//! its own, a plain page to choose one of them and to allow or deny, and it forgets everything at its
//! end. It serves the demo and the tests, never `sumun serve`.
//!
//! # What it is true to
//! Parameter names, status codes, bodies, token shapes and error codes are the vendor's where the
//! vendor documents them:
//! - **Naver** has two stacks, [`Vendor::Naver`] (OpenID Connect, PKCE) and [`Vendor::NaverClassic`]:
//!   `expires_in` is a string, `state` is required at the token endpoint, errors come with status 200,
//!   a refresh brings no refresh token, and the app hears of people who withdraw
//!   ([`Simulator::unlink`]). Search and calendar are there, too; the calendars stand on the page
//!   `/simulator/calendar`, and in [`Simulator::events`].
//! - **Kakao** separates scopes with commas, names errors `KOE…`, says `refresh_token_expires_in`, and
//!   brings a new refresh token only in the last month of the old one.
//! - **LINE** signs ID tokens with the channel secret (HS256) and names every answer `x-line-request-id`.
//! - **Google** gives a refresh token only for `access_type=offline` with consent, and answers with its
//!   `iss`, `scope` and `authuser`.
//! - **GitHub** answers in form encoding unless JSON is asked for, has errors with status 200, tokens
//!   that do not expire, and e-mail addresses in a list of their own.
//! - **Entra** has a tenant in its issuer, refuses `resource` (AADSTS9010010), wants `scope` at the
//!   token endpoint, and says nothing about whether an e-mail address is verified.
//! - **Logto** signs with ES384, rotates refresh tokens, and issues opaque access tokens unless a
//!   registered `resource` is asked for.
//!
//! # Where it is stricter
//! What we promise is checked, even where a vendor looks away: the redirect URI byte for byte, one
//! value per parameter, PKCE wherever the vendor documents it, a code once, and the client's own secret
//! in the documented place. Whoever sends something else gets the vendor's error.
//!
//! # What can go wrong
//! [`Simulator::begin`] starts a [`Fault`], [`Simulator::end`] ends it: an outage of each [`Step`],
//! answers that are slow, garbled or missing, a wrong `state`, an ID token for somebody else, a consent
//! that was withdrawn. What a person shares is decided by who is chosen on the page ([`Vendor::people`]):
//! the second shares no e-mail address, the third one that nobody has verified, where the vendor knows
//! the difference. On the page at `/` people withdraw. [`Simulator::seen`] tells what was sent, and when it went to which step.

mod desk;
mod door;
mod entra;
mod fault;
mod github;
mod google;
mod id_token;
mod kakao;
mod line;
mod logto;
mod naver;
mod page;
mod provider;
#[cfg(test)]
mod tests;
mod vendor;
mod withdrawal;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::routing::{get, post};
use oauth::jwk::JwkSet;
use oauth::random::{self, Random};
use oauth::secret::Secret;
use oauth::signing_key::SigningKey;
use oauth::time::{Clock, NumericDate};

pub use door::Parameters;
pub use fault::{Fault, Step};
pub use naver::CalendarEvent;
pub use vendor::{Addresses, Person, Vendor};

use desk::Desk;
use withdrawal::Notices;

/// What the operator wrote into the vendor's console.
#[derive(Clone, Debug)]
pub struct App {
    /// How the vendor calls our client.
    pub client_id: String,
    /// What our client proves itself with.
    pub client_secret: Secret,
    /// Where the vendor may send people back to, byte for byte.
    pub redirect_uri: String,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it asked for.
    pub step: Step,
    /// Its query and its form.
    pub parameters: Parameters,
}

/// One vendor on one origin; clones are the same simulator.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    vendor: Vendor,
    origin: String,
    app: App,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// `None` where the vendor issues no ID tokens, or signs them with the client's secret.
    key: Option<SigningKey>,
    desk: Mutex<Desk>,
    faults: Mutex<BTreeSet<Fault>>,
    seen: Mutex<Vec<Seen>>,
    notices: OnceLock<Notices>,
}

impl Simulator {
    /// A vendor at `origin` (`http://127.0.0.1:9001`, without a slash at the end) that knows one app.
    pub fn new(
        vendor: Vendor,
        origin: &str,
        app: App,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let key = vendor.face().algorithm.map(|algorithm| {
            let pkcs8 = SigningKey::generate(algorithm);
            let key = pkcs8.and_then(|pkcs8| SigningKey::from_pkcs8(algorithm, &pkcs8));
            key.expect("vendors sign with algorithms that the library has")
        });
        Self::with_key(vendor, origin, app, (clock, random), key)
    }

    fn with_key(
        vendor: Vendor,
        origin: &str,
        app: App,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        key: Option<SigningKey>,
    ) -> Self {
        Self(Arc::new(Inner {
            vendor,
            origin: origin.to_owned(),
            app,
            clock,
            random,
            key,
            desk: Mutex::default(),
            faults: Mutex::default(),
            seen: Mutex::default(),
            notices: OnceLock::new(),
        }))
    }

    /// Every endpoint and page of the vendor.
    pub fn router(&self) -> Router {
        (self.0.vendor.face().routes)(self)
            .route(page::CHOOSE, self.at(Step::Choice, post(page::choose)))
            .route(withdrawal::PAGE, get(withdrawal::get))
            .route(withdrawal::WITHDRAW, post(withdrawal::post))
            .with_state(self.clone())
    }

    /// Whom it plays.
    pub fn vendor(&self) -> Vendor {
        self.0.vendor
    }

    /// Where its endpoints are, to be written over those of a preset.
    pub fn addresses(&self) -> Addresses {
        (self.0.vendor.face().addresses)(&self.0.origin)
    }

    /// From now on, something goes wrong.
    pub fn begin(&self, fault: Fault) {
        lock(&self.0.faults).insert(fault);
    }

    /// From now on, it does no more.
    pub fn end(&self, fault: Fault) {
        lock(&self.0.faults).remove(&fault);
    }

    /// Every request so far, the oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.0.seen).clone()
    }

    fn has(&self, fault: Fault) -> bool {
        lock(&self.0.faults).contains(&fault)
    }

    fn now(&self) -> NumericDate {
        self.0.clock.now()
    }

    fn app(&self) -> &App {
        &self.0.app
    }

    /// The address of one of its paths.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.origin)
    }

    /// `prefix` and 32 unguessable bytes.
    fn made_up(&self, prefix: &str) -> String {
        format!("{prefix}{}", random::token::<32>(&*self.0.random))
    }

    fn key_set(&self) -> JwkSet {
        JwkSet {
            keys: self.0.key.iter().map(|key| key.public().clone()).collect(),
        }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("vendor", &self.0.vendor)
            .field("origin", &self.0.origin)
            .finish_non_exhaustive()
    }
}

/// A simulator goes on after a test has failed while it held the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
