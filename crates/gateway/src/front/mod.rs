//! The sides of the gateway that face clients, one for each way in which clients speak (MCP transports).
//!
//! A front understands what a client says, and puts it to a [`McpServer`](crate::server::McpServer) in the
//! words of no revision; what the server says goes back in the client's own words.
//!
//! | clients | front |
//! |---|---|
//! | 2025-03-26 to 2025-11-25 over HTTP | [`sessions::Sessions`] |
//! | 2026-07-28 over HTTP | [`stateless::Stateless`] |
//! | 2024-11-05 over HTTP with an event stream | [`http_sse::HttpSse`] |
//! | all of them, over standard input and output | [`stdio`] |
//!
//! Whoever calls a front has authenticated the caller, has checked `Origin` and has read the body with
//! [`Message::parse`](resource_server::mcp::Message::parse), so that no message can be read in two ways.

mod accepts;
mod error;
mod events;
mod exchange;
pub(crate) mod http_sse;
mod lease;
mod needs;
mod results;
pub(crate) mod sessions;
pub(crate) mod stateless;
pub(crate) mod stdio;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use oauth::random::Random;
use oauth::time::Clock;
use resource_server::Caller;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use error::{Refusal, RpcResponse, failed};
pub(crate) use events::unless;
pub(crate) use lease::Lease;
pub(crate) use results::{for_stateless, without_tasks};
pub(crate) use wire::{id_key, no_batch};

use self::sessions::EndedSessions;
use crate::session::SessionKeys;
use crate::share::Most;

/// What a front needs from the house. Clones are cheap.
#[derive(Clone, Debug)]
pub(crate) struct FrontSettings {
    /// The name of the endpoint; its sessions are valid nowhere else.
    pub(crate) endpoint: Arc<str>,
    pub(crate) keys: SessionKeys,
    pub(crate) ended: EndedSessions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// Where calls go on whose client has hung up.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the house closes: streams end, and clients come back elsewhere.
    pub(crate) closing: CancellationToken,
    pub(crate) limits: Limits,
}

/// How much of what there may be, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The age at which a session has to be opened anew.
    pub(crate) session_age: Duration,
    /// How many requests of one endpoint may be under way.
    pub(crate) calls: Most,
    /// How many questions to clients may be open.
    pub(crate) questions: Most,
    /// How many calls of 2026-07-28 may wait for their client to come back with answers.
    pub(crate) parked: Most,
    /// How long they wait.
    pub(crate) parked_for: Duration,
    /// How long an answer is kept for a client whose connection broke.
    pub(crate) kept_for: Duration,
    /// How many such answers are kept.
    pub(crate) kept: usize,
    /// How long a client hears nothing before the answer becomes an event stream, and how often that says
    /// that it is still there.
    pub(crate) silence: Duration,
    /// The longest line on standard input.
    pub(crate) line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            session_age: Duration::from_hours(30 * 24),
            calls: Most::quartered(10_000),
            questions: Most::quartered(10_000),
            parked: Most::quartered(1_000),
            parked_for: Duration::from_mins(5),
            kept_for: Duration::from_mins(2),
            kept: 1_000,
            silence: Duration::from_secs(15),
            line_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Who is let in, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) caller: Caller,
    /// Cancelled when what lets the caller in is revoked. It is shared, so that it is known when nobody waits for
    /// it any more.
    pub(crate) revoked: Arc<CancellationToken>,
}

impl Guest {
    /// A guest whom nobody can throw out before their token ends.
    pub(crate) fn new(caller: Caller) -> Self {
        let revoked = Arc::default();
        Self { caller, revoked }
    }
}

#[cfg(test)]
pub(crate) mod tests;
