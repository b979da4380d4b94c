//! Whatever order buttons, answers, reloads and strangers come in, a grant is decided once, by the
//! browser that it belongs to.
//!
//! A model of a few lines says what must happen; the real house has to agree at every step.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{CORP_ME, Journey, NAVER_ME, house, is_at_corp, is_kim_at_naver, lee};
use crate::browser::Browser;
use crate::house::{Answer, House, PASSWORD, REDIRECT, ReadToken as _};

const PROVIDERS: [(&str, &str); 2] = [("naver", "kim@naver"), ("corp", "lee@corp")];

/// What the provider has to say.
#[derive(Clone, Copy, Debug)]
enum Word {
    Yes,
    No,
    Outage,
}

/// Something that the person, a stranger, a provider or time does.
#[derive(Clone, Debug)]
enum Step {
    Leave {
        provider: usize,
    },
    /// With the `state` of one of the ways so far, the newest first.
    Return {
        way: usize,
        says: Word,
        by_stranger: bool,
        to_wrong_callback: bool,
    },
    Password,
    Deny,
    Reload,
    StrangerApproves,
    Pause {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let word = prop_oneof![4 => Just(Word::Yes), 1 => Just(Word::No), 1 => Just(Word::Outage)];
    let rarely = || prop::bool::weighted(0.2);
    prop_oneof![
        4 => (0..2_usize).prop_map(|provider| Step::Leave { provider }),
        6 => (0..3_usize, word, rarely(), rarely()).prop_map(
            |(way, says, by_stranger, to_wrong_callback)| Step::Return {
                way, says, by_stranger, to_wrong_callback,
            }
        ),
        1 => Just(Step::Password),
        1 => Just(Step::Deny),
        2 => Just(Step::Reload),
        1 => Just(Step::StrangerApproves),
        1 => prop::sample::select(vec![31, 61, 601]).prop_map(|seconds| Step::Pause { seconds }),
    ]
}

/// A way to a provider.
struct Way {
    state: String,
    provider: usize,
    is_open: bool,
}

/// What the client was told.
#[derive(Clone, Debug, PartialEq)]
enum Decision {
    Code {
        location: String,
        username: &'static str,
    },
    Error(&'static str),
}

#[derive(Default)]
struct Model {
    decision: Option<Decision>,
    ways: Vec<Way>,
    request_age: u64,
    code_age: u64,
}

impl Model {
    fn is_open(&self) -> bool {
        self.decision.is_none() && self.request_age < 600
    }

    #[track_caller]
    fn decide_or_repeat(&mut self, answer: &Answer, by: Result<&'static str, &'static str>) {
        if self.is_open() {
            self.decide(answer, by);
        } else {
            self.repeat(answer);
        }
    }

    /// Takes an answer that must decide.
    #[track_caller]
    fn decide(&mut self, answer: &Answer, by: Result<&'static str, &'static str>) {
        let location = answer.location().to_string();
        assert!(location.starts_with(REDIRECT), "{answer:?}");
        self.decision = Some(match by {
            Ok(username) => {
                assert!(answer.parameter("code").is_some(), "{answer:?}");
                Decision::Code { location, username }
            }
            Err(error) => {
                assert_eq!(answer.parameter("error").as_deref(), Some(error));
                Decision::Error(error)
            }
        });
    }

    /// Takes an answer that must not decide: the client learns at most what it knows.
    #[track_caller]
    fn repeat(&self, answer: &Answer) {
        let location = answer
            .headers
            .get("location")
            .map(|there| there.to_str().unwrap());
        let Some(told) = location.filter(|there| there.starts_with(REDIRECT)) else {
            return;
        };
        match &self.decision {
            Some(Decision::Code { location, .. }) => assert_eq!(told, location),
            other => panic!("after {other:?} the client was told {told}"),
        }
    }
}

/// The model beside the real house, in step.
struct Walk<'a> {
    house: &'a House,
    journey: Journey<'a>,
    stranger: Browser<'a>,
    model: Model,
}

impl Walk<'_> {
    async fn take(&mut self, step: &Step) {
        let grant = self.journey.grant.clone();
        match step {
            Step::Leave { provider } => self.leave(*provider).await,
            Step::Return {
                way,
                says,
                by_stranger,
                to_wrong_callback,
            } => {
                if let Some(index) = self.model.ways.len().checked_sub(way + 1) {
                    let is_astray = *by_stranger || *to_wrong_callback;
                    let answer = self
                        .come_back(index, *says, *by_stranger, *to_wrong_callback)
                        .await;
                    self.judge(index, *says, is_astray, &answer);
                }
            }
            Step::Password => {
                let browser = &mut self.journey.browser;
                let answer = browser.approve(&grant, "alice", &["create:todos"]).await;
                self.model.decide_or_repeat(&answer, Ok("alice"));
            }
            Step::Deny => {
                let form = [("grant", &*grant), ("action", "deny")];
                let answer = self.journey.browser.post("/login", &form).await;
                self.model.decide_or_repeat(&answer, Err("access_denied"));
            }
            Step::Reload => self.model.repeat(&self.journey.look().await),
            Step::StrangerApproves => {
                let password = [("username", "alice"), ("password", PASSWORD)];
                let form = [&[("grant", &*grant), ("action", "approve")][..], &password].concat();
                let answer = self.stranger.post("/login", &form).await;
                assert!(answer.headers.get("location").is_none(), "{answer:?}");
            }
            Step::Pause { seconds } => {
                self.house.advance(*seconds);
                match self.model.decision {
                    None => self.model.request_age += seconds,
                    Some(_) => self.model.code_age += seconds,
                }
            }
        }
    }

    async fn leave(&mut self, provider: usize) {
        let (id, ticked) = (PROVIDERS[provider].0, ["create:todos"]);
        if self.model.is_open() {
            let state = self.journey.leave(id, &ticked).await;
            self.model.ways.push(Way {
                state,
                provider,
                is_open: true,
            });
        } else {
            self.model.repeat(&self.journey.press(id, &ticked).await);
        }
    }

    async fn come_back(
        &mut self,
        way: usize,
        says: Word,
        by_stranger: bool,
        to_wrong_callback: bool,
    ) -> Answer {
        let Way {
            state, provider, ..
        } = &self.model.ways[way];
        let provider = PROVIDERS[provider ^ usize::from(to_wrong_callback)].0;
        is_kim_at_naver(self.house);
        is_at_corp(self.house, &lee());
        if matches!(says, Word::Outage) {
            self.house.network.unplug(NAVER_ME);
            self.house.network.unplug(CORP_ME);
        }
        let said = match says {
            Word::No => "error=access_denied",
            Word::Yes | Word::Outage => "code=c",
        };
        let path = format!("/callback/{provider}?state={state}&{said}");
        let browser = if by_stranger {
            &mut self.stranger
        } else {
            &mut self.journey.browser
        };
        browser.get(&path).await
    }

    #[track_caller]
    fn judge(&mut self, way: usize, says: Word, is_astray: bool, answer: &Answer) {
        if is_astray {
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
            return;
        }
        let way = &mut self.model.ways[way];
        let was_open = std::mem::replace(&mut way.is_open, false);
        if was_open {
            let by = match says {
                Word::Yes => Ok(PROVIDERS[way.provider].1),
                Word::No => Err("access_denied"),
                Word::Outage => Err("temporarily_unavailable"),
            };
            self.model.decide_or_repeat(answer, by);
        } else {
            self.model.repeat(answer);
        }
    }

    /// The code, if there is one, is worth what the person said, and for as long as a code is.
    async fn end(self) {
        let Some(Decision::Code { location, username }) = &self.model.decision else {
            return;
        };
        let location = url::Url::parse(location).unwrap();
        let mut parameters = location.query_pairs();
        let code = parameters.find(|(name, _)| name == "code").unwrap().1;
        let answer = self.house.redeem(&code).await;
        if self.model.code_age >= 60 {
            return answer.refused(400, "invalid_grant");
        }
        let claims = self.house.server.read(&answer.tokens().access_token);
        let users = self.house.server.users();
        let person = users.find(claims["sub"].as_str().unwrap()).await.unwrap();
        assert_eq!(person.unwrap().username, *username);
    }
}

async fn run(house: &House, steps: &[Step]) {
    let mut walk = Walk {
        house,
        journey: Journey::begin(house).await,
        stranger: Browser::new(house),
        model: Model::default(),
    };
    for step in steps {
        walk.take(step).await;
    }
    walk.end().await;
}

#[test]
fn c4_a_grant_is_decided_once_and_by_its_own_browser_in_every_order() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let house = runtime.block_on(house());
    let config = ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..Default::default()
    };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(step(), 1..16), |steps| {
        runtime.block_on(run(&house, &steps));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
