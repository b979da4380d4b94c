//! Identity providers: where people may sign in besides here. The settings declare them.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Listing, Management};

/// An identity provider, without its secrets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdentityProvider")]
pub struct IdentityProviderView {
    /// Its name in addresses.
    pub id: String,
    /// The preset that describes it.
    pub preset: String,
    /// Our name there.
    pub client_id: String,
    /// Whether a verified e-mail address there names the person with that verified address here.
    pub link_by_verified_email: bool,
}

impl Management {
    /// Every identity provider, in the order in which they are shown.
    pub fn identity_providers(&self) -> Listing<IdentityProviderView> {
        let providers = self.server.settings().identity_providers.iter();
        let views = providers.map(|provider| IdentityProviderView {
            id: provider.id.clone(),
            preset: provider.preset.clone(),
            client_id: provider.client_id.clone(),
            link_by_verified_email: provider.link_by_verified_email,
        });
        Listing::whole(views.collect())
    }
}
