//! Requests over the real network: the only place that knows an HTTP client library.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Response};

use super::{FetchError, Fetched, Outgoing, Reach, Transport, is_special_use};

/// What turns a host name into addresses, once per connection.
#[async_trait]
pub trait HostResolver: fmt::Debug + Send + Sync + 'static {
    /// All addresses of `host`.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl HostResolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = tokio::net::lookup_host((host, 0)).await?;
        Ok(addresses.map(|address| address.ip()).collect())
    }
}

/// The real transport: one client for each [`Reach`], both without redirects and proxies.
#[derive(Debug)]
pub struct Network {
    public: Client,
    configured: Client,
    guard: Guard,
}

impl Network {
    /// A transport that asks `resolver` for the addresses of public hosts.
    pub fn new(resolver: Arc<dyn HostResolver>) -> Result<Self, FetchError> {
        Self::with_exceptions(resolver, Vec::new())
    }

    /// As [`Network::new`], but the addresses in `exceptions` count as public.
    ///
    /// This is how a test lets the public kind reach a server of its own on this machine, and only that.
    pub fn with_exceptions(
        resolver: Arc<dyn HostResolver>,
        exceptions: Vec<IpAddr>,
    ) -> Result<Self, FetchError> {
        let guard = Guard {
            resolver,
            exceptions: exceptions.into(),
        };
        let public = builder()?
            .https_only(true)
            .dns_resolver(Arc::new(guard.clone()));
        let built = |builder: ClientBuilder| builder.build().map_err(unreachable);
        Ok(Self {
            public: built(public)?,
            configured: built(builder()?)?,
            guard,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the door through which HTTP goes out"
)]
fn builder() -> Result<ClientBuilder, FetchError> {
    // Bundled roots, added to those of the machine: a container without a CA store still works.
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let roots: Result<Vec<_>, _> = roots.map(|der| Certificate::from_der(der)).collect();
    Ok(Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .tls_certs_merge(roots.map_err(unreachable)?))
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Outgoing) -> Result<Fetched, FetchError> {
        let Outgoing {
            reach,
            method,
            url,
            headers,
            body,
            limits,
        } = request;
        let client = match reach {
            Reach::Public => &self.public,
            Reach::Configured => &self.configured,
        };
        let exchange = async {
            let sent = client
                .request(method, url)
                .headers(headers)
                .body(body)
                .send()
                .await;
            let response = sent.map_err(explain)?;
            // Whatever resolver and connection pool did, the peer itself must be public.
            let peer = response.remote_addr();
            if reach == Reach::Public && peer.is_none_or(|peer| !self.guard.permits(peer.ip())) {
                return Err(FetchError::SpecialUse);
            }
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read(response, limits.max_bytes).await?;
            Ok(Fetched {
                status,
                headers,
                body,
            })
        };
        tokio::time::timeout(limits.deadline, exchange)
            .await
            .unwrap_or(Err(FetchError::Deadline))
    }
}

/// Reads the body piece by piece, so that a lying `Content-Length` cannot make it larger.
async fn read(response: Response, max_bytes: usize) -> Result<Bytes, FetchError> {
    let mut body = BytesMut::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(unreachable)?;
        if body.len() + piece.len() > max_bytes {
            return Err(FetchError::TooLarge(max_bytes));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// Finds the refusal of [`Guard`] under the layers of the client library.
fn explain(error: reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if inner.is::<NotPublic>() {
            return FetchError::SpecialUse;
        }
        cause = inner.source();
    }
    unreachable(error)
}

fn unreachable(error: reqwest::Error) -> FetchError {
    FetchError::Unreachable(Box::new(error.without_url()))
}

/// Resolves a name once and refuses it if any of its addresses is not public.
///
/// The connection is made to the addresses that were checked, so a second, different answer of the
/// name server (DNS rebinding) has no effect.
#[derive(Clone, Debug)]
struct Guard {
    resolver: Arc<dyn HostResolver>,
    exceptions: Arc<[IpAddr]>,
}

impl Guard {
    fn permits(&self, address: IpAddr) -> bool {
        !is_special_use(address) || self.exceptions.contains(&address)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a name resolves to an address that is not public")]
struct NotPublic;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.resolver.resolve(name.as_str()).await?;
            if !addresses.iter().all(|address| guard.permits(*address)) {
                return Err(NotPublic.into());
            }
            let addresses = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
