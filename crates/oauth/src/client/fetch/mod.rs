//! HTTP out: bounded in size and time, and unable to reach what strangers must not reach (RFC 9110).
//!
//! There are two kinds of requests. [`Fetch::public`] is for addresses that strangers name, such as
//! client metadata documents: https only, and never an address of a private network.
//! [`Fetch::configured`] is for addresses that the operator wrote, such as an issuer. Neither follows
//! redirects, and neither uses a proxy.

mod exchange;
mod network;
mod scripted;
mod special_use;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use url::{Host, Url, form_urlencoded};

pub use exchange::{Authorization, Fetched, Outgoing};
pub use network::{HostResolver, Network, SystemResolver};
pub use scripted::Scripted;
pub use special_use::is_special_use;

/// What every request says of its sender (RFC 9110 §10.1.5).
const AGENT: &str = concat!("sumun/", env!("CARGO_PKG_VERSION"));

/// Who named the address of a request, which decides where it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A stranger did: https only, public addresses only.
    Public,
    /// The operator did: http is allowed, and so are private addresses.
    Configured,
}

/// How much of an answer is read, and for how long it is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body that is accepted, in bytes.
    pub max_bytes: usize,
    /// The time for everything: resolving, connecting, sending and reading.
    pub deadline: Duration,
}

impl Limits {
    /// For documents such as metadata and key sets: 256 KiB in 10 seconds.
    pub const DOCUMENT: Self = Self {
        max_bytes: 256 * 1024,
        deadline: Duration::from_secs(10),
    };

    /// For client metadata documents (CIMD): 5 KiB in 5 seconds.
    pub const CLIENT_METADATA: Self = Self {
        max_bytes: 5 * 1024,
        deadline: Duration::from_secs(5),
    };
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The text is not an absolute http or https URL, or it carries credentials.
    #[error("`{0}` is not an http or https URL without credentials")]
    InvalidUrl(String),
    /// A public address must be https.
    #[error("the address must begin with https")]
    NotHttps,
    /// The host is, or resolves to, an address that is not public.
    #[error("the host is not on the public internet")]
    SpecialUse,
    /// The credential holds characters that no header can; nothing was sent.
    #[error("the credential cannot stand in a header")]
    Credential,
    /// The body is larger than the limit.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The deadline passed.
    #[error("there was no complete answer in time")]
    Deadline,
    /// No connection, or a broken one.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl FetchError {
    /// Whether the same request may succeed later, so that nothing is wrong with the address itself.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Deadline | Self::Unreachable(_))
    }
}

/// What carries a request: [`Network`] in a running house, [`Scripted`] in tests.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request` and reads the answer within its limits.
    async fn send(&self, request: Outgoing) -> Result<Fetched, FetchError>;
}

/// The one door through which HTTP requests leave. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Fetch {
    transport: Arc<dyn Transport>,
}

impl Fetch {
    /// Requests over the real network, resolved by the operating system.
    pub fn new() -> Result<Self, FetchError> {
        Ok(Self::through(Network::new(Arc::new(SystemResolver))?))
    }

    /// Requests carried by `transport`.
    pub fn through(transport: impl Transport) -> Self {
        Self {
            transport: Arc::new(transport),
        }
    }

    /// Requests to addresses that strangers name.
    pub fn public(&self) -> Requests<'_> {
        self.reaching(Reach::Public)
    }

    /// Requests to addresses that the operator wrote.
    pub fn configured(&self) -> Requests<'_> {
        self.reaching(Reach::Configured)
    }

    /// Requests of the given kind.
    pub fn reaching(&self, reach: Reach) -> Requests<'_> {
        Requests { fetch: self, reach }
    }
}

/// Requests of one kind; see [`Fetch::public`] and [`Fetch::configured`].
#[derive(Clone, Copy, Debug)]
pub struct Requests<'a> {
    fetch: &'a Fetch,
    reach: Reach,
}

impl Requests<'_> {
    /// Reads a JSON document.
    pub async fn get(&self, url: &str, limits: Limits) -> Result<Fetched, FetchError> {
        self.get_as(Authorization::None, url, limits).await
    }

    /// Reads a JSON document with credentials.
    pub async fn get_as(
        &self,
        authorization: Authorization<'_>,
        url: &str,
        limits: Limits,
    ) -> Result<Fetched, FetchError> {
        self.send(Method::GET, authorization, url, None, limits)
            .await
    }

    /// Sends a form, as token and introspection endpoints expect it (RFC 6749 appendix B).
    pub async fn post_form(
        &self,
        authorization: Authorization<'_>,
        url: &str,
        form: &[(&str, &str)],
        limits: Limits,
    ) -> Result<Fetched, FetchError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let body = Bytes::from(body);
        let form = Some(("application/x-www-form-urlencoded", body));
        self.send(Method::POST, authorization, url, form, limits)
            .await
    }

    /// Sends a JSON document, or nothing, by any method: what APIs are asked with.
    pub async fn send_json(
        &self,
        method: Method,
        authorization: Authorization<'_>,
        url: &str,
        document: Option<&serde_json::Value>,
        limits: Limits,
    ) -> Result<Fetched, FetchError> {
        let document =
            document.map(|document| ("application/json", Bytes::from(document.to_string())));
        self.send(method, authorization, url, document, limits)
            .await
    }

    /// Sends a message in protocol buffers, as collectors of traces take it.
    pub async fn post_protobuf(
        &self,
        url: &str,
        message: Bytes,
        limits: Limits,
    ) -> Result<Fetched, FetchError> {
        let message = Some(("application/x-protobuf", message));
        self.send(Method::POST, Authorization::None, url, message, limits)
            .await
    }

    async fn send(
        &self,
        method: Method,
        authorization: Authorization<'_>,
        url: &str,
        body: Option<(&'static str, Bytes)>,
        limits: Limits,
    ) -> Result<Fetched, FetchError> {
        let url = allowed(self.reach, url)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // GitHub refuses requests that do not say what sends them (RFC 9110 §10.1.5).
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        authorization.apply(&mut headers)?;
        let (kind, body) = body.unzip();
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let body = body.unwrap_or_default();
        let request = Outgoing {
            reach: self.reach,
            method,
            url,
            headers,
            body,
            limits,
        };
        self.fetch.transport.send(request).await
    }
}

/// The rules that need no resolving; [`Network`] adds those that do.
fn allowed(reach: Reach, text: &str) -> Result<Url, FetchError> {
    let invalid = || FetchError::InvalidUrl(text.to_owned());
    let url = Url::parse(text).map_err(|_| invalid())?;
    let host = url.host().ok_or_else(invalid)?;
    if !matches!(url.scheme(), "https" | "http")
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(invalid());
    }
    if reach == Reach::Public {
        if url.scheme() != "https" {
            return Err(FetchError::NotHttps);
        }
        let is_special = match host {
            Host::Ipv4(address) => is_special_use(address.into()),
            Host::Ipv6(address) => is_special_use(address.into()),
            // RFC 6761 §6.3: every name under `localhost` is this machine.
            Host::Domain(name) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
        };
        if is_special {
            return Err(FetchError::SpecialUse);
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
