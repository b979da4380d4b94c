//! The example servers as a client meets them: protected, by JSON-RPC over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod client;
mod connecting;
mod demo_api;
mod hello;
mod lab;
mod todo;
mod whoami;
