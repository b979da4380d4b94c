//! The client role: HTTP out, discovery, key sets, and the code flow (RFC 6749 §1.1).

pub mod authorization;
pub mod discovery;
pub mod fetch;
pub mod id_token;
pub mod key_set;
pub mod token;
