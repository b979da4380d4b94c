//! What is under way in the sessions of an endpoint: calls that can be cancelled, questions that wait for
//! an answer (MCP cancellation, JSON-RPC 2.0).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oauth::random::{Random, token};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::json::Raw;
use crate::message::{RpcError, code};
use crate::share::{Full, Most, Places, Taken};

/// A client's answer to a question.
pub(super) type Reply = Result<Raw, RpcError>;

/// An id within a session.
type Name = (Arc<str>, String);

/// The calls and questions of all sessions, by the key of the session and their id.
#[derive(Debug)]
pub(crate) struct Running {
    calls: Mutex<HashMap<Name, Call>>,
    questions: Mutex<HashMap<Name, oneshot::Sender<Reply>>>,
    /// What goes on takes a place until it has ended, whatever its id is, and also when it was cancelled.
    call_places: Arc<Places>,
    question_places: Arc<Places>,
    count: AtomicU64,
    /// Keeps the ids of questions apart from those of other processes, which may serve the same session.
    process: String,
}

#[derive(Debug)]
struct Call {
    number: u64,
    cancelled: CancellationToken,
}

/// Why a call does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotBegun {
    /// As many are under way as there may be.
    Full(Full),
    /// One of its id is. MCP: an id must not have been used before in the session, and two calls of the
    /// same could neither be told apart in their answers nor cancelled.
    UnderWay,
}

impl NotBegun {
    /// What the client is told.
    pub(crate) fn error(self) -> RpcError {
        let (code, what) = match self {
            Self::Full(Full::ForAll) => (
                code::INTERNAL_ERROR,
                "too many requests are under way; try again later",
            ),
            Self::Full(Full::ForOne) => (
                code::INTERNAL_ERROR,
                "too many of your requests are under way; wait until some of them have ended",
            ),
            Self::UnderWay => (
                code::INVALID_REQUEST,
                "a request with this `id` is under way; give each request an `id` of its own",
            ),
        };
        RpcError::new(code, what)
    }
}

/// A call that is under way as long as this lives.
#[derive(Debug)]
pub(crate) struct Ongoing {
    running: Arc<Running>,
    name: Name,
    number: u64,
    pub(crate) cancelled: CancellationToken,
    _place: Taken,
}

/// A question that can be answered as long as this lives.
#[derive(Debug)]
pub(super) struct Open {
    running: Arc<Running>,
    name: Name,
    pub(super) answer: oneshot::Receiver<Reply>,
    _place: Taken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    pub(crate) fn new(calls: Most, questions: Most, random: &dyn Random) -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            questions: Mutex::default(),
            call_places: Places::new(calls),
            question_places: Places::new(questions),
            count: AtomicU64::new(1),
            process: token::<8>(random),
        })
    }

    /// A call of `person` begins.
    pub(crate) fn begin(
        self: &Arc<Self>,
        person: Arc<str>,
        session: &Arc<str>,
        id: String,
    ) -> Result<Ongoing, NotBegun> {
        self.enter(person, (Arc::clone(session), id), false)
    }

    /// The same; one of the same id that is under way is cancelled.
    pub(crate) fn begin_instead(
        self: &Arc<Self>,
        person: Arc<str>,
        session: &Arc<str>,
        id: String,
    ) -> Result<Ongoing, NotBegun> {
        self.enter(person, (Arc::clone(session), id), true)
    }

    fn enter(
        self: &Arc<Self>,
        person: Arc<str>,
        name: Name,
        replaces: bool,
    ) -> Result<Ongoing, NotBegun> {
        let place = self.call_places.take(person).map_err(NotBegun::Full)?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let cancelled = CancellationToken::new();
        let call = Call {
            number,
            cancelled: cancelled.clone(),
        };
        let mut calls = lock(&self.calls);
        match calls.entry(name.clone()) {
            Entry::Occupied(mut before) if replaces => before.insert(call).cancelled.cancel(),
            Entry::Occupied(_) => return Err(NotBegun::UnderWay),
            Entry::Vacant(free) => drop(free.insert(call)),
        }
        drop(calls);
        Ok(Ongoing {
            running: Arc::clone(self),
            name,
            number,
            cancelled,
            _place: place,
        })
    }

    /// Cancels a call; whether it was under way.
    pub(crate) fn cancel(&self, session: &Arc<str>, id: String) -> bool {
        let call = lock(&self.calls).remove(&(Arc::clone(session), id));
        if let Some(call) = &call {
            call.cancelled.cancel();
        }
        call.is_some()
    }

    /// Cancels all that is under way in a session.
    pub(crate) fn end(&self, session: &Arc<str>) {
        lock(&self.calls).retain(|(of, _), call| {
            let stays = of != session;
            if !stays {
                call.cancelled.cancel();
            }
            stays
        });
    }

    /// Expects an answer under an id that is new in the session.
    pub(super) fn ask(
        self: &Arc<Self>,
        person: Arc<str>,
        session: &Arc<str>,
    ) -> Result<Open, Full> {
        let place = self.question_places.take(person)?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let name = (Arc::clone(session), format!("{}-{number}", self.process));
        let (reply, answer) = oneshot::channel();
        lock(&self.questions).insert(name.clone(), reply);
        Ok(Open {
            running: Arc::clone(self),
            name,
            answer,
            _place: place,
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

    fn running(calls: usize) -> Arc<Running> {
        let most = Most {
            of_all: calls,
            of_one: calls,
        };
        Running::new(most, most, &OsRandom)
    }

    #[test]
    fn calls_and_questions_are_forgotten_when_they_end() {
        let running = running(1);
        let session: Arc<str> = "s".into();
        let begin = |id: &str| running.begin("alice".into(), &session, id.to_owned());
        let ask = || running.ask("alice".into(), &session);
        let call = begin("1").unwrap();
        assert_eq!(begin("2").unwrap_err(), NotBegun::Full(Full::ForOne));
        let question = ask().unwrap();
        assert!(ask().is_err());
        drop((call, question));
        assert_eq!(running.count(), (0, 0));
        assert!(begin("2").is_ok() && ask().is_ok());
    }

    #[test]
    fn g3_an_id_is_one_call_at_a_time_and_what_goes_on_counts() {
        let running = running(2);
        let session: Arc<str> = "s".into();
        let begin = |id: &str| running.begin("alice".into(), &session, id.to_owned());
        let one = begin("1").unwrap();
        assert_eq!(begin("1").unwrap_err(), NotBegun::UnderWay);
        // It is told to end, and has not ended yet.
        assert!(running.cancel(&session, "1".to_owned()));
        let other = begin("1").unwrap();
        assert_eq!(begin("2").unwrap_err(), NotBegun::Full(Full::ForOne));
        drop(one);
        assert_eq!(begin("1").unwrap_err(), NotBegun::UnderWay);
        let instead = running.begin_instead("alice".into(), &session, "1".to_owned());
        assert!(instead.is_ok() && other.cancelled.is_cancelled());
    }

    #[test]
    fn g2_nobody_answers_or_cancels_in_the_session_of_another() {
        let running = running(9);
        let (alice, bob): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let call = running.begin("alice".into(), &alice, "1".to_owned());
        let call = call.unwrap();
        let mut question = running.ask("alice".into(), &alice).unwrap();
        let id = question.id().to_owned();
        assert!(!running.cancel(&bob, "1".to_owned()));
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
