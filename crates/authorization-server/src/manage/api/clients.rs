//! `/clients`: applications, registered on a developer's behalf or by themselves.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};

use super::access::{Clients, ToChange, ToRead};
use super::endpoint::Endpoint;
use super::payload::{IfMatch, Named, PageQuery, Parameters, Payload};
use super::problem::Problem;
use super::{created, listed, shown};
use crate::manage::{ClientChange, ClientView, Listing, NewClient, NewClientView};
use crate::server::AuthorizationServer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<Clients>(
            "/clients",
            "listClients",
            "Lists clients, the newest first; those of the settings stand on the first page, beyond its limit.",
        )
        .paged()
        .answers::<Listing<ClientView>>()
        .by(list),
        Endpoint::post::<Clients>(
            "/clients",
            "createClient",
            "Registers a third-party application on a developer's behalf; its secret is shown this once.",
        )
        .takes::<NewClient>()
        .answers::<NewClientView>()
        .by(create),
        Endpoint::get::<Clients>("/clients/{id}", "getClient", "Shows a client.")
            .answers::<ClientView>()
            .by(get),
        Endpoint::change::<Clients>(
            Method::PATCH,
            "/clients/{id}",
            "changeClient",
            "Changes a client of origin `management`.",
        )
        .takes::<ClientChange>()
        .answers::<ClientView>()
        .by(change),
        Endpoint::change::<Clients>(
            Method::DELETE,
            "/clients/{id}",
            "removeClient",
            "Removes a client; its grants and tokens are void at once.",
        )
        .answers_nothing()
        .by(remove),
        Endpoint::change::<Clients>(
            Method::POST,
            "/clients/{id}/secret",
            "rotateClientSecret",
            "Gives a client another secret, which is shown this once; the old one is void at once.",
        )
        .answers::<NewClientView>()
        .by(rotate_secret),
    ]
}

async fn list(
    ToRead(management, _): ToRead<Clients>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    Ok(listed(management.clients(query.page()?).await?))
}

async fn create(
    server: State<AuthorizationServer>,
    ToChange(management, _): ToChange<Clients>,
    Payload(new): Payload<NewClient>,
) -> Result<Response, Problem> {
    let view = management.create_client(new).await?;
    Ok(created(&server, "/clients", &view.client.client_id, &view))
}

async fn get(
    ToRead(management, _): ToRead<Clients>,
    Named(id): Named,
) -> Result<Response, Problem> {
    Ok(shown(&management.client(&id).await?))
}

async fn change(
    ToChange(management, _): ToChange<Clients>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
    Payload(change): Payload<ClientChange>,
) -> Result<Response, Problem> {
    Ok(shown(
        &management.change_client(&id, change, &precondition).await?,
    ))
}

async fn remove(
    ToChange(management, _): ToChange<Clients>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Problem> {
    management.remove_client(&id, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate_secret(
    ToChange(management, _): ToChange<Clients>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
) -> Result<Response, Problem> {
    Ok(listed(
        management.rotate_client_secret(&id, &precondition).await?,
    ))
}
