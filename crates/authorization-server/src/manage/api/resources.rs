//! `/resources`: what tokens are issued for.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};

use super::access::{Roles, ToChange, ToRead};
use super::endpoint::Endpoint;
use super::payload::{IfMatch, Named, Payload};
use super::problem::Problem;
use super::{created, listed, shown};
use crate::manage::{Listing, NewResource, ResourceChange, ResourceView};
use crate::server::AuthorizationServer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<Roles>(
            "/resources",
            "listResources",
            "Lists every resource, those of the settings first.",
        )
        .answers::<Listing<ResourceView>>()
        .by(list),
        Endpoint::post::<Roles>(
            "/resources",
            "createResource",
            "Makes a resource known, so that tokens can be issued for it.",
        )
        .takes::<NewResource>()
        .answers::<ResourceView>()
        .by(create),
        Endpoint::get::<Roles>("/resources/{id}", "getResource", "Shows a resource.")
            .answers::<ResourceView>()
            .by(get),
        Endpoint::change::<Roles>(
            Method::PATCH,
            "/resources/{id}",
            "changeResource",
            "Changes a resource.",
        )
        .takes::<ResourceChange>()
        .answers::<ResourceView>()
        .by(change),
        Endpoint::change::<Roles>(
            Method::DELETE,
            "/resources/{id}",
            "removeResource",
            "Removes a resource: no token is issued for it any more.",
        )
        .answers_nothing()
        .by(remove),
    ]
}

async fn list(ToRead(management, _): ToRead<Roles>) -> Result<Response, Problem> {
    Ok(listed(management.resources().await?))
}

async fn create(
    server: State<AuthorizationServer>,
    ToChange(management, _): ToChange<Roles>,
    Payload(new): Payload<NewResource>,
) -> Result<Response, Problem> {
    let view = management.create_resource(new).await?;
    Ok(created(&server, "/resources", &view.id, &view))
}

async fn get(ToRead(management, _): ToRead<Roles>, Named(id): Named) -> Result<Response, Problem> {
    Ok(shown(&management.resource(&id).await?))
}

async fn change(
    ToChange(management, _): ToChange<Roles>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
    Payload(change): Payload<ResourceChange>,
) -> Result<Response, Problem> {
    let changed = management.change_resource(&id, change, &precondition);
    Ok(shown(&changed.await?))
}

async fn remove(
    ToChange(management, _): ToChange<Roles>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Problem> {
    management.remove_resource(&id, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}
