//! Invitations: addresses at which one person, and nobody else, connects an account (MCP elicitation, URL mode).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use store::StoreError;

/// Whoever has pages on which people connect accounts.
///
/// An authorization server of this project is one. A server without one implements it over pages of
/// its own, and must keep the promises below: they are what keeps the account of one person from
/// ending up with another (MCP 2025-11-25, URL mode elicitation, phishing).
#[async_trait]
pub trait InviteToConnect: fmt::Debug + Send + Sync + 'static {
    /// An address at which `invited.subject` connects the account.
    ///
    /// The page must be of use only to somebody who is signed in as that person, and opening it
    /// must give nobody any right. Asked again while an invitation is open, it may be the same one.
    async fn invite(&self, invited: &Invited<'_>) -> Result<Invitation, StoreError>;
}

/// Who is invited, and to what.
#[derive(Clone, Copy, Debug)]
pub struct Invited<'a> {
    /// The verified caller.
    pub subject: &'a str,
    /// The provider at which the account is.
    pub provider: &'a str,
    /// What the person knows the server by that asks for it.
    pub server: &'a str,
}

/// An address at which somebody connects an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Which one it is; it names nobody.
    pub id: String,
    /// The address.
    pub url: String,
    /// For how long it is open.
    pub lifetime: Duration,
}
