//! `/grants`: what people have allowed clients.

use axum::response::Response;
use http::{Method, StatusCode};

use super::access::{Grants, ToChange, ToRead};
use super::endpoint::Endpoint;
use super::payload::{GrantQuery, IfMatch, Named, Parameters};
use super::problem::Problem;
use super::{listed, shown};
use crate::manage::{GrantView, Listing};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<Grants>(
            "/grants",
            "listGrants",
            "Lists grants that are alive, the newest first; a page may be short and still have a next one.",
        )
        .paged()
        .filtered("user", "Only those of the person with this id.")
        .filtered("client_id", "Only those of this client.")
        .answers::<Listing<GrantView>>()
        .by(list),
        Endpoint::get::<Grants>("/grants/{id}", "getGrant", "Shows a grant.")
            .answers::<GrantView>()
            .by(get),
        Endpoint::change::<Grants>(
            Method::DELETE,
            "/grants/{id}",
            "revokeGrant",
            "Ends a grant, and with it every token that was issued for it.",
        )
        .answers_nothing()
        .by(revoke),
    ]
}

async fn list(
    ToRead(management, _): ToRead<Grants>,
    Parameters(query): Parameters<GrantQuery>,
) -> Result<Response, Problem> {
    let page = query.page()?;
    Ok(listed(management.grants(query.filter(), page).await?))
}

async fn get(ToRead(management, _): ToRead<Grants>, Named(id): Named) -> Result<Response, Problem> {
    Ok(shown(&management.grant(&id).await?))
}

async fn revoke(
    ToChange(management, _): ToChange<Grants>,
    Named(id): Named,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Problem> {
    management.revoke_grant(&id, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}
