//! The door of a simulator: what was sent is read and kept, and outages happen (RFC 6749 §3.1, appendix B).

use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::MethodRouter;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use oauth::media_type;
use serde_json::Value;
use url::form_urlencoded;

use super::{Fault, Seen, Simulator, Step, lock};

/// No vendor takes more.
const MAX_BODY: usize = 64 * 1024;

/// How long a slow vendor takes.
const SLOW: Duration = Duration::from_secs(2);

/// An answer from inside, which nobody outside may see.
const OUTAGE: &str = "<html><body>503 from app-07.internal.vendor.example:8443 \
                      (java.net.SocketTimeoutException)</body></html>";

/// Query and form of a request together, each parameter once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The value of a parameter; one without a value is not there (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the parameter has exactly this value.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }

    /// The words of a list with blanks between them.
    pub(super) fn words(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or_default().split_whitespace()
    }

    /// The same with another value of a parameter.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Reads query and form; `None` when a parameter comes twice (RFC 6749 §3.1).
    fn read(query: &str, form: &[u8]) -> Option<Self> {
        let mut parameters = BTreeMap::new();
        let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
        for (name, value) in pairs {
            let earlier = parameters.insert(name.into_owned(), value.into_owned());
            if earlier.is_some() {
                return None;
            }
        }
        Some(Self(parameters))
    }
}

impl Simulator {
    /// A route behind the door.
    pub(super) fn at(&self, step: Step, route: MethodRouter<Self>) -> MethodRouter<Self> {
        route.layer(from_fn_with_state((self.clone(), step), enter))
    }

    /// What happens instead of an answer, if anything does.
    async fn outage(&self, step: Step) -> Option<Response> {
        if self.has(Fault::Slow(step)) {
            tokio::time::sleep(SLOW).await;
        }
        if self.has(Fault::Hangs(step)) {
            pending::<()>().await;
        }
        if self.has(Fault::Down(step)) {
            return Some((StatusCode::SERVICE_UNAVAILABLE, Html(OUTAGE)).into_response());
        }
        if self.has(Fault::Busy(step)) {
            let wait = [(RETRY_AFTER, "7")];
            return Some((StatusCode::TOO_MANY_REQUESTS, wait, Html(OUTAGE)).into_response());
        }
        self.has(Fault::Garbled(step))
            .then(|| Html("<!doctype html><title>Welcome</title>").into_response())
    }
}

async fn enter(
    State((simulator, step)): State<(Simulator, Step)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let is_form = media_type::is(&parts.headers, media_type::FORM);
    let form = if is_form { &body[..] } else { &[] };
    let Some(parameters) = Parameters::read(parts.uri.query().unwrap_or_default(), form) else {
        return (StatusCode::BAD_REQUEST, "a parameter came twice").into_response();
    };
    let is_refresh = step == Step::Token && parameters.is("grant_type", "refresh_token");
    let step = if is_refresh { Step::Refresh } else { step };
    lock(&simulator.0.seen).push(Seen {
        step,
        parameters: parameters.clone(),
    });
    if let Some(outage) = simulator.outage(step).await {
        return outage;
    }
    parts.extensions.insert(parameters);
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// How a client proves itself wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadClient {
    /// Another `client_id` than the one that is registered, or none.
    Unknown,
    /// The secret is wrong or missing.
    Secret,
}

impl Simulator {
    /// Checks `client_id` and `client_secret` in the body (RFC 6749 §2.3.1).
    pub(super) fn client_in_body(&self, sent: &Parameters) -> Result<(), BadClient> {
        if !sent.is("client_id", &self.app().client_id) {
            return Err(BadClient::Unknown);
        }
        let secret = sent.get("client_secret").unwrap_or_default();
        self.check_secret(secret)
    }

    /// The same in the `Authorization` header.
    pub(super) fn client_in_header(&self, headers: &HeaderMap) -> Result<(), BadClient> {
        let (client_id, secret) = basic(headers).ok_or(BadClient::Unknown)?;
        if client_id != self.app().client_id {
            return Err(BadClient::Unknown);
        }
        self.check_secret(&secret)
    }

    /// In either place, but never in both.
    pub(super) fn client(&self, sent: &Parameters, headers: &HeaderMap) -> Result<(), BadClient> {
        match (basic(headers), sent.get("client_secret")) {
            (Some(_), Some(_)) => Err(BadClient::Secret),
            (Some(_), None) => self.client_in_header(headers),
            (None, _) => self.client_in_body(sent),
        }
    }

    fn check_secret(&self, secret: &str) -> Result<(), BadClient> {
        let is_right = secret == self.app().client_secret.expose();
        is_right.then_some(()).ok_or(BadClient::Secret)
    }
}

/// User and password of `Authorization: Basic`, each form-encoded (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let pair = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, password) = pair.split_once(':')?;
    let plain = |text: &str| {
        let text = format!("={text}");
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        pairs.next().map(|(_, value)| value.into_owned())
    };
    Some((plain(user)?, plain(password)?))
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value
        .strip_prefix("Bearer ")
        .or_else(|| value.strip_prefix("token "))
}

/// An answer that nobody may keep (RFC 6749 §5.1).
pub(super) fn answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).expect("vendors write valid statuses");
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// A status and a body that say no.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) u16, pub(super) Value);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(self.0, self.1)
    }
}

/// What most handlers return.
pub(super) type Answer = Result<Response, Refusal>;
