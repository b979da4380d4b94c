//! The connections of a house: how many at once, and how long one may keep it waiting (RFC 9112 §9.5).

mod body;
mod shares;
mod stall;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use body::InTime;
use shares::{Held, Share, Shares};
use stall::Stall;

use crate::settings::Network;

/// More connections than this cost memory that a house of this size does not have.
const MOST: usize = 10_000;

/// How often it is told that addresses hold as many connections as one may.
const TELL_AGAIN: Duration = Duration::from_mins(1);

/// What is answered on a connection that is one too many (RFC 9110 §15.6.4).
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 77\r\n\
    retry-after: 5\r\nconnection: close\r\n\r\nyour address holds as many connections as one may: close some, and try again\n";

/// What connections may take, so that those who only hold them leave room for the others.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// How many are open at once; the next ones wait for their turn.
    connections: usize,
    /// How long the head of a request may take to arrive, and how long a connection may be idle.
    head: Duration,
    /// How long the body of a request may take to arrive, once somebody waits for it.
    body: Duration,
    /// How long a client may take nothing of its answer.
    stall: Duration,
    /// How many of the connections one address may hold.
    share: Share,
}

impl Limits {
    /// As the system allows this process.
    pub(crate) fn of_this_process() -> Self {
        Self {
            connections: most_connections(getrlimit(Resource::Nofile).current),
            head: Duration::from_secs(10),
            // Less than rooms are given for their answers, so that this is what is said.
            body: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            share: Share::ALL,
        }
    }

    /// The same, of which one address may hold `most`; but for `proxies`, and for this machine: whoever comes from
    /// it is here already, or comes by a proxy that nobody has named.
    pub(crate) fn shared_out(mut self, most: Option<usize>, proxies: &[Network]) -> Self {
        let this_machine = ["127.0.0.0/8", "::1"].map(str::parse::<Network>);
        let this_machine = this_machine.into_iter().flatten();
        let exempt: Vec<_> = this_machine.chain(proxies.iter().copied()).collect();
        self.share = Share::of(self.connections, most, &exempt);
        self
    }
}

/// What answers requests: a router, or what stands around one.
pub(crate) trait Served:
    Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Served for S where
    S: Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// Half of the files that may be open: the rest is for the store, and for requests to elsewhere.
fn most_connections(files: Option<u64>) -> usize {
    let half = files.map(|files| usize::try_from(files / 2).unwrap_or(MOST));
    half.unwrap_or(MOST).clamp(1, MOST)
}

/// Answers requests until `stop`, and then until the last one has its answer.
///
/// HTTP/1.1 alone: a proxy that speaks HTTP/2 with clients speaks this with the servers behind it.
pub(crate) async fn serve<S: Served>(
    listener: TcpListener,
    served: S,
    limits: Limits,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    let mut door = Door {
        listener,
        places: Arc::new(Semaphore::new(limits.connections)),
        shares: Shares::new(limits.share),
        is_full: false,
        refused: None,
    };
    let open = TaskTracker::new();
    loop {
        let Connected {
            stream,
            address,
            held,
            place,
        } = tokio::select! {
            next = door.next() => next,
            () = stop.cancelled() => break,
        };
        let (http, served, stop) = (http.clone(), served.clone(), stop.clone());
        let stream = Stall::new(stream, limits.stall);
        open.spawn(async move {
            let room = Room {
                served,
                address,
                body: limits.body,
            };
            if let Err(error) = converse(&http, stream, room, &stop).await {
                tracing::debug!(%error, "a connection was cut off");
            }
            drop((held, place));
        });
    }
    drop(door);
    open.close();
    open.wait().await;
}

/// What answers the requests of one connection.
struct Room<S> {
    served: S,
    address: SocketAddr,
    body: Duration,
}

/// One connection, until it ends.
async fn converse<S: Served>(
    http: &http1::Builder,
    stream: Stall<TcpStream>,
    room: Room<S>,
    stop: &CancellationToken,
) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| Body::new(InTime::new(body, room.body)));
        request.extensions_mut().insert(ConnectInfo(room.address));
        room.served.clone().oneshot(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Where connections come in, as long as there are places.
struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    shares: Arc<Shares>,
    is_full: bool,
    /// When it was told last that somebody was refused.
    refused: Option<Instant>,
}

/// A connection, and what it takes.
struct Connected {
    stream: TcpStream,
    address: SocketAddr,
    held: Held,
    place: OwnedSemaphorePermit,
}

impl Door {
    /// The next connection, with its place. Who comes when all are taken waits in the system's queue; who has
    /// their share is refused, since those who wait behind them are others.
    async fn next(&mut self) -> Connected {
        let is_full = self.places.available_permits() == 0;
        // Once, not for each of those who wait.
        if is_full && !self.is_full {
            tracing::warn!("all connections are taken: new ones wait until others end");
        }
        self.is_full = is_full;
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        let (stream, address, held) = loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if let Some(held) = self.shares.hold(address.ip()) {
                break (stream, address, held);
            }
            self.refuse(&stream, address);
        };
        // Without this, an answer in small parts waits for acknowledgements in between.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
        }
        Connected {
            stream,
            address,
            held,
            place,
        }
    }

    /// Says why, as far as that can be done without waiting.
    fn refuse(&mut self, stream: &TcpStream, address: SocketAddr) {
        let is_news = self.refused.is_none_or(|told| told.elapsed() >= TELL_AGAIN);
        if is_news {
            self.refused = Some(Instant::now());
            let address = address.ip();
            tracing::warn!(
                %address,
                "an address holds as many connections as one may: its next ones are closed \
                 (`max_connections_per_address`; a proxy belongs to `trusted_proxies`)"
            );
        }
        // It is new, so that there is room for this. A request that was not read would cut the answer off.
        let _ = rustix::io::read(stream, &mut [0; 4096]);
        let _ = rustix::io::write(stream, REFUSAL);
    }
}

#[cfg(test)]
mod tests;
