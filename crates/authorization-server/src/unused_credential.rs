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
            self.let_go_of(subject, &connection.provider).await?;
        }
        Ok(())
    }

    /// Ends what `provider` issued for a person, unless they have come back meanwhile.
    ///
    /// Whoever signs in has a session before a new credential is kept, or uses the old one. So it is
    /// taken away first, and then looked for a use once more before it ends for good.
    async fn let_go_of(&self, subject: &str, provider: &str) -> Result<(), StoreError> {
        let vault = self.vault();
        let Some(credential) = vault.remove(subject, provider).await? else {
            return Ok(());
        };
        if self.has_use_for_credentials(subject).await? {
            if vault.get(subject, provider).await?.is_none() {
                vault.put(subject, provider, &credential).await?;
            }
            return Ok(());
        }
        self.revoke_there(subject, provider, &credential).await;
        tracing::info!(
            provider,
            subject,
            "a credential that nothing uses has ended"
        );
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use delegation::Credential;
    use http::HeaderMap;
    use oauth::client::fetch::{Fetch, Scripted};
    use oauth::issuer::Issuer;
    use oauth::random::OsRandom;
    use oauth::resource::ResourceIndicator;
    use oauth::scope::Scope;
    use oauth::secret::Secret;
    use oauth::time::{ManualClock, NumericDate};
    use store::{KeyRing, SqliteStore};

    use super::*;
    use crate::address::ClientAddress;
    use crate::server::Parts;
    use crate::session::Proof;
    use crate::settings::{Resource, Settings};
    use crate::user::NewUser;

    async fn server() -> AuthorizationServer {
        let clock = Arc::new(ManualClock::at(NumericDate(1_800_000_000)));
        let issuer = Issuer::parse("https://as.example").unwrap();
        let parts = Parts {
            store: Arc::new(SqliteStore::in_memory(clock.clone()).await.unwrap()),
            keys: Arc::new(KeyRing::ephemeral(&OsRandom)),
            clock,
            random: Arc::new(OsRandom),
            fetch: Fetch::through(Scripted::default()),
        };
        let todo = Resource {
            indicator: ResourceIndicator::parse("https://mcp.example/todo/mcp").unwrap(),
            name: "Todo manager".into(),
            scopes: Scope::default(),
        };
        let settings = Settings::new(issuer, vec![todo]);
        AuthorizationServer::start(settings, parts).await.unwrap()
    }

    /// Housekeeping has seen that nothing uses the credential, and then somebody is faster.
    #[tokio::test]
    async fn who_comes_back_meanwhile_keeps_what_was_issued_for_them() {
        let server = server().await;
        let new = NewUser {
            username: "kim".into(),
            password: None,
            name: None,
            email: None,
            email_verified: false,
            roles: Vec::new(),
        };
        let kim = server.users().create(new).await.unwrap();
        let credential = Credential {
            access_token: "upstream".into(),
            refresh_token: None,
            expires_at: None,
            refresh_expires_at: None,
            scope: None,
        };
        let (vault, who) = (server.vault(), kim.subject.as_str());
        vault.put(who, "naver", &credential).await.unwrap();
        assert!(!server.has_use_for_credentials(who).await.unwrap());
        let proof = Proof::Elsewhere {
            provider: "naver",
            signed_in_at: None,
        };
        let browser = Secret::from("browser").hash();
        let (nowhere, headers) = (ClientAddress(None), HeaderMap::new());
        let begun = server
            .sessions()
            .begin(&kim, proof, browser, nowhere, &headers);
        begun.await.unwrap();
        server.let_go_of(who, "naver").await.unwrap();
        assert!(vault.get(who, "naver").await.unwrap().is_some());

        server.sessions().end_all(who, None).await.unwrap();
        server.let_go_of(who, "naver").await.unwrap();
        assert!(vault.get(who, "naver").await.unwrap().is_none());
    }
}
