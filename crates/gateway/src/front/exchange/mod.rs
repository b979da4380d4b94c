//! What a server says to one request, until the client has it (MCP Streamable HTTP, resumability).
//!
//! A call writes here whether or not anybody reads, since a broken connection cancels nothing before
//! 2026-07-28. A client that comes back reads on after the last message that it got.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::json::Raw;

/// How many messages a reader may be behind before the server has to wait.
const ROOM: usize = 64;

/// How many messages are kept, for a client that comes back.
const KEPT: usize = 256;

/// How much is kept, in bytes, of what has been read.
const KEPT_BYTES: usize = 256 * 1024;

/// How much may wait for a reader, in bytes, until nothing more is asked for on the same connection, the server
/// has to wait, and news that nobody reads get lost.
const UNREAD_BYTES: usize = 4 * 1024 * 1024;

/// The messages of one request, or of the requests of one batch.
#[derive(Debug)]
pub(crate) struct Exchange {
    log: Mutex<Log>,
    changed: Notify,
}

#[derive(Debug)]
struct Log {
    messages: VecDeque<(Kind, Raw)>,
    /// The number of the first of them.
    first: u64,
    /// The number of the first that nobody has read.
    unread: u64,
    bytes: usize,
    /// How many answers are still to come.
    open: usize,
    /// Who reads: the last one who came.
    reader: u64,
    /// Since when nobody does.
    alone_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// May get lost if nobody reads.
    Notification,
    Question,
    Answer,
}

/// How the answer to a request begins.
#[derive(Debug)]
pub(crate) enum Beginning {
    /// Nothing but the answers: one, or those of a batch.
    Answers(Vec<Raw>),
    /// Something else comes before.
    News,
}

impl Exchange {
    /// An exchange to which so many answers will come.
    pub(crate) fn new(answers: usize) -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::new(Log {
                messages: VecDeque::new(),
                first: 1,
                unread: 1,
                bytes: 0,
                open: answers,
                reader: 0,
                alone_since: None,
            }),
            changed: Notify::new(),
        })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether so much waits for its reader that no more may be asked for: answers do not get lost, so
    /// somebody who asks and never reads would fill our memory.
    pub(crate) fn is_full(&self) -> bool {
        let log = self.log();
        log.behind() >= KEPT || (log.behind() > 0 && log.bytes >= UNREAD_BYTES)
    }

    /// How much of it is kept.
    pub(crate) fn bytes(&self) -> usize {
        self.log().bytes
    }

    /// One more answer will come.
    pub(crate) fn expect(&self) {
        self.log().open += 1;
    }

    /// Adds a message that may get lost; waits while a reader is too far behind.
    pub(crate) async fn notify(&self, message: Raw) {
        self.wait_for(|log| (log.alone_since.is_some() || log.has_room()).then_some(()))
            .await;
        self.add(Kind::Notification, message);
    }

    /// Adds a question to the client.
    pub(crate) fn ask(&self, message: Raw) {
        self.add(Kind::Question, message);
    }

    /// Adds an answer; after the last one nothing comes any more.
    pub(crate) fn answer(&self, message: Raw) {
        self.add(Kind::Answer, message);
        self.no_answer();
    }

    /// One of the answers will not come.
    pub(crate) fn no_answer(&self) {
        let mut log = self.log();
        log.open = log.open.saturating_sub(1);
        drop(log);
        self.changed.notify_waiters();
    }

    fn add(&self, kind: Kind, message: Raw) {
        let mut log = self.log();
        log.bytes += message.get().len();
        log.messages.push_back((kind, message));
        log.forget();
        drop(log);
        self.changed.notify_waiters();
    }

    /// Waits until `ready` finds something.
    async fn wait_for<T>(&self, mut ready: impl FnMut(&mut Log) -> Option<T>) -> T {
        let mut changed = pin!(self.changed.notified());
        loop {
            changed.as_mut().enable();
            if let Some(found) = ready(&mut self.log()) {
                return found;
            }
            changed.as_mut().await;
            changed.set(self.changed.notified());
        }
    }

    /// Reads on after the message of this number; whoever read until now is sent away.
    pub(crate) fn read_after(self: &Arc<Self>, number: u64) -> Reader {
        let mut log = self.log();
        log.reader += 1;
        log.alone_since = None;
        log.unread = number.saturating_add(1).clamp(log.first, log.end());
        let reader = log.reader;
        drop(log);
        self.changed.notify_waiters();
        Reader {
            exchange: Arc::clone(self),
            reader,
        }
    }

    /// Waits until all is said.
    pub(crate) async fn answered(&self) {
        self.wait_for(|log| (log.open == 0).then_some(())).await;
    }

    /// Waits until all is said and read.
    pub(crate) async fn read_to_the_end(&self) {
        self.wait_for(|log| (log.open == 0 && log.behind() == 0).then_some(()))
            .await;
    }

    /// Waits until nobody has read for `time`.
    pub(crate) async fn abandoned(&self, time: Duration) {
        loop {
            let since = self.wait_for(|log| log.alone_since).await;
            tokio::time::sleep_until(since + time).await;
            if self.log().alone_since == Some(since) {
                return;
            }
        }
    }

    /// From now on nobody reads, until somebody does.
    fn left_alone(&self) {
        self.log().alone_since.get_or_insert_with(Instant::now);
        self.changed.notify_waiters();
    }
}

impl Log {
    /// The number of the next message.
    fn end(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    fn behind(&self) -> usize {
        usize::try_from(self.end() - self.unread).unwrap_or(usize::MAX)
    }

    /// Whether its reader keeps up.
    fn has_room(&self) -> bool {
        let behind = self.behind();
        behind == 0 || (behind < ROOM && self.bytes < UNREAD_BYTES)
    }

    /// Lets go of the oldest messages: those that were read, and when nobody reads, also notifications.
    fn forget(&mut self) {
        while self.messages.len() > KEPT || self.bytes > KEPT_BYTES {
            let is_much = self.messages.len() > KEPT || self.bytes > UNREAD_BYTES;
            let may_go = match self.messages.front() {
                Some(_) if self.first < self.unread => true,
                // The last one is what may come yet.
                Some((Kind::Notification, _)) => is_much && self.messages.len() > 1,
                _ => false,
            };
            if !may_go {
                return;
            }
            if let Some((_, message)) = self.messages.pop_front() {
                self.bytes -= message.get().len();
                self.first += 1;
                self.unread = self.unread.max(self.first);
            }
        }
    }
}

/// Reads an exchange from a place on.
#[derive(Debug)]
pub(crate) struct Reader {
    exchange: Arc<Exchange>,
    reader: u64,
}

impl Reader {
    /// Waits for the beginning of the answer, and takes it if it is the whole.
    pub(crate) async fn beginning(&mut self) -> Beginning {
        self.exchange
            .wait_for(|log| {
                let only_answers = log.messages.iter().all(|(kind, _)| *kind == Kind::Answer);
                if !only_answers {
                    return Some(Beginning::News);
                }
                (log.open == 0).then(|| {
                    let answers = log.messages.drain(..).map(|(_, message)| message);
                    let answers: Vec<_> = answers.collect();
                    log.first += answers.len() as u64;
                    log.unread = log.first;
                    Beginning::Answers(answers)
                })
            })
            .await
    }

    /// The next message with its number; none after the last, and none when somebody else reads.
    pub(crate) async fn next(&mut self) -> Option<(u64, Raw)> {
        let reader = self.reader;
        let next = self.exchange.wait_for(|log| {
            if log.reader != reader {
                return Some(None);
            }
            let place = usize::try_from(log.unread - log.first).ok()?;
            match log.messages.get(place) {
                Some((_, message)) => {
                    let next = (log.unread, message.clone());
                    log.unread += 1;
                    Some(Some(next))
                }
                None => (log.open == 0).then_some(None),
            }
        });
        let next = next.await;
        self.exchange.changed.notify_waiters();
        next
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let is_last = self.exchange.log().reader == self.reader;
        if is_last {
            self.exchange.left_alone();
        }
    }
}

#[cfg(test)]
mod tests;
