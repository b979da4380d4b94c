//! Who waits for what on one connection to a server: running requests, and listeners.
//!
//! A connection may be shared, and what a server says for one person must not reach another. So a
//! message goes where it says that it belongs, and otherwise only where there is no doubt.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resource_server::mcp::names::SUBSCRIPTION_ID;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::queue::{Receiver, Room, Sender, Taken, queue};
use super::wire::{self, Message};
use super::wishes::{NoRoom, Wisher, Wishes};
use crate::json::Object;
use crate::message::{RpcError, code};
use crate::server::Interest;

/// How many messages may wait for a slow client before further news are lost to it.
const WAITING: usize = 256;
/// How many questions of a server may be open at once on one connection.
pub(super) const OPEN_QUESTIONS: usize = 32;

/// The requests and listeners of one connection.
#[derive(Debug)]
pub(super) struct Board {
    inner: Mutex<Inner>,
    ids: AtomicU64,
    /// Whether all who use the connection are one caller.
    is_exclusive: bool,
    /// The largest message that the server may send.
    largest: usize,
    questions: Room,
}

#[derive(Debug, Default)]
struct Inner {
    running: BTreeMap<u64, Running>,
    listeners: BTreeMap<u64, Listener>,
    /// The resources that visits want to hear of.
    wishes: Wishes,
    /// The same, of single listeners.
    wanted: HashMap<String, usize>,
    is_closed: bool,
}

#[derive(Debug)]
struct Running {
    visit: Arc<str>,
    /// Whether it is a stream of news, which the server may end (2026-07-28, subscriptions).
    is_stream: bool,
    answer: Option<oneshot::Sender<String>>,
    news: Sender,
}

#[derive(Debug)]
struct Listener {
    visit: Arc<str>,
    interest: Interest,
    news: Sender,
}

/// The place of one request on the board; dropped, the request is forgotten.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: u64,
    board: Arc<Board>,
    answer: oneshot::Receiver<String>,
    /// The answer, until the news before it are heard.
    answered: Option<String>,
    news: Receiver,
}

/// The place of one listener on the board.
#[derive(Debug)]
pub(super) struct Ear {
    id: u64,
    board: Arc<Board>,
    news: Receiver,
}

impl Board {
    /// The board of a connection over which no message comes that is larger than `largest`.
    pub(super) fn new(is_exclusive: bool, largest: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            ids: AtomicU64::new(1),
            is_exclusive,
            largest,
            questions: Room::new(OPEN_QUESTIONS, largest),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that nothing else on the connection has.
    pub(super) fn number(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes a place for a request of `visit`.
    pub(super) fn expect(self: &Arc<Self>, visit: &Arc<str>) -> Ticket {
        self.ticket(visit, false)
    }

    /// Takes a place for a request of `visit` for a stream of news.
    pub(super) fn expect_stream(self: &Arc<Self>, visit: &Arc<str>) -> Ticket {
        self.ticket(visit, true)
    }

    fn ticket(self: &Arc<Self>, visit: &Arc<str>, is_stream: bool) -> Ticket {
        let id = self.number();
        let (answer, answered) = oneshot::channel();
        let (news, heard) = queue(Room::new(WAITING, self.largest));
        let mut inner = self.lock();
        inner.wishes.touch(visit);
        if !inner.is_closed {
            let running = Running {
                visit: visit.clone(),
                is_stream,
                answer: Some(answer),
                news,
            };
            inner.running.insert(id, running);
        }
        Ticket {
            id,
            board: self.clone(),
            answer: answered,
            answered: None,
            news: heard,
        }
    }

    /// Takes room for a question of the server, as long as it is open; `None` if too much is open.
    pub(super) fn question(&self, bytes: usize) -> Option<Taken> {
        self.questions.take(bytes)
    }

    /// Takes a place for a listener of `visit`.
    pub(super) fn listen(self: &Arc<Self>, visit: &Arc<str>, interest: Interest) -> Ear {
        let id = self.number();
        let (news, heard) = queue(Room::new(WAITING, self.largest));
        let mut inner = self.lock();
        if !inner.is_closed {
            let listener = Listener {
                visit: visit.clone(),
                interest,
                news,
            };
            inner.listeners.insert(id, listener);
        }
        Ear {
            id,
            board: self.clone(),
            news: heard,
        }
    }

    /// Notes that a visit wants to hear of a resource.
    pub(super) fn subscribe(&self, wisher: Wisher<'_>, uri: &str) -> Result<Subscribed, NoRoom> {
        let mut inner = self.lock();
        let is_first = !inner.is_wanted(uri);
        let Inner {
            wishes, listeners, ..
        } = &mut *inner;
        let is_there = |visit: &str| listeners.values().any(|one| *one.visit == *visit);
        let mut gone = wishes.add(wisher, uri, is_there)?;
        gone.retain(|uri| !inner.is_wanted(uri));
        Ok(Subscribed { is_first, gone })
    }

    /// Notes that a visit does not want to any more; true if it was the last one.
    pub(super) fn unsubscribe(&self, visit: &Arc<str>, uri: &str) -> bool {
        let mut inner = self.lock();
        inner.wishes.remove(visit, uri);
        !inner.is_wanted(uri)
    }

    /// The resources of a visit.
    pub(super) fn subscriptions(&self, visit: &Arc<str>) -> BTreeSet<String> {
        self.lock().wishes.resources(visit)
    }

    /// Notes that a listener wants to hear of a resource; true if it is the first one.
    pub(super) fn want(&self, uri: &str) -> bool {
        let mut inner = self.lock();
        let is_first = !inner.is_wanted(uri);
        *inner.wanted.entry(uri.to_owned()).or_default() += 1;
        is_first
    }

    /// Notes that it does not want to any more; true if it was the last one.
    pub(super) fn unwant(&self, uri: &str) -> bool {
        let mut inner = self.lock();
        if let Some(count) = inner.wanted.get_mut(uri) {
            *count -= 1;
            if *count == 0 {
                inner.wanted.remove(uri);
            }
        }
        !inner.is_wanted(uri)
    }

    /// How many requests run and listeners listen.
    pub(super) fn busy(&self) -> usize {
        let inner = self.lock();
        inner.running.len() + inner.listeners.len()
    }

    /// The connection is at its end: nobody is answered any more.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.running.clear();
        inner.listeners.clear();
    }

    /// Gives a message to whom it belongs; what it gives back is to be sent to the server.
    pub(super) fn dispatch(&self, text: String) -> Option<String> {
        match Message::parse(&text) {
            None => {
                tracing::debug!(bytes = text.len(), "an upstream sent what is no message");
                None
            }
            Some(Message::Answer { id, .. }) => {
                let mut inner = self.lock();
                let running = id.and_then(|id| inner.running.get_mut(&id));
                if let Some(answer) = running.and_then(|running| running.answer.take()) {
                    let _ = answer.send(text);
                } else {
                    tracing::debug!(?id, "an upstream answers what nobody asked");
                }
                None
            }
            Some(Message::Notification { method, params }) => {
                self.notify(&method, params, &text);
                None
            }
            Some(Message::Question { id, method, .. }) => {
                if method == "ping" {
                    return Some(wire::answer(id, Ok(&wire::empty())));
                }
                let taker = self.taker(true);
                if taker.is_some_and(|taker| taker.give(&text)) {
                    return None;
                }
                let error = RpcError::new(
                    code::INTERNAL_ERROR,
                    format!(
                        "`{method}` cannot be passed on: no request runs to which it would belong \
                         without doubt"
                    ),
                );
                Some(wire::answer(id, Err(&error)))
            }
        }
    }

    /// Who is meant when a message does not say: the newest request, if all are of one caller, or else
    /// who listens for everything.
    fn taker(&self, with_listeners: bool) -> Option<Sender> {
        let inner = self.lock();
        let mut visits: BTreeSet<_> = inner.running.values().map(|one| &one.visit).collect();
        if with_listeners {
            let everything = inner
                .listeners
                .values()
                .filter(|one| one.interest.everything);
            visits.extend(everything.map(|one| &one.visit));
        }
        if visits.len() > 1 && !self.is_exclusive {
            return None;
        }
        if let Some(newest) = inner.running.values().next_back() {
            return Some(newest.news.clone());
        }
        let mut listeners = inner.listeners.values().rev();
        let listener = listeners.find(|one| one.interest.everything && with_listeners)?;
        Some(listener.news.clone())
    }

    fn notify(&self, method: &str, params: Option<&RawValue>, text: &str) {
        let params = params.and_then(Object::of).unwrap_or_default();
        let number = |value: &RawValue| value.get().parse::<u64>().ok();
        let meta = params.object("_meta");
        let subscription = meta.as_ref().and_then(|meta| meta.get(SUBSCRIPTION_ID));
        let named = match method {
            "notifications/progress" => Some(params.get("progressToken").and_then(number)),
            "notifications/cancelled" => {
                self.lock()
                    .cancelled(params.get("requestId").and_then(number), text);
                return;
            }
            _ => subscription.map(number),
        };
        if let Some(named) = named {
            let inner = self.lock();
            if let Some(running) = named.and_then(|id| inner.running.get(&id)) {
                give(&running.news, text);
            }
            return;
        }
        let mut is_heard = false;
        if method != "notifications/message" || self.is_exclusive {
            let inner = self.lock();
            for listener in inner.listeners.values() {
                if inner.wants(listener, method, &params) {
                    give(&listener.news, text);
                    is_heard = true;
                }
            }
        }
        let is_of_a_request = !method.ends_with("list_changed") && !method.contains("resources/");
        if !is_heard
            && is_of_a_request
            && let Some(taker) = self.taker(false)
        {
            give(&taker, text);
        }
    }
}

/// What a subscription has changed.
#[derive(Debug)]
pub(super) struct Subscribed {
    /// Nobody wanted to hear of the resource before.
    pub(super) is_first: bool,
    /// Of these nobody wants to hear any more.
    pub(super) gone: Vec<String>,
}

impl Inner {
    /// A server ends a stream of news, or withdraws a question of its own: the ids of its requests have nothing to
    /// do with those of ours. Whoever was asked knows the question.
    fn cancelled(&mut self, id: Option<u64>, text: &str) {
        if let Some(id) = id
            && self.running.get(&id).is_some_and(|one| one.is_stream)
        {
            self.running.remove(&id);
            return;
        }
        let running = self.running.values().map(|one| &one.news);
        let listeners = self.listeners.values().map(|one| &one.news);
        for news in running.chain(listeners) {
            give(news, text);
        }
    }

    fn is_wanted(&self, uri: &str) -> bool {
        self.wanted.contains_key(uri) || self.wishes.is_wanted(uri)
    }

    fn wants(&self, listener: &Listener, method: &str, params: &Object<'_>) -> bool {
        let interest = &listener.interest;
        match method {
            "notifications/tools/list_changed" => {
                interest.everything || interest.tools_list_changed
            }
            "notifications/prompts/list_changed" => {
                interest.everything || interest.prompts_list_changed
            }
            "notifications/resources/list_changed" => {
                interest.everything || interest.resources_list_changed
            }
            "notifications/resources/updated" => {
                let Some(uri) = params.text("uri") else {
                    return false;
                };
                interest.resources.iter().any(|wanted| *wanted == uri)
                    || (interest.everything && self.wishes.has(&listener.visit, &uri))
            }
            _ => interest.everything,
        }
    }
}

/// A client that does not keep up loses news, rather than holding up everybody.
fn give(to: &Sender, text: &str) {
    if !to.give(text) {
        tracing::debug!("news of an upstream are lost to a client that is gone or too slow");
    }
}

impl Ticket {
    /// The next message for the request, news before the answer; `None` if the connection has ended.
    pub(super) async fn next(&mut self) -> Option<String> {
        if self.answered.is_none() {
            tokio::select! {
                biased;
                Some(news) = self.news.next() => return Some(news),
                answer = &mut self.answer => self.answered = Some(answer.ok()?),
            }
        }
        // News may have come, and the answer after them, between the look at the one and at the other.
        self.news.waiting().or_else(|| self.answered.take())
    }

    /// The next news; never ends.
    pub(super) async fn news(&mut self) -> String {
        match self.news.next().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.board.lock().running.remove(&self.id);
    }
}

impl Ear {
    /// The next message; `None` if the connection has ended.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.news.next().await
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.board.lock().listeners.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn large_news_fill_no_memory_and_hold_no_answer_up() {
        let board = Board::new(true, 1000);
        let mut ticket = board.expect(&"alice".into());
        let text = "x".repeat(900);
        for _ in 0..100 {
            let news = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"x":"{text}"}}}}"#
            );
            assert_eq!(board.dispatch(news), None);
        }
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, ticket.id);
        assert_eq!(board.dispatch(answer.clone()), None);
        let mut waiting = 0;
        while let Some(text) = ticket.next().await {
            if text == answer {
                break;
            }
            waiting += 1;
        }
        assert_eq!(waiting, 4);
    }

    /// What reads the connection does so beside whoever waits for an answer.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn news_are_heard_before_the_answer_that_follows_them() {
        let board = Board::new(true, 1000);
        let visit: Arc<str> = "v".into();
        for _ in 0..10_000 {
            let mut ticket = board.expect(&visit);
            let (reading, id) = (board.clone(), ticket.id);
            let mut reader = JoinSet::new();
            reader.spawn(async move {
                let news = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
                reading.dispatch(news.to_owned());
                reading.dispatch(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
            });
            assert!(ticket.next().await.unwrap().contains("method"));
            assert!(ticket.next().await.unwrap().contains("result"));
        }
    }
}
