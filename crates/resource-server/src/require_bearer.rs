//! The guard in front of a service: a verified bearer token, or no entry (RFC 6750 §2.1, §3).

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use oauth::scope::Scope;

use crate::Caller;
use crate::refusal::{Advice, Refusal};
use crate::verify::{VerifyError, VerifyToken};

/// A layer that lets through only requests with a verified bearer token.
///
/// The service behind it finds the [`Caller`] in the request's extensions; the `Authorization` header
/// is gone by then, so the token can neither be logged nor passed on. Tokens in the query string are
/// not looked at. For an MCP endpoint use [`ProtectedResource::protect`](crate::ProtectedResource),
/// which contains this and more.
#[derive(Clone, Debug)]
pub struct RequireBearer {
    bearer: Arc<Bearer>,
}

impl RequireBearer {
    /// A guard that asks `verifier`.
    pub fn new(verifier: impl VerifyToken) -> Self {
        let verifier = Arc::new(verifier);
        Self {
            bearer: Arc::new(Bearer {
                verifier,
                advice: Advice::default(),
            }),
        }
    }

    /// Names the metadata document of the resource in challenges (RFC 9728 §5.1).
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.bearer).advice.resource_metadata = Some(url.into());
        self
    }

    /// Names the scope that a client should ask for first.
    pub fn scope(mut self, scope: Scope) -> Self {
        Arc::make_mut(&mut self.bearer).advice.scope = scope;
        self
    }
}

/// The guard itself, shared by the layer and by protected MCP endpoints.
#[derive(Clone)]
pub(crate) struct Bearer {
    pub(crate) verifier: Arc<dyn VerifyToken>,
    pub(crate) advice: Advice,
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("advice", &self.advice)
            .finish_non_exhaustive()
    }
}

impl Bearer {
    /// Takes the token out of `headers` and finds out whose it is.
    pub(crate) async fn authenticate(&self, headers: &mut HeaderMap) -> Result<Caller, Refusal> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next().cloned() else {
            return Err(Refusal::NoCredentials);
        };
        // Two headers could be read differently by two readers of the same request.
        if values.next().is_some() {
            return Err(Refusal::Malformed(
                "there is more than one Authorization header",
            ));
        }
        headers.remove(AUTHORIZATION);
        let token = bearer_credentials(value.as_bytes())?;
        // What is remembered was looked at when it came for the first time.
        if let Some(caller) = self.verifier.remembered(token) {
            return Ok(caller);
        }
        if !is_b64token(token) {
            return Err(MALFORMED);
        }
        let verdict = self.verifier.verify(token).await;
        verdict.map_err(|error| {
            match &error {
                VerifyError::Invalid(reason) => tracing::debug!(%reason, "a token is refused"),
                VerifyError::Unavailable(_) => tracing::warn!("tokens cannot be verified"),
            }
            Refusal::from(error)
        })
    }
}

/// What follows the scheme `Bearer`, which is case-insensitive (RFC 6750 §2.1, RFC 9110 §11.4).
fn bearer_credentials(value: &[u8]) -> Result<&str, Refusal> {
    let scheme_end = value
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at(scheme_end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        // Somebody else's credentials are as good as none.
        return Err(Refusal::NoCredentials);
    }
    str::from_utf8(rest.trim_ascii_start()).map_err(|_| MALFORMED)
}

const MALFORMED: Refusal =
    Refusal::Malformed("the Authorization header holds no well-formed bearer token");

/// RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_b64token(token: &str) -> bool {
    let unpadded = token.trim_end_matches('=').as_bytes();
    let is_allowed = |c: &u8| c.is_ascii_alphanumeric() || b"-._~+/".contains(c);
    !unpadded.is_empty() && unpadded.iter().all(is_allowed)
}

impl<S> Layer<S> for RequireBearer {
    type Service = RequireBearerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireBearerService {
            bearer: Arc::clone(&self.bearer),
            inner,
        }
    }
}

/// The service that [`RequireBearer`] makes.
#[derive(Clone, Debug)]
pub struct RequireBearerService<S> {
    bearer: Arc<Bearer>,
    inner: S,
}

impl<S, B, ResB> Service<Request<B>> for RequireBearerService<S>
where
    S: Service<Request<B>, Response = Response<ResB>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    ResB: Default + Send + 'static,
{
    type Response = Response<ResB>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResB>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let bearer = Arc::clone(&self.bearer);
        // The clone may not be ready; the service that was polled is.
        let fresh = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            match bearer.authenticate(request.headers_mut()).await {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(refusal) => Ok(refusal.response(&bearer.advice)),
            }
        })
    }
}
