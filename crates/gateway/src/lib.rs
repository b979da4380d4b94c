//! The gateway: any MCP server behind one guarded endpoint, for every protocol revision.
//!
//! A request comes in by one of the [`front`]s, which understand clients of one kind each; it is decided
//! upon ([`guarded`]), and goes out to a server ([`server::McpServer`]) that understands upstreams of one
//! kind each. In between it is of no revision, so every client reaches every server, and each side is
//! written once. Where both sides speak alike over HTTP, messages pass as they are ([`passage`]).

mod catalog;
mod charge;
mod endpoint;
mod farewell;
mod federation;
mod front;
mod gateway;
mod guarded;
mod guests;
mod house;
mod json;
mod last_lists;
mod listing;
mod message;
mod narrow;
mod outlet;
mod passage;
mod passing_body;
mod passing_news;
mod pins;
pub mod policy;
mod recording;
mod redacted_stream;
mod redaction;
mod revision;
mod schemas;
mod server;
mod session;
mod share;
pub mod upstream;
mod visit;

pub use endpoint::{Origin, RequestId};
pub use gateway::{Arrangement, Exposed, Gateway, Mount, Parts, Plan};
pub use guests::Revoked;
pub use pins::ToolPin;
pub use revision::{Era, Revision};
pub use session::SessionKeys;
