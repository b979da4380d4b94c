//! Example MCP servers, built on the `resource-server` library as any author would.
//!
//! [`whoami`] tells callers who they are, [`todo`] keeps their todos by scopes, roles and ownership,
//! and [`hello`] is a plain HTTP endpoint behind a scope. `sumun` serves them; tests use them.

pub mod hello;
mod stateless;
pub mod todo;
pub mod whoami;

pub use stateless::McpService;

/// The code in the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
