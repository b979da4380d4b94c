//! The vault: upstream credentials, sealed, one for each person and provider.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::secret::Secret;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize, Serializer};
use store::{Collection, KeyRing, Kind, ListBy, Page, Record, SharedStore, StoreError, Versioned};

use crate::credential::{Connection, Credential};

/// A connection as it is stored, sealed. Nothing else writes these secrets out.
#[derive(Debug, Serialize, Deserialize)]
struct StoredConnection {
    subject: String,
    provider: String,
    #[serde(serialize_with = "expose")]
    access_token: Secret,
    #[serde(serialize_with = "expose_some")]
    refresh_token: Option<Secret>,
    expires_at: Option<NumericDate>,
    refresh_expires_at: Option<NumericDate>,
    scope: Option<String>,
    /// From when on the next access token is asked for, where that has been decided.
    #[serde(default)]
    renew_at: Option<NumericDate>,
    /// When it was last renewed.
    #[serde(default)]
    renewed_at: Option<NumericDate>,
    /// When the provider said that it has ended: the marker of a dead token.
    #[serde(default)]
    ended_at: Option<NumericDate>,
}

fn expose<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

#[expect(
    clippy::ref_option,
    reason = "serde calls it with a reference to the field"
)]
fn expose_some<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

impl Record for StoredConnection {
    const KIND: Kind = Kind::new("credential");
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.subject)
    }

    fn expires_at(&self) -> Option<NumericDate> {
        self.credential().ends_at()
    }

    fn may_be_lost(&self) -> bool {
        // Whoever has just signed in does so again. What the provider has renewed cannot be had a second time, which is
        // when `renew_at` is set, and that it has ended must stay.
        self.renew_at.is_none() && self.ended_at.is_none()
    }
}

impl StoredConnection {
    fn new(subject: &str, provider: &str, credential: &Credential) -> Self {
        let credential = credential.clone();
        Self {
            subject: subject.to_owned(),
            provider: provider.to_owned(),
            access_token: credential.access_token,
            refresh_token: credential.refresh_token,
            expires_at: credential.expires_at,
            refresh_expires_at: credential.refresh_expires_at,
            scope: credential.scope,
            renew_at: None,
            renewed_at: None,
            ended_at: None,
        }
    }

    fn credential(&self) -> Credential {
        Credential {
            access_token: self.access_token.clone(),
            refresh_token: self.refresh_token.clone(),
            expires_at: self.expires_at,
            refresh_expires_at: self.refresh_expires_at,
            scope: self.scope.clone(),
        }
    }
}

/// A credential as it was read, to be changed only while it is still what is stored.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) credential: Credential,
    pub(crate) renew_at: Option<NumericDate>,
    pub(crate) renewed_at: Option<NumericDate>,
    pub(crate) has_ended: bool,
    stored: Versioned<StoredConnection>,
}

impl Held {
    /// Whether this is what `other` was made of: nobody has put anything else in its place since.
    pub(crate) fn holds_tokens_of(&self, other: &Credential) -> bool {
        let hash = |token: &Option<Secret>| token.as_ref().map(Secret::hash);
        hash(&self.credential.refresh_token) == hash(&other.refresh_token)
            && self.credential.access_token.hash() == other.access_token.hash()
    }
}

/// Where upstream credentials are kept: by our user's subject and the provider's id.
///
/// A credential that has ended and cannot be renewed is absent; the person connects again.
#[derive(Clone, Debug)]
pub struct Vault {
    connections: Collection<StoredConnection>,
}

impl Vault {
    /// The vault in `store`, sealed with `keys`.
    pub fn new(store: SharedStore, keys: Arc<KeyRing>) -> Self {
        Self {
            connections: Collection::new(store, keys),
        }
    }

    /// Keeps what `provider` issued for `subject`, in place of what it issued before.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub async fn put(
        &self,
        subject: &str,
        provider: &str,
        credential: &Credential,
    ) -> Result<(), StoreError> {
        let connection = StoredConnection::new(subject, provider, credential);
        self.connections
            .put(&key(subject, provider), &connection)
            .await
    }

    /// What `provider` issued for `subject`, unless it has said that this has ended.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or the credential cannot be opened.
    pub async fn get(
        &self,
        subject: &str,
        provider: &str,
    ) -> Result<Option<Credential>, StoreError> {
        let held = self.find(subject, provider).await?;
        Ok(held
            .filter(|held| !held.has_ended)
            .map(|held| held.credential))
    }

    /// What is stored, also when it has ended.
    pub(crate) async fn find(
        &self,
        subject: &str,
        provider: &str,
    ) -> Result<Option<Held>, StoreError> {
        let connection = self.connections.get(&key(subject, provider)).await?;
        Ok(connection.map(|stored| Held {
            credential: stored.credential(),
            renew_at: stored.renew_at,
            renewed_at: stored.renewed_at,
            has_ended: stored.ended_at.is_some(),
            stored,
        }))
    }

    /// Writes the successor of `held`; `false` when somebody else has changed or removed it.
    pub(crate) async fn succeed(
        &self,
        held: &Held,
        next: &Credential,
        renew_at: NumericDate,
        renewed_at: Option<NumericDate>,
    ) -> Result<bool, StoreError> {
        let StoredConnection {
            subject, provider, ..
        } = &held.stored.record;
        let next = StoredConnection {
            renew_at: Some(renew_at),
            renewed_at,
            ..StoredConnection::new(subject, provider, next)
        };
        self.connections.replace(&held.stored, &next).await
    }

    /// Marks `held` as ended; `false` when somebody else has changed or removed it.
    pub(crate) async fn end(&self, held: &Held, now: NumericDate) -> Result<bool, StoreError> {
        let StoredConnection {
            subject, provider, ..
        } = &held.stored.record;
        let ended = StoredConnection {
            ended_at: Some(now),
            ..StoredConnection::new(subject, provider, &held.credential)
        };
        self.connections.replace(&held.stored, &ended).await
    }

    /// Forgets what `provider` issued for `subject`, and returns it: of racing callers exactly one
    /// gets it, and can revoke it at the provider.
    ///
    /// # Errors
    ///
    /// When the store cannot be written, or the credential cannot be opened.
    pub async fn remove(
        &self,
        subject: &str,
        provider: &str,
    ) -> Result<Option<Credential>, StoreError> {
        let connection = self.connections.take(&key(subject, provider)).await?;
        Ok(connection.map(|connection| connection.credential()))
    }

    /// The people of one page of all connections, each once, and the cursor of the next page; no
    /// cursor when this was the last one.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or a credential cannot be opened.
    pub async fn holders(
        &self,
        page: Page,
    ) -> Result<(BTreeSet<String>, Option<String>), StoreError> {
        let found = self.connections.list(ListBy::All, page.clone()).await?;
        let cursor = page.next(&found);
        let holders = found
            .into_iter()
            .map(|connection| connection.record.subject);
        Ok((holders.collect(), cursor))
    }

    /// Every provider that `subject` is connected to, the newest connection first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or a credential cannot be opened.
    pub async fn list(&self, subject: &str) -> Result<Vec<Connection>, StoreError> {
        let found = self.connections.all(ListBy::Owner(subject)).await?;
        let connections = found.into_iter().map(|connection| Connection {
            credential: connection.credential(),
            has_ended: connection.ended_at.is_some(),
            provider: connection.record.provider,
        });
        Ok(connections.collect())
    }
}

/// A key of fixed length, whatever stands in the names; no two pairs of names give the same one.
pub(crate) fn key(subject: &str, provider: &str) -> String {
    let mut context = Context::new(&SHA256);
    for part in [subject, provider] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_had_again_may_be_lost() {
        let credential = Credential {
            access_token: Secret::from("access"),
            refresh_token: None,
            expires_at: None,
            refresh_expires_at: None,
            scope: None,
        };
        let fresh = || StoredConnection::new("alice", "naver", &credential);
        assert!(fresh().may_be_lost());
        let at = Some(NumericDate(1));
        for changed in [
            StoredConnection {
                renew_at: at,
                ..fresh()
            },
            StoredConnection {
                ended_at: at,
                ..fresh()
            },
        ] {
            assert!(!changed.may_be_lost(), "{changed:?}");
        }
    }
}
