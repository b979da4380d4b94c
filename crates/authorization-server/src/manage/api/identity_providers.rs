//! `/identity_providers`: where people may sign in besides here.

use axum::response::Response;

use super::access::{ToRead, Users};
use super::endpoint::Endpoint;
use super::listed;
use super::problem::Problem;
use crate::manage::{IdentityProviderView, Listing};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let list_providers = Endpoint::get::<Users>(
        "/identity_providers",
        "listIdentityProviders",
        "Lists where people may sign in besides here; the settings file declares that.",
    );
    vec![
        list_providers
            .answers::<Listing<IdentityProviderView>>()
            .by(list),
    ]
}

async fn list(ToRead(management, _): ToRead<Users>) -> Result<Response, Problem> {
    Ok(listed(management.identity_providers()))
}
