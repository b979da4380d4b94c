//! What the lab asks of the authorization server that it stands beside.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use oauth::metadata::AuthorizationServerMetadata;
use oauth::scope::Scope;
use oauth::secret::Secret;
use resource_server::Caller;
use serde::Serialize;

/// An authorization server, as far as the lab looks into it. Whoever embeds one implements this.
#[async_trait]
pub trait Authority: fmt::Debug + Send + Sync + 'static {
    /// What it says about itself to everybody.
    fn metadata(&self) -> AuthorizationServerMetadata;

    /// What it knows of itself besides.
    async fn facts(&self) -> Result<Facts, Unavailable>;

    /// Issues a token to the client of the caller and for the same person: for this server, with `asked`
    /// of the caller's own scopes or all of them, for `lifetime` at most. It is recorded.
    async fn issue(
        &self,
        caller: &Caller,
        asked: Option<&Scope>,
        lifetime: Duration,
    ) -> Result<TestToken, IssueError>;
}

/// The state of an authorization server.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The keys that sign and verify, the newest first; their public side alone.
    pub signing_keys: Vec<SigningKey>,
    /// After how long a signing key gets a successor, in seconds.
    pub signing_key_lifetime: u64,
    /// How long access tokens are good, in seconds.
    pub access_token_lifetime: u64,
    /// How many clients are known.
    pub clients: Count,
    /// How many grants are alive.
    pub grants: Count,
    /// Where answers for registered clients go.
    pub redirect_uris: Vec<String>,
    /// What is looked at to know whether the house is well, by name.
    pub health: BTreeMap<String, bool>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// As many as were counted.
    pub count: usize,
    /// Whether there are more.
    pub or_more: bool,
}

/// A key that signs or verifies tokens.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Its name in tokens and in the key set.
    pub kid: String,
    /// Its algorithm.
    pub alg: String,
    /// `next`, `signing` or `retired`.
    pub state: &'static str,
    /// From when on it signs, in seconds since 1970.
    pub signs_from: i64,
    /// When it leaves the key set, if it has a successor.
    pub published_until: Option<i64>,
}

/// A token that was issued for a test.
#[derive(Clone, Debug)]
pub struct TestToken {
    /// The token.
    pub access_token: Secret,
    /// How it is sent.
    pub token_type: String,
    /// Seconds until it ends.
    pub expires_in: u64,
    /// What it may do.
    pub scope: Scope,
}

/// There is no such token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The caller cannot have it; the sentence says why.
    #[error("{0}")]
    Refused(String),
    /// It cannot be had now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The authorization server cannot answer now; its log says why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the authorization server cannot be asked now; try again later")]
pub struct Unavailable;
