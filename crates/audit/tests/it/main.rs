//! The log as those who use it see it.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod appending;
mod crashing;
mod indices;
mod measuring;
mod recovering;
mod reporting;
mod support;
mod tampering;
mod watching;
