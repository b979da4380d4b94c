//! Whenever the process is killed, whatever was asked before and after: no grant gives more than it
//! would have given.
//!
//! Who crashes does not know what became of the last request, so there is no model that foretells
//! every answer, as in `grant_machine.rs`; there are promises that must hold whatever happened.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::device;
use crate::flow::{Flow, Presented};
use crate::fragile::{Crash, Fragile};
use crate::house::House;

#[derive(Clone, Debug)]
enum Act {
    Redeem {
        is_right: bool,
    },
    /// With the refresh token of some generation; 0 is the newest that the client knows.
    Refresh {
        back: usize,
    },
    RevokeAccessToken,
    RevokeRefreshToken,
    Pause {
        seconds: u64,
    },
}

/// An act, and whether the process is killed in the middle of it.
#[derive(Clone, Debug)]
struct Step {
    act: Act,
    crash: Option<Crash>,
}

fn step() -> impl Strategy<Value = Step> {
    let act = prop_oneof![
        4 => prop::bool::weighted(0.9).prop_map(|is_right| Act::Redeem { is_right }),
        6 => (0..3_usize).prop_map(|back| Act::Refresh { back }),
        1 => Just(Act::RevokeAccessToken),
        1 => Just(Act::RevokeRefreshToken),
        4 => prop::sample::select(vec![1, 5, 29, 31, 599, 1801, 30 * 24 * 3600])
            .prop_map(|seconds| Act::Pause { seconds }),
    ];
    let crash =
        (0..3_u32, any::<bool>()).prop_map(|(after, is_written)| Crash { after, is_written });
    (act, prop::option::weighted(0.4, crash)).prop_map(|(act, crash)| Step { act, crash })
}

/// What was seen of one grant.
#[derive(Default)]
struct Seen {
    redemptions: u32,
    /// A living token was found dead, or its revocation was acknowledged.
    is_dead: bool,
    refresh_tokens: Vec<String>,
    /// The answer to each refresh token.
    successors: HashMap<String, String>,
    /// Access tokens and their ages.
    access_tokens: Vec<(String, u64)>,
}

impl Seen {
    fn access_token(&mut self, token: String) {
        assert!(!self.is_dead, "a dead grant gave a token");
        self.access_tokens.push((token, 0));
    }

    async fn act(&mut self, house: &House, flow: Flow, presented: &Presented, act: &Act) {
        match act {
            Act::Redeem { is_right } => {
                let answer = presented.redeem(house, *is_right).await;
                if answer.status == 200 {
                    assert!(is_right, "redeemed by the wrong one");
                    self.redemptions += 1;
                    assert_eq!(self.redemptions, 1, "redeemed twice");
                    let tokens = answer.tokens();
                    self.refresh_tokens.push(tokens.refresh_token.unwrap());
                    self.access_token(tokens.access_token);
                }
            }
            Act::Refresh { back } if *back < self.refresh_tokens.len() => {
                let newest = self.refresh_tokens.len() - 1;
                let token = self.refresh_tokens[newest - back].clone();
                let answer = flow.refresh(house, &token).await;
                if answer.status == 200 {
                    assert!(*back <= 1, "an old generation was refreshed");
                    let tokens = answer.tokens();
                    let successor = tokens.refresh_token.unwrap();
                    let said = self.successors.entry(token).or_insert(successor.clone());
                    assert_eq!(*said, successor, "one token has two successors");
                    if !self.refresh_tokens.contains(&successor) {
                        self.refresh_tokens.push(successor);
                    }
                    self.access_token(tokens.access_token);
                }
            }
            Act::RevokeAccessToken => {
                let newest = self.access_tokens.last();
                if let Some((token, 0..=1800)) = newest {
                    self.is_dead |= flow.revoke(house, token).await.status == 200;
                }
            }
            Act::RevokeRefreshToken => {
                if let Some(token) = self.refresh_tokens.last() {
                    self.is_dead |= flow.revoke(house, token).await.status == 200;
                }
            }
            Act::Pause { seconds } => {
                house.advance(*seconds);
                // As the house does every minute; if it is killed there, it starts again anyway.
                let _ = house.server.maintain().await;
                let ages = self.access_tokens.iter_mut().map(|(_, age)| age);
                ages.for_each(|age| *age += seconds);
            }
            Act::Refresh { .. } => {}
        }
    }

    /// All tokens of a grant live and die together, and what is dead stays dead.
    async fn look(&mut self, house: &House) {
        let mut lives = Vec::new();
        for (token, age) in &self.access_tokens {
            let is_accepted = house.is_accepted(token).await;
            assert!(!is_accepted || *age <= 1800, "an expired token is accepted");
            if *age <= 1800 {
                lives.push(is_accepted);
            }
        }
        assert!(
            !self.is_dead || lives.iter().all(|lives| !lives),
            "a dead grant lives"
        );
        assert!(
            lives.windows(2).all(|two| two[0] == two[1]),
            "half of a grant is dead"
        );
        self.is_dead |= lives.contains(&false);
    }
}

/// How often something happened at all, so that the promises are not kept by doing nothing.
#[derive(Default)]
struct Tally {
    crashes: Cell<u32>,
    redemptions: Cell<u32>,
    refreshes: Cell<usize>,
}

async fn run(
    mut house: House,
    store: &Fragile,
    flow: Flow,
    steps: &[Step],
    tally: &Tally,
) -> House {
    let presented = Presented::by(flow, &house).await;
    let mut seen = Seen::default();
    for step in steps {
        if let Some(crash) = step.crash {
            store.doom(crash);
        }
        seen.act(&house, flow, &presented, &step.act).await;
        if store.mend() {
            house = house.restarted().await;
            tally.crashes.set(tally.crashes.get() + 1);
        }
        seen.look(&house).await;
    }
    tally
        .redemptions
        .set(tally.redemptions.get() + seen.redemptions);
    tally
        .refreshes
        .set(tally.refreshes.get() + seen.successors.len());
    house
}

#[test]
fn a_crash_at_any_write_gives_nobody_more() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut house = runtime.block_on(device::house());
    let store = Fragile::over(Arc::clone(&house.store));
    house.store = Arc::clone(&store) as _;
    let house = RefCell::new(Some(runtime.block_on(house.restarted())));
    let tally = Tally::default();
    let config = ProptestConfig {
        cases: 64,
        failure_persistence: None,
        // A house in which a promise was broken cannot be asked again.
        max_shrink_iters: 0,
        ..Default::default()
    };
    let flow = prop::sample::select(vec![Flow::Code, Flow::Device]);
    let steps = prop::collection::vec(step(), 1..24);
    let outcome = TestRunner::new(config).run(&(flow, steps), |(flow, steps)| {
        let before = house.take().expect("each run puts it back");
        let after = runtime.block_on(run(before, &store, flow, &steps, &tally));
        house.replace(Some(after));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    assert!(tally.crashes.get() > 0, "no crash");
    assert!(tally.redemptions.get() > 0, "no redemption");
    assert!(tally.refreshes.get() > 0, "no refresh");
}
