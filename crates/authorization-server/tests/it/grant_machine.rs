//! Whatever order redemptions, refreshes, revocations and pauses come in, a grant keeps its promises.
//!
//! A model of a few lines says what must happen; the real house has to agree at every step.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::browser::{Browser, redemption, request};
use crate::house::{CLIENT, House};

/// Something that a client, a thief or time does.
#[derive(Clone, Debug)]
enum Step {
    Redeem {
        with_right_verifier: bool,
    },
    /// With the refresh token of some generation; 0 is the newest, 1 the one before it, …
    Refresh {
        back: usize,
    },
    RevokeAccessToken,
    RevokeRefreshToken,
    Pause {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(|right| Step::Redeem { with_right_verifier: right }),
        6 => (0..3_usize).prop_map(|back| Step::Refresh { back }),
        1 => Just(Step::RevokeAccessToken),
        1 => Just(Step::RevokeRefreshToken),
        4 => prop::sample::select(vec![1, 29, 31, 61, 1799])
            .prop_map(|seconds| Step::Pause { seconds }),
    ]
}

/// What is true of the grant, as the standards say it.
#[derive(Default)]
struct Model {
    code_age: u64,
    is_code_spent: bool,
    is_alive: bool,
    refresh_tokens: Vec<String>,
    since_rotation: u64,
    /// Access tokens and their ages.
    access_tokens: Vec<(String, u64)>,
}

impl Model {
    /// Whether redeeming succeeds, and what becomes of the grant.
    fn redeem(&mut self, with_right_verifier: bool) -> bool {
        let is_in_time = self.code_age < 60;
        if self.is_code_spent {
            // A valid replay kills, an invalid one does nothing.
            self.is_alive &= !(is_in_time && with_right_verifier);
            return false;
        }
        self.is_code_spent = is_in_time;
        self.is_alive = is_in_time && with_right_verifier;
        self.is_alive
    }

    /// The expected refresh token: `Ok(None)` is a new one, `Ok(Some(_))` the known successor.
    fn refresh(&mut self, generation: usize) -> Result<Option<String>, ()> {
        let newest = self.refresh_tokens.len() - 1;
        match newest - generation {
            _ if !self.is_alive => Err(()),
            0 => Ok(None),
            1 if self.since_rotation <= 30 => Ok(Some(self.refresh_tokens[newest].clone())),
            _ => {
                self.is_alive = false;
                Err(())
            }
        }
    }

    fn pause(&mut self, seconds: u64) {
        self.code_age += seconds;
        self.since_rotation += seconds;
        self.access_tokens
            .iter_mut()
            .for_each(|(_, age)| *age += seconds);
    }
}

async fn run(house: &House, browser: &mut Browser<'_>, steps: &[Step]) {
    let code = browser.code("admin", &request()).await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Redeem {
                with_right_verifier,
            } => {
                let mut form = redemption(&code);
                let wrong = "w".repeat(43);
                if !with_right_verifier {
                    form[4].1 = &wrong;
                }
                let answer = house.post("/token", &form).await;
                if model.redeem(*with_right_verifier) {
                    let tokens = answer.tokens();
                    model.refresh_tokens.push(tokens.refresh_token.unwrap());
                    model.access_tokens.push((tokens.access_token, 0));
                    model.since_rotation = 0;
                } else {
                    answer.refused(400, "invalid_grant");
                }
            }
            Step::Refresh { back } if *back < model.refresh_tokens.len() => {
                let generation = model.refresh_tokens.len() - 1 - back;
                let presented = model.refresh_tokens[generation].clone();
                let answer = house.refresh(&presented).await;
                match model.refresh(generation) {
                    Err(()) => answer.refused(400, "invalid_grant"),
                    Ok(known) => {
                        let tokens = answer.tokens();
                        let successor = tokens.refresh_token.unwrap();
                        if let Some(known) = known {
                            assert_eq!(successor, known);
                        } else {
                            assert!(!model.refresh_tokens.contains(&successor));
                            model.refresh_tokens.push(successor);
                            model.since_rotation = 0;
                        }
                        model.access_tokens.push((tokens.access_token, 0));
                    }
                }
            }
            Step::RevokeAccessToken => {
                if let Some((token, age)) = model.access_tokens.last().cloned() {
                    house
                        .post("/revoke", &[("token", &token), ("client_id", CLIENT)])
                        .await;
                    model.is_alive &= age > 1800;
                }
            }
            Step::RevokeRefreshToken => {
                if let Some(token) = model.refresh_tokens.last() {
                    house
                        .post("/revoke", &[("token", token), ("client_id", CLIENT)])
                        .await;
                    model.is_alive = false;
                }
            }
            Step::Pause { seconds } => {
                house.advance(*seconds);
                model.pause(*seconds);
            }
            Step::Refresh { .. } => {}
        }
        for (token, age) in &model.access_tokens {
            let expected = model.is_alive && *age <= 1800;
            assert_eq!(house.is_accepted(token).await, expected, "after {step:?}");
        }
    }
}

#[test]
fn a_grant_keeps_its_promises_in_every_order() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let house = runtime.block_on(House::start());
    let config = ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..Default::default()
    };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(step(), 1..24), |steps| {
        runtime.block_on(run(&house, &mut Browser::new(&house), &steps));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
