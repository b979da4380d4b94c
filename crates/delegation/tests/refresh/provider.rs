//! A strict provider: a refresh token is good once, and one that comes back ends everything.

use std::collections::{BTreeMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use delegation::{Credential, RefreshCredential, RefreshError};
use oauth::secret::Secret;
use oauth::time::{Clock as _, ManualClock};
use tokio::sync::Notify;

/// What happens to a request for the next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is answered.
    Answer,
    /// It is answered without saying when the new token ends.
    AnswerWithoutLifetime,
    /// It does not arrive.
    Outage,
    /// It is answered with something that nobody can use.
    Garbage,
    /// It is answered, but the answer gets lost on its way.
    LoseAnswer,
    /// Whoever asks dies before the request leaves.
    DieBefore,
    /// Whoever asks dies when the answer arrives.
    DieAfter,
    /// The answer takes longer than anybody's lease.
    Slow,
    /// The answer takes as long as the test says, by [`Provider::let_go`].
    Held,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Every refresh token that is good, with the sign-in that it comes from.
    good: BTreeMap<String, u32>,
    /// Every refresh token that was good once.
    spent: BTreeMap<String, u32>,
    sign_ins: u32,
    /// Which refresh tokens were presented, the first one first.
    pub(crate) presented: Vec<String>,
    /// Refresh tokens whose successor nobody could store in time.
    pub(crate) lost: Vec<String>,
    pub(crate) discarded: Vec<String>,
    issued: u32,
    steps: VecDeque<Step>,
    asking: u32,
    pub(crate) most_asking: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Provider {
    pub(crate) state: Arc<Mutex<State>>,
    clock: ManualClock,
    gate: Arc<Notify>,
}

pub(crate) const LIFETIME: Duration = Duration::from_hours(1);

/// Longer than a lease of the default settings.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(61);

impl Provider {
    pub(crate) fn new(clock: ManualClock) -> Self {
        Self {
            state: Arc::default(),
            clock,
            gate: Arc::default(),
        }
    }

    /// What comes next; everything after it is answered.
    pub(crate) fn expect(&self, steps: impl IntoIterator<Item = Step>) {
        self.state.lock().unwrap().steps = steps.into_iter().collect();
    }

    /// A person signs in.
    pub(crate) fn sign_in(&self) -> Credential {
        let mut state = self.state.lock().unwrap();
        state.sign_ins += 1;
        let sign_in = state.sign_ins;
        self.issue(&mut state, sign_in)
    }

    /// The refresh token of the last sign-in, while it is good.
    pub(crate) fn live(&self) -> Option<String> {
        let state = self.state.lock().unwrap();
        let mut good = state.good.iter();
        let (token, _) = good.find(|(_, sign_in)| **sign_in == state.sign_ins)?;
        Some(token.clone())
    }

    /// A person withdraws.
    pub(crate) fn withdraw(&self) {
        self.state.lock().unwrap().good.clear();
    }

    pub(crate) fn times_asked(&self) -> usize {
        self.state.lock().unwrap().presented.len()
    }

    fn issue(&self, state: &mut State, sign_in: u32) -> Credential {
        state.issued += 1;
        let refresh_token = format!("canary-refresh-{}", state.issued);
        state.good.insert(refresh_token.clone(), sign_in);
        Credential {
            access_token: Secret::from(format!("canary-access-{}", state.issued)),
            refresh_token: Some(Secret::from(refresh_token)),
            expires_at: Some(self.clock.now().plus(LIFETIME)),
            refresh_expires_at: None,
            scope: None,
        }
    }

    fn redeem(&self, refresh_token: &str, is_lost: bool) -> Result<Credential, RefreshError> {
        let mut state = self.state.lock().unwrap();
        state.presented.push(refresh_token.to_owned());
        if is_lost {
            state.lost.push(refresh_token.to_owned());
        }
        if let Some(sign_in) = state.good.remove(refresh_token) {
            state.spent.insert(refresh_token.to_owned(), sign_in);
            return Ok(self.issue(&mut state, sign_in));
        }
        // RFC 9700 §4.14.2: what comes back has been stolen, and so may be what followed it.
        if let Some(stolen) = state.spent.get(refresh_token).copied() {
            state.good.retain(|_, sign_in| *sign_in != stolen);
        }
        let cause = "invalid_grant".to_owned();
        Err(RefreshError::Ended { cause })
    }
}

pub(crate) fn outage() -> RefreshError {
    RefreshError::Unavailable {
        retry_after: Duration::from_secs(20),
        cause: "its status is 500".to_owned(),
    }
}

#[async_trait]
impl RefreshCredential for Provider {
    async fn refresh(&self, _: &str, credential: &Credential) -> Result<Credential, RefreshError> {
        let refresh_token = credential.refresh_token.as_ref().unwrap().expose();
        let step = {
            let mut state = self.state.lock().unwrap();
            state.asking += 1;
            state.most_asking = state.most_asking.max(state.asking);
            state.steps.pop_front().unwrap_or(Step::Answer)
        };
        let answer = match step {
            Step::Answer => self.redeem(refresh_token, false),
            Step::AnswerWithoutLifetime => {
                let answer = self.redeem(refresh_token, false);
                answer.map(|credential| Credential {
                    expires_at: None,
                    ..credential
                })
            }
            Step::Outage => Err(outage()),
            Step::Garbage => Err(RefreshError::Refused {
                cause: "the answer is not a JSON object".to_owned(),
            }),
            Step::LoseAnswer => self.redeem(refresh_token, true).and(Err(outage())),
            Step::DieBefore | Step::DieAfter => {
                if step == Step::DieAfter {
                    let _lost = self.redeem(refresh_token, true);
                }
                self.state.lock().unwrap().asking -= 1;
                // The others notice by the end of the lease.
                self.clock.advance(TOO_LONG);
                resume_unwind(Box::new("the process has died"));
            }
            Step::Slow => {
                let answer = self.redeem(refresh_token, true);
                self.clock.advance(TOO_LONG);
                self.let_another_ask().await;
                answer
            }
            Step::Held => {
                let answer = self.redeem(refresh_token, true);
                self.gate.notified().await;
                answer
            }
        };
        self.let_others_pass().await;
        self.state.lock().unwrap().asking -= 1;
        answer
    }

    async fn discard(&self, _: &str, credential: &Credential) {
        let mut state = self.state.lock().unwrap();
        let token = credential.access_token.expose().to_owned();
        state.discarded.push(token);
    }
}

impl Provider {
    /// Lets go of an answer that was [`Step::Held`].
    pub(crate) fn let_go(&self) {
        self.gate.notify_one();
    }

    /// Until the next holder has asked, if there is one.
    async fn let_another_ask(&self) {
        let asked = self.times_asked();
        for _ in 0..20_000 {
            if self.times_asked() > asked {
                break;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn let_others_pass(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
}
