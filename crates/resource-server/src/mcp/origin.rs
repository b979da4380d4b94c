//! Which web pages may use an endpoint (MCP transports: `Origin` validation; CORS).

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use oauth::address::is_loopback;
use url::Url;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");
/// Without these a page cannot see that it has to sign in, nor keep its session.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce");

/// The origins whose pages may use an endpoint: its own, those on a list, and on a loopback endpoint
/// every other loopback origin.
///
/// A page of any other origin is refused, because a browser may reach servers that the page's owner
/// cannot (DNS rebinding). Clients that are not browsers send no `Origin`.
#[derive(Clone, Debug)]
pub(crate) struct AllowedOrigins {
    listed: Vec<String>,
    is_loopback: bool,
}

/// The page's origin is not one of ours.
#[derive(Debug)]
pub(super) struct Foreign;

impl AllowedOrigins {
    /// The origin of `resource` itself.
    pub(crate) fn of(resource: &Url) -> Self {
        let own = resource.origin().ascii_serialization();
        Self {
            listed: vec![own],
            is_loopback: is_local(resource),
        }
    }

    /// Allows one more origin.
    pub(crate) fn allow(&mut self, origin: &str) {
        self.listed
            .push(origin.trim_end_matches('/').to_ascii_lowercase());
    }

    /// The origin of the page that sends the request, if a page does.
    pub(super) fn judge(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Foreign> {
        let mut values = headers.get_all(ORIGIN).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let origin = value.to_str().map_err(|_| Foreign)?;
        if values.next().is_some() || !self.allows(origin) {
            return Err(Foreign);
        }
        Ok(Some(value.clone()))
    }

    fn allows(&self, origin: &str) -> bool {
        self.listed
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(origin))
            || self.is_loopback && Url::parse(origin).is_ok_and(|origin| is_local(&origin))
    }
}

/// A page of this machine; of other schemes none has an origin.
fn is_local(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && is_loopback(url)
}

/// The answer to a page that has no business here.
pub(super) fn foreign() -> Response<Body> {
    (StatusCode::FORBIDDEN, "this origin is not allowed here").into_response()
}

/// The answer to OPTIONS; a browser asks without credentials (Fetch §4.8).
pub(super) fn preflight(request: &HeaderMap) -> Response<Body> {
    let mut response = (StatusCode::NO_CONTENT, [(ALLOW, METHODS)]).into_response();
    let headers = response.headers_mut();
    if request.contains_key(ORIGIN) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
        // The origin is trusted, and MCP has open-ended headers (`Mcp-Param-*`).
        if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
    }
    response
}

/// Lets the page at `origin` read the answer, and keeps caches from giving it to others.
pub(super) fn expose(response: &mut Response<Body>, origin: Option<HeaderValue>) {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
