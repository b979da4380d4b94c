//! The example servers behind their guards, each with its metadata (RFC 9728).

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use examples::{hello, hybrid, lab as security_lab, naver, todo, whoami};
use oauth::random::OsRandom;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::SystemClock;
use resource_server::{Dpop, ProtectedResource, RequireScope, VerifyToken};
use store::Collection;
use tower::ServiceBuilder;

use super::Wiring;
use super::apis;
use super::foreign;
use super::lab;
use super::own::OwnVerifier;
use crate::health::Health;
use crate::settings::{BoundTokens, Server, ServerKind, Settings, Trust};

/// Every server of the settings, with all metadata documents.
pub(super) fn routes(
    settings: &Settings,
    wiring: &Wiring<'_>,
    health: &Health,
) -> anyhow::Result<Router> {
    let mut router = Router::new();
    for server in &settings.servers {
        let resource = resource(settings, &server.described())?;
        router = router.merge(resource.metadata_routes());
        if server.resource == settings.default_resource {
            router = router.merge(resource.root_metadata_routes());
        }
        let guarded = protected(server, &resource, wiring, settings, health)?;
        router = router.merge(match wiring.metrics {
            Some(metrics) => metrics.around(&server.path, guarded),
            None => guarded,
        });
    }
    Ok(router)
}

/// What the metadata of a protected endpoint say.
pub(super) struct Described<'a> {
    pub(super) resource: &'a str,
    pub(super) title: &'a str,
    /// What a client should ask for first.
    pub(super) scopes: Scope,
    pub(super) trusts: &'a Trust,
    pub(super) dpop: BoundTokens,
}

impl Server {
    pub(super) fn described(&self) -> Described<'_> {
        Described {
            resource: self.resource.as_str(),
            title: self.kind.title(),
            scopes: self.kind.scope(),
            trusts: &self.trusts,
            dpop: self.dpop,
        }
    }
}

/// The guard of an endpoint.
pub(super) fn resource(
    settings: &Settings,
    described: &Described<'_>,
) -> anyhow::Result<ProtectedResource> {
    let issuer = match described.trusts {
        Trust::Own => settings.public_url(),
        Trust::Foreign(foreign) => &foreign.issuer,
    };
    let resource = ProtectedResource::new(described.resource)?
        .authorization_server(issuer.clone())
        .name(described.title)
        .scopes_supported(&described.scopes);
    let resource = match described.dpop {
        BoundTokens::Off => resource,
        BoundTokens::Accepted => resource.dpop(dpop(settings)),
        BoundTokens::Required => resource.dpop(dpop(settings).require_bound_tokens()),
    };
    Ok(settings
        .allowed_origins
        .iter()
        .fold(resource, |resource, origin| resource.allow_origin(origin)))
}

/// Proofs are held to the same rule as at the authorization server.
fn dpop(settings: &Settings) -> Dpop {
    let dpop = Dpop::new(Arc::new(SystemClock));
    if settings.authorization_server.dpop_nonce_required {
        dpop.require_nonce()
    } else {
        dpop
    }
}

/// Who says whose a token for `resource` is.
pub(super) fn verifier(
    settings: &Settings,
    trusts: &Trust,
    resource: &ResourceIndicator,
    wiring: &Wiring<'_>,
) -> Arc<dyn VerifyToken> {
    match trusts {
        Trust::Own => {
            let issuer = settings.public_url().clone();
            let server = wiring.authorization_server;
            Arc::new(OwnVerifier::new(server, issuer, resource))
        }
        Trust::Foreign(foreign) => foreign::verifier(foreign, wiring.fetch),
    }
}

/// Says in the log what clients will miss at those whose tokens are accepted, if anything.
pub(super) fn report(trusts: &Trust, wiring: &Wiring<'_>) {
    if let Trust::Foreign(foreign) = trusts {
        let report = foreign::report(foreign.clone(), wiring.fetch.clone());
        wiring.tasks.spawn(report);
    }
}

fn protected(
    server: &Server,
    resource: &ProtectedResource,
    wiring: &Wiring<'_>,
    settings: &Settings,
    health: &Health,
) -> anyhow::Result<Router> {
    let verifier = verifier(settings, &server.trusts, &server.resource, wiring);
    report(&server.trusts, wiring);
    let url = resource.resource();
    Ok(match server.kind {
        ServerKind::Whoami => {
            resource.protect(whoami::service(url, wiring.tools_of(server.kind)), verifier)
        }
        ServerKind::Todo => {
            let store = Arc::clone(&wiring.data.store);
            let records = Collection::new(store, Arc::clone(&wiring.data.keys));
            let todos = todo::Todos::new(records, Arc::new(SystemClock), Arc::new(OsRandom));
            let service = todo::service(url, todos, wiring.tools_of(server.kind));
            with_scopes(resource, &todo::TOOL_SCOPES)?.protect(service, verifier)
        }
        ServerKind::Hybrid => {
            let service = hybrid::service(url, apis::hybrid(server, wiring)?);
            with_scopes(resource, &hybrid::TOOL_SCOPES)?.protect(service, verifier)
        }
        ServerKind::Naver => {
            let service = naver::service(url, apis::naver(server, wiring)?);
            with_scopes(resource, &naver::TOOL_SCOPES)?.protect(service, verifier)
        }
        ServerKind::SecurityLab => {
            let parts = lab::parts(server, settings, wiring, health)?;
            let service = security_lab::service(url, parts);
            with_scopes(resource, &security_lab::TOOL_SCOPES)?
                .protect(service, verifier)
                .layer(from_fn(lab::tell_origin))
        }
        ServerKind::Hello => {
            let scope = Scope::from_tokens([hello::SCOPE])?;
            let guard = ServiceBuilder::new()
                .layer(resource.require_bearer(verifier))
                .layer(RequireScope::new(scope).resource_metadata(resource.metadata_url()));
            let path = settings.public_url().base_path();
            Router::new()
                .route(&format!("{path}{}", server.path), get(hello::get))
                .route_layer(guard)
        }
    })
}

/// The same resource, with tools that need a scope to be called at all.
fn with_scopes(
    resource: &ProtectedResource,
    tools: &[(&str, &str)],
) -> anyhow::Result<ProtectedResource> {
    let mut resource = resource.clone();
    for (tool, scope) in tools {
        resource = resource.tool(*tool, &scope.parse()?);
    }
    Ok(resource)
}
