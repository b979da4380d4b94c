//! Sumun and the real peers of `tests/interop`, each test with a house of its own: one file per story.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod clients;
mod conformance;
mod connecting;
mod delegated;
mod device;
mod driver;
#[expect(
    deprecated,
    reason = "clients of older revisions want sampling and log messages"
)]
mod exemplar;
mod fernet;
mod foreign_issuer;
mod gateway_conformance;
mod guarded;
#[path = "../it/house.rs"]
#[expect(dead_code, reason = "what it has for broken houses is not wanted here")]
mod house;
#[path = "../it/http_client.rs"]
mod http_client;
mod message;
mod pages;
mod people;
mod providers;
mod real_servers;
mod refresh;
mod revisions;
mod screenshots;
mod simulated;
mod step_up;
mod upstream;
