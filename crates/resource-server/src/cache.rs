//! A memory of verified tokens that outlives neither the token nor its revocation (RFC 7662 §4).

mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use oauth::time::{Clock, NumericDate};

use crate::Caller;
use crate::verify::{VerifyError, VerifyToken};
use table::Table;

/// How often a verification starts again because something was revoked meanwhile.
const ATTEMPTS: usize = 3;

/// Remembers what another verifier found out. Clones share one memory.
///
/// An answer is used until its token ends, and for at most [`max_age`](Self::max_age) before the token
/// is verified again. What is revoked here is gone at once, even for verifications that are under way.
/// Refusals are not remembered.
pub struct CachedVerifier<V> {
    shared: Arc<Shared<V>>,
    max_age: Duration,
    outage_grace: Duration,
}

struct Shared<V> {
    verifier: V,
    clock: Arc<dyn Clock>,
    answers: Table,
}

struct Answer {
    caller: Caller,
    verified_at: NumericDate,
    /// How long it may be of use to anybody, outages included.
    kept_for: Duration,
}

impl Answer {
    /// Whether it may still be used `after` it was given.
    fn is_usable(&self, after: Duration, now: NumericDate) -> bool {
        self.caller.expires_at().is_none_or(|end| now < end)
            && self.verified_at.is_younger_than(after, now)
    }

    /// Whether it may be used by whoever waits longest for a better one.
    fn is_of_use_to_anybody(&self, now: NumericDate) -> bool {
        self.is_usable(self.kept_for, now)
    }
}

impl<V: VerifyToken> CachedVerifier<V> {
    /// Remembers up to 10,000 answers of `verifier`, each for up to 5 seconds.
    pub fn new(verifier: V, clock: Arc<dyn Clock>) -> Self {
        Self::with_capacity(10_000, verifier, clock)
    }

    /// Remembers up to `capacity` answers of `verifier`, each for up to 5 seconds.
    pub fn with_capacity(capacity: u64, verifier: V, clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(Shared {
                verifier,
                clock,
                answers: Table::new(capacity),
            }),
            max_age: Duration::from_secs(5),
            outage_grace: Duration::from_mins(1),
        }
    }

    /// How long an answer is used before the token is verified again; 5 seconds by default.
    ///
    /// This is how late a revocation may be seen that happens elsewhere.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// How long beyond that an answer is used while verification is not available; one minute by
    /// default, and never beyond the end of the token.
    pub fn outage_grace(mut self, grace: Duration) -> Self {
        self.outage_grace = grace;
        self
    }

    fn known(&self, token: &[u8]) -> Option<Caller> {
        let shared = &*self.shared;
        let now = shared.clock.now();
        shared.answers.tidy(now);
        shared.usable(token, self.max_age, now)
    }

    /// Forgets the tokens of a grant that was revoked.
    pub fn revoke_grant(&self, grant_id: &str) {
        self.forget(|caller| caller.grant_id() == Some(grant_id));
    }

    /// Forgets one token that was revoked, by its `jti`.
    pub fn revoke_token(&self, token_id: &str) {
        self.forget(|caller| caller.token_id() == Some(token_id));
    }

    /// Forgets every caller of whom `is_revoked` is true; their tokens are verified again at next use.
    pub fn forget(&self, is_revoked: impl Fn(&Caller) -> bool) {
        self.shared
            .answers
            .forget(|answer| is_revoked(&answer.caller));
    }
}

impl<V: VerifyToken> Shared<V> {
    /// What is remembered of `token`, unless that is older than `max_age`.
    fn usable(&self, token: &[u8], max_age: Duration, now: NumericDate) -> Option<Caller> {
        self.answers.find(token, |answer| {
            answer
                .is_usable(max_age, now)
                .then(|| answer.caller.clone())
        })
    }

    async fn verify(&self, token: &str, kept_for: Duration) -> Result<Caller, VerifyError> {
        for _ in 0..ATTEMPTS {
            let generation = self.answers.generation();
            let caller = self.verifier.verify(token).await?;
            let answer = Answer {
                caller: caller.clone(),
                verified_at: self.clock.now(),
                kept_for,
            };
            if self.answers.insert(token, answer, generation) {
                return Ok(caller);
            }
        }
        // Revocations come so fast that nothing can be remembered: the last word is the verifier's.
        self.verifier.verify(token).await
    }
}

#[async_trait]
impl<V: VerifyToken> VerifyToken for CachedVerifier<V> {
    async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        if let Some(caller) = self.known(token.as_bytes()) {
            return Ok(caller);
        }
        let shared = &*self.shared;
        let grace = self.max_age + self.outage_grace;
        let verdict = shared.verify(token, grace).await;
        match &verdict {
            Err(VerifyError::Invalid(_)) => shared.answers.remove(token.as_bytes()),
            Err(VerifyError::Unavailable(_)) => {
                // What was revoked during the outage is no longer there.
                let last_known = shared.usable(token.as_bytes(), grace, shared.clock.now());
                if let Some(caller) = last_known {
                    return Ok(caller);
                }
            }
            Ok(_) => {}
        }
        verdict
    }

    fn remembered(&self, token: &[u8]) -> Option<Caller> {
        self.known(token)
    }
}

impl<V> Clone for CachedVerifier<V> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            ..*self
        }
    }
}

impl<V> fmt::Debug for CachedVerifier<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedVerifier")
            .field("max_age", &self.max_age)
            .field("outage_grace", &self.outage_grace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
