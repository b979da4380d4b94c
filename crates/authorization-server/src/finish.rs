//! What happens to every request before its handler, and to every answer after it: the request id, failures
//! that become answers, and pages of other origins that may read them (Fetch §3.3).
//!
//! It stands around every token that is issued, so it is one layer and not one for each of these: a layer
//! of the router is copied for each request, with all that is below it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS,
    VARY,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tower::{Layer, Service};
use tower_http::request_id::RequestId;

use crate::error::Failure;
use crate::html::Frame;
use crate::server::AuthorizationServer;
use crate::text::Language;

/// The name under which an answer and its log lines find each other.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a page may read of an answer beside its body.
const EXPOSED: HeaderValue = HeaderValue::from_static("www-authenticate,x-request-id,dpop-nonce");

/// The layer.
#[derive(Clone)]
pub(crate) struct Finish {
    server: AuthorizationServer,
    /// The methods with which pages of every origin may come.
    open_to: Option<&'static str>,
}

impl Finish {
    /// For what is none of the business of pages of other origins.
    pub(crate) fn new(server: &AuthorizationServer) -> Self {
        Self {
            server: server.clone(),
            open_to: None,
        }
    }

    /// For endpoints that every origin may call with these methods. They read no cookie.
    pub(crate) fn open_to(self, methods: &'static str) -> Self {
        Self {
            open_to: Some(methods),
            ..self
        }
    }
}

impl<S> Layer<S> for Finish {
    type Service = Finished<S>;

    fn layer(&self, inner: S) -> Finished<S> {
        Finished {
            layer: self.clone(),
            inner,
        }
    }
}

/// A route with the layer around it.
#[derive(Clone)]
pub(crate) struct Finished<S> {
    layer: Finish,
    inner: S,
}

impl<S> Service<Request> for Finished<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let Finish { server, open_to } = self.layer.clone();
        let asked = Asked::new(&server, &mut request);
        if open_to.is_some() && request.method() == Method::OPTIONS {
            let answer = preflight(request.headers(), open_to);
            return Box::pin(async { Ok(asked.named(answer)) });
        }
        let answering = self.inner.call(request);
        Box::pin(async move {
            let mut answer = asked.finished(&server, answering.await?);
            if open_to.is_some() {
                let headers = answer.headers_mut();
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            }
            Ok(asked.named(answer))
        })
    }
}

/// The answer to a browser that asks whether a page may ask (Fetch §4.8).
fn preflight(request: &HeaderMap, methods: Option<&'static str>) -> Response {
    let mut answer = Response::default();
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let methods = HeaderValue::from_static(methods.unwrap_or_default());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    // Not `*`, which does not cover `Authorization` (Fetch §3.3.4).
    if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(VARY, ACCESS_CONTROL_REQUEST_HEADERS.into());
    answer
}

/// What an answer needs of its request; these are handles, so nothing is copied.
struct Asked {
    id: HeaderValue,
    path: Option<PathAndQuery>,
    accept: Option<HeaderValue>,
    accept_language: Option<HeaderValue>,
}

impl Asked {
    /// Names the request, unless somebody before us has.
    fn new(server: &AuthorizationServer, request: &mut Request) -> Self {
        let outer = request.extensions().get::<RequestId>();
        let outer = outer.map(RequestId::header_value);
        let outer = outer.filter(|id| id.to_str().is_ok()).cloned();
        let id = outer.unwrap_or_else(|| {
            let id = HeaderValue::try_from(server.names().next());
            let id = id.expect("base64url is visible ASCII");
            request.extensions_mut().insert(RequestId::new(id.clone()));
            id
        });
        Self {
            id,
            path: request.uri().path_and_query().cloned(),
            accept: request.headers().get(ACCEPT).cloned(),
            accept_language: request.headers().get(ACCEPT_LANGUAGE).cloned(),
        }
    }

    /// The answer with its name.
    fn named(self, mut answer: Response) -> Response {
        answer.headers_mut().insert(REQUEST_ID, self.id);
        answer
    }

    /// The answer, which is written here if it is a failure. Each of these is logged once.
    fn finished(&self, server: &AuthorizationServer, mut response: Response) -> Response {
        let Some(failure) = response.extensions_mut().remove::<Arc<Failure>>() else {
            return response;
        };
        let request_id = self.id.to_str().unwrap_or_default();
        let path = self.path.as_ref().map_or("", PathAndQuery::path);
        failure.log(request_id, path);
        let answer = match &*failure {
            Failure::Endpoint(error) => error.answer(request_id),
            Failure::Problem(problem) => problem.answer(request_id),
            // Some clients look at the authorization endpoint themselves before they send a person.
            Failure::Page(error) if self.wants_json() => {
                error.to_endpoint_error().answer(request_id)
            }
            Failure::Page(error) => {
                let language = Language::accepted(self.accept_language.as_ref());
                let frame = Frame::at(language, path, server.settings().issuer.base_path());
                crate::html::error_page(error.status, frame, error.reason, request_id)
            }
        };
        let mut answer = with_headers_of(&response, answer);
        // For whoever counts refusals.
        answer.extensions_mut().insert(failure.reason());
        answer
    }

    /// Whether the caller is a program: it asks for JSON and not for a page.
    fn wants_json(&self) -> bool {
        let accept = self.accept.as_ref().and_then(|value| value.to_str().ok());
        let accept = accept.unwrap_or_default();
        accept.contains("application/json") && !accept.contains("text/html")
    }
}

/// Layers between the handler and here may have set headers (cookies); they stay.
fn with_headers_of(original: &Response, mut answer: Response) -> Response {
    let mut headers: HeaderMap = original.headers().clone();
    headers.remove(http::header::CONTENT_LENGTH);
    headers.remove(http::header::CONTENT_TYPE);
    headers.extend(answer.headers().clone());
    *answer.headers_mut() = headers;
    answer
}

/// The id of the request in whose answer it will stand, for errors that travel by redirect.
#[derive(Clone, Debug)]
pub(crate) struct CurrentRequestId(HeaderValue);

impl CurrentRequestId {
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for CurrentRequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let id = parts.extensions.get::<RequestId>();
        let id = id.expect("the layer around every route has named the request");
        Ok(Self(id.header_value().clone()))
    }
}
