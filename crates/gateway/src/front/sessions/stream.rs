//! Event streams of sessions, and how one that broke is taken up again (MCP 2025-11-25, resumability).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::Response;
use oauth::random::token;
use tokio::sync::Semaphore;

use crate::front::exchange::{Exchange, Reader};
use crate::front::lease::Lease;
use crate::front::{FrontSettings, events};
use crate::session::Session;

/// How much is kept of the answers of clients whose connections broke, in bytes.
const ROOM: usize = 64 * 1024 * 1024;

/// Tells a client to come back soon: the stream is not over, but this connection is.
const COME_BACK: Bytes = Bytes::from_static(b"retry: 1000\n\n");

/// A session, and the name of a stream in it.
type Name = (Arc<str>, String);

/// The exchanges that are written as streams, until they are read to their end.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    settings: FrontSettings,
    exchanges: Arc<Mutex<HashMap<Name, Arc<Exchange>>>>,
    room: Arc<Semaphore>,
}

impl Kept {
    pub(super) fn new(settings: &FrontSettings) -> Self {
        Self {
            settings: settings.clone(),
            exchanges: Arc::default(),
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }

    fn exchanges(&self) -> MutexGuard<'_, HashMap<Name, Arc<Exchange>>> {
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a stream says, and gives the name by which it is found again; none if too much is kept.
    pub(super) fn keep(&self, session: &Session, exchange: &Arc<Exchange>) -> Option<String> {
        let name = token::<9>(&*self.settings.random);
        let key = (Arc::clone(&session.key), name.clone());
        {
            let mut exchanges = self.exchanges();
            if exchanges.len() >= self.settings.limits.kept {
                return None;
            }
            exchanges.insert(key.clone(), Arc::clone(exchange));
        }
        let (kept, exchange) = (self.clone(), Arc::clone(exchange));
        self.settings.tasks.spawn(async move {
            let given_up = async {
                exchange.answered().await;
                exchange.abandoned(Duration::ZERO).await;
                // Without room nobody can come back to it, as if it had taken too long.
                let bytes = u32::try_from(exchange.bytes()).unwrap_or(u32::MAX);
                let Ok(_taken) = kept.room.try_acquire_many(bytes) else {
                    return;
                };
                exchange.abandoned(kept.settings.limits.kept_for).await;
            };
            tokio::select! {
                () = exchange.read_to_the_end() => {}
                () = given_up => {}
                () = kept.settings.closing.cancelled() => {}
            }
            kept.exchanges().remove(&key);
        });
        Some(name)
    }

    /// The rest of a stream after the event `last`, if it is one of this session.
    pub(super) fn resume(&self, session: &Session, last: &str) -> Option<(Reader, String)> {
        let (name, number) = last.rsplit_once('.')?;
        let number = number.parse().ok()?;
        let key = (Arc::clone(&session.key), name.to_owned());
        let exchange = self.exchanges().get(&key).cloned()?;
        Some((exchange.read_after(number), key.1))
    }

    /// Lets go of all streams of a session.
    pub(super) fn forget(&self, session: &Session) {
        self.exchanges().retain(|(of, _), _| *of != session.key);
    }
}

/// Writes what `reader` reads. With a name, events have ids and the stream can be taken up again.
pub(super) fn response(
    reader: Reader,
    name: Option<String>,
    is_primed: bool,
    lease: Lease,
    silence: Duration,
) -> Response<Body> {
    let first = name.as_deref().filter(|_| is_primed);
    // MCP 2025-11-25: it tells the client how to come back before there is anything to lose.
    let first = first.map(|name| Bytes::from(format!("id: {name}.0\nretry: 1000\ndata: \n\n")));
    events::response(messages(reader, name, first, lease), silence)
}

/// What is left to write.
enum Rest {
    First(Bytes),
    Messages,
    Nothing,
}

fn messages(
    reader: Reader,
    name: Option<String>,
    first: Option<Bytes>,
    lease: Lease,
) -> impl Stream<Item = Bytes> + Send + 'static {
    let rest = first.map_or(Rest::Messages, Rest::First);
    stream::unfold((reader, rest), move |(mut reader, rest)| {
        let (name, lease) = (name.clone(), lease.clone());
        async move {
            match rest {
                Rest::Nothing => return None,
                Rest::First(event) => return Some((event, (reader, Rest::Messages))),
                Rest::Messages => {}
            }
            let next = tokio::select! {
                biased;
                () = lease.ended() => return Some((COME_BACK, (reader, Rest::Nothing))),
                next = reader.next() => next,
            };
            let (number, message) = next?;
            let id = name.map(|name| format!("{name}.{number}"));
            let event = events::event(id.as_deref(), Some("message"), message.get());
            Some((event, (reader, Rest::Messages)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::tests::House;
    use crate::json::raw;
    use crate::revision::Revision;
    use crate::visit::Client;

    #[tokio::test(start_paused = true)]
    async fn g3_answers_that_nobody_fetches_are_kept_as_long_as_there_is_room() {
        let House { settings, .. } = House::new();
        let client = Client {
            revision: Revision::V2025_11_25,
            capabilities: raw(&serde_json::json!({})),
            info: None,
        };
        let session = Session::new(client, settings.clock.now(), &*settings.random);
        let kept = Kept::new(&settings);
        let mut names = Vec::new();
        for _ in 0..5 {
            let exchange = Exchange::new(1);
            let reader = exchange.read_after(0);
            names.push(kept.keep(&session, &exchange).unwrap());
            exchange.answer(raw(&"x".repeat(ROOM / 4)));
            drop(reader);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(kept.exchanges().len(), 3);
        assert!(kept.resume(&session, &format!("{}.0", names[0])).is_some());
        assert!(kept.resume(&session, &format!("{}.0", names[4])).is_none());
        tokio::time::sleep(settings.limits.kept_for * 3).await;
        assert!(kept.exchanges().is_empty());
    }
}
