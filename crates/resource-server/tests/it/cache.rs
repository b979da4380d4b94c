//! The memory of verified tokens, and what must make it forget (acceptance A6, B2).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use oauth::time::{ManualClock, NumericDate};
use resource_server::verify::Unavailable;
use resource_server::{CachedVerifier, Caller, VerifyError, VerifyToken};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{House, NOW};

const GOOD: u8 = 0;
const REVOKED: u8 = 1;
const DOWN: u8 = 2;

/// A verifier that counts, can be told what to say, and can be held up before it says it.
#[derive(Clone)]
struct Issuer {
    mood: Arc<AtomicU8>,
    asked: Arc<AtomicUsize>,
    /// Permits to answer; each answer was decided before it waits for one.
    gate: Arc<Semaphore>,
    caller: Caller,
}

#[async_trait]
impl VerifyToken for Issuer {
    async fn verify(&self, _: &str) -> Result<Caller, VerifyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let verdict = match self.mood.load(Ordering::SeqCst) {
            GOOD => Ok(self.caller.clone()),
            REVOKED => Err(VerifyError::invalid("revoked")),
            _ => Err(Unavailable {
                retry_after: Duration::from_secs(1),
            }
            .into()),
        };
        self.gate.acquire().await.unwrap().forget();
        verdict
    }
}

struct Memory {
    issuer: Issuer,
    clock: ManualClock,
    cache: CachedVerifier<Issuer>,
}

fn memory() -> Memory {
    let claims = json!({"iss": "i", "sub": "alice", "aud": "r", "exp": NOW.0 + 100, "grant_id": "g1", "jti": "t1"});
    let claims: oauth::jwt::AccessTokenClaims = serde_json::from_value(claims).unwrap();
    let issuer = Issuer {
        mood: Arc::default(),
        asked: Arc::default(),
        gate: Arc::new(Semaphore::new(100_000)),
        caller: Caller::from(claims),
    };
    let clock = ManualClock::at(NOW);
    let cache = CachedVerifier::new(issuer.clone(), Arc::new(clock.clone()));
    Memory {
        issuer,
        clock,
        cache,
    }
}

impl Memory {
    async fn verify(&self) -> Result<Caller, VerifyError> {
        self.cache.verify("token").await
    }

    fn asked(&self) -> usize {
        self.issuer.asked.load(Ordering::SeqCst)
    }

    fn set(&self, mood: u8) {
        self.issuer.mood.store(mood, Ordering::SeqCst);
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn an_answer_is_used_for_its_age_and_then_asked_again() {
    let memory = memory();
    for _ in 0..3 {
        assert_eq!(memory.verify().await.unwrap().subject(), "alice");
    }
    assert_eq!(memory.asked(), 1);
    memory.cache.verify("another").await.unwrap();
    assert_eq!(memory.asked(), 2);
    memory.pass(4);
    memory.verify().await.unwrap();
    assert_eq!(memory.asked(), 2);
    memory.pass(1);
    memory.verify().await.unwrap();
    assert_eq!(memory.asked(), 3);
}

#[tokio::test]
async fn an_answer_never_outlives_its_token() {
    let memory = memory();
    let cache = memory.cache.clone().max_age(Duration::from_hours(1));
    cache.verify("token").await.unwrap();
    memory.pass(99);
    cache.verify("token").await.unwrap();
    assert_eq!(memory.asked(), 1);
    memory.pass(1);
    memory.set(REVOKED);
    cache.verify("token").await.unwrap_err();
}

#[tokio::test]
async fn refusals_are_not_remembered() {
    let memory = memory();
    memory.set(REVOKED);
    memory.verify().await.unwrap_err();
    memory.set(GOOD);
    memory.verify().await.unwrap();
    // A refusal also ends what was known.
    memory.pass(5);
    memory.set(REVOKED);
    memory.verify().await.unwrap_err();
    memory.set(DOWN);
    memory.verify().await.unwrap_err();
}

#[tokio::test]
async fn a6_what_is_revoked_is_forgotten_at_once() {
    let memory = memory();
    memory.verify().await.unwrap();
    memory.set(REVOKED);
    memory.cache.revoke_grant("another");
    memory.cache.revoke_token("another");
    memory.verify().await.unwrap();
    memory.cache.revoke_grant("g1");
    memory.verify().await.unwrap_err();

    for forget in [
        (|cache| cache.revoke_token("t1")) as fn(&CachedVerifier<Issuer>),
        |cache| cache.forget(|caller| caller.subject() == "alice"),
    ] {
        memory.set(GOOD);
        memory.verify().await.unwrap();
        memory.set(REVOKED);
        forget(&memory.cache);
        memory.verify().await.unwrap_err();
    }
}

#[tokio::test]
async fn a6_a_revocation_also_reaches_a_verification_that_is_under_way() {
    let memory = memory();
    memory.issuer.gate.forget_permits(100_000);
    let mut under_way = Box::pin(memory.verify());
    assert!(under_way.as_mut().now_or_never().is_none());
    // The verifier has decided that the token is good, but has not said so yet.
    memory.set(REVOKED);
    memory.cache.revoke_grant("g1");
    memory.issuer.gate.add_permits(2);
    under_way.await.unwrap_err();
    assert_eq!(
        memory.asked(),
        2,
        "it is verified again instead of being remembered"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a6_nothing_revoked_is_remembered_however_many_race() {
    for _ in 0..50 {
        let memory = Arc::new(memory());
        let race = (0..16).map(|n| {
            let memory = Arc::clone(&memory);
            async move {
                if n == 8 {
                    memory.set(REVOKED);
                    memory.cache.revoke_grant("g1");
                } else {
                    // Before the revocation this succeeds, after it this fails; both are right.
                    let _ = memory.verify().await;
                }
            }
        });
        let mut tasks = tokio::task::JoinSet::new();
        race.for_each(|task| drop(tasks.spawn(task)));
        tasks.join_all().await;
        memory.verify().await.unwrap_err();
    }
}

#[tokio::test]
async fn b2_an_outage_is_bridged_for_the_grace_and_no_longer() {
    let memory = memory();
    memory.verify().await.unwrap();
    memory.set(DOWN);
    memory.pass(64);
    assert_eq!(memory.verify().await.unwrap().subject(), "alice");
    memory.pass(1);
    let error = memory.verify().await.unwrap_err();
    assert!(
        matches!(error, VerifyError::Unavailable(_)),
        "503, not 401: {error}"
    );
}

#[tokio::test]
async fn b2_an_outage_bridges_neither_the_end_of_a_token_nor_a_revocation() {
    let memory = memory();
    let cache = memory.cache.clone().outage_grace(Duration::from_hours(1));
    cache.verify("token").await.unwrap();
    memory.set(DOWN);
    memory.pass(99);
    cache.verify("token").await.unwrap();
    memory.pass(1);
    cache.verify("token").await.unwrap_err();

    memory.set(GOOD);
    cache.verify("token").await.unwrap();
    memory.set(DOWN);
    cache.revoke_grant("g1");
    cache.verify("token").await.unwrap_err();
}

#[tokio::test]
async fn the_memory_is_bounded() {
    let memory = memory();
    let cache =
        CachedVerifier::with_capacity(10, memory.issuer.clone(), Arc::new(memory.clock.clone()));
    for n in 0..1_000 {
        cache.verify(&n.to_string()).await.unwrap();
    }
    let before = memory.asked();
    for n in 0..1_000 {
        cache.verify(&n.to_string()).await.unwrap();
    }
    assert!(
        memory.asked() - before >= 900,
        "only a few of a thousand were remembered"
    );
}

#[tokio::test]
async fn it_goes_around_every_verifier() {
    let house = House::new();
    let cached = CachedVerifier::new(house.verifier(), Arc::new(house.clock.clone()));
    let caller = cached.verify(&house.token(|_| {})).await.unwrap();
    assert_eq!(caller.expires_at(), Some(NumericDate(NOW.0 + 300)));
    let shared: Arc<dyn VerifyToken> = Arc::new(cached);
    shared.verify(&house.token(|_| {})).await.unwrap();
}
