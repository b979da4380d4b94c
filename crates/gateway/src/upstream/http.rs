//! HTTP to upstreams: connections that are kept, bodies that stream, and nothing of the caller's
//! credentials (RFC 9110).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use resource_server::Caller;
use resource_server::mcp::names::{MCP_METHOD, MCP_NAME, MCP_PARAM, MCP_PROTOCOL_VERSION};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::Verifier;

use super::behalf::Behalf;
use super::credentials::{Carried, Credentials};
use super::identity::Identity;
use super::trouble::Trouble;

/// What is sent: a message that is at hand, or a body that is still coming in.
pub(crate) type Payload = Either<Full<Bytes>, Body>;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection without requests is kept. Many servers close theirs after a minute or less.
const IDLE: Duration = Duration::from_secs(30);

/// The headers of a client that a server of 2026-07-28 may see, besides those that repeat arguments (SEP-2243). A
/// session and the place in a stream are of earlier revisions, and those of a client are the gateway's.
const PASSED_ON: [HeaderName; 6] = [
    header::ACCEPT,
    header::CONTENT_TYPE,
    MCP_PROTOCOL_VERSION,
    MCP_METHOD,
    MCP_NAME,
    HeaderName::from_static("traceparent"),
];

/// The headers of an answer that a client gets, besides those that begin with `mcp-`. What is about one connection is none
/// of them (RFC 9110 §7.6.1).
const PASSED_BACK: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CACHE_CONTROL,
    HeaderName::from_static("x-accel-buffering"),
];

/// The connections to all upstreams, kept and used again. Clones share them.
#[derive(Clone)]
pub struct HttpClient(Client<HttpsConnector<HttpConnector>, Payload>);

impl HttpClient {
    /// Connections over TLS that trust what the machine trusts, and the bundled roots: a container without
    /// a store of certificates still works.
    pub fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
        let verifier = Verifier::new_with_extra_roots(roots, provider.clone())?;
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // A message is one small write: Nagle's algorithm would hold it back for 40 ms.
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_keepalive(Some(IDLE));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self(client))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// One upstream over HTTP: where it is, and what we show to be let in.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) client: HttpClient,
    pub(super) uri: Uri,
    pub(super) credentials: Credentials,
    pub(super) identity: Option<Identity>,
    /// How long the head of an answer is waited for.
    pub(super) timeout: Duration,
}

impl Endpoint {
    /// Sends a message of ours, and waits for the head of the answer.
    pub(super) async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        message: Bytes,
        behalf: Behalf<'_>,
    ) -> Result<Response<Incoming>, Trouble> {
        self.send_to(&self.uri, method, headers, message, behalf)
            .await
    }

    /// The same to another address of the same server.
    pub(super) async fn send_to(
        &self,
        uri: &Uri,
        method: Method,
        headers: HeaderMap,
        message: Bytes,
        Behalf { caller, auth_type }: Behalf<'_>,
    ) -> Result<Response<Incoming>, Trouble> {
        let carried = self.credentials.carried(caller, auth_type).await?;
        let payload = || Either::Left(Full::new(message.clone()));
        let response = self
            .once(
                uri,
                method.clone(),
                headers.clone(),
                payload(),
                caller,
                &carried,
            )
            .await?;
        // A token may have been revoked before its time: one more try with a new one.
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(next) = self.credentials.instead_of(&carried, caller).await?
        {
            return self
                .once(uri, method, headers, payload(), caller, &next)
                .await;
        }
        Ok(response)
    }

    /// Passes a request of a client on, and the answer back: bodies stream, of the headers goes what
    /// MCP needs, and the credentials are ours.
    pub(super) async fn pass(
        &self,
        method: Method,
        headers: &HeaderMap,
        payload: Payload,
        caller: &Caller,
    ) -> Result<Response<Incoming>, Trouble> {
        let mut passed = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            if PASSED_ON.contains(name) || name.as_str().starts_with(MCP_PARAM) {
                passed.append(name.clone(), value.clone());
            }
        }
        let carried = self.credentials.carried(caller, None).await?;
        let again = match &payload {
            Either::Left(message) if carried.is_renewable() => Some(message.clone()),
            _ => None,
        };
        let retry = again.map(|message| (method.clone(), passed.clone(), message));
        let mut response = self
            .once(&self.uri, method, passed, payload, caller, &carried)
            .await?;
        if let Some((method, passed, message)) = retry
            && response.status() == StatusCode::UNAUTHORIZED
            && let Some(next) = Box::pin(self.credentials.instead_of(&carried, caller)).await?
        {
            let payload = Either::Left(message);
            // Boxed like what brings the new token: the future of a call is as large as its largest way.
            let again = self.once(&self.uri, method, passed, payload, caller, &next);
            response = Box::pin(again).await?;
        }
        let headers = response.headers_mut();
        let others = headers.keys().filter(|name| !is_passed_back(name));
        for name in others.cloned().collect::<Vec<_>>() {
            headers.remove(name);
        }
        Ok(response)
    }

    async fn once(
        &self,
        uri: &Uri,
        method: Method,
        mut headers: HeaderMap,
        payload: Payload,
        caller: &Caller,
        carried: &Carried,
    ) -> Result<Response<Incoming>, Trouble> {
        self.credentials.apply(carried, &mut headers)?;
        if let Some(identity) = &self.identity {
            identity.apply(&mut headers, caller)?;
        }
        let mut request = Request::new(payload);
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        match tokio::time::timeout(self.timeout, self.client.0.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(Trouble::Silent("does not answer in time")),
        }
    }
}

/// Whether a client gets a header, because it is one of those or one of MCP's own.
fn is_passed_back(name: &HeaderName) -> bool {
    PASSED_BACK.contains(name) || name.as_str().starts_with("mcp-")
}

/// What a client may know of it; the rest is for the log of whoever looks for the cause.
fn explain(error: &Error) -> Trouble {
    let mut causes = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = cause {
        causes = format!("{causes}: {inner}");
        cause = inner.source();
    }
    tracing::debug!(cause = %causes, "a request to an upstream failed");
    if error.is_connect() {
        Trouble::unusable("cannot be reached")
    } else {
        Trouble::Broken("closed the connection before it answered")
    }
}

/// The headers of every message of ours.
pub(super) fn base_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("application/json, text/event-stream"),
    );
    headers
}
