//! A protected MCP endpoint: the one road of a request, from its origin to its answer.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tower::{Service, ServiceExt as _};

use crate::Caller;
use crate::mcp::fault::Fault;
use crate::mcp::listing::{filtered, rewritten_stream};
use crate::mcp::session::NoSuchSession;
use crate::mcp::{
    AllowedOrigins, Envelope, Message, SessionBinding, ToolAccess, batch, headers, origin,
};
use crate::refusal::Refusal;
use crate::require_bearer::Bearer;

/// The largest tool list that is filtered; a larger one is refused, not passed on unfiltered.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;

/// What stands between the world and an MCP server.
#[derive(Debug)]
pub(crate) struct Protection {
    pub(crate) bearer: Bearer,
    pub(crate) origins: AllowedOrigins,
    pub(crate) access: ToolAccess,
    pub(crate) lists_all_tools: bool,
    pub(crate) sessions: SessionBinding,
    pub(crate) max_body_bytes: usize,
}

/// An MCP server behind a guard, made by [`ProtectedResource::endpoint`](crate::ProtectedResource).
///
/// It is a tower service for one path. The server behind it sees requests with a
/// [`Caller`] in their extensions and no token.
pub struct McpEndpoint<S> {
    protection: Arc<Protection>,
    /// Behind an `Arc`, so that a request clones the server once, as it would without protection.
    server: Arc<S>,
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
        let mut response = Response::new(Body::from("there is no such session"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        Self::Answered(Box::new(response))
    }
}

impl<S> McpEndpoint<S> {
    pub(crate) fn new(protection: Protection, server: S) -> Self {
        Self {
            protection: Arc::new(protection),
            server: Arc::new(server),
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
    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let Ok(page) = self.protection.origins.judge(request.headers()) else {
            return origin::foreign();
        };
        let mut response = if request.method() == Method::OPTIONS {
            origin::preflight(request.headers())
        } else {
            match self.admit(request).await {
                Ok(response) => response,
                Err(Stop::Refused(refusal)) => refusal.explained(&self.protection.bearer.advice),
                Err(Stop::Answered(response)) => *response,
            }
        };
        origin::expose(&mut response, page);
        response
    }

    /// Every request stands for itself: neither a session nor a connection is a proof of identity.
    async fn admit(&self, request: Request<Body>) -> Result<Response<Body>, Stop> {
        let protection = &*self.protection;
        let (mut parts, body) = request.into_parts();
        let caller = protection.bearer.authenticate(&mut parts.headers).await?;
        protection.sessions.open(&mut parts.headers, &caller)?;
        parts.extensions.insert(caller.clone());
        let mut response = if parts.method == Method::POST {
            self.post(parts, body, &caller).await?
        } else {
            protection.access.authorize(&[], &caller)?;
            self.serve(Request::from_parts(parts, body)).await
        };
        protection.sessions.seal(&mut response, &caller);
        Ok(response)
    }

    async fn post(
        &self,
        mut parts: Parts,
        body: Body,
        caller: &Caller,
    ) -> Result<Response<Body>, Stop> {
        headers::spell_out_accept(&mut parts.headers);
        let body = read(body, self.protection.max_body_bytes).await?;
        match Message::parse(&body).map_err(Fault::from)? {
            Message::Single(message) => self.single(parts, &message, &body, caller).await,
            Message::Batch(messages) => {
                batch::check(&parts.headers, &messages)?;
                let envelopes: Vec<_> = messages.iter().map(|(_, message)| message).collect();
                self.protection.access.authorize(&envelopes, caller)?;
                // The headers are about the whole body, which the server will not see.
                parts.headers.remove(CONTENT_LENGTH);
                let mut answers = batch::Answers::default();
                for (text, message) in &messages {
                    let part = body.slice_ref(text.get().as_bytes());
                    let answer = self.single(parts.clone(), message, &part, caller).await?;
                    answers.add(answer).await?;
                }
                Ok(answers.into_response())
            }
        }
    }

    async fn single(
        &self,
        parts: Parts,
        message: &Envelope<'_>,
        body: &Bytes,
        caller: &Caller,
    ) -> Result<Response<Body>, Stop> {
        let access = &self.protection.access;
        headers::compare(&parts.headers, message)
            .map_err(|fault| Stop::Answered(Box::new(fault.response(message.id))))?;
        access.authorize(&[message], caller)?;
        let response = self
            .serve(Request::from_parts(parts, Body::from(body.clone())))
            .await;
        let is_list = message.method.as_deref() == Some("tools/list");
        if is_list && access.differs_by_caller() && !self.protection.lists_all_tools {
            return Ok(self.personal_list(response, message, caller).await?);
        }
        Ok(response)
    }

    async fn personal_list(
        &self,
        response: Response<Body>,
        message: &Envelope<'_>,
        caller: &Caller,
    ) -> Result<Response<Body>, Fault> {
        let access = &self.protection.access;
        let is_stateless = message.is_stateless_revision();
        let filter = |text: &str| filtered(text, access, caller, is_stateless);
        let is_stream = is_event_stream(response.headers());
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

    async fn serve(&self, request: Request<Body>) -> Response<Body> {
        let server = S::clone(&self.server);
        match server.oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }
}

async fn read(body: Body, max_bytes: usize) -> Result<Bytes, Fault> {
    match Limited::new(body, max_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Fault::TooLarge(max_bytes)),
        Err(error) => Err(Fault::Parse(error.to_string())),
    }
}

/// The body of an answer as text.
pub(super) async fn read_text(body: Body) -> Result<String, Fault> {
    let unreadable = Fault::Internal("the server's answer is too large or was cut off");
    let bytes = read(body, MAX_LIST_BYTES).await.map_err(|_| unreadable)?;
    String::from_utf8(bytes.into()).map_err(|_| Fault::Internal("the server's answer is not text"))
}

pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with(b"text/event-stream"))
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let endpoint = self.clone();
        Box::pin(async move { Ok(endpoint.answer(request).await) })
    }
}

impl<S> Clone for McpEndpoint<S> {
    fn clone(&self) -> Self {
        Self {
            protection: Arc::clone(&self.protection),
            server: Arc::clone(&self.server),
        }
    }
}

impl<S> fmt::Debug for McpEndpoint<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpEndpoint")
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}
