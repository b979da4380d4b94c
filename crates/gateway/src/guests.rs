//! Callers whose rights may be taken back while they speak or listen (acceptance A6, A8, G2).

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use oauth::time::{Clock, NumericDate};
use resource_server::Caller;
use tokio_util::sync::CancellationToken;

use crate::front::Guest;
use crate::json::raw;

/// From so many on, those who have left are swept out.
const MANY: usize = 1_000;

/// So many revocations are remembered for those who were at the door when they came.
const REMEMBERED: usize = 1_000;

/// What was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked<'a> {
    /// A grant, by its id.
    Grant(&'a str),
    /// A token, by its `jti`.
    Token(&'a str),
    /// Everything of a client, by its id.
    Client(&'a str),
    /// Nobody knows what: everything has to prove itself anew.
    Everything,
}

/// The tokens of those who have come in, by what may be revoked.
pub(crate) struct Guests {
    clock: Arc<dyn Clock>,
    /// How many revocations there were. Nearly always it says that nothing has happened, and then nobody has
    /// to be asked whose lock every call would take.
    revocations: AtomicUsize,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    known: HashMap<String, Entry>,
    /// At how many those who have left are swept out next.
    full: usize,
    /// The last revocations: a token may have been found good just before one of them.
    recent: VecDeque<Gone>,
}

struct Entry {
    caller: Caller,
    /// Gone when the last of those who are told is: whoever comes back proves themselves anew.
    revoked: Weak<CancellationToken>,
}

/// What was revoked, for later.
enum Gone {
    Grant(String),
    Token(String),
    Client(String),
    Everything,
}

/// The moment before somebody was asked who they are. What is revoked after it is not seen by who verifies
/// their token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    revocations: usize,
    time: NumericDate,
}

/// Somebody whose token was good, and since when that has to be looked at again.
#[derive(Clone, Debug)]
pub(crate) struct Newcomer {
    pub(crate) caller: Caller,
    pub(crate) arrival: Arrival,
}

impl Guests {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            revocations: AtomicUsize::new(0),
            book: Mutex::default(),
        }
    }

    /// Somebody is at the door; comes before their token is verified.
    pub(crate) fn arrival(&self) -> Arrival {
        Arrival {
            revocations: self.revocations.load(Ordering::Acquire),
            time: self.clock.now(),
        }
    }

    /// Whether the token of a newcomer has ended or was revoked since it was verified: a body may come as late
    /// as its sender likes.
    pub(crate) fn has_lost_leave(&self, newcomer: &Newcomer) -> bool {
        let Newcomer { caller, arrival } = newcomer;
        // Whoever verified a token that had ended by our clock has granted it some leeway.
        let was_good = |end: &NumericDate| *end > arrival.time;
        let end = caller.expires_at().filter(was_good);
        if end.is_some_and(|end| end <= self.clock.now()) {
            return true;
        }
        let revocations = self.revocations.load(Ordering::Acquire);
        revocations != arrival.revocations && self.book().is_gone(newcomer, revocations)
    }

    /// A guest who is told when their token or grant is revoked, or was since they came.
    pub(crate) fn welcome(&self, newcomer: Newcomer) -> Guest {
        let mut book = self.book();
        // It changes under the lock alone.
        let revocations = self.revocations.load(Ordering::Acquire);
        let is_gone = book.is_gone(&newcomer, revocations);
        let caller = newcomer.caller;
        if is_gone {
            let guest = Guest::new(caller);
            guest.revoked.cancel();
            return guest;
        }
        // All by which somebody may be revoked: of two callers who differ in it, one may be and the other not. A
        // token is named by whoever issues it, so that its name alone is nobody's.
        let names = (caller.grant_id(), caller.token_id(), caller.client_id());
        let name = raw(&names).get().to_owned();
        let known = book.known.get(&name);
        if let Some(revoked) = known.and_then(|entry| entry.revoked.upgrade()) {
            return Guest { caller, revoked };
        }
        if book.known.len() >= book.full.max(MANY) {
            book.known
                .retain(|_, entry| entry.revoked.strong_count() > 0);
            // Not at each newcomer, if all the others are still there.
            book.full = book.known.len() * 2;
        }
        let revoked = Arc::default();
        let entry = Entry {
            caller: caller.clone(),
            revoked: Arc::downgrade(&revoked),
        };
        book.known.insert(name, entry);
        Guest { caller, revoked }
    }

    /// Ends the streams of those whom it concerns.
    pub(crate) fn revoke(&self, what: Revoked<'_>) {
        let mut book = self.book();
        if book.recent.len() == REMEMBERED {
            book.recent.pop_front();
        }
        book.recent.push_back(what.into());
        self.revocations.fetch_add(1, Ordering::AcqRel);
        book.known.retain(|_, entry| {
            let is_concerned = what.concerns(&entry.caller);
            if is_concerned && let Some(revoked) = entry.revoked.upgrade() {
                revoked.cancel();
            }
            !is_concerned
        });
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Whether one of the revocations since a newcomer came concerns them. Of more than are remembered, one
    /// may.
    fn is_gone(&self, newcomer: &Newcomer, revocations: usize) -> bool {
        let missed = revocations.wrapping_sub(newcomer.arrival.revocations);
        let mut since = self.recent.iter().rev().take(missed);
        missed > REMEMBERED || since.any(|gone| gone.what().concerns(&newcomer.caller))
    }
}

impl Revoked<'_> {
    fn concerns(self, caller: &Caller) -> bool {
        match self {
            Self::Grant(grant) => caller.grant_id() == Some(grant),
            Self::Token(token) => caller.token_id() == Some(token),
            Self::Client(client) => caller.client_id() == Some(client),
            Self::Everything => true,
        }
    }
}

impl From<Revoked<'_>> for Gone {
    fn from(what: Revoked<'_>) -> Self {
        match what {
            Revoked::Grant(grant) => Self::Grant(grant.to_owned()),
            Revoked::Token(token) => Self::Token(token.to_owned()),
            Revoked::Client(client) => Self::Client(client.to_owned()),
            Revoked::Everything => Self::Everything,
        }
    }
}

impl Gone {
    fn what(&self) -> Revoked<'_> {
        match self {
            Self::Grant(grant) => Revoked::Grant(grant),
            Self::Token(token) => Revoked::Token(token),
            Self::Client(client) => Revoked::Client(client),
            Self::Everything => Revoked::Everything,
        }
    }
}

#[cfg(test)]
#[path = "guests_tests.rs"]
mod tests;
