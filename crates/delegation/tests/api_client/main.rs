//! Stories of the API client: whose credential a call carries, and what its caller sees.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod calls;
mod faults;
mod log;
mod secrets;
mod service;
mod world;
