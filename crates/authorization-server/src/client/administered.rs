//! Clients that an operator registers while the server runs, on a developer's behalf.

use oauth::client_metadata::ClientMetadata;
use oauth::random;
use oauth::secret::Secret;
use store::{ListBy, Page, StoreError, Versioned};

use super::{Client, Clients, Origin};

impl Clients {
    /// The clients of the settings, in the order of their names.
    pub(crate) fn declared(&self) -> Vec<&Client> {
        let mut clients: Vec<_> = self
            .pre_registered
            .values()
            .map(|client| &**client)
            .collect();
        clients.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        clients
    }

    /// The client of the settings called `client_id`.
    pub(crate) fn find_declared(&self, client_id: &str) -> Option<&Client> {
        self.pre_registered.get(client_id).map(|client| &**client)
    }

    /// Clients that are remembered in the store, the newest first.
    pub(crate) async fn list(&self, page: Page) -> Result<Vec<Versioned<Client>>, StoreError> {
        self.records.list(ListBy::All, page).await
    }

    /// The client called `client_id` that is remembered in the store.
    pub(crate) async fn find_stored(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        let client = self.records.get(client_id).await?;
        Ok(client.map(|client| client.record))
    }

    /// Registers a client for good; a confidential one gets a secret that is shown this once.
    pub(crate) async fn administer(
        &self,
        metadata: ClientMetadata,
    ) -> Result<(Client, Option<Secret>), StoreError> {
        let secret = self.secret_for(&metadata);
        let client = Client {
            client_id: random::token::<16>(&*self.random),
            metadata,
            secret: secret.as_ref().map(Secret::hash),
            management: None,
            origin: Origin::Administered,
            created_at: self.clock.now(),
            expires_at: None,
        };
        self.records.put(&client.client_id, &client).await?;
        Ok((client, secret))
    }

    /// Changes a client that is remembered in the store; `edit` sees what is stored, and is asked
    /// again when that moves on. Nothing is changed when it refuses, or when there is no client.
    pub(crate) async fn change<E: From<StoreError>>(
        &self,
        client_id: &str,
        edit: impl Fn(&mut Client) -> Result<(), E>,
    ) -> Result<Option<Client>, E> {
        while let Some(client) = self.records.get(client_id).await? {
            let mut changed = client.record.clone();
            edit(&mut changed)?;
            if self.records.replace(&client, &changed).await? {
                return Ok(Some(changed));
            }
        }
        Ok(None)
    }

    /// A new secret, for a client that authenticates with one.
    pub(crate) fn secret_for(&self, metadata: &ClientMetadata) -> Option<Secret> {
        let method = metadata.token_endpoint_auth_method;
        let new = || Secret::random(&*self.random);
        method.is_shared_secret().then(new)
    }
}
