//! A memory of verified tokens that outlives neither the token nor its revocation (RFC 7662 §4).

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use foldhash::fast::RandomState;
use moka::Expiry;
use moka::sync::Cache;

use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};

use crate::Caller;
use crate::verify::{VerifyError, VerifyToken};

/// A token under which an answer is remembered.
///
/// The whole of it is compared, so a verdict belongs to exactly the text that was verified. Only
/// verified tokens are kept, so nobody can fill the table with names that a fast hash confuses.
struct Token(Secret);

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
    answers: Cache<Token, Answer, RandomState>,
    /// Counts revocations. Readers of the lock may remember answers; its writer forgets some.
    revocations: RwLock<u64>,
}

#[derive(Clone)]
struct Answer {
    caller: Caller,
    verified_at: NumericDate,
    /// How long it may be of use to anybody, outages included.
    kept_for: Duration,
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
                answers: Cache::builder()
                    .max_capacity(capacity)
                    .expire_after(Uselessness)
                    .build_with_hasher(RandomState::default()),
                revocations: RwLock::new(0),
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
        let answer = self.shared.answers.get(token)?;
        let now = self.shared.clock.now();
        Shared::<V>::is_usable(&answer, self.max_age, now).then_some(answer.caller)
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
        let shared = &self.shared;
        // While this is held nothing is remembered, and what was verified before is not remembered after.
        let mut revocations = shared
            .revocations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *revocations += 1;
        for (key, answer) in &shared.answers {
            if is_revoked(&answer.caller) {
                shared.answers.invalidate(&*key);
            }
        }
    }
}

impl<V: VerifyToken> Shared<V> {
    fn revocations(&self) -> u64 {
        *self
            .revocations
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers `answer`, unless something was revoked since `revocations` was read.
    fn remember(&self, token: &str, answer: Answer, revocations: u64) -> bool {
        let current = self
            .revocations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if *current == revocations {
            self.answers.insert(Token(Secret::from(token)), answer);
        }
        *current == revocations
    }

    async fn verify(&self, token: &str, kept_for: Duration) -> Result<Caller, VerifyError> {
        for _ in 0..ATTEMPTS {
            let revocations = self.revocations();
            let caller = self.verifier.verify(token).await?;
            let answer = Answer {
                caller: caller.clone(),
                verified_at: self.clock.now(),
                kept_for,
            };
            if self.remember(token, answer, revocations) {
                return Ok(caller);
            }
        }
        // Revocations come so fast that nothing can be remembered: the last word is the verifier's.
        self.verifier.verify(token).await
    }

    /// Whether `answer` may still be used `after` it was given.
    fn is_usable(answer: &Answer, after: Duration, now: NumericDate) -> bool {
        answer.caller.expires_at().is_none_or(|end| now < end)
            && now < answer.verified_at.plus(after)
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
            Err(VerifyError::Invalid(_)) => shared.answers.invalidate(token.as_bytes()),
            Err(VerifyError::Unavailable(_)) => {
                // What was revoked during the outage is no longer there.
                let now = shared.clock.now();
                let last_known = shared.answers.get(token.as_bytes());
                if let Some(answer) = last_known.filter(|a| Shared::<V>::is_usable(a, grace, now)) {
                    return Ok(answer.caller);
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

impl Borrow<[u8]> for Token {
    fn borrow(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.expose().as_bytes().hash(hasher);
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

impl Eq for Token {}

/// Drops, and by that wipes, a token as soon as its answer is of no more use.
struct Uselessness;

impl Expiry<Token, Answer> for Uselessness {
    fn expire_after_create(&self, _: &Token, answer: &Answer, _: Instant) -> Option<Duration> {
        Some(answer.kept_for)
    }

    fn expire_after_update(
        &self,
        _: &Token,
        answer: &Answer,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(answer.kept_for)
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
