//! `/scopes`: what can be asked for, in words.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::access::{Roles, ToChange, ToRead};
use super::endpoint::Endpoint;
use super::payload::{IfMatch, Named, Payload};
use super::problem::Problem;
use super::{created, listed, shown};
use crate::manage::{Listing, NewScope, ScopeView};
use crate::server::AuthorizationServer;
use crate::text::Words;

/// A scope in other words.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScopeChange {
    /// What a client may do with it: a phrase that follows "This lets it …".
    words: Words,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<Roles>(
            "/scopes",
            "listScopes",
            "Lists every scope that is not about identity.",
        )
        .answers::<Listing<ScopeView>>()
        .by(list),
        Endpoint::post::<Roles>("/scopes", "createScope", "Makes a scope.")
            .takes::<NewScope>()
            .answers::<ScopeView>()
            .by(create),
        Endpoint::get::<Roles>("/scopes/{name}", "getScope", "Shows a scope.")
            .answers::<ScopeView>()
            .by(get),
        Endpoint::change::<Roles>(
            Method::PATCH,
            "/scopes/{name}",
            "changeScope",
            "Describes a scope in other words.",
        )
        .takes::<ScopeChange>()
        .answers::<ScopeView>()
        .by(change),
        Endpoint::change::<Roles>(
            Method::DELETE,
            "/scopes/{name}",
            "removeScope",
            "Removes a scope that no role and no resource has.",
        )
        .answers_nothing()
        .by(remove),
    ]
}

async fn list(ToRead(management, _): ToRead<Roles>) -> Result<Response, Problem> {
    Ok(listed(management.scopes().await?))
}

async fn create(
    server: State<AuthorizationServer>,
    ToChange(management, _): ToChange<Roles>,
    Payload(new): Payload<NewScope>,
) -> Result<Response, Problem> {
    let view = management.create_scope(new).await?;
    Ok(created(&server, "/scopes", &view.name, &view))
}

async fn get(
    ToRead(management, _): ToRead<Roles>,
    Named(name): Named,
) -> Result<Response, Problem> {
    Ok(shown(&management.scope(&name).await?))
}

async fn change(
    ToChange(management, _): ToChange<Roles>,
    Named(name): Named,
    IfMatch(precondition): IfMatch,
    Payload(change): Payload<ScopeChange>,
) -> Result<Response, Problem> {
    let changed = management.change_scope(&name, change.words, &precondition);
    Ok(shown(&changed.await?))
}

async fn remove(
    ToChange(management, _): ToChange<Roles>,
    Named(name): Named,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Problem> {
    management.remove_scope(&name, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}
