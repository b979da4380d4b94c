//! One renewal: waiting for the turn, asking the provider, keeping what it issued (RFC 6749 §6).
//!
//! The steps are ordered so that no refresh token is spent twice and none is lost:
//!
//! 1. the lease is taken, so that nobody else asks;
//! 2. the credential is read again, because somebody may have been faster;
//! 3. the provider is asked, for a shorter time than the lease lasts;
//! 4. the answer is stored, and only in place of what it was made of;
//! 5. the lease is given up, and only now the new access token is used.
//!
//! Whoever dies between 3 and 4 takes the answer along. The next holder then asks with the same
//! refresh token: a provider that forgives this goes on, and one that does not has ended the
//! credential in any case.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oauth::client::token::RETRY_AFTER;
use oauth::secret::{Secret, SecretHash};
use oauth::time::Clock;

use super::RefreshSettings;
use super::error::ValidTokenError;
use super::lease::{Lease, Leases, Turn};
use super::lifetime::Lifetimes;
use super::refresher::{RefreshCredential, RefreshError};
use crate::credential::Credential;
use crate::observe::{Observe, RefreshOutcome};
use crate::vault::{self, Held, Vault};

/// How long somebody waits for another process while the token they have is still good.
const PATIENCE: Duration = Duration::from_secs(5);

/// A token that was renewed less than this ago is not renewed because an API refuses it: that API has
/// reasons of its own, and each of its answers would spend a refresh token.
const JUST_RENEWED: Duration = Duration::from_secs(30);

/// How often it is tried to store what a provider has issued.
const ATTEMPTS_TO_STORE: u32 = 5;

/// Whose credential, and whether its access token has been refused by an API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    pub(super) subject: String,
    pub(super) provider: String,
    pub(super) refused: Option<SecretHash>,
}

impl Wish {
    fn is_refused(&self, token: &Secret) -> bool {
        self.refused
            .as_ref()
            .is_some_and(|refused| refused.matches(token))
    }

    fn not_connected(&self) -> ValidTokenError {
        let provider = self.provider.clone();
        ValidTokenError::NotConnected { provider }
    }

    fn connect_again(&self) -> ValidTokenError {
        let provider = self.provider.clone();
        ValidTokenError::ConnectAgain { provider }
    }

    fn just_renewed(&self) -> ValidTokenError {
        let provider = self.provider.clone();
        ValidTokenError::JustRenewed { provider }
    }

    pub(super) fn unavailable(&self, retry_after: Duration) -> ValidTokenError {
        ValidTokenError::Unavailable {
            provider: self.provider.clone(),
            retry_after: retry_after.max(Duration::from_secs(1)),
        }
    }
}

/// What the vault has to say to a wish.
#[derive(Debug)]
pub(super) enum Seen {
    Good(Secret),
    Due(Box<Held>),
}

/// What renewals need.
#[derive(Debug)]
pub(super) struct Renewals {
    pub(super) vault: Vault,
    pub(super) leases: Leases,
    pub(super) lifetimes: Lifetimes,
    pub(super) refresher: Arc<dyn RefreshCredential>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: RefreshSettings,
    pub(super) observer: OnceLock<Arc<dyn Observe>>,
}

impl Renewals {
    /// A token that is good for a while, or the credential that has to be renewed first.
    pub(super) async fn look(&self, wish: &Wish) -> Result<Seen, ValidTokenError> {
        let held = self.vault.find(&wish.subject, &wish.provider).await?;
        let held = held.ok_or_else(|| wish.not_connected())?;
        if held.has_ended {
            return Err(wish.connect_again());
        }
        let (now, credential) = (self.clock.now(), &held.credential);
        let is_refused = wish.is_refused(&credential.access_token);
        let good = |held: &Held| Ok(Seen::Good(held.credential.access_token.clone()));
        if !credential.can_be_renewed(now) {
            // It serves until its end, and where nobody tells the end, until it is refused.
            return if is_refused || !credential.is_good(now) {
                Err(wish.connect_again())
            } else {
                good(&held)
            };
        }
        let renewed_at = held.renewed_at;
        if is_refused && renewed_at.is_some_and(|at| at.is_younger_than(JUST_RENEWED, now)) {
            return Err(wish.just_renewed());
        }
        if is_refused {
            return Ok(Seen::Due(Box::new(held)));
        }
        match self.lifetimes.due_at(credential, held.renew_at) {
            Some(due) if due <= now => Ok(Seen::Due(Box::new(held))),
            Some(_) => good(&held),
            None => {
                self.assume_lifetime(wish, &held).await?;
                good(&held)
            }
        }
    }

    /// Writes down when a token ends whose provider does not say so; counted from the first use.
    async fn assume_lifetime(&self, wish: &Wish, held: &Held) -> Result<(), ValidTokenError> {
        let credential = held.credential.clone();
        let schedule = self.lifetimes.schedule(credential, self.clock.now());
        let renew_at = schedule.renew_at;
        // Whoever was faster has written something newer.
        let (next, renewed_at) = (&schedule.credential, held.renewed_at);
        if self.vault.succeed(held, next, renew_at, renewed_at).await? {
            self.say_assumed(wish);
        }
        Ok(())
    }

    fn say_assumed(&self, wish: &Wish) {
        let Wish {
            subject, provider, ..
        } = wish;
        let seconds = self.lifetimes.assumed.as_secs();
        tracing::info!(
            provider,
            subject,
            seconds,
            "the provider does not say how long its access token lives, so a lifetime is assumed"
        );
    }

    /// Renews the credential, or waits until somebody else has.
    pub(super) async fn renew(&self, wish: &Wish) -> Result<Secret, ValidTokenError> {
        let key = vault::key(&wish.subject, &wish.provider);
        let mut waited = Duration::ZERO;
        loop {
            let held = match self.look(wish).await? {
                Seen::Good(token) => return Ok(token),
                Seen::Due(held) => held,
            };
            match self.leases.acquire(&key).await? {
                Turn::Mine(lease) => {
                    if let Some(outcome) = self.take_turn(wish, lease).await {
                        return outcome;
                    }
                }
                Turn::Resting(until) => {
                    return self.do_without(wish, &held, until.since(self.clock.now()));
                }
                Turn::SomebodyElses => {
                    let token = self.still_good(wish, &held);
                    if let Some(token) = token.filter(|_| waited >= PATIENCE) {
                        return Ok(token.clone());
                    }
                    // In this process one caller waits for all; other processes tell nothing.
                    tokio::time::sleep(self.settings.poll_interval).await;
                    waited += self.settings.poll_interval;
                }
            }
        }
    }

    /// What the holder of the lease does; `None` when the lease is too short for it by now.
    async fn take_turn(
        &self,
        wish: &Wish,
        lease: Lease,
    ) -> Option<Result<Secret, ValidTokenError>> {
        let held = match self.look(wish).await {
            Ok(Seen::Due(held)) => held,
            found => {
                self.leases.release(lease).await;
                return match found {
                    Ok(Seen::Good(token)) => Some(Ok(token)),
                    Err(error) => Some(Err(error)),
                    Ok(Seen::Due(_)) => None,
                };
            }
        };
        let deadline = self.settings.deadline;
        if self.clock.now().plus(deadline) >= lease.expires_at {
            self.leases.release(lease).await;
            return None;
        }
        let asked = self.refresher.refresh(&wish.provider, &held.credential);
        let answer = tokio::time::timeout(deadline, asked).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(RefreshError::Unavailable {
                retry_after: RETRY_AFTER,
                cause: "there was no answer in time".to_owned(),
            })
        });
        if let Some(observer) = self.observer.get() {
            let outcome = match &answer {
                Ok(_) => RefreshOutcome::Renewed,
                Err(RefreshError::Ended { .. }) => RefreshOutcome::Ended,
                Err(_) => RefreshOutcome::Failed,
            };
            observer.token_refreshed(&wish.provider, outcome);
        }
        let outcome = match answer {
            Ok(next) => self.keep(wish, *held, next).await,
            Err(RefreshError::Ended { cause }) => self.end(wish, *held, &cause).await,
            Err(failure) => return Some(self.rest(wish, lease, &failure).await),
        };
        self.leases.release(lease).await;
        Some(outcome)
    }

    /// Stores what the provider issued in place of what it was made of.
    async fn keep(
        &self,
        wish: &Wish,
        held: Held,
        next: Credential,
    ) -> Result<Secret, ValidTokenError> {
        let next = next.following(&held.credential);
        let now = self.clock.now();
        let schedule = self.lifetimes.schedule(next, now);
        if schedule.is_assumed {
            self.say_assumed(wish);
        }
        let next = schedule.credential;
        let (spent, mut held) = (held.credential.clone(), held);
        let mut attempts = 1;
        loop {
            let kept = self
                .vault
                .succeed(&held, &next, schedule.renew_at, Some(now));
            match kept.await {
                Ok(true) => return Ok(next.access_token),
                Ok(false) => {}
                // The only copy of a refresh token is in our hands.
                Err(_) if attempts < ATTEMPTS_TO_STORE => {
                    attempts += 1;
                    tokio::time::sleep(self.settings.poll_interval).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            held = match self.vault.find(&wish.subject, &wish.provider).await? {
                // What was spent has been marked as ended, or been given a lifetime: ours is newer.
                Some(found) if found.holds_tokens_of(&spent) => found,
                Some(found) if found.has_ended => return Err(wish.connect_again()),
                // The person has connected again, or another holder was faster.
                Some(found) => return Ok(found.credential.access_token),
                None => {
                    self.refresher.discard(&wish.provider, &next).await;
                    return Err(wish.not_connected());
                }
            };
        }
    }

    /// Marks the credential as ended, unless a newer one has come.
    async fn end(
        &self,
        wish: &Wish,
        mut held: Held,
        cause: &str,
    ) -> Result<Secret, ValidTokenError> {
        let spent = held.credential.clone();
        while !self.vault.end(&held, self.clock.now()).await? {
            held = match self.vault.find(&wish.subject, &wish.provider).await? {
                None => return Err(wish.not_connected()),
                Some(found) if found.has_ended => return Err(wish.connect_again()),
                Some(found) if found.holds_tokens_of(&spent) => found,
                Some(found) => return Ok(found.credential.access_token),
            };
        }
        let Wish {
            subject, provider, ..
        } = wish;
        tracing::warn!(
            provider,
            subject,
            cause,
            "a credential has ended at its provider, and the person has to connect again"
        );
        Err(wish.connect_again())
    }

    /// Leaves a provider alone that has failed, in all processes.
    async fn rest(
        &self,
        wish: &Wish,
        lease: Lease,
        failure: &RefreshError,
    ) -> Result<Secret, ValidTokenError> {
        let retry_after = match failure {
            RefreshError::Unavailable { retry_after, .. } => *retry_after,
            _ => RETRY_AFTER,
        };
        let retry_after = retry_after.clamp(Duration::from_secs(1), Duration::from_hours(1));
        let until = self.clock.now().plus(retry_after);
        self.leases.rest(lease, until).await;
        let Wish {
            subject, provider, ..
        } = wish;
        let seconds = retry_after.as_secs();
        tracing::warn!(
            provider,
            subject,
            seconds,
            %failure,
            "a credential could not be renewed, and stays as it is"
        );
        match self.look(wish).await? {
            Seen::Good(token) => Ok(token),
            Seen::Due(held) => self.do_without(wish, &held, retry_after),
        }
    }

    /// What there is while nothing can be renewed.
    fn do_without(
        &self,
        wish: &Wish,
        held: &Held,
        retry_after: Duration,
    ) -> Result<Secret, ValidTokenError> {
        let token = self.still_good(wish, held).cloned();
        token.ok_or_else(|| wish.unavailable(retry_after))
    }

    fn still_good<'a>(&self, wish: &Wish, held: &'a Held) -> Option<&'a Secret> {
        let credential = &held.credential;
        let token = &credential.access_token;
        let is_good = credential.is_good(self.clock.now()) && !wish.is_refused(token);
        is_good.then_some(token)
    }
}
