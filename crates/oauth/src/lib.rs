//! What the OAuth standards say, and the client role.
//!
//! A file is a concept under its standard name; its first line names the standard.
//! Nothing here does I/O except `client`, the client role (feature `client`).
#![deny(missing_docs)]

pub mod actor;
pub mod address;
pub mod challenge;
#[cfg(feature = "client")]
pub mod client;
pub mod client_metadata;
pub mod dpop;
pub mod error;
pub mod grant_type;
pub mod issuer;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod jwt;
pub mod md5;
#[cfg(feature = "client")]
pub mod media_type;
pub mod messages;
pub mod metadata;
pub mod pkce;
pub mod random;
pub mod redirect_uri;
pub mod resource;
pub mod scope;
pub mod secret;
pub mod signing_key;
pub mod time;
pub mod token_type;
