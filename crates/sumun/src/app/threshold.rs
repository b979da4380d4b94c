//! What happens to every request before it reaches a room, and to every answer after it, from top to bottom.
//!
//! It stands around each call through the gateway, too, so it is one function and not a tower of layers:
//! those cost more than all that they do.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use authorization_server::ClientAddress;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse as _, Response};
use futures_util::{FutureExt as _, StreamExt as _};
use gateway::{Gateway, Origin};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use http_body_util::Limited;
use oauth::media_type;
use oauth::random::{Names, OsRandom};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};
use tower_http::request_id::RequestId;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument as _;

use super::client_address;
use crate::settings::Network;

/// The name under which an answer and its log lines find each other.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long an answer may take to begin. Streams may go on for longer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body; the rooms have smaller limits of their own.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Everything that is served on the public address. Clones are the same.
#[derive(Clone)]
pub(crate) struct Threshold(Arc<Inner>);

struct Inner {
    rooms: Router,
    gateway: Gateway,
    trusted_proxies: Vec<Network>,
    stop: CancellationToken,
    /// Ids of our own making, so that nobody outside decides what is written to the log.
    ids: Names,
}

impl Threshold {
    /// The gateway, and beside it the other rooms, whose answers have to begin in time. Upstreams of the gateway
    /// have limits of their own, which the operator sets.
    pub(super) fn new(
        rooms: Router,
        gateway: Gateway,
        trusted_proxies: Vec<Network>,
        stop: &CancellationToken,
    ) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let in_time = TimeoutLayer::with_status_code(status, TIMEOUT);
        Self(Arc::new(Inner {
            // Handlers become services once, not once for each request.
            rooms: rooms.layer(in_time).with_state(()),
            gateway,
            trusted_proxies,
            stop: stop.clone(),
            ids: Names::new(Arc::new(OsRandom)),
        }))
    }
}

impl Service<Request> for Threshold {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Ok(inner.answer(request).await) })
    }
}

impl Inner {
    async fn answer(&self, mut request: Request) -> Response {
        let header = HeaderValue::try_from(self.ids.next());
        let header = header.expect("base64url is visible ASCII");
        let id = header.to_str().unwrap_or_default();
        request.headers_mut().remove(REQUEST_ID);
        let client = self.client(&request);
        // The query is left out: it may hold codes.
        let (method, path) = (request.method(), request.uri().path());
        let span = tracing::info_span!("request", %method, path, request.id = id);
        let is_get = method == Method::GET;
        let mut answer = self
            .answer_within(request, client, header.clone())
            .instrument(span)
            .await;
        answer.headers_mut().insert(REQUEST_ID, header);
        if is_get {
            answer = self.end_with_the_house(answer);
        }
        answer
    }

    /// What happens within the span of the request.
    // A future that has a name in here would lie in this one twice.
    async fn answer_within(
        &self,
        request: Request,
        client: Option<IpAddr>,
        id: HeaderValue,
    ) -> Response {
        let began = Instant::now();
        let answer = AssertUnwindSafe(self.route(request, client, id))
            .catch_unwind()
            .await
            .unwrap_or_else(answer_to_panic);
        let status = answer.status().as_u16();
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(status, duration_ms, "answered");
        answer
    }

    /// The address of the client, for limits and records.
    fn client(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let ConnectInfo(peer) = peer?;
        let (headers, trusted) = (request.headers(), &self.trusted_proxies);
        Some(client_address::of(peer.ip(), headers, trusted))
    }

    /// To whichever room has this path.
    async fn route(
        &self,
        mut request: Request,
        client: Option<IpAddr>,
        id: HeaderValue,
    ) -> Response {
        if !names_one_host(&request) {
            let text = "a request names its host, and only once";
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
        match length(request.headers()) {
            Some(length) if length > LARGEST_BODY => {
                let text = "the body of this request is too large";
                return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
            }
            Some(_) => {}
            None => request = request.map(|body| Body::new(Limited::new(body, LARGEST_BODY))),
        }
        if self.gateway.is_at(request.uri().path()) {
            let id = id.to_str().unwrap_or_default().into();
            let extensions = request.extensions_mut();
            extensions.insert(Origin(client));
            extensions.insert(gateway::RequestId(id));
            return self.gateway.answer(request).await;
        }
        let extensions = request.extensions_mut();
        extensions.insert(ClientAddress(client));
        extensions.insert(RequestId::new(id));
        // Boxed, so that the future of a call through the gateway is small.
        match Box::pin(self.rooms.clone().oneshot(request)).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }

    /// Ends streams that wait for news when the house stops: they would never end by themselves.
    ///
    /// Only answers to GET wait for news (MCP 2025-03-26 to 2025-11-25); a stream that answers a POST
    /// ends with its answer.
    fn end_with_the_house(&self, answer: Response) -> Response {
        if !media_type::is(answer.headers(), media_type::EVENT_STREAM) {
            return answer;
        }
        let stop = self.stop.clone();
        answer.map(|body| {
            Body::from_stream(body.into_data_stream().take_until(stop.cancelled_owned()))
        })
    }
}

/// RFC 9112 §3.2: of two hosts, a proxy may have decided by the other one. HTTP/1.0 knows requests without any.
fn names_one_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_named = hosts.next().is_some() || request.version() < Version::HTTP_11;
    is_named && hosts.next().is_none()
}

/// How long the body says that it is; of a body without end nobody says so.
fn length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    // What is no number is refused before it comes here; what is too large for one is too large.
    Some(length.parse().unwrap_or(usize::MAX))
}

/// The other requests of this process go on; this one gets an answer that says nothing of why.
#[expect(clippy::needless_pass_by_value, reason = "the panic is given away")]
fn answer_to_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(
        panic = text.unwrap_or("without words"),
        "a request has panicked"
    );
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "something went wrong here; try again",
    )
        .into_response()
}

#[cfg(test)]
#[path = "threshold_tests.rs"]
mod tests;
