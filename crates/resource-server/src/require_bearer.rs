//! The guard in front of a service: a verified token, or no entry (RFC 6750 §2.1, §3, RFC 9449 §7).

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use tower::{Layer, Service};

use oauth::challenge::Scheme;
use oauth::scope::Scope;

use crate::Caller;
use crate::dpop::{Address, Dpop};
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
                dpop: None,
                address: Address::Origin(String::new()),
            }),
        }
    }

    /// Accepts tokens that are bound to a key (RFC 9449). `origin` is how clients know this host, such
    /// as `https://api.example.com`; the layer has to see the whole path of a request.
    pub fn dpop(mut self, dpop: Dpop, origin: impl Into<String>) -> Self {
        let bearer = Arc::make_mut(&mut self.bearer);
        bearer.advice.schemes = dpop.schemes();
        bearer.dpop = Some(dpop);
        bearer.address = Address::Origin(origin.into());
        self
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
    pub(crate) dpop: Option<Dpop>,
    /// What proofs of possession must be made for.
    pub(crate) address: Address,
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("advice", &self.advice)
            .finish_non_exhaustive()
    }
}

/// The credentials of a request that was let in, for whoever waits for the rest of it.
pub(crate) struct Presented(HeaderValue);

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").finish_non_exhaustive()
    }
}

impl Bearer {
    /// Takes the token out of `request` and finds out whose it is.
    pub(crate) async fn authenticate<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<(Caller, Presented), Refusal> {
        let value = take_credentials(request.headers_mut())?;
        let caller = self.proven_caller(request, value.as_bytes()).await?;
        Ok((caller, Presented(value)))
    }

    /// Whose the token is now; it may have ended or been revoked since it was presented. What proved that it
    /// was theirs has done so for this request.
    pub(crate) async fn look_again(&self, presented: &Presented) -> Result<Caller, Refusal> {
        let (_, token) = credentials(presented.0.as_bytes())?;
        self.caller(token).await
    }

    async fn proven_caller<B>(
        &self,
        request: &mut Request<B>,
        value: &[u8],
    ) -> Result<Caller, Refusal> {
        let (scheme, token) = credentials(value)?;
        if !self.advice.schemes.contains(&scheme) {
            // Somebody else's credentials are as good as none.
            return Err(Refusal::NoCredentials);
        }
        let caller = self.caller(token).await?;
        match (scheme, &self.dpop) {
            (Scheme::Bearer, _) if !caller.is_bound() => Ok(caller),
            // RFC 9449 §7.2: a stolen token must not become a bearer token.
            (Scheme::Bearer, _) => Err(Refusal::InvalidToken(
                "the token is bound to a key and cannot be used as a bearer token".to_owned(),
            )),
            (Scheme::Dpop, Some(dpop)) => {
                let thumbprint = caller.key_thumbprint().ok_or_else(|| {
                    Refusal::InvalidToken("the token is not bound to a key by DPoP".to_owned())
                })?;
                dpop.verify(request, &self.address, text(token)?, thumbprint)?;
                Ok(caller)
            }
            (Scheme::Dpop, None) => Err(Refusal::NoCredentials),
        }
    }

    async fn caller(&self, token: &[u8]) -> Result<Caller, Refusal> {
        // What is remembered was looked at when it came for the first time.
        if let Some(caller) = self.verifier.remembered(token) {
            return Ok(caller);
        }
        let token = text(token)?;
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

/// The only `Authorization` header, which goes no further than this guard.
fn take_credentials(headers: &mut HeaderMap) -> Result<HeaderValue, Refusal> {
    // Two headers could be read differently by two readers of the same request. Where no header is
    // there twice, there are as many values as names.
    let may_be_twice = headers.len() != headers.keys_len();
    if may_be_twice && headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
        return Err(Refusal::Malformed(
            "there is more than one Authorization header",
        ));
    }
    headers.remove(AUTHORIZATION).ok_or(Refusal::NoCredentials)
}

/// Scheme and token; schemes are case-insensitive (RFC 9110 §11.1, RFC 6750 §2.1, RFC 9449 §7.1).
fn credentials(value: &[u8]) -> Result<(Scheme, &[u8]), Refusal> {
    let scheme_end = value
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at(scheme_end);
    let scheme = if scheme.eq_ignore_ascii_case(b"bearer") {
        Scheme::Bearer
    } else if scheme.eq_ignore_ascii_case(b"dpop") {
        Scheme::Dpop
    } else {
        return Err(Refusal::NoCredentials);
    };
    Ok((scheme, rest.trim_ascii_start()))
}

const MALFORMED: Refusal =
    Refusal::Malformed("the Authorization header holds no well-formed token");

/// RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn text(token: &[u8]) -> Result<&str, Refusal> {
    let token = str::from_utf8(token).map_err(|_| MALFORMED)?;
    let unpadded = token.trim_end_matches('=').as_bytes();
    let is_allowed = |c: &u8| c.is_ascii_alphanumeric() || b"-._~+/".contains(c);
    if unpadded.is_empty() || !unpadded.iter().all(is_allowed) {
        return Err(MALFORMED);
    }
    Ok(token)
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
            match bearer.authenticate(&mut request).await {
                Ok((caller, _)) => {
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(refusal) => Ok(refusal.response(&bearer.advice)),
            }
        })
    }
}
