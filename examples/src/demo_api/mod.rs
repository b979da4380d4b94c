//! The stand-in API of the hybrid demo: errors of a system, and what people have there.
//!
//! It is somebody else's service with accounts of its own ([`Account::ALL`]) and an authorization
//! server of its own, as strict as a good one: PKCE, codes that work once, refresh tokens that are
//! rotated and end the connection when they are used twice. It forgets everything at its end.
//!
//! | path | for |
//! |---|---|
//! | `GET /health` | everybody |
//! | `GET /system/errors?hours&limit` | the service (client credentials) |
//! | `GET /user/profile` | a person |
//! | `PUT /user/settings` | a person |
//! | `GET /user/activity?startDate&endDate&limit` | a person |
//! | `/oauth/authorize`, `/oauth/token`, `/oauth/revoke` | clients |

mod accounts;
mod desk;
mod page;
mod refusal;
mod resources;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post, put};
use oauth::random::Random;
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};
use serde_json::Value;

pub use accounts::Account;
use desk::Desk;

/// How long its access tokens live: short enough for a demo to see them renewed.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_mins(10);

/// The client that is registered there.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// Its name.
    pub client_id: String,
    /// What it proves itself with.
    pub client_secret: Secret,
    /// Where people may be sent back to, byte for byte.
    pub redirect_uri: String,
}

/// The stand-in API; clones are the same one.
#[derive(Clone)]
pub struct DemoApi(Arc<Inner>);

struct Inner {
    client: RegisteredClient,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    desk: Mutex<Desk>,
}

impl DemoApi {
    /// An API that knows one client.
    pub fn new(client: RegisteredClient, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            random,
            desk: Mutex::default(),
        }))
    }

    /// Every path of it.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/health", get(resources::health))
            .route("/system/errors", get(resources::errors))
            .route("/user/profile", get(resources::profile))
            .route("/user/settings", put(resources::put_settings))
            .route("/user/activity", get(resources::activity))
            .route("/oauth/authorize", get(page::authorize))
            .route("/oauth/choose", post(page::choose))
            .route("/oauth/token", post(accounts::token))
            .route("/oauth/revoke", post(accounts::revoke))
            .with_state(self.clone())
    }

    /// How many times a refresh token has been exchanged for new tokens.
    pub fn refreshes(&self) -> u64 {
        self.desk().refreshes
    }

    /// The settings that an account has made.
    pub fn settings_of(&self, account: &Account) -> Value {
        let settings = self.desk().settings.get(account.id).cloned();
        Value::Object(settings.unwrap_or_default())
    }

    /// Ends every connection of an account, as somebody who withdraws there.
    pub fn withdraw(&self, account: &Account) {
        self.desk().end_all_of(account);
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        let desk = self.0.desk.lock();
        desk.unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> NumericDate {
        self.0.clock.now()
    }
}

impl fmt::Debug for DemoApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoApi").finish_non_exhaustive()
    }
}
