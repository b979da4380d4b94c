//! A protected MCP endpoint: the one road of a request, from its origin to its answer.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::iter;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use axum::response::IntoResponse as _;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use oauth::media_type;
use tokio::time::Instant;
use tower::{Service, ServiceExt as _};

use crate::Caller;
use crate::mcp::access::require_name;
use crate::mcp::entrance::Visitor;
use crate::mcp::fault::Fault;
use crate::mcp::headers::Glance;
use crate::mcp::listing::{filtered, rewritten_stream};
use crate::mcp::session::NoSuchSession;
use crate::mcp::unread::discard;
use crate::mcp::{Entrance, Envelope, Message, SessionBinding, ToolAccess, batch, headers};
use crate::refusal::Refusal;

/// The largest tool list that is filtered; a larger one is refused, not passed on unfiltered.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;

/// A body that comes within this time came with its head, and tokens are not looked at twice for it.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What stands between the world and an MCP server.
#[derive(Debug)]
pub(crate) struct Protection {
    pub(crate) entrance: Entrance,
    pub(crate) access: ToolAccess,
    pub(crate) lists_all_tools: bool,
    pub(crate) sessions: SessionBinding,
}

/// An MCP server behind a guard, made by [`ProtectedResource::endpoint`](crate::ProtectedResource).
///
/// It is a tower service for one path. The server behind it sees requests with a
/// [`Caller`] in their extensions and no token.
pub struct McpEndpoint<S> {
    /// Shared, so that a request clones the server once, as it would without protection.
    shared: Arc<(Protection, S)>,
}

/// An answer that is not the server's.
pub(super) enum Stop {
    Refused(Refusal),
    Answered(Box<Response<Body>>),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Answered(Box::new(fault.response(None)))
    }
}

impl From<NoSuchSession> for Stop {
    /// MCP transports: 404 makes the client start a new session.
    fn from(_: NoSuchSession) -> Self {
        let answer = (StatusCode::NOT_FOUND, "there is no such session").into_response();
        Self::Answered(Box::new(answer))
    }
}

impl<S> McpEndpoint<S> {
    pub(crate) fn new(protection: Protection, server: S) -> Self {
        Self {
            shared: Arc::new((protection, server)),
        }
    }
}

impl<S, ResB> McpEndpoint<S>
where
    S: Service<Request<Body>, Response = Response<ResB>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    ResB: http_body::Body<Data = Bytes> + Send + 'static,
    ResB::Error: Into<BoxError>,
{
    /// The request is handed on by reference, since each `async fn` that owns one has room for two.
    async fn answer(&self, request: &mut Request<Body>) -> Response<Body> {
        // Every request stands for itself: neither a session nor a connection is a proof of identity.
        let entrance = &self.shared.0.entrance;
        let mut visitor = match entrance.admit(request).await {
            Ok(visitor) => visitor,
            Err(answer) => return answer,
        };
        let answer = match self.answer_to(request, &mut visitor).await {
            Ok(answer) => answer,
            Err(Stop::Refused(refusal)) => refusal.explained(&entrance.bearer.advice),
            Err(Stop::Answered(answer)) => *answer,
        };
        visitor.see_off(answer)
    }

    /// What somebody who was let in is answered, or why not.
    async fn answer_to(
        &self,
        request: &mut Request<Body>,
        visitor: &mut Visitor,
    ) -> Result<Response<Body>, Stop> {
        let protection = &self.shared.0;
        let entrance = &protection.entrance;
        let glance = Glance::at(request.headers());
        if glance.has_session_id
            && let Err(stop) = protection
                .sessions
                .open(request.headers_mut(), &visitor.caller)
        {
            discard(request.body_mut(), entrance.max_body_bytes);
            return Err(stop.into());
        }
        let mut response = if request.method() == Method::POST {
            if glance.takes_anything {
                headers::spell_out_accept(request.headers_mut());
            }
            let body = self.read(request, visitor).await?;
            request.extensions_mut().insert(visitor.caller.clone());
            self.post(request, body, &visitor.caller).await?
        } else {
            protection.access.authorize(&[], &visitor.caller)?;
            request.extensions_mut().insert(visitor.caller.clone());
            self.serve(request).await
        };
        protection.sessions.seal(&mut response, &visitor.caller);
        Ok(response)
    }

    /// The body of a request. It may come as late as its sender likes, so the token has to be good when it
    /// has come, too (acceptance A6, A8).
    async fn read(
        &self,
        request: &mut Request<Body>,
        visitor: &mut Visitor,
    ) -> Result<Bytes, Stop> {
        let entrance = &self.shared.0.entrance;
        let began = Instant::now();
        let body = read(request.body_mut(), entrance.max_body_bytes).await?;
        if began.elapsed() >= AT_ONCE {
            // What is rare is boxed, so that it takes no room on the way of the others.
            visitor.caller = Box::pin(entrance.bearer.look_again(&visitor.presented)).await?;
        }
        Ok(body)
    }

    async fn post(
        &self,
        request: &mut Request<Body>,
        body: Bytes,
        caller: &Caller,
    ) -> Result<Response<Body>, Stop> {
        let list = match self.judge(request.headers(), &body, caller)? {
            Verdict::Serve(list) => {
                *request.body_mut() = Body::from(body);
                list
            }
            Verdict::Divide => return Box::pin(self.batch(request, body, caller)).await,
        };
        let response = self.serve(request).await;
        match list {
            Some(list) => Ok(Box::pin(self.filter(response, list, caller)).await?),
            None => Ok(response),
        }
    }

    /// What is decided about a body before the server sees it.
    fn judge(&self, headers: &HeaderMap, body: &[u8], caller: &Caller) -> Result<Verdict, Stop> {
        let Message::Single(message) = Message::parse(body).map_err(Fault::from)? else {
            return Ok(Verdict::Divide);
        };
        require_name(&message)
            .and_then(|()| headers::compare(headers, &message))
            .map_err(|fault| Stop::Answered(Box::new(fault.response(message.id))))?;
        self.shared.0.access.authorize(&[&message], caller)?;
        Ok(Verdict::Serve(self.personal_list(&message)))
    }

    async fn batch(
        &self,
        request: &mut Request<Body>,
        body: Bytes,
        caller: &Caller,
    ) -> Result<Response<Body>, Stop> {
        let messages = batch::divide(request.headers(), &body)?;
        for (_, message) in &messages {
            require_name(message)?;
            headers::compare(request.headers(), message)?;
        }
        let envelopes: Vec<_> = messages.iter().map(|(_, message)| message).collect();
        self.shared.0.access.authorize(&envelopes, caller)?;
        // The headers are about the whole body, which the server will not see.
        request.headers_mut().remove(CONTENT_LENGTH);
        let (parts, _) = mem::take(request).into_parts();
        let mut answers = batch::Answers::default();
        for (text, message) in &messages {
            let part = Body::from(body.slice_ref(text.get().as_bytes()));
            let mut request = Request::from_parts(parts.clone(), part);
            let answer = self.serve(&mut request).await;
            let answer = match self.personal_list(message) {
                Some(list) => self.filter(answer, list, caller).await?,
                None => answer,
            };
            answers.add(answer).await?;
        }
        Ok(answers.into_response())
    }

    /// Whether the answer to `message` is a tool list that depends on who asks.
    fn personal_list(&self, message: &Envelope<'_>) -> Option<PersonalList> {
        let protection = &self.shared.0;
        let is_filtered = message.method.as_deref() == Some("tools/list")
            && protection.access.differs_by_caller()
            && !protection.lists_all_tools;
        let is_stateless_revision = message.is_stateless_revision();
        is_filtered.then_some(PersonalList {
            is_stateless_revision,
        })
    }

    async fn filter(
        &self,
        response: Response<Body>,
        list: PersonalList,
        caller: &Caller,
    ) -> Result<Response<Body>, Fault> {
        let access = &self.shared.0.access;
        let filter = |text: &str| filtered(text, access, caller, list.is_stateless_revision);
        let is_stream = media_type::is(response.headers(), media_type::EVENT_STREAM);
        let (mut parts, body) = response.into_parts();
        let text = read_text(body).await?;
        let text = if is_stream {
            rewritten_stream(&text, filter)
        } else {
            filter(&text).unwrap_or(text)
        };
        parts.headers.remove(CONTENT_LENGTH);
        Ok(Response::from_parts(parts, Body::from(text)))
    }

    async fn serve(&self, request: &mut Request<Body>) -> Response<Body> {
        let answer = {
            let mut server = S::clone(&self.shared.1);
            match server.ready().await {
                Ok(server) => server.call(mem::take(request)),
                Err(never) => match never {},
            }
        };
        match answer.await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }
}

/// What happens to a body.
enum Verdict {
    /// The server gets it; the answer may have to be filtered.
    Serve(Option<PersonalList>),
    /// It holds several messages, each of which has to be judged.
    Divide,
}

/// An answer that has to be filtered.
#[derive(Clone, Copy)]
struct PersonalList {
    is_stateless_revision: bool,
}

/// Reads a body up to a limit; one that came in one piece is not copied.
pub(super) async fn read(body: &mut Body, max_bytes: usize) -> Result<Bytes, Fault> {
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if is_too_slow(&error) {
                Fault::TooSlow
            } else {
                Fault::Parse(error.to_string())
            }
        })?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if whole.len() + pieces.len() + piece.len() > max_bytes {
            return Err(Fault::TooLarge(max_bytes));
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = piece;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&piece);
        }
        // Nearly every body says its length and comes in one piece; to ask it for more would be to
        // wait for the connection once again.
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if pieces.is_empty() {
        whole
    } else {
        pieces.freeze()
    })
}

/// Whether a body was given up because it did not come in time (RFC 9110 §15.5.9).
fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = iter::successors(Some(error), |error| error.source());
    causes.any(|error| {
        let error = error.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}

/// The body of an answer as text.
pub(super) async fn read_text(mut body: Body) -> Result<String, Fault> {
    let unreadable = Fault::Internal("the server's answer is too large or was cut off");
    let bytes = read(&mut body, MAX_LIST_BYTES)
        .await
        .map_err(|_| unreadable)?;
    String::from_utf8(bytes.into()).map_err(|_| Fault::Internal("the server's answer is not text"))
}

impl<S, ResB> Service<Request<Body>> for McpEndpoint<S>
where
    S: Service<Request<Body>, Response = Response<ResB>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    ResB: http_body::Body<Data = Bytes> + Send + 'static,
    ResB::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    /// Always ready; the server is asked when its turn comes, because nobody may get that far.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let endpoint = self.clone();
        Box::pin(async move { Ok(endpoint.answer(&mut request).await) })
    }
}

impl<S> Clone for McpEndpoint<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S> fmt::Debug for McpEndpoint<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpEndpoint")
            .field("protection", &self.shared.0)
            .finish_non_exhaustive()
    }
}
