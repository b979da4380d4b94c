//! Management: people, clients, grants, roles, scopes, resources and keys, changed while the server
//! runs.
//!
//! One layer for both ways in: the management API ([`api`]) acts for the bearer of a token, the
//! command line for whoever has the store anyway. What the settings declare is never changed here,
//! and nobody gives away management rights that they do not hold ([`Actor`]).

mod actor;
pub(crate) mod api;
mod clients;
mod error;
mod grants;
mod identity_providers;
mod keys;
mod listing;
mod precondition;
mod resources;
mod roles;
mod scopes;
mod users;

pub use actor::{Actor, MANAGEMENT_SCOPES};
pub use api::openapi::document as description;
pub use clients::{ClientChange, ClientView, NewClient, NewClientView};
pub use error::ManageError;
pub use grants::{GrantFilter, GrantView};
pub use identity_providers::IdentityProviderView;
pub use keys::{KeyState, KeyView};
pub use listing::{Change, Listing};
pub use precondition::Precondition;
pub use resources::{NewResource, ResourceChange, ResourceView};
pub use roles::{NewRole, RoleChange, RoleView};
pub use scopes::{NewScope, ScopeView};
pub use users::{CreateUser, UserChange, UserView};

pub(crate) use actor::{api_resource, declare, is_management_scope, management_words};

use std::sync::Arc;

use oauth::scope::Scope;

use crate::catalog::Catalog;
use crate::server::AuthorizationServer;

/// Somebody at the controls.
#[derive(Clone, Debug)]
pub struct Management {
    server: AuthorizationServer,
    actor: Actor,
}

impl AuthorizationServer {
    /// The controls, for `actor`.
    pub fn management(&self, actor: Actor) -> Management {
        Management {
            server: self.clone(),
            actor,
        }
    }
}

impl Management {
    /// The catalog as it is now, and not as it was a few seconds ago.
    async fn catalog(&self) -> Result<Arc<Catalog>, ManageError> {
        self.server.refresh().await?;
        Ok(self.server.catalog())
    }

    /// Refuses an actor who lacks a management right that is in `scope`: what they do not hold they
    /// can neither give away nor take over from somebody else.
    fn require_authority(&self, scope: &Scope) -> Result<(), ManageError> {
        let lacking = self.actor.lacks(scope);
        if lacking.is_empty() {
            return Ok(());
        }
        Err(ManageError::MoreThanOwn(lacking))
    }

    /// Writes to the log who changed what. There is never a secret in it, nor an e-mail address.
    fn log(&self, action: &'static str, object: &str) {
        let actor = &self.actor;
        tracing::info!(%actor, action, object, "management: {action}");
        self.server.facts().managed(actor, action, object);
    }
}
