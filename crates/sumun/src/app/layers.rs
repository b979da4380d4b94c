//! What happens to every request before it reaches a room, and to every answer after it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use oauth::random::{self, OsRandom};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::client_address;
use crate::settings::Network;

/// The name under which an answer and its log lines find each other.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long an answer may take to begin. Streams may go on for longer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body; the rooms have smaller limits of their own.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Puts all layers around `router`.
pub(super) fn around(
    router: Router,
    trusted_proxies: Vec<Network>,
    stop: &CancellationToken,
) -> Router {
    let layers = ServiceBuilder::new()
        .layer(from_fn(without_foreign_id))
        .layer(SetRequestIdLayer::new(REQUEST_ID, RandomId))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_response(log_answer)
                // Who makes a failure into an answer has logged its cause.
                .on_failure(()),
        )
        .layer(CatchPanicLayer::custom(answer_to_panic))
        .layer(from_fn_with_state(
            Arc::from(trusted_proxies),
            client_address::tell,
        ))
        .layer(from_fn_with_state(stop.clone(), end_standing_streams))
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY));
    router.layer(layers)
}

/// Gives up on answers of `router` that do not begin in time. Upstreams of the gateway have limits of their
/// own, which the operator sets.
pub(super) fn in_time(router: Router) -> Router {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    router.layer(TimeoutLayer::with_status_code(status, TIMEOUT))
}

/// Request ids of our own making, so that nobody outside decides what is written to the log.
#[derive(Clone, Copy)]
struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = random::token::<16>(&OsRandom);
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

async fn without_foreign_id(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(REQUEST_ID);
    next.run(request).await
}

/// The query is left out: it may hold codes.
fn span<B>(request: &Request<B>) -> Span {
    let id = request.extensions().get::<RequestId>();
    let id = id
        .and_then(|id| id.header_value().to_str().ok())
        .unwrap_or_default();
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", %method, path, request.id = id)
}

fn log_answer<B>(response: &Response<B>, latency: Duration, _: &Span) {
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(status, duration_ms, "answered");
}

/// The other requests of this process go on; this one gets an answer that says nothing of why.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer gives the panic away"
)]
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

/// Ends streams that wait for news when the house stops: they would never end by themselves.
///
/// Only answers to GET wait for news (MCP 2025-03-26 to 2025-11-25); a stream that answers a POST
/// ends with its answer.
async fn end_standing_streams(
    State(stop): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    let is_get = request.method() == Method::GET;
    let response = next.run(request).await;
    let content_type = response.headers().get(CONTENT_TYPE);
    let is_stream =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
    if !is_get || !is_stream {
        return response;
    }
    response
        .map(|body| Body::from_stream(body.into_data_stream().take_until(stop.cancelled_owned())))
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
