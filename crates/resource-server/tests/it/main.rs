//! The guard from outside: requests go through the router, in front of a real MCP server.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod browser;
mod cache;
mod connections;
mod credentials;
mod discovery;
mod dpop;
mod messages;
mod outage;
mod sessions;
mod support;
mod tokens;
mod tools;
