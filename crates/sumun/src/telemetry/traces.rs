//! Traces to a collector (OpenTelemetry Protocol over HTTP, in protobuf).
//!
//! Spans are handed to a thread of their own, which sends them in batches: a request never waits for a
//! collector, and what a collector does not take in time is dropped.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use oauth::client::fetch::{Fetch, Limits};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

const LIMITS: Limits = Limits {
    max_bytes: 64 * 1024,
    deadline: Duration::from_secs(5),
};

/// What sends spans, until it is ended.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends to `endpoint`, such as `http://127.0.0.1:4318/v1/traces`. Needs the runtime.
    pub(super) fn to(endpoint: &str) -> anyhow::Result<Self> {
        let door = Door {
            fetch: Fetch::new()?,
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(door)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()
            .context("traces cannot be sent")?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder().with_service_name("sumun").build())
            .build();
        Ok(Self(provider))
    }

    pub(super) fn tracer(&self) -> SdkTracer {
        self.0.tracer("sumun")
    }

    /// Sends what is left. It blocks, at most as long as two batches may take.
    pub(super) fn end(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(LIMITS.deadline * 2) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// The one door through which HTTP requests leave, for a thread that has no runtime.
#[derive(Debug)]
struct Door {
    fetch: Fetch,
    runtime: Handle,
    tasks: TaskTracker,
}

#[async_trait]
impl HttpClient for Door {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (fetch, url) = (self.fetch.clone(), request.uri().to_string());
        let body = request.into_body();
        let send = async move {
            let requests = fetch.configured();
            requests.post_protobuf(&url, body, LIMITS).await
        };
        let fetched = self.tasks.spawn_on(send, &self.runtime).await??;
        let mut response = Response::new(fetched.body);
        *response.status_mut() = fetched.status;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::post;
    use tokio::net::TcpListener;
    use tokio::task::{JoinSet, spawn_blocking};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn spans_reach_a_collector() {
        let seen: Arc<Mutex<Vec<(HeaderMap, Bytes)>>> = Arc::default();
        let keep = Arc::clone(&seen);
        let take = move |headers: HeaderMap, body: Bytes| {
            keep.lock().unwrap().push((headers, body));
            std::future::ready("")
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take));
        let mut collector = JoinSet::new();
        collector.spawn(async move { axum::serve(listener, router).await });

        let traces = Traces::to(&endpoint).unwrap();
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("request", path = "/todo/mcp").in_scope(|| ());
        });
        spawn_blocking(move || traces.end()).await.unwrap();
        let seen = seen.lock().unwrap();
        let (headers, body) = seen.first().expect("a batch came");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        for words in ["sumun", "request", "/todo/mcp"] {
            let is_there = body
                .windows(words.len())
                .any(|part| part == words.as_bytes());
            assert!(is_there, "{words} is missing");
        }
    }
}
