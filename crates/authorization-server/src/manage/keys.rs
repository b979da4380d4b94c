//! The keys that sign tokens (RFC 7517), and their rotation.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Listing, ManageError, Management};

/// What a key does at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is published, and will sign when every cache of key sets has it.
    Next,
    /// It signs.
    Signing,
    /// It verifies tokens that it has signed, until the last of them has ended.
    Retired,
}

/// A public key that verifies tokens.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Key")]
pub struct KeyView {
    /// The name of the key in tokens and in the key set.
    pub kid: String,
    /// The algorithm.
    pub alg: String,
    /// What it does at this moment.
    pub state: KeyState,
    /// From when on it signs, in seconds since 1970.
    pub signs_from: i64,
    /// When it leaves the key set, in seconds since 1970; absent while it has no successor.
    pub published_until: Option<i64>,
}

impl Management {
    /// Every key that verifies tokens, the newest first.
    pub async fn keys(&self) -> Result<Listing<KeyView>, ManageError> {
        let server = &self.server;
        Ok(Listing::whole(
            server.signing_keys().list(server.now()).await?,
        ))
    }

    /// Makes the next signing key now. It takes over when every cache of key sets has it; tokens
    /// that are out stay good.
    pub async fn rotate_signing_key(&self) -> Result<KeyView, ManageError> {
        let server = &self.server;
        server.signing_keys().rotate(server.now()).await?;
        let newest = self.keys().await?.items.into_iter().next();
        let newest = newest.ok_or_else(|| ManageError::unknown("key", "newest"))?;
        self.log("signing key made", &newest.kid);
        Ok(newest)
    }
}
