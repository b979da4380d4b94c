//! `/roles`: what people with one may let a client do.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};

use super::access::{Roles, ToChange, ToRead};
use super::endpoint::Endpoint;
use super::payload::{IfMatch, Named, Payload};
use super::problem::Problem;
use super::{created, listed, shown};
use crate::manage::{Listing, NewRole, RoleChange, RoleView};
use crate::server::AuthorizationServer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<Roles>("/roles", "listRoles", "Lists every role.")
            .answers::<Listing<RoleView>>()
            .by(list),
        Endpoint::post::<Roles>("/roles", "createRole", "Makes a role.")
            .takes::<NewRole>()
            .answers::<RoleView>()
            .by(create),
        Endpoint::get::<Roles>("/roles/{name}", "getRole", "Shows a role.")
            .answers::<RoleView>()
            .by(get),
        Endpoint::change::<Roles>(
            Method::PATCH,
            "/roles/{name}",
            "changeRole",
            "Changes a role, for everybody who has it.",
        )
        .takes::<RoleChange>()
        .answers::<RoleView>()
        .by(change),
        Endpoint::change::<Roles>(
            Method::DELETE,
            "/roles/{name}",
            "removeRole",
            "Removes a role that nobody has.",
        )
        .answers_nothing()
        .by(remove),
    ]
}

async fn list(ToRead(management, _): ToRead<Roles>) -> Result<Response, Problem> {
    Ok(listed(management.roles().await?))
}

async fn create(
    server: State<AuthorizationServer>,
    ToChange(management, _): ToChange<Roles>,
    Payload(new): Payload<NewRole>,
) -> Result<Response, Problem> {
    let view = management.create_role(new).await?;
    Ok(created(&server, "/roles", &view.name, &view))
}

async fn get(
    ToRead(management, _): ToRead<Roles>,
    Named(name): Named,
) -> Result<Response, Problem> {
    Ok(shown(&management.role(&name).await?))
}

async fn change(
    ToChange(management, _): ToChange<Roles>,
    Named(name): Named,
    IfMatch(precondition): IfMatch,
    Payload(change): Payload<RoleChange>,
) -> Result<Response, Problem> {
    let changed = management.change_role(&name, change, &precondition);
    Ok(shown(&changed.await?))
}

async fn remove(
    ToChange(management, _): ToChange<Roles>,
    Named(name): Named,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Problem> {
    management.remove_role(&name, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}
