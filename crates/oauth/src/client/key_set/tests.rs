//! A key set through rotation and outage (acceptance A9, B2).

use futures_util::FutureExt as _;
use serde_json::json;

use super::*;
use crate::client::fetch::{FetchError, Outgoing, Scripted, Transport};
use crate::time::ManualClock;

const KEYS: &str = "https://as.example/keys";

struct House {
    script: Scripted,
    clock: ManualClock,
    set: RemoteKeySet,
}

fn house() -> House {
    let (script, clock) = (Scripted::default(), ManualClock::at(NumericDate(1_000)));
    let fetch = Fetch::through(script.clone());
    let set = RemoteKeySet::at(fetch, Reach::Public, KEYS, Arc::new(clock.clone()));
    House { script, clock, set }
}

impl House {
    fn publish(&self, kid: &str) {
        self.script
            .answer_json(KEYS, &json!({"keys": [{"kty": "OKP", "kid": kid}]}));
    }

    fn requests(&self) -> usize {
        self.script.requests().len()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[track_caller]
fn kid(keys: Result<Arc<JwkSet>, KeysUnavailable>) -> String {
    keys.unwrap().keys[0].kid.clone().unwrap()
}

#[tokio::test]
async fn a_fresh_set_is_not_fetched_again_and_an_old_one_is() {
    let house = house();
    house.publish("one");
    for _ in 0..3 {
        assert_eq!(kid(house.set.keys().await), "one");
    }
    assert_eq!(house.requests(), 1);
    house.publish("two");
    house.pass(300);
    assert_eq!(kid(house.set.keys().await), "two");
}

#[tokio::test]
async fn the_issuer_decides_about_freshness_within_bounds() {
    let house = house();
    let body = json!({"keys": [{"kty": "OKP", "kid": "one"}]}).to_string();
    house
        .script
        .answer(KEYS, 200, &[("cache-control", "max-age=600")], body.clone());
    house.set.keys().await.unwrap();
    house.pass(599);
    house.set.keys().await.unwrap();
    assert_eq!(house.requests(), 1);
    house
        .script
        .answer(KEYS, 200, &[("cache-control", "no-store")], body);
    house.pass(1);
    house.set.keys().await.unwrap();
    house.pass(29);
    house.set.keys().await.unwrap();
    assert_eq!(
        house.requests(),
        2,
        "no-store cannot make every token a request"
    );
}

#[tokio::test]
async fn a9_a_rotated_key_is_found_at_once_and_garbage_costs_one_request() {
    let house = house();
    house.publish("one");
    let seen = house.set.keys().await.unwrap();
    house.publish("two");
    assert_eq!(kid(house.set.keys_after_miss(&seen).await), "two");
    let seen = house.set.keys().await.unwrap();
    for _ in 0..50 {
        house.set.keys_after_miss(&seen).await.unwrap();
    }
    assert_eq!(
        house.requests(),
        2,
        "50 unknown keys within the cool-down ask nothing"
    );
    house.pass(30);
    house.set.keys_after_miss(&seen).await.unwrap();
    assert_eq!(house.requests(), 3);
}

#[tokio::test]
async fn b2_an_outage_is_bridged_for_the_grace_and_no_longer() {
    let house = house();
    house.publish("one");
    house.set.keys().await.unwrap();
    house.script.unplug(KEYS);
    house.pass(300 + 3599);
    assert_eq!(kid(house.set.keys().await), "one");
    house.pass(1);
    let error = house.set.keys().await.unwrap_err();
    assert_eq!(error.retry_after, Duration::from_secs(29));
    let requests = house.requests();
    house.set.keys().await.unwrap_err();
    assert_eq!(house.requests(), requests, "a failure cools down, too");
    house.publish("two");
    house.pass(30);
    assert_eq!(kid(house.set.keys().await), "two");
}

#[tokio::test]
async fn b2_an_unknown_key_during_an_outage_is_no_verdict() {
    let house = house();
    house.publish("one");
    let seen = house.set.keys().await.unwrap();
    house.script.unplug(KEYS);
    for _ in 0..2 {
        house.set.keys_after_miss(&seen).await.unwrap_err();
    }
    assert_eq!(house.requests(), 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_freezes_nothing() {
    let house = house();
    house.publish("one");
    let seen = house.set.keys().await.unwrap();
    house.set.keys_after_miss(&seen).await.unwrap();
    house.clock.set(NumericDate(100));
    // What was fetched "later" may be of any age, and so may the last question.
    house.publish("two");
    assert!(house.set.remembered().is_none());
    let seen = house.set.keys().await.unwrap();
    house.publish("three");
    assert_eq!(kid(house.set.keys_after_miss(&seen).await), "three");
}

#[tokio::test]
async fn a_failure_in_the_future_is_no_cool_down() {
    let house = house();
    house.script.unplug(KEYS);
    house.set.keys().await.unwrap_err();
    house.clock.set(NumericDate(100));
    house.publish("one");
    assert_eq!(kid(house.set.keys().await), "one");
}

#[tokio::test]
async fn rfc7517_section_5_a_key_that_cannot_be_read_spoils_no_other() {
    let house = house();
    let good = json!({"kty": "OKP", "kid": "good"});
    for bad in [
        json!({"kid": "without kty"}),
        json!({"kty": 7}),
        json!({"kty": "OKP", "key_ops": "verify"}),
        json!(null),
        json!("a key"),
    ] {
        let keys = json!({"keys": [bad, good]});
        house.script.answer_json(KEYS, &keys);
        assert_eq!(kid(house.set.keys().await), "good", "{keys}");
        house.pass(300);
    }
}

#[tokio::test]
async fn an_issuer_tells_where_its_keys_are_and_may_move_them() {
    let house = house();
    let issuer = Issuer::parse("https://as.example").unwrap();
    let metadata = "https://as.example/.well-known/oauth-authorization-server";
    house
        .script
        .answer_json(metadata, &json!({"issuer": issuer, "jwks_uri": KEYS}));
    house.publish("one");
    let fetch = Fetch::through(house.script.clone());
    let set = RemoteKeySet::of_issuer(
        fetch,
        Reach::Public,
        issuer.clone(),
        Arc::new(house.clock.clone()),
    );
    assert_eq!(kid(set.keys().await), "one");

    let moved = "https://as.example/moved";
    house.script.unplug(KEYS);
    house
        .script
        .answer_json(metadata, &json!({"issuer": issuer, "jwks_uri": moved}));
    house
        .script
        .answer_json(moved, &json!({"keys": [{"kty": "OKP", "kid": "two"}]}));
    house.pass(300);
    assert_eq!(
        kid(set.keys().await),
        "one",
        "the old address fails, the old keys serve"
    );
    house.pass(30);
    assert_eq!(kid(set.keys().await), "two");
}

#[tokio::test]
async fn keys_of_a_protected_issuer_come_by_a_protected_way() {
    let house = house();
    let issuer = Issuer::parse("https://as.example").unwrap();
    let metadata = "https://as.example/.well-known/oauth-authorization-server";
    let plain = "http://as.example/keys";
    house
        .script
        .answer_json(metadata, &json!({"issuer": issuer, "jwks_uri": plain}));
    house.script.answer_json(
        plain,
        &json!({"keys": [{"kty": "OKP", "kid": "exchanged"}]}),
    );
    let fetch = Fetch::through(house.script.clone());
    let clock = Arc::new(house.clock.clone());
    let set = RemoteKeySet::of_issuer(fetch, Reach::Configured, issuer, clock);
    set.keys().await.unwrap_err();
}

/// A server that answers only when it is let to.
#[derive(Debug)]
struct Gated {
    script: Scripted,
    gate: Arc<tokio::sync::Semaphore>,
}

#[async_trait]
impl Transport for Gated {
    async fn send(&self, request: Outgoing) -> Result<Fetched, FetchError> {
        let _pass = self.gate.acquire().await.unwrap();
        self.script.send(request).await
    }
}

#[tokio::test]
async fn many_readers_cause_one_request() {
    let house = house();
    house.publish("one");
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let transport = Gated {
        script: house.script.clone(),
        gate: Arc::clone(&gate),
    };
    let clock = Arc::new(house.clock.clone());
    let set = RemoteKeySet::at(Fetch::through(transport), Reach::Public, KEYS, clock);
    let readers = futures_util::future::join_all((0..50).map(|_| set.keys()));
    let open = async { gate.add_permits(100) };
    let (all, ()) = tokio::join!(readers, open);
    assert!(all.into_iter().all(|keys| kid(keys) == "one"));
    assert_eq!(house.requests(), 1);

    // An expired set serves the others while one of them fetches.
    house.publish("two");
    house.pass(300);
    gate.forget_permits(100);
    let mut first = Box::pin(set.keys());
    assert!(first.as_mut().now_or_never().is_none());
    assert_eq!(kid(set.keys().await), "one");
    gate.add_permits(1);
    assert_eq!(kid(first.await), "two");
}

#[tokio::test]
async fn what_is_remembered_is_told_without_asking() {
    let house = house();
    house.publish("one");
    assert!(house.set.remembered().is_none());
    house.set.keys().await.unwrap();
    assert!(house.set.remembered().is_some());
    house.pass(300);
    assert!(house.set.remembered().is_none(), "it has to be asked again");
    assert_eq!(house.requests(), 1);
}

#[tokio::test]
async fn a_set_with_too_many_keys_is_a_failure() {
    let House { script, clock, set } = house();
    let key = |kid: &str| json!({"kty": "OKP", "kid": kid});
    script.answer_json(KEYS, &json!({"keys": [key("one"), key("two")]}));
    let set = set.at_most(1);
    set.keys().await.unwrap_err();
    script.answer_json(KEYS, &json!({"keys": [key("one")]}));
    clock.advance(Duration::from_secs(30));
    assert_eq!(kid(set.keys().await), "one");
}
