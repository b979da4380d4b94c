//! The MCP servers behind the gateway: how each is reached.
//!
//! An [`Upstream`] is an [`McpServer`](crate::server::McpServer) whatever it speaks: a request is of no
//! revision here, and [`stateless`] or [`sessions`] say it in the words of the server, over a
//! [`link`] of any kind. Connections wait in a [`pool`], and a [`health::Breaker`] keeps storms away.

mod account;
mod auth_types;
mod behalf;
mod board;
mod connect;
mod connections;
mod credential;
mod credentials;
mod event_stream;
mod health;
mod http;
mod identity;
mod link;
mod listening;
mod memory;
pub(crate) mod mirror;
mod open;
mod pipe;
mod pool;
mod process;
mod questions;
mod queue;
mod replies;
mod server;
mod session;
mod sessions;
mod settings;
mod sse;
mod stateless;
mod stateless_http;
mod stdio;
mod streamable;
mod subscription;
mod talk;
mod trouble;
mod wire;
mod wishes;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use oauth::client::fetch::Fetch;
use oauth::random::Random;
use oauth::time::Clock;
use tokio::sync::Semaphore;

pub use account::Accounts;
pub use auth_types::AuthTypes;
pub use connect::{InvalidUpstream, connect};
pub use health::{Health, State};
pub use http::HttpClient;
pub(crate) use http::Payload;
pub use identity::SignIdentity;
pub use process::{ContainerCommand, ContainerVerb};
pub use server::Upstream;
pub use settings::{
    Children, ForwardIdentity, TokenPlace, Transport, UpstreamCredential, UpstreamSettings,
    UserToken,
};

/// What all upstreams share.
#[derive(Clone, Debug)]
pub struct UpstreamParts {
    /// The connections over HTTP.
    pub http: HttpClient,
    /// The door for OAuth: tokens of the gateway's own.
    pub fetch: Fetch,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// The public address of the gateway: who it is that says who calls.
    pub issuer: String,
    /// What signs that, if anything does.
    pub signer: Option<Arc<dyn SignIdentity>>,
    /// Where the tokens of people are, for upstreams that are called with them.
    pub accounts: Option<Accounts>,
    /// What of its own environment the gateway lets children see: `PATH`, `HOME`, `LANG` and `TMPDIR`.
    pub environment: BTreeMap<String, String>,
    /// How many children may start at once, over all upstreams.
    pub starts: Arc<Semaphore>,
}
