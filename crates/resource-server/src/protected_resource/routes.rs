//! A protected resource as axum routes: the metadata document and the endpoint (RFC 9728 §3).

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{BoxError, Router};
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use tower::Service;

use oauth::challenge::Scheme;
use oauth::media_type;
use oauth::metadata::OAUTH_PROTECTED_RESOURCE;
use oauth::secret::Secret;

use super::ProtectedResource;
use crate::dpop::{Address, Dpop};
use crate::mcp::{Entrance, McpEndpoint, Protection, SessionBinding};
use crate::refusal::Advice;
use crate::require_bearer::{Bearer, RequireBearer};
use crate::verify::VerifyToken;

impl ProtectedResource {
    /// Lets pages of `origin` (such as `https://inspector.example`) use the endpoint from a browser.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.origins.allow(origin);
        self
    }

    /// Shares the binding of session ids to their owners among replicas that share sessions.
    pub fn session_key(mut self, key: &Secret) -> Self {
        self.sessions = SessionBinding::with_key(key);
        self
    }

    /// The largest request body; 4 MiB by default.
    pub fn max_body_bytes(mut self, max_body_bytes: usize) -> Self {
        self.max_body_bytes = max_body_bytes;
        self
    }

    /// The metadata document at its own address.
    pub fn metadata_routes(&self) -> Router {
        self.document_at(&self.metadata_path)
    }

    /// The metadata document at the root form of its address, where some clients look first.
    ///
    /// Resources that share an origin share that address: one of them may answer there.
    pub fn root_metadata_routes(&self) -> Router {
        self.document_at(&format!("/.well-known/{OAUTH_PROTECTED_RESOURCE}"))
    }

    fn document_at(&self, path: &str) -> Router {
        let document = serde_json::to_string(&self.metadata).expect("strings have a JSON form");
        let document = Bytes::from(document);
        let answer = move || {
            let headers = [
                (CONTENT_TYPE, media_type::JSON),
                // The document is public, so every page may read it and every cache may keep it.
                (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
                (CACHE_CONTROL, "public, max-age=300"),
            ];
            std::future::ready((headers, document.clone()))
        };
        Router::new().route(path, get(answer).options(preflight))
    }

    /// `server` behind this guard, mounted at the path of the resource.
    ///
    /// In front of the server, in this order: the origin of a page, the bearer token, the owner of the
    /// session, the size and form of the message, headers against body, the scopes of the tool.
    pub fn protect<S, ResB>(&self, server: S, verifier: impl VerifyToken) -> Router
    where
        S: Service<Request<Body>, Response = Response<ResB>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
        ResB: http_body::Body<Data = Bytes> + Send + 'static,
        ResB::Error: Into<BoxError>,
    {
        Router::new().route_service(self.url.path(), self.endpoint(server, verifier))
    }

    /// A guard for other routes of the resource, whose challenges name its metadata.
    pub fn require_bearer(&self, verifier: impl VerifyToken) -> RequireBearer {
        let guard = RequireBearer::new(verifier).scope(self.scopes.clone());
        let guard = guard.resource_metadata(self.metadata_url());
        match self.dpop.clone() {
            Some(dpop) => guard.dpop(dpop, self.url.origin().ascii_serialization()),
            None => guard,
        }
    }

    fn advice(&self) -> Advice {
        Advice {
            resource_metadata: Some(self.metadata_url()),
            scope: self.scopes.clone(),
            schemes: self.dpop.as_ref().map_or(&[Scheme::Bearer], Dpop::schemes),
        }
    }

    /// The guard alone, for a server that judges messages itself.
    pub fn entrance(&self, verifier: impl VerifyToken) -> Entrance {
        Entrance {
            bearer: Bearer {
                verifier: Arc::new(verifier),
                advice: self.advice(),
                dpop: self.dpop.clone(),
                address: Address::Url(self.metadata.resource.clone()),
            },
            origins: self.origins.clone(),
            max_body_bytes: self.max_body_bytes,
        }
    }

    /// `server` behind this guard, as a service to be mounted by hand.
    pub fn endpoint<S>(&self, server: S, verifier: impl VerifyToken) -> McpEndpoint<S> {
        let protection = Protection {
            entrance: self.entrance(verifier),
            access: self.access.clone(),
            lists_all_tools: self.lists_all_tools,
            sessions: self.sessions.clone(),
        };
        McpEndpoint::new(protection, server)
    }
}

/// A browser asks before it sends `MCP-Protocol-Version`, which clients add to this request, too.
async fn preflight() -> impl IntoResponse {
    let headers = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET"),
        ("access-control-allow-headers", "*, Authorization"),
        ("access-control-max-age", "7200"),
    ];
    (StatusCode::NO_CONTENT, headers)
}
