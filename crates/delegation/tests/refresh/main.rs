//! Stories of the valid token: who gets one, and how often a provider is asked.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod faults;
mod house;
mod interleavings;
mod processes;
mod provider;
mod stampede;
