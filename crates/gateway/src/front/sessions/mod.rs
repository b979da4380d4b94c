//! Streamable HTTP for clients with sessions (MCP 2025-03-26, 2025-06-18, 2025-11-25).

mod batch;
mod ended;
mod engine;
mod greeting;
mod opening;
mod running;
mod stream;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use resource_server::mcp::names::{MCP_PROTOCOL_VERSION, MCP_SESSION_ID};

pub(crate) use ended::EndedSessions;
pub(crate) use engine::Engine;
pub(crate) use greeting::Greeting;
pub(crate) use opening::{Opened, open};
pub(crate) use running::Running;
use stream::Kept;

use crate::front::exchange::{Beginning, Exchange};
use crate::front::lease::Lease;
use crate::front::wire::{Asked, Incoming};
use crate::front::{FrontSettings, Guest, Refusal, RpcResponse, accepts, wire};
use crate::message::{RpcError, code, response};
use crate::revision::{Era, Revision};
use crate::server::McpServer;
use crate::session::{NoSuchSession, Session};

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The front for clients with sessions. Clones are the same front.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    engine: Engine,
    kept: Kept,
}

impl Sessions {
    pub(crate) fn new(settings: FrontSettings) -> Self {
        Self {
            kept: Kept::new(&settings),
            engine: Engine::new(settings, true),
        }
    }

    fn settings(&self) -> &FrontSettings {
        &self.engine.settings
    }

    /// A message, or a batch of them.
    pub(crate) async fn post(
        &self,
        guest: &Guest,
        headers: &HeaderMap,
        body: Bytes,
        server: &Arc<dyn McpServer>,
    ) -> Response<Body> {
        let answer = self.answer(guest, headers, &body, server).await;
        answer.unwrap_or_else(Refusal::response)
    }

    async fn answer(
        &self,
        guest: &Guest,
        headers: &HeaderMap,
        body: &[u8],
        server: &Arc<dyn McpServer>,
    ) -> Result<Response<Body>, Refusal> {
        accepts::json(headers)?;
        let text = wire::text(body)?;
        if text.trim_ascii_start().starts_with('[') {
            let session = self.session(guest, headers)?;
            return self.batch(guest, headers, &session, text, server).await;
        }
        let message = Incoming::parse(text)?;
        match message {
            Incoming::Request(asked) if asked.method == "initialize" => {
                Ok(self.initialize(guest, &asked, server).await)
            }
            Incoming::Request(asked) => {
                let session = self.session(guest, headers)?;
                accepts::event_stream(headers)?;
                let exchange = Exchange::new(1);
                let reader = exchange.read_after(0);
                let visit = session.visit(&guest.caller);
                self.engine.call(visit, &asked, server, &exchange);
                Ok(self.written(guest, &session, exchange, reader, false).await)
            }
            Incoming::Notification(notification) => {
                let visit = self.session(guest, headers)?.visit(&guest.caller);
                self.engine.notify(&visit, notification, server).await;
                Ok(RpcResponse::empty(StatusCode::ACCEPTED))
            }
            Incoming::Answer { id, answer } => {
                let visit = self.session(guest, headers)?.visit(&guest.caller);
                // Whoever asked may have stopped waiting, which is nobody's fault.
                self.engine.answer(&visit, id, answer);
                Ok(RpcResponse::empty(StatusCode::ACCEPTED))
            }
        }
    }

    async fn initialize(
        &self,
        guest: &Guest,
        asked: &Asked<'_>,
        server: &Arc<dyn McpServer>,
    ) -> Response<Body> {
        let settings = self.settings();
        let Opened { result, session } = match open(settings, guest, asked.params, server).await {
            Ok(opened) => opened,
            Err(error) => {
                return RpcResponse::json(StatusCode::OK, response(asked.id, Err(&error)));
            }
        };
        let id = match session.seal(&settings.keys, &settings.endpoint, &guest.caller) {
            Ok(id) => id,
            Err(too_long) => {
                let error = RpcError::new(code::INVALID_PARAMS, too_long.to_string());
                return RpcResponse::json(StatusCode::BAD_REQUEST, response(asked.id, Err(&error)));
            }
        };
        let mut answer = RpcResponse::json(StatusCode::OK, response(asked.id, Ok(&result)));
        let id = HeaderValue::try_from(id).expect("base64url can stand in a header");
        answer.headers_mut().insert(MCP_SESSION_ID, id);
        answer
    }

    /// The caller's session that a request names.
    pub(crate) fn session(&self, guest: &Guest, headers: &HeaderMap) -> Result<Session, Refusal> {
        let mut ids = headers.get_all(&MCP_SESSION_ID).iter();
        let id = match (ids.next(), ids.next()) {
            (Some(id), None) => id.to_str().map_err(|_| no_such_session())?,
            (None, _) => {
                let what = "`Mcp-Session-Id` is missing; send `initialize` first";
                return Err(refuse(&RpcError::new(code::INVALID_REQUEST, what)));
            }
            (Some(_), Some(_)) => {
                let what = "`Mcp-Session-Id` is there twice";
                return Err(refuse(&RpcError::new(code::INVALID_REQUEST, what)));
            }
        };
        let settings = self.settings();
        let time = (settings.clock.now(), settings.limits.session_age);
        let session = Session::open(id, &settings.keys, &settings.endpoint, &guest.caller, time)
            .map_err(|NoSuchSession| no_such_session())?;
        if settings.ended.has(&session.key) {
            return Err(no_such_session());
        }
        check_version(headers)?;
        Ok(session)
    }

    /// What comes of a request: JSON if nothing comes before the answer, else an event stream.
    async fn written(
        &self,
        guest: &Guest,
        session: &Session,
        exchange: Arc<Exchange>,
        mut reader: crate::front::exchange::Reader,
        is_batch: bool,
    ) -> Response<Body> {
        let silence = self.settings().limits.silence;
        let beginning = tokio::time::timeout(silence, reader.beginning()).await;
        if let Ok(Beginning::Answers(answers)) = beginning {
            return batch::answer(answers, is_batch);
        }
        let lease = Lease::new(guest, self.settings());
        let name = self.kept.keep(session, &exchange);
        let is_primed = session.client.revision >= Revision::V2025_11_25;
        stream::response(reader, name, is_primed, lease, silence)
    }

    /// The stream for what the server says outside of requests, or the rest of one that broke.
    pub(crate) fn get(
        &self,
        guest: &Guest,
        headers: &HeaderMap,
        server: &Arc<dyn McpServer>,
    ) -> Response<Body> {
        let opened = self.opened(guest, headers, server);
        opened.unwrap_or_else(Refusal::response)
    }

    fn opened(
        &self,
        guest: &Guest,
        headers: &HeaderMap,
        server: &Arc<dyn McpServer>,
    ) -> Result<Response<Body>, Refusal> {
        let session = self.session(guest, headers)?;
        accepts::event_stream(headers)?;
        let lease = Lease::new(guest, self.settings());
        let silence = self.settings().limits.silence;
        if let Some(last) = headers.get(&LAST_EVENT_ID) {
            let last = last.to_str().unwrap_or_default();
            let resumed = self.kept.resume(&session, last);
            let (reader, name) = resumed.ok_or_else(|| {
                // Not 404, which would make the client give the session up.
                let what = "the event stream is over, or was never here; send the request again";
                refuse(&RpcError::new(code::INVALID_REQUEST, what))
            })?;
            return Ok(stream::response(reader, Some(name), false, lease, silence));
        }
        let exchange = Exchange::new(1);
        let reader = exchange.read_after(0);
        let visit = session.visit(&guest.caller);
        if let Err(refused) = self.engine.listen(visit, server, &exchange) {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Err(Refusal::new(status, &refused.error()));
        }
        Ok(stream::response(reader, None, false, lease, silence))
    }

    /// Ends a session.
    pub(crate) async fn delete(
        &self,
        guest: &Guest,
        headers: &HeaderMap,
        server: &Arc<dyn McpServer>,
    ) -> Response<Body> {
        let session = match self.session(guest, headers) {
            Ok(session) => session,
            Err(refusal) => return refusal.response(),
        };
        self.settings().ended.add(Arc::clone(&session.key));
        self.kept.forget(&session);
        let visit = session.visit(&guest.caller);
        self.engine.leave(&visit, server).await;
        RpcResponse::empty(StatusCode::NO_CONTENT)
    }
}

/// MCP transports: a revision that is not served is refused; which one of those it is, the session knows.
fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(version) = headers.get(&MCP_PROTOCOL_VERSION) else {
        return Ok(());
    };
    let version = version.to_str().unwrap_or_default();
    let known: Result<Revision, _> = version.parse();
    if known.is_ok_and(|revision| revision.era() == Era::Sessions) {
        return Ok(());
    }
    let what = format!("`MCP-Protocol-Version: {version}` has no sessions, or is not known");
    Err(refuse(&RpcError::new(code::INVALID_REQUEST, what)))
}

fn refuse(error: &RpcError) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, error)
}

/// MCP transports: 404 makes the client begin a new session.
fn no_such_session() -> Refusal {
    let error = RpcError::new(code::INVALID_REQUEST, NoSuchSession.to_string());
    Refusal::new(StatusCode::NOT_FOUND, &error)
}
