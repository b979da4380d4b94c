//! What the OAuth standards say, and the client role.
//!
//! A file is a concept under its standard name; its first line names the standard.
//! Nothing here does I/O except [`client`], the client role (feature `client`).

pub mod random;
pub mod secret;
pub mod time;
