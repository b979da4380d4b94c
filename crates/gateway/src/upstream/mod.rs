//! The MCP servers behind the gateway: how each is reached.

mod settings;

pub use settings::{Children, ForwardIdentity, Transport, UpstreamCredential, UpstreamSettings};
