//! The whole house, as a child process on a free port: one file per story.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod audit;
mod broken_starts;
mod config_check;
mod demo;
mod foreign;
mod gateway;
mod house;
mod http_client;
mod keys;
mod lab;
mod management;
mod policy;
mod restart;
mod serve;
mod users;
