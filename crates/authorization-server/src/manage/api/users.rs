//! `/users`: people who can sign in.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use oauth::secret::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

use super::access::{ToChange, ToRead, Users};
use super::endpoint::Endpoint;
use super::payload::{IfMatch, Named, Parameters, Payload, UserQuery};
use super::problem::Problem;
use super::{created, listed, shown};
use crate::manage::{CreateUser, Listing, UserChange, UserView};
use crate::server::AuthorizationServer;

/// Another password for a person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// 8 to 1024 characters.
    #[schemars(with = "String")]
    password: Secret,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<Users>("/users", "listUsers", "Lists people, the newest first.")
            .paged()
            .filtered("username", "The one person with this name, in any case.")
            .answers::<Listing<UserView>>()
            .by(list),
        Endpoint::post::<Users>("/users", "createUser", "Makes a person known.")
            .takes::<CreateUser>()
            .answers::<UserView>()
            .by(create),
        Endpoint::get::<Users>("/users/{id}", "getUser", "Shows a person.")
            .answers::<UserView>()
            .by(get),
        Endpoint::change::<Users>(
            Method::PATCH,
            "/users/{id}",
            "changeUser",
            "Changes a person. Disabling one ends their sessions and grants.",
        )
        .takes::<UserChange>()
        .answers::<UserView>()
        .by(change),
        Endpoint::change::<Users>(
            Method::DELETE,
            "/users/{id}",
            "removeUser",
            "Removes a person, with their sessions, grants and consents.",
        )
        .answers_nothing()
        .by(remove),
        Endpoint::change::<Users>(
            Method::PUT,
            "/users/{id}/password",
            "setPassword",
            "Gives a person another password, and signs them out everywhere.",
        )
        .takes::<NewPassword>()
        .answers_nothing()
        .by(set_password),
    ]
}

async fn list(
    ToRead(management, _): ToRead<Users>,
    Parameters(query): Parameters<UserQuery>,
) -> Result<Response, Problem> {
    if let Some(username) = &query.username {
        let found = management.user_named(username).await?;
        let items = found.into_iter().collect();
        return Ok(listed(Listing { items, next: None }));
    }
    Ok(listed(management.users(query.page()?).await?))
}

async fn create(
    server: State<AuthorizationServer>,
    ToChange(management, _): ToChange<Users>,
    Payload(new): Payload<CreateUser>,
) -> Result<Response, Problem> {
    let view = management.create_user(new).await?;
    Ok(created(&server, "/users", &view.id, &view))
}

async fn get(ToRead(management, _): ToRead<Users>, Named(id): Named) -> Result<Response, Problem> {
    Ok(shown(&management.user(&id).await?))
}

async fn change(
    ToChange(management, _): ToChange<Users>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
    Payload(change): Payload<UserChange>,
) -> Result<Response, Problem> {
    Ok(shown(
        &management.change_user(&id, change, &precondition).await?,
    ))
}

async fn remove(
    ToChange(management, _): ToChange<Users>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Problem> {
    management.remove_user(&id, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_password(
    ToChange(management, _): ToChange<Users>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
    Payload(new): Payload<NewPassword>,
) -> Result<StatusCode, Problem> {
    management
        .set_password(&id, new.password, &precondition)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
