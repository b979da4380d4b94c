//! The client role: HTTP out, discovery and key sets (RFC 6749 §1.1).

pub mod discovery;
pub mod fetch;
pub mod key_set;
