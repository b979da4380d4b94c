//! `/keys`: the keys that sign tokens.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::access::{Keys, ToChange, ToRead};
use super::endpoint::Endpoint;
use super::listed;
use super::problem::Problem;
use crate::manage::{KeyView, Listing};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<Keys>("/keys", "listKeys", "Lists the keys that verify tokens.")
            .answers::<Listing<KeyView>>()
            .by(list),
        Endpoint::post::<Keys>(
            "/keys",
            "rotateSigningKey",
            "Makes the next signing key now, unless there is one; tokens that are out stay good.",
        )
        .answers::<KeyView>()
        .by(rotate),
    ]
}

async fn list(ToRead(management, _): ToRead<Keys>) -> Result<Response, Problem> {
    Ok(listed(management.keys().await?))
}

async fn rotate(ToChange(management, _): ToChange<Keys>) -> Result<Response, Problem> {
    let key = management.rotate_signing_key().await?;
    Ok((StatusCode::CREATED, listed(key)).into_response())
}
