//! The least that a proxy in front of an MCP server can do: the token is looked up, and everything else
//! passes. It is the physical limit that the gateway is held against, and nothing to deploy.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::post;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use oauth::issuer::Issuer;
use oauth::jwk::JwkSet;
use oauth::time::{Clock as _, NumericDate, SystemClock};
use resource_server::{JwtVerifier, VerifyToken as _};

use super::echo;

/// What is known of a token: when it ends.
type Verdicts = RwLock<HashMap<Box<[u8]>, NumericDate>>;

struct Proxy {
    client: Client<HttpConnector, Body>,
    upstream: Uri,
    verifier: JwtVerifier,
    verdicts: Verdicts,
}

/// Whose tokens are good.
pub(super) struct Trust<'a> {
    pub(super) keys: &'a Path,
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
}

/// Passes requests at `path` on to the server at `upstream` if their token is good.
pub(super) fn router(upstream: u16, path: &str, trust: &Trust<'_>) -> anyhow::Result<Router> {
    let keys: JwkSet = serde_json::from_slice(&fs::read(trust.keys)?)?;
    let issuer = Issuer::parse(trust.issuer)?;
    let verifier =
        JwtVerifier::with_fixed_keys(keys, issuer, trust.audience, Arc::new(SystemClock));
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let proxy = Proxy {
        client: Client::builder(TokioExecutor::new()).build(connector),
        upstream: format!("http://127.0.0.1:{upstream}{}", echo::PATH).parse()?,
        verifier,
        verdicts: Verdicts::default(),
    };
    Ok(Router::new()
        .route(path, post(forward))
        .with_state(Arc::new(proxy)))
}

async fn forward(State(proxy): State<Arc<Proxy>>, mut request: Request) -> Response<Body> {
    let status = |status| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response
    };
    let credentials = request.headers_mut().remove(AUTHORIZATION);
    if !proxy.admits(credentials.as_ref()).await {
        return status(StatusCode::UNAUTHORIZED);
    }
    *request.uri_mut() = proxy.upstream.clone();
    request.headers_mut().remove(HOST);
    match proxy.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(_) => status(StatusCode::BAD_GATEWAY),
    }
}

impl Proxy {
    async fn admits(&self, credentials: Option<&HeaderValue>) -> bool {
        let token = credentials.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let Some(token) = token else { return false };
        let known = {
            let verdicts = self.verdicts.read().unwrap_or_else(PoisonError::into_inner);
            verdicts.get(token).copied()
        };
        if let Some(end) = known {
            return SystemClock.now() < end;
        }
        let Ok(text) = str::from_utf8(token) else {
            return false;
        };
        let Ok(caller) = self.verifier.verify(text).await else {
            return false;
        };
        let Some(end) = caller.expires_at() else {
            return false;
        };
        let mut verdicts = self
            .verdicts
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        verdicts.insert(token.into(), end);
        true
    }
}
