//! The door of an MCP endpoint: which pages may use it, who calls, how large a message may be
//! (MCP authorization, Streamable HTTP).

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use oauth::scope::Scope;

use crate::Caller;
use crate::dpop::Address;
use crate::mcp::endpoint::read;
use crate::mcp::fault::Fault;
use crate::mcp::unread::discard;
use crate::mcp::{AllowedOrigins, Envelope, EnvelopeError, headers, origin};
use crate::refusal::Refusal;
use crate::require_bearer::{Bearer, Presented};

/// The guard of a [`ProtectedResource`](crate::ProtectedResource) for servers that read and judge messages
/// themselves, such as gateways. Everybody else has
/// [`protect`](crate::ProtectedResource::protect), which does all of it.
///
/// ```no_run
/// # use axum::body::Body;
/// # use http::{Request, Response};
/// # use resource_server::{Caller, mcp::Entrance};
/// # async fn serve(_: &Caller, _: Request<Body>) -> Response<Body> { Response::default() }
/// # async fn answer(entrance: Entrance, mut request: Request<Body>) -> Response<Body> {
/// let visitor = match entrance.admit(&mut request).await {
///     Ok(visitor) => visitor,
///     Err(answer) => return answer,
/// };
/// let answer = serve(&visitor.caller, request).await;
/// visitor.see_off(answer)
/// # }
/// ```
#[derive(Debug)]
pub struct Entrance {
    pub(crate) bearer: Bearer,
    pub(crate) origins: AllowedOrigins,
    pub(crate) max_body_bytes: usize,
}

/// Somebody who was let in.
#[derive(Debug)]
pub struct Visitor {
    /// Who calls.
    pub caller: Caller,
    pub(crate) presented: Presented,
    page: Option<HeaderValue>,
    may_be_cached: bool,
}

impl Entrance {
    /// The same guard at another address, for a transport that has several (MCP 2024-11-05, HTTP with SSE):
    /// proofs of possession name the address that a request is made to (RFC 9449 §4.3). Of `address`, no
    /// query counts.
    #[must_use]
    pub fn at(&self, address: impl Into<String>) -> Self {
        let address = Address::Url(address.into());
        Self {
            bearer: Bearer {
                address,
                ..self.bearer.clone()
            },
            origins: self.origins.clone(),
            max_body_bytes: self.max_body_bytes,
        }
    }

    /// Finds out who sends `request`, and takes the token out of it; or says how they are turned away.
    ///
    /// The answer to a preflight is given here too: a browser asks without credentials (Fetch §4.8).
    pub async fn admit(&self, request: &mut Request<Body>) -> Result<Visitor, Response<Body>> {
        let Ok(page) = self.origins.judge(request.headers()) else {
            discard(request.body_mut(), self.max_body_bytes);
            return Err(origin::foreign());
        };
        // No cache keeps the answer to a POST, so that need not say what it depends on.
        let may_be_cached = request.method() != Method::POST;
        if request.method() == Method::OPTIONS {
            let mut answer = origin::preflight(request.headers());
            origin::expose(&mut answer, page);
            return Err(answer);
        }
        match self.bearer.authenticate(request).await {
            Ok((caller, presented)) => Ok(Visitor {
                caller,
                presented,
                page,
                may_be_cached,
            }),
            Err(refusal) => {
                discard(request.body_mut(), self.max_body_bytes);
                let mut answer = refusal.explained(&self.bearer.advice);
                if may_be_cached || page.is_some() {
                    origin::expose(&mut answer, page);
                }
                Err(answer)
            }
        }
    }

    /// The body of `request`, and `Accept` spelt out; or the answer to one that is too large.
    pub async fn read(&self, request: &mut Request<Body>) -> Result<Bytes, Response<Body>> {
        headers::spell_out_accept(request.headers_mut());
        let body = read(request.body_mut(), self.max_body_bytes).await;
        body.map_err(|fault| fault.response(None))
    }

    /// The answer to somebody whose token has ended or was revoked after [`admit`](Self::admit), while the rest of
    /// the request was on its way (RFC 6750 §3.1).
    pub fn no_longer(&self) -> Response<Body> {
        let reason = "the token has ended or was revoked while the request was on its way";
        Refusal::InvalidToken(reason.to_owned()).explained(&self.bearer.advice)
    }

    /// The challenge that makes a client ask for more (RFC 6750 §3.1, MCP scope challenges).
    ///
    /// `scope` is all that the operation needs. Clients before 2026-07-28 ask for exactly what a challenge
    /// names and would lose what they have, so theirs names that as well.
    pub fn insufficient_scope(
        &self,
        caller: &Caller,
        scope: &Scope,
        reason: String,
        is_stateless_revision: bool,
    ) -> Response<Body> {
        let scope = if is_stateless_revision {
            scope.clone()
        } else {
            scope.union(caller.scopes())
        };
        Refusal::InsufficientScope { scope, reason }.explained(&self.bearer.advice)
    }
}

impl Visitor {
    /// Lets the page of the visitor read `answer`, and keeps caches from giving it to others.
    pub fn see_off(self, mut answer: Response<Body>) -> Response<Body> {
        if self.may_be_cached || self.page.is_some() {
            origin::expose(&mut answer, self.page);
        }
        answer
    }
}

/// Refuses headers that are there twice or differ from `message` (SEP-2243); the answer says which.
///
/// Whether a header must be there at all depends on the revision.
pub fn compare_headers(
    headers: &HeaderMap,
    message: &Envelope<'_>,
) -> Result<(), Box<Response<Body>>> {
    headers::compare(headers, message).map_err(|fault| Box::new(fault.response(message.id)))
}

/// The answer to a body that is no message, or could be read in two ways (acceptance D5).
pub fn refuse_body(error: EnvelopeError) -> Response<Body> {
    Fault::from(error).response(None)
}
