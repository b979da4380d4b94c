//! What is under way in the sessions of an endpoint: calls that can be cancelled, questions that wait for
//! an answer (MCP cancellation, JSON-RPC 2.0).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oauth::random::{Random, token};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::json::Raw;
use crate::message::RpcError;

/// A client's answer to a question.
pub(super) type Reply = Result<Raw, RpcError>;

/// An id within a session.
type Name = (Arc<str>, String);

/// The calls and questions of all sessions, by the key of the session and their id.
#[derive(Debug)]
pub(super) struct Running {
    calls: Mutex<HashMap<Name, Call>>,
    questions: Mutex<HashMap<Name, oneshot::Sender<Reply>>>,
    max_calls: usize,
    max_questions: usize,
    count: AtomicU64,
    /// Keeps the ids of questions apart from those of other processes, which may serve the same session.
    process: String,
}

#[derive(Debug)]
struct Call {
    number: u64,
    cancelled: CancellationToken,
}

/// There are as many of them as there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMany;

/// A call that is under way as long as this lives.
#[derive(Debug)]
pub(super) struct Ongoing {
    running: Arc<Running>,
    name: Name,
    number: u64,
    pub(super) cancelled: CancellationToken,
}

/// A question that can be answered as long as this lives.
#[derive(Debug)]
pub(super) struct Open {
    running: Arc<Running>,
    name: Name,
    pub(super) answer: oneshot::Receiver<Reply>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    pub(super) fn new(max_calls: usize, max_questions: usize, random: &dyn Random) -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            questions: Mutex::default(),
            max_calls,
            max_questions,
            count: AtomicU64::new(1),
            process: token::<8>(random),
        })
    }

    /// A call begins. One of the same id is not cancelled by it, but cannot be cancelled any more.
    pub(super) fn begin(
        self: &Arc<Self>,
        session: &Arc<str>,
        id: String,
    ) -> Result<Ongoing, TooMany> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let cancelled = CancellationToken::new();
        let name = (Arc::clone(session), id);
        let call = Call {
            number,
            cancelled: cancelled.clone(),
        };
        let mut calls = lock(&self.calls);
        if calls.len() >= self.max_calls {
            return Err(TooMany);
        }
        calls.insert(name.clone(), call);
        drop(calls);
        Ok(Ongoing {
            running: Arc::clone(self),
            name,
            number,
            cancelled,
        })
    }

    /// Cancels a call, if it is under way.
    pub(super) fn cancel(&self, session: &Arc<str>, id: String) {
        let call = lock(&self.calls).remove(&(Arc::clone(session), id));
        if let Some(call) = call {
            call.cancelled.cancel();
        }
    }

    /// Cancels all that is under way in a session.
    pub(super) fn end(&self, session: &Arc<str>) {
        lock(&self.calls).retain(|(of, _), call| {
            let stays = of != session;
            if !stays {
                call.cancelled.cancel();
            }
            stays
        });
    }

    /// Expects an answer under an id that is new in the session.
    pub(super) fn ask(self: &Arc<Self>, session: &Arc<str>) -> Result<Open, TooMany> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let name = (Arc::clone(session), format!("{}-{number}", self.process));
        let (reply, answer) = oneshot::channel();
        let mut questions = lock(&self.questions);
        if questions.len() >= self.max_questions {
            return Err(TooMany);
        }
        questions.insert(name.clone(), reply);
        drop(questions);
        Ok(Open {
            running: Arc::clone(self),
            name,
            answer,
        })
    }

    /// Passes on what a client has answered; false if nobody has asked, or no longer.
    pub(super) fn answer(&self, session: &Arc<str>, id: String, reply: Reply) -> bool {
        let name = (Arc::clone(session), id);
        let question = lock(&self.questions).remove(&name);
        question.is_some_and(|question| question.send(reply).is_ok())
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize) {
        (lock(&self.calls).len(), lock(&self.questions).len())
    }
}

impl Open {
    /// The id under which the client is asked.
    pub(super) fn id(&self) -> &str {
        &self.name.1
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        let mut calls = lock(&self.running.calls);
        let is_this = calls
            .get(&self.name)
            .is_some_and(|call| call.number == self.number);
        if is_this {
            calls.remove(&self.name);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.running.questions).remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;
    use crate::json::raw;

    #[test]
    fn calls_and_questions_are_forgotten_when_they_end() {
        let running = Running::new(1, 1, &OsRandom);
        let session: Arc<str> = "s".into();
        let call = running.begin(&session, "1".to_owned()).unwrap();
        assert!(running.begin(&session, "2".to_owned()).is_err());
        let question = running.ask(&session).unwrap();
        assert!(running.ask(&session).is_err());
        drop((call, question));
        assert_eq!(running.count(), (0, 0));
    }

    #[test]
    fn g2_nobody_answers_or_cancels_in_the_session_of_another() {
        let running = Running::new(9, 9, &OsRandom);
        let (alice, bob): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let call = running.begin(&alice, "1".to_owned()).unwrap();
        let mut question = running.ask(&alice).unwrap();
        let id = question.id().to_owned();
        running.cancel(&bob, "1".to_owned());
        running.end(&bob);
        assert!(!call.cancelled.is_cancelled());
        assert!(!running.answer(&bob, id.clone(), Ok(raw(&1))));
        assert!(running.answer(&alice, id.clone(), Ok(raw(&2))));
        assert!(!running.answer(&alice, id, Ok(raw(&3))));
        assert_eq!(question.answer.try_recv().unwrap().unwrap().get(), "2");
        running.end(&alice);
        assert!(call.cancelled.is_cancelled());
    }
}
