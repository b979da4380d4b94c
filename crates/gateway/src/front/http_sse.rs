//! HTTP with an event stream beside it, the transport of the first clients (MCP 2024-11-05).
//!
//! A session is one event stream: it begins with the stream, which tells the client where to send its
//! messages, and ends with it. So it lives in one process, unlike the sessions of later revisions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::{HeaderMap, Response, StatusCode};
use oauth::random::token;
use resource_server::Caller;

use crate::front::exchange::{Exchange, Reader};
use crate::front::lease::Lease;
use crate::front::sessions::{Engine, Greeting};
use crate::front::wire::{Incoming, Malformed};
use crate::front::{FrontSettings, Guest, RpcResponse, accepts, events, wire};
use crate::message::{RpcError, code};
use crate::server::McpServer;
use crate::session::{NoSuchSession, Session};

/// The front for clients of 2024-11-05. Clones are the same front.
#[derive(Clone, Debug)]
pub(crate) struct HttpSse {
    engine: Engine,
    connections: Arc<Mutex<HashMap<String, Connection>>>,
}

/// One client, as long as its stream is open.
#[derive(Clone, Debug)]
struct Connection {
    owner: Caller,
    exchange: Arc<Exchange>,
    /// Since the client has introduced itself.
    session: Arc<OnceLock<Session>>,
}

impl HttpSse {
    pub(crate) fn new(settings: FrontSettings) -> Self {
        Self {
            engine: Engine::new(settings, false),
            connections: Arc::default(),
        }
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<String, Connection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The event stream of a new session. Messages are to be sent to the path `messages`, which leads to
    /// [`post`](Self::post) with the value of `sessionId`.
    pub(crate) fn open(
        &self,
        guest: &Guest,
        headers: &HeaderMap,
        messages: &str,
        server: &Arc<dyn McpServer>,
    ) -> Response<Body> {
        if let Err(refusal) = accepts::event_stream(headers) {
            return refusal.response();
        }
        let settings = &self.engine.settings;
        let id = token::<32>(&*settings.random);
        // The one answer that never comes keeps the exchange open.
        let exchange = Exchange::new(1);
        let connection = Connection {
            owner: guest.caller.clone(),
            exchange: Arc::clone(&exchange),
            session: Arc::default(),
        };
        {
            let mut connections = self.connections();
            if connections.len() >= settings.limits.calls.of_all {
                return RpcResponse::empty(StatusCode::SERVICE_UNAVAILABLE);
            }
            connections.insert(id.clone(), connection.clone());
        }
        let endpoint = format!("{messages}?sessionId={id}");
        let stay = Stay {
            front: self.clone(),
            id,
            connection,
            server: Arc::clone(server),
        };
        let lease = Lease::new(guest, settings);
        let first = events::event(None, Some("endpoint"), &endpoint);
        let messages = written(exchange.read_after(0), first, lease, stay);
        events::response(messages, settings.limits.silence)
    }

    /// A message in the session `id`; what comes of it is written to the session's stream.
    pub(crate) async fn post(
        &self,
        guest: &Guest,
        id: &str,
        headers: &HeaderMap,
        body: Bytes,
        server: &Arc<dyn McpServer>,
    ) -> Response<Body> {
        let connection = self.connections().get(id).cloned();
        let is_owner = |connection: &Connection| {
            let (owner, caller) = (&connection.owner, &guest.caller);
            owner.issuer() == caller.issuer() && owner.subject() == caller.subject()
        };
        let Some(connection) = connection.filter(is_owner) else {
            let error = RpcError::new(code::INVALID_REQUEST, NoSuchSession.to_string());
            return RpcResponse::error(StatusCode::NOT_FOUND, &error);
        };
        if let Err(refusal) = accepts::json(headers) {
            return refusal.response();
        }
        if connection.exchange.is_full() {
            return RpcResponse::empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        match wire::text(&body).and_then(Incoming::parse) {
            Ok(message) => {
                let Connection {
                    exchange, session, ..
                } = connection;
                let greeting = Greeting { guest, server };
                greeting
                    .hear(&self.engine, message, &session, &exchange)
                    .await;
                RpcResponse::empty(StatusCode::ACCEPTED)
            }
            Err(Malformed(error)) => RpcResponse::error(StatusCode::BAD_REQUEST, &error),
        }
    }
}

/// Ends the session when its stream ends.
struct Stay {
    front: HttpSse,
    id: String,
    connection: Connection,
    server: Arc<dyn McpServer>,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.front.connections().remove(&self.id);
        let Some(session) = self.connection.session.get() else {
            return;
        };
        let visit = session.visit(&self.connection.owner);
        let (engine, server) = (self.front.engine.clone(), Arc::clone(&self.server));
        let tasks = engine.settings.tasks.clone();
        tasks.spawn(async move { engine.leave(&visit, &server).await });
    }
}

fn written(
    reader: Reader,
    first: Bytes,
    lease: Lease,
    stay: Stay,
) -> impl Stream<Item = Bytes> + Send + 'static {
    let state = (reader, Some(first), lease, stay);
    stream::unfold(state, |(mut reader, first, lease, stay)| async move {
        if let Some(first) = first {
            return Some((first, (reader, None, lease, stay)));
        }
        let next = events::unless(lease.ended(), reader.next()).await;
        let (_, message) = next?;
        let event = events::event(None, Some("message"), message.get());
        Some((event, (reader, None, lease, stay)))
    })
}
