//! The gateway: any MCP server behind one guarded endpoint, for every protocol revision.
//!
//! A request comes in by one of the fronts ([`endpoint`]), which understand clients of one era each; it is
//! decided upon, and goes out to a server ([`server::McpServer`]) that understands upstreams of one kind
//! each. In between it is of no revision, so every client reaches every server, and each side is
//! written once. Where both sides speak alike over HTTP, messages pass as they are.

mod catalog;
mod federation;
mod front;
mod json;
mod listing;
mod message;
mod revision;
mod server;
mod session;
pub mod upstream;
mod visit;

pub use revision::{Era, Revision};
pub use session::SessionKeys;
