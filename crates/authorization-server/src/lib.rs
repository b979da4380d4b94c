//! Who may get a token: an OAuth 2.1 authorization server to embed (RFC 6749, RFC 9700, MCP authorization).
//!
//! [`AuthorizationServer::start`] takes checked [`settings::Settings`] and the doors to the outside
//! ([`Parts`]); [`AuthorizationServer::router`] serves every endpoint and page. One record walks
//! through the whole flow: the grant, from the authorization request to its end.

mod access;
mod access_token;
mod address;
mod arrival;
mod assertion;
mod authorization_request;
mod bearer;
mod catalog;
mod client;
mod client_authentication;
mod connection;
mod consent;
mod cookies;
mod departure;
mod endpoint;
mod error;
mod finish;
mod form;
mod grant;
mod handle;
mod html;
mod id_token;
pub mod identity_provider;
mod invitation;
mod login_state;
mod logout_request;
pub mod manage;
mod narrowed;
mod page;
mod password;
mod possession;
mod reason;
mod recording;
mod revocation;
mod router;
mod server;
mod session;
pub mod settings;
mod signing_keys;
#[cfg(any(test, feature = "simulators"))]
pub mod simulators;
mod stranger;
pub mod text;
mod trusted_issuer;
mod unused_credential;
pub mod user;

pub use address::ClientAddress;
pub use narrowed::{NarrowError, NarrowedToken};
pub use reason::Reason;
pub use revocation::Revocation;
pub use server::{AuthorizationServer, Parts, StartError};
