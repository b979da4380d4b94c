//! What identity providers issued and nothing uses any more is ended there (acceptance A6, RFC 7009).
//!
//! A credential serves the person's clients and their stay in a browser. When the last grant and the
//! last session are gone, keeping it would only be a risk.

use store::{Page, StoreError};
use tokio::sync::Mutex;
use tracing::Instrument as _;

use crate::server::AuthorizationServer;

/// How many credentials one round of housekeeping looks at.
const PER_ROUND: u32 = 100;

/// How far housekeeping has come; held by the round that is on its way.
#[derive(Debug, Default)]
pub(crate) struct CredentialRounds(Mutex<Option<String>>);

impl AuthorizationServer {
    /// Ends the session `id` of a person, if it is theirs, and what nothing uses any more with it.
    pub(crate) async fn sign_out(&self, subject: &str, id: &str) -> Result<(), StoreError> {
        self.sessions().end(subject, id).await?;
        self.let_go_soon(subject);
        Ok(())
    }

    /// Something of a person has ended: lets go of their credentials if it was the last thing.
    ///
    /// Nobody waits for it, because providers may take their time.
    pub(crate) fn let_go_soon(&self, subject: &str) {
        let (server, subject) = (self.clone(), subject.to_owned());
        let work = async move {
            if let Err(error) = server.let_go_if_unused(&subject).await {
                // Housekeeping comes by again.
                tracing::warn!(subject, %error, "unused credentials could not be looked for");
            }
        };
        self.tasks().spawn(work.in_current_span());
    }

    async fn let_go_if_unused(&self, subject: &str) -> Result<(), StoreError> {
        let connections = self.vault().list(subject).await?;
        if connections.is_empty() || self.has_use_for_credentials(subject).await? {
            return Ok(());
        }
        for connection in connections {
            self.drop_credential(subject, &connection.provider).await?;
            let provider = connection.provider;
            tracing::info!(
                provider,
                subject,
                "a credential that nothing uses has ended"
            );
        }
        Ok(())
    }

    /// Whether a client may act for the person, or they are signed in somewhere.
    async fn has_use_for_credentials(&self, subject: &str) -> Result<bool, StoreError> {
        let Some(user) = self.users().find(subject).await? else {
            return Ok(false);
        };
        Ok(!self.sessions().of(&user).await?.is_empty()
            || !self.grants().of(subject).await?.is_empty())
    }

    /// One round of housekeeping, for what ended by itself: a part of all credentials each time.
    ///
    /// Nobody waits for it, and a round that takes long is the only one.
    pub(crate) fn sweep_credentials_soon(&self) {
        let server = self.clone();
        let work = async move {
            if let Err(error) = server.sweep_credentials().await {
                tracing::warn!(%error, "unused credentials could not be looked for");
            }
        };
        self.tasks().spawn(work.in_current_span());
    }

    async fn sweep_credentials(&self) -> Result<(), StoreError> {
        let Ok(mut cursor) = self.credential_rounds().0.try_lock() else {
            return Ok(());
        };
        let page = Page {
            limit: PER_ROUND,
            before: cursor.take(),
        };
        let (subjects, next) = self.vault().holders(page).await?;
        *cursor = next;
        for subject in subjects {
            self.let_go_if_unused(&subject).await?;
        }
        Ok(())
    }
}
