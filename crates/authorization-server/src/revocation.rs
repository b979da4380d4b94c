//! The end of tokens, told to everyone who remembers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError};
use tokio::sync::broadcast;

/// Something ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// A grant, and with it every token that names it (`grant_id`).
    Grant(String),
    /// One access token that does not end with a grant, or before it, by its `jti`.
    Token(String),
    /// A client, and with it every token that was issued to it (`client_id`).
    Client(String),
}

/// A revoked access token whose grant, if it has one, lives on: one from client credentials, or an
/// exchanged one.
#[derive(Debug, Serialize, Deserialize)]
struct RevokedToken {
    expires_at: NumericDate,
}

impl Record for RevokedToken {
    const KIND: Kind = Kind::new("revoked_token");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

/// Remembers revoked tokens until they would have ended anyway, and tells listeners.
#[derive(Debug)]
pub(crate) struct Revocations {
    tokens: Collection<RevokedToken>,
    listeners: broadcast::Sender<Revocation>,
    /// How many were told, for listeners that ask often.
    told: AtomicU64,
}

impl Revocations {
    pub(crate) fn new(store: &SharedStore, keys: &Arc<KeyRing>) -> Self {
        let tokens = Collection::new(Arc::clone(store), Arc::clone(keys));
        Self {
            tokens,
            listeners: broadcast::Sender::new(1024),
            told: AtomicU64::new(0),
        }
    }

    /// Remembers that the token `jti` is revoked, until `expires_at`.
    pub(crate) async fn revoke(
        &self,
        jti: &str,
        expires_at: NumericDate,
    ) -> Result<(), StoreError> {
        self.tokens.put(jti, &RevokedToken { expires_at }).await?;
        self.tell(Revocation::Token(jti.to_owned()));
        Ok(())
    }

    pub(crate) async fn is_revoked(&self, jti: &str) -> Result<bool, StoreError> {
        Ok(self.tokens.get(jti).await?.is_some())
    }

    /// Tells listeners; that nobody listens is fine.
    pub(crate) fn tell(&self, revocation: Revocation) {
        let _ = self.listeners.send(revocation);
        // Counted when it is there to be received: whoever sees the count finds what was counted.
        self.told.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::SeqCst)
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Revocation> {
        self.listeners.subscribe()
    }
}
