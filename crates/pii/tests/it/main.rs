//! How well personal data is found, and that nothing is lost on the way.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![expect(clippy::cast_possible_truncation, reason = "numbers here are small")]

mod adversary;
mod clerk;
mod generator;
mod held_out;
mod policy;
mod quality;
mod secure_tool;
mod stranger;
