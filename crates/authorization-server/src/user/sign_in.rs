//! Signing in with a password: one hash per attempt, and an end to guessing (RFC 9106).

use std::sync::Arc;
use std::time::Duration;

use oauth::secret::Secret;
use store::{Record as _, StoreError, Versioned};
use tokio::task::spawn_blocking;

use super::{User, Users, folded};
use crate::address::ClientAddress;
use crate::password::PasswordHash;

/// Why nobody was authenticated, whether or not the password was right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// Somebody may be guessing.
    #[error("too many attempts to sign in; wait {} seconds", .retry_after.as_secs())]
    TooManyAttempts {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be recorded.
    #[error(transparent)]
    Unrecorded(#[from] audit::AuditError),
}

/// The window in which attempts to sign in are counted.
pub(super) const WINDOW: Duration = Duration::from_mins(10);
/// Attempts for one username from one address, since the person last signed in.
pub(super) const PER_USERNAME_AND_ADDRESS: u64 = 10;
/// Attempts for one username from everywhere, since the person last signed in.
const PER_USERNAME: u64 = 50;
/// Attempts from one address, whatever the username; a whole office may share one.
pub(super) const PER_ADDRESS: u64 = 300;

impl Users {
    /// The person with this username, if `password` is theirs.
    ///
    /// Whether the username exists and has a password makes no difference in time: one password is
    /// hashed either way.
    pub async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
        address: ClientAddress,
    ) -> Result<Option<User>, AuthenticateError> {
        let user = self.named(username).await?;
        self.count_attempt(username, user.as_ref(), address).await?;
        // People from an identity provider have no password, and no password is theirs.
        let stored = user.as_ref().and_then(|user| user.password.clone());
        let (Some(user), Some(stored)) = (user, stored) else {
            self.hash(password.clone()).await;
            return Ok(None);
        };
        let password = password.clone();
        if !self.on_a_core(move || stored.verify(&password)).await {
            return Ok(None);
        }
        let signed_in = User {
            sign_ins: user.sign_ins + 1,
            ..user.record.clone()
        };
        if self.people.replace(&user, &signed_in).await? {
            return Ok(Some(signed_in));
        }
        // Whoever changed the record meanwhile wins. The attempts stay counted, no more, unless it is
        // the password that was replaced: hashing takes a while, and a guesser makes it take longer.
        let now = self.people.get(&user.subject).await?;
        let now = now.filter(|now| !now.disabled && now.password == user.password);
        Ok(now.map(|now| now.record))
    }

    /// Counts before the password is looked at, so that many attempts at once cannot slip by.
    ///
    /// Signing in starts new counters for the username, because people who know their password may
    /// use it as often as they like.
    async fn count_attempt(
        &self,
        username: &str,
        user: Option<&Versioned<User>>,
        address: ClientAddress,
    ) -> Result<(), AuthenticateError> {
        let before = user.map_or(0, |user| user.sign_ins);
        let username = folded(username).unwrap_or_default();
        let address = address.rate_key();
        // The address first: whoever is over that limit cannot fill the store with counters of names.
        let limits = [
            (format!("sign-in::{address}"), PER_ADDRESS),
            (
                format!("sign-in:{username}:{before}:{address}"),
                PER_USERNAME_AND_ADDRESS,
            ),
            (format!("sign-in:{username}:{before}"), PER_USERNAME),
        ];
        for (key, limit) in limits {
            if self.store.count(User::KIND, &key, WINDOW).await? > limit {
                return Err(AuthenticateError::TooManyAttempts {
                    retry_after: WINDOW,
                });
            }
        }
        Ok(())
    }

    pub(super) async fn hash(&self, password: Secret) -> PasswordHash {
        let salt = PasswordHash::salt(&*self.random);
        self.on_a_core(move || PasswordHash::new(&password, &salt))
            .await
    }

    async fn on_a_core<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let core = Arc::clone(&self.cores).acquire_owned().await;
        let core = core.expect("nobody closes this semaphore");
        let work = move || {
            // Held until the hash is done, even when the person has gone away meanwhile.
            let _core = core;
            work()
        };
        spawn_blocking(work)
            .await
            .expect("hashing does not panic, and nobody aborts it")
    }
}
