//! Whatever order redemptions, polls, refreshes, revocations and pauses come in, a grant keeps its
//! promises.
//!
//! A model of a few lines says what must happen; the real house has to agree at every step.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::device;
use crate::flow::{Flow, Presented};
use crate::house::House;

/// Something that a client, a thief or time does.
#[derive(Clone, Debug)]
enum Step {
    /// With the right verifier or from the right client; or not.
    Redeem {
        is_right: bool,
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
        3 => any::<bool>().prop_map(|is_right| Step::Redeem { is_right }),
        6 => (0..3_usize).prop_map(|back| Step::Refresh { back }),
        1 => Just(Step::RevokeAccessToken),
        1 => Just(Step::RevokeRefreshToken),
        6 => prop::sample::select(vec![1, 4, 5, 29, 31, 61, 599, 1799, MONTH])
            .prop_map(|seconds| Step::Pause { seconds }),
    ]
}

/// How long a refresh token lives that nobody uses, in seconds.
const MONTH: u64 = 30 * 24 * 3600;

/// What is true of the grant, as the standards say it.
struct Model {
    flow: Flow,
    /// How long ago a device asked, and how long it has to wait.
    pace: Option<(u64, u64)>,
    code_age: u64,
    is_code_spent: bool,
    is_alive: bool,
    refresh_tokens: Vec<String>,
    since_rotation: u64,
    /// Access tokens and their ages.
    access_tokens: Vec<(String, u64)>,
}

impl Model {
    fn of(flow: Flow) -> Self {
        Self {
            flow,
            pace: None,
            code_age: 0,
            is_code_spent: false,
            is_alive: false,
            refresh_tokens: Vec::new(),
            since_rotation: 0,
            access_tokens: Vec::new(),
        }
    }

    /// Whether redeeming succeeds, and what becomes of the grant.
    fn redeem(&mut self, is_right: bool) -> bool {
        match self.flow {
            Flow::Code => self.redeem_code(is_right),
            // Whoever is not the device gets nothing and changes nothing.
            Flow::Device => is_right && self.keeps_pace() && self.redeem_device_code(),
        }
    }

    fn redeem_code(&mut self, with_right_verifier: bool) -> bool {
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

    fn redeem_device_code(&mut self) -> bool {
        let is_in_time = self.code_age < 600;
        if self.is_code_spent {
            self.is_alive &= !is_in_time;
            return false;
        }
        self.is_code_spent = is_in_time;
        self.is_alive = is_in_time;
        self.is_alive
    }

    fn keeps_pace(&mut self) -> bool {
        let (since, interval) = self.pace.unwrap_or((5, 5));
        let has_waited = since + 1 >= interval;
        self.pace = Some((0, if has_waited { interval } else { interval + 5 }));
        has_waited
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
        self.is_alive &= self.since_rotation < MONTH;
        if let Some((since, _)) = &mut self.pace {
            *since += seconds;
        }
        self.access_tokens
            .iter_mut()
            .for_each(|(_, age)| *age += seconds);
    }
}

async fn run(house: &House, flow: Flow, steps: &[Step]) {
    let presented = Presented::by(flow, house).await;
    let mut model = Model::of(flow);
    for step in steps {
        match step {
            Step::Redeem { is_right } => {
                let answer = presented.redeem(house, *is_right).await;
                if model.redeem(*is_right) {
                    let tokens = answer.tokens();
                    model.refresh_tokens.push(tokens.refresh_token.unwrap());
                    model.access_tokens.push((tokens.access_token, 0));
                    model.since_rotation = 0;
                } else {
                    assert_eq!(answer.status, 400, "{answer:?}");
                }
            }
            Step::Refresh { back } if *back < model.refresh_tokens.len() => {
                let generation = model.refresh_tokens.len() - 1 - back;
                let token = &model.refresh_tokens[generation];
                let answer = flow.refresh(house, token).await;
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
                    flow.revoke(house, &token).await;
                    model.is_alive &= age > 1800;
                }
            }
            Step::RevokeRefreshToken => {
                if let Some(token) = model.refresh_tokens.last() {
                    flow.revoke(house, token).await;
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
    let house = runtime.block_on(device::house());
    let config = ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..Default::default()
    };
    let flow = prop::sample::select(vec![Flow::Code, Flow::Device]);
    let steps = prop::collection::vec(step(), 1..24);
    let outcome = TestRunner::new(config).run(&(flow, steps), |(flow, steps)| {
        runtime.block_on(run(&house, flow, &steps));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
