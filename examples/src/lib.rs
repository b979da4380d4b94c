//! Example MCP servers, built on the `resource-server` library as any author would.
//!
//! [`whoami`] tells callers who they are, [`todo`] keeps their todos by scopes, roles and ownership,
//! and [`hello`] is a plain HTTP endpoint behind a scope. [`hybrid`] and [`naver`] call further APIs,
//! as the service and as the person who called; [`demo_api`] is such an API. [`lab`] lets callers try out OAuth and data protection. `sumun` serves them;
//! tests use them.

mod connecting;
pub mod demo_api;
pub mod hello;
pub mod hybrid;
pub mod lab;
pub mod naver;
mod sessions;
mod stateless;
pub mod todo;
mod tools;
pub mod whoami;

pub use connecting::{Account, Connecting};
pub use sessions::SessionService;
pub use stateless::McpService;
pub use tools::{ObserveTools, ToolOutcome};

/// The code in the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
