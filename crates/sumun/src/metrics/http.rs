//! Requests by room and status, and refusals by their reason.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use authorization_server::Reason;
use axum::Router;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tower::util::MapFutureLayer;

use super::{Metrics, seconds};

/// Where a request went: a server by its path in the settings, or the authorization server.
type Room = String;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    room: Room,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Latency {
    room: Room,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    room: Room,
    reason: &'static str,
}

#[derive(Debug)]
pub(super) struct Families {
    requests: Family<Answer, Counter>,
    durations: Family<Latency, Histogram, fn() -> Histogram>,
    failures: Family<Failure, Counter>,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(seconds as fn() -> Histogram),
            failures: Family::default(),
        };
        registry.register(
            "http_requests",
            "Requests, by room and status",
            families.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long it takes until an answer begins",
            Unit::Seconds,
            families.durations.clone(),
        );
        registry.register(
            "authentication_failures",
            "Requests that were refused because of who sent them, by room and reason",
            families.failures.clone(),
        );
        families
    }
}

impl Metrics {
    /// Counts everything that `router` answers.
    pub(crate) fn around(self: &Arc<Self>, room: &str, router: Router) -> Router {
        let (metrics, room) = (Arc::clone(self), room.to_owned());
        let layer = MapFutureLayer::new(move |answer: RouteFuture<Infallible>| {
            let (metrics, room) = (Arc::clone(&metrics), room.clone());
            async move {
                let begun = Instant::now();
                let answer = answer.await;
                if let Ok(response) = &answer {
                    metrics.count(room, response, begun);
                }
                answer
            }
        });
        router.layer(layer)
    }

    fn count(&self, room: Room, response: &Response, begun: Instant) {
        let status = response.status();
        if let Some(reason) = failure(response) {
            let failure = Failure {
                room: room.clone(),
                reason,
            };
            self.http.failures.get_or_create(&failure).inc();
        }
        let latency = Latency { room: room.clone() };
        let durations = self.http.durations.get_or_create(&latency);
        durations.observe(begun.elapsed().as_secs_f64());
        let status = status.as_u16();
        self.http
            .requests
            .get_or_create(&Answer { room, status })
            .inc();
    }
}

/// Why a request was refused, if that was because of who sent it.
fn failure(response: &Response) -> Option<&'static str> {
    match (response.extensions().get::<Reason>(), response.status()) {
        (Some(reason), status) if status.is_client_error() => Some(reason.as_str()),
        (_, StatusCode::UNAUTHORIZED) => Some("unauthenticated"),
        (_, StatusCode::FORBIDDEN) => Some("forbidden"),
        _ => None,
    }
}
