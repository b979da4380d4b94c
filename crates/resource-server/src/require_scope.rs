//! The guard behind the guard: a scope, or a challenge that makes the client step up (RFC 6750 §3.1).

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer, Service};

use oauth::challenge::Scheme;
use oauth::scope::Scope;

use crate::Caller;
use crate::refusal::{Advice, Refusal};

/// A layer that lets through only callers with a scope; it stands behind
/// [`RequireBearer`](crate::RequireBearer).
#[derive(Clone, Debug)]
pub struct RequireScope(Arc<Requirement>);

#[derive(Clone, Debug)]
struct Requirement {
    scope: Scope,
    advice: Advice,
}

impl RequireScope {
    /// A guard that asks for every token of `scope`.
    pub fn new(scope: Scope) -> Self {
        Self(Arc::new(Requirement {
            scope,
            advice: Advice::default(),
        }))
    }

    /// Names the metadata document of the resource in challenges (RFC 9728 §5.1).
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).advice.resource_metadata = Some(url.into());
        self
    }
}

impl Requirement {
    fn judge(&self, caller: Option<&Caller>) -> Result<(), Refusal> {
        // Without a `RequireBearer` in front there is no caller, and nobody gets in.
        let caller = caller.ok_or(Refusal::NoCredentials)?;
        if self.scope.is_subset(caller.scopes()) {
            return Ok(());
        }
        let reason = format!("this needs the scope {}", self.scope);
        Err(Refusal::InsufficientScope {
            scope: self.scope.clone(),
            reason,
        })
    }
}

impl<S> Layer<S> for RequireScope {
    type Service = RequireScopeService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireScopeService {
            requirement: Arc::clone(&self.0),
            inner,
        }
    }
}

/// The service that [`RequireScope`] makes.
#[derive(Clone, Debug)]
pub struct RequireScopeService<S> {
    requirement: Arc<Requirement>,
    inner: S,
}

impl<S, B, ResB> Service<Request<B>> for RequireScopeService<S>
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Err(refusal) = self.requirement.judge(request.extensions().get::<Caller>()) {
            let caller = request.extensions().get::<Caller>();
            let mut advice = self.requirement.advice.clone();
            if caller.is_some_and(Caller::is_bound) {
                advice.schemes = &[Scheme::Dpop];
            }
            let response = refusal.response(&advice);
            return Box::pin(async { Ok(response) });
        }
        let fresh = self.inner.clone();
        Box::pin(mem::replace(&mut self.inner, fresh).call(request))
    }
}
