//! Any order of expiry, death, outage, withdrawal and connecting again: what holds in all of them.

use std::collections::BTreeSet;
use std::time::Duration;

use delegation::ValidTokenError;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::task::JoinSet;

use crate::house::House;
use crate::provider::Step;

#[derive(Clone, Debug)]
enum Event {
    /// Time passes, in minutes.
    Pass(u64),
    /// So many callers in both processes, while this happens to the requests to the provider.
    Call(u8, Vec<Step>),
    /// The person withdraws at the provider.
    Withdraw,
    /// The person connects again, alone or while somebody renews.
    ConnectAgain,
    ConnectDuring(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Answer),
        2 => Just(Step::AnswerWithoutLifetime),
        2 => Just(Step::Outage),
        1 => Just(Step::Garbage),
        1 => Just(Step::LoseAnswer),
        1 => Just(Step::DieBefore),
        1 => Just(Step::DieAfter),
        1 => Just(Step::Slow),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1_u64..90).prop_map(Event::Pass),
        4 => (1_u8..8, vec(step(), 0..4)).prop_map(|(callers, steps)| Event::Call(callers, steps)),
        1 => Just(Event::Withdraw),
        1 => Just(Event::ConnectAgain),
        1 => (1_u8..4).prop_map(Event::ConnectDuring),
    ]
}

type Outcomes = Vec<Result<String, ValidTokenError>>;

async fn call(house: &House, callers: u8) -> Outcomes {
    let mut calls = JoinSet::new();
    for at in 0..callers {
        let tokens = house.tokens[usize::from(at) % 2].clone();
        calls.spawn(async move {
            let token = tokens.valid_token("alice", "naver").await;
            token.map(|token| token.expose().to_owned())
        });
    }
    calls.join_all().await
}

async fn live_through(events: Vec<Event>) {
    let house = House::start().await;
    house.connect().await;
    let mut dead: BTreeSet<String> = BTreeSet::new();
    for event in events {
        let asked_before = house.provider.times_asked();
        let was_good = house.provider.live().is_some();
        let mut outcomes = Outcomes::new();
        match event {
            Event::Pass(minutes) => house.clock.advance(Duration::from_mins(minutes)),
            Event::Withdraw => house.provider.withdraw(),
            Event::ConnectAgain => drop(house.connect().await),
            Event::Call(callers, steps) => {
                house.provider.expect(steps);
                outcomes = call(&house, callers).await;
            }
            Event::ConnectDuring(callers) => {
                house.provider.expect([]);
                let (found, _) = tokio::join!(call(&house, callers), house.connect());
                outcomes = found;
            }
        }
        check(&house, asked_before, &outcomes, &mut dead).await;
        // Nobody is signed out by an outage, nor by anybody's death that lost nothing.
        let lost = house.provider.state.lock().unwrap().lost.clone();
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(
                !error.needs_person() || !was_good || !lost.is_empty(),
                "{error:?}"
            );
        }
    }
}

async fn check(
    house: &House,
    asked_before: usize,
    outcomes: &Outcomes,
    dead: &mut BTreeSet<String>,
) {
    let stored = house.vault.get("alice", "naver").await.unwrap();
    let live = house.provider.live();
    let (presented, lost) = {
        let state = house.provider.state.lock().unwrap();
        (state.presented.clone(), state.lost.clone())
    };
    // Nobody asks again with a refresh token whose answer arrived.
    let mut seen = BTreeSet::new();
    for token in &presented {
        assert!(
            seen.insert(token) || lost.contains(token),
            "{token} was presented twice: {presented:?}"
        );
    }
    // Nobody tries again with what has ended.
    for token in &presented[asked_before..] {
        assert!(!dead.contains(token), "{token} had ended");
    }
    if stored.is_none()
        && let Some(last) = presented.last()
    {
        dead.insert(last.clone());
    }
    // What the provider still honours is never lost, unless its answer was.
    if let Some(live) = live
        && lost.is_empty()
    {
        let stored = stored.as_ref().expect("it is stored, for it is good");
        assert_eq!(stored.refresh_token.as_ref().unwrap().expose(), live);
    }
    // A token that is handed out is one whose refresh token is stored.
    let handed_out = outcomes.iter().flatten();
    for token in handed_out {
        if lost.is_empty() {
            let number = |token: &str| token.rsplit('-').next().unwrap().parse::<u32>().unwrap();
            let stored = stored.as_ref().expect("it was stored before it was used");
            assert!(number(token) <= number(stored.access_token.expose()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn b3_in_any_order_no_refresh_token_is_spent_twice_and_no_credential_is_lost(
        events in vec(event(), 1..20)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live_through(events));
    }
}
