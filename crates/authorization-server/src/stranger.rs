//! Addresses that strangers name: documents and key sets of clients, which anybody can make us ask for
//! (CIMD §6, RFC 9700 §4.10).
//!
//! Whoever asks for many addresses waits or is refused, so that we are nobody's cannon. And whoever
//! names addresses that never answer holds a part of the turns and no more, so that the clients of
//! others are still looked up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use oauth::client::fetch::{Fetch, FetchError, Fetched, Outgoing, Transport};
use store::{Kind, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::address::ClientAddress;
use crate::error::EndpointError;
use crate::server::AuthorizationServer;

/// How many addresses are asked at the same time.
const AT_ONCE: usize = 16;
/// How many of these on one host.
const PER_HOST: usize = 2;
/// For how many of these one caller may wait; they may name any number of hosts.
const PER_CALLER: usize = 4;

/// How often one caller makes us ask within [`WINDOW`]. A client that many people use from one address
/// is asked for once, and then remembered.
const ASKED: u64 = 300;
const WINDOW: Duration = Duration::from_mins(10);
const QUESTIONS: Kind = Kind::new("questions_to_strangers");

/// Why a stranger's address is not asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAsked {
    #[error("too many addresses are asked for the same caller")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotAsked> for EndpointError {
    fn from(error: NotAsked) -> Self {
        match error {
            NotAsked::TooMany => Self::too_many_requests(WINDOW),
            NotAsked::Store(error) => error.into(),
        }
    }
}

/// How strangers' addresses are asked, and for whom.
#[derive(Debug)]
pub(crate) struct Strangers {
    fetch: Fetch,
    callers: Places,
}

impl Strangers {
    pub(crate) fn new(fetch: &Fetch) -> Self {
        Self {
            fetch: Fetch::through(InTurn {
                fetch: fetch.clone(),
                turns: Semaphore::new(AT_ONCE),
                hosts: Places::new(PER_HOST),
            }),
            callers: Places::new(PER_CALLER),
        }
    }

    /// The way out: each request waits for its turn, and holds it no longer than it is under way.
    pub(crate) fn fetch(&self) -> &Fetch {
        &self.fetch
    }
}

impl AuthorizationServer {
    /// Waits until few enough addresses are asked for the caller at `address`; to be kept until the
    /// answer is there.
    pub(crate) async fn place_to_ask(&self, address: ClientAddress) -> OwnedSemaphorePermit {
        self.strangers().callers.take(&address.rate_key()).await
    }

    /// Counts a question that the caller at `address` makes us ask, before it is asked.
    pub(crate) async fn may_ask_stranger(&self, address: ClientAddress) -> Result<(), NotAsked> {
        let key = address.rate_key();
        if self.store().count(QUESTIONS, &key, WINDOW).await? > ASKED {
            return Err(NotAsked::TooMany);
        }
        Ok(())
    }
}

/// A way out for which every request waits its turn.
#[derive(Debug)]
struct InTurn {
    fetch: Fetch,
    turns: Semaphore,
    hosts: Places,
}

#[async_trait]
impl Transport for InTurn {
    async fn send(&self, request: Outgoing) -> Result<Fetched, FetchError> {
        let host = request.url.host_str().unwrap_or_default();
        // First its own queue, or a host that does not answer would fill the one that all share.
        let _place = self.hosts.take(host).await;
        let turn = self.turns.acquire().await;
        let _turn = turn.expect("nobody closes this semaphore");
        let requests = self.fetch.reaching(request.reach);
        requests.get(request.url.as_str(), request.limits).await
    }
}

/// The same small number of places for every name that is in use.
#[derive(Debug)]
struct Places {
    each: usize,
    in_use: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Places {
    fn new(each: usize) -> Self {
        Self {
            each,
            in_use: Mutex::default(),
        }
    }

    async fn take(&self, name: &str) -> OwnedSemaphorePermit {
        let place = self.of(name).acquire_owned().await;
        place.expect("nobody closes these semaphores")
    }

    fn of(&self, name: &str) -> Arc<Semaphore> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = in_use.get(name).and_then(Weak::upgrade) {
            return places;
        }
        // Whoever has a place or waits for one holds on to it, so what nobody holds is free again.
        in_use.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(self.each));
        in_use.insert(name.to_owned(), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use oauth::client::fetch::{Limits, Reach, Scripted};
    use oauth::client::key_set::{KeySource as _, RemoteKeySet};
    use oauth::time::SystemClock;
    use tokio::sync::mpsc;
    use tokio::task::JoinSet;

    use super::*;

    /// A network with a host that takes every request and never answers.
    #[derive(Debug)]
    struct WithTarpit(Scripted, mpsc::UnboundedSender<()>);

    #[async_trait]
    impl Transport for WithTarpit {
        async fn send(&self, request: Outgoing) -> Result<Fetched, FetchError> {
            if request.url.host_str() == Some("tar.example") {
                self.1.send(()).unwrap();
                pending::<()>().await;
            }
            self.0.send(request).await
        }
    }

    #[tokio::test]
    async fn a_host_that_never_answers_keeps_nobody_else_waiting() {
        let network = Scripted::default();
        network.answer("https://app.example/c", 200, &[], "{}");
        let (asked, mut seen) = mpsc::unbounded_channel();
        let strangers = Strangers::new(&Fetch::through(WithTarpit(network, asked)));
        let mut many = JoinSet::new();
        for n in 0..4 * AT_ONCE {
            let fetch = strangers.fetch().clone();
            many.spawn(async move {
                let address = format!("https://tar.example/{n}");
                let public = fetch.public();
                public.get(&address, Limits::CLIENT_METADATA).await
            });
        }
        for _ in 0..PER_HOST {
            seen.recv().await.unwrap();
        }
        let public = strangers.fetch().public();
        let answer = public.get("https://app.example/c", Limits::CLIENT_METADATA);
        assert_eq!(answer.await.unwrap().status, 200);
        assert!(seen.try_recv().is_err(), "the others wait for their host");
    }

    #[tokio::test]
    async fn who_waits_for_keys_that_somebody_fetches_holds_no_turn() {
        let (asked, mut seen) = mpsc::unbounded_channel();
        let strangers = Strangers::new(&Fetch::through(WithTarpit(Scripted::default(), asked)));
        let clock = Arc::new(SystemClock);
        let fetch = strangers.fetch().clone();
        let keys = RemoteKeySet::at(fetch, Reach::Public, "https://tar.example/keys", clock);
        let keys = Arc::new(keys);
        let mut many = JoinSet::new();
        for _ in 0..2 * AT_ONCE {
            let keys = Arc::clone(&keys);
            many.spawn(async move { keys.keys().await.is_ok() });
        }
        seen.recv().await.unwrap();
        let fetch = strangers.fetch().clone();
        many.spawn(async move {
            let public = fetch.public();
            let answer = public.get("https://tar.example/c", Limits::CLIENT_METADATA);
            answer.await.is_ok()
        });
        seen.recv().await.unwrap();
    }

    #[tokio::test]
    async fn places_are_forgotten_with_the_last_who_had_one() {
        let places = Places::new(1);
        let first = places.take("a").await;
        drop(places.take("b").await);
        assert_eq!(places.of("a").available_permits(), 0);
        drop(first);
        drop(places.take("c").await);
        assert_eq!(places.in_use.lock().unwrap().len(), 1);
    }
}
