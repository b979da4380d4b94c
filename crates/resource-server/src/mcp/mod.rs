//! What an MCP endpoint needs beyond a bearer token (MCP authorization, Streamable HTTP).

mod access;
#[cfg(feature = "axum")]
mod batch;
pub mod elicitation;
#[cfg(feature = "axum")]
mod endpoint;
#[cfg(feature = "axum")]
mod entrance;
mod envelope;
#[cfg(feature = "axum")]
mod fault;
#[cfg(feature = "axum")]
mod headers;
#[cfg(feature = "axum")]
mod listing;
pub mod names;
#[cfg(feature = "axum")]
mod origin;
#[cfg(feature = "axum")]
mod session;
#[cfg(feature = "axum")]
mod unread;

pub use access::ToolAccess;
#[cfg(feature = "rmcp")]
pub use elicitation::AskByUrl;
pub use elicitation::{
    ELICITATION_COMPLETE, ElicitationAnswer, PersonAnswer, UrlElicitation, UrlMode,
};
#[cfg(feature = "axum")]
pub use endpoint::McpEndpoint;
#[cfg(feature = "axum")]
pub(crate) use endpoint::Protection;
#[cfg(feature = "axum")]
pub use entrance::{Entrance, Visitor, compare_headers, refuse_body};
pub use envelope::{Envelope, EnvelopeError, Message, is_stateless};
#[cfg(feature = "axum")]
pub(crate) use origin::AllowedOrigins;
#[cfg(feature = "axum")]
pub(crate) use session::SessionBinding;
