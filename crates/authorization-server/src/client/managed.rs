//! Clients that manage their own registration (RFC 7592).

use oauth::client_metadata::ClientMetadata;
use oauth::secret::Secret;
use store::{StoreError, Versioned};

use super::registered::untried_lifetime;
use super::{Client, Clients};
use crate::revocation::Revocation;
use crate::server::AuthorizationServer;
use crate::settings::Registration;

/// A client as it is registered now, and what is shown of it this once.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) client: Client,
    pub(crate) secret: Option<Secret>,
    /// The registration access token.
    pub(crate) management: Option<Secret>,
}

impl Clients {
    /// The client called `client_id`, if `token` is its registration access token.
    pub(crate) async fn managed(
        &self,
        client_id: &str,
        token: &Secret,
    ) -> Result<Option<Versioned<Client>>, StoreError> {
        let client = self.records.get(client_id).await?;
        Ok(client.filter(|client| {
            let management = client.management.as_ref();
            management.is_some_and(|management| management.matches(token))
        }))
    }

    /// Gives a registered client other metadata and, unless it showed the one it has, another
    /// secret if it needs one. `None` when somebody else changed or removed it meanwhile.
    pub(crate) async fn update(
        &self,
        current: &Versioned<Client>,
        metadata: ClientMetadata,
        shown: Option<Secret>,
        rules: &Registration,
    ) -> Result<Option<Registered>, StoreError> {
        let needs_secret = metadata.token_endpoint_auth_method.is_shared_secret();
        let new = || Secret::random(&*self.random);
        let secret = needs_secret.then(|| shown.unwrap_or_else(new));
        let client = Client {
            metadata,
            secret: secret.as_ref().map(Secret::hash),
            // To be changed is not to be used, but nobody loses what they have just changed.
            expires_at: current
                .expires_at
                .max(Some(self.clock.now().plus(untried_lifetime(rules)))),
            ..current.record.clone()
        };
        let is_written = self.records.replace(current, &client).await?;
        Ok(is_written.then_some(Registered {
            client,
            secret,
            management: None,
        }))
    }
}

impl AuthorizationServer {
    /// Removes a registered client. Its tokens and grants are worth nothing from now on.
    pub(crate) async fn remove_client(&self, client_id: &str) -> Result<(), StoreError> {
        self.clients().records.remove(client_id).await?;
        self.revocations()
            .tell(Revocation::Client(client_id.to_owned()));
        tracing::info!(client.id = client_id, "client removed");
        Ok(())
    }
}
