//! An MCP server as the gateway sees it, of whatever revision and behind whatever transport.

use std::time::Duration;

use async_trait::async_trait;

use crate::json::Raw;
use crate::message::{Notification, Request, RpcError};
use crate::outlet::Outlet;
use crate::revision::Revision;
use crate::visit::Visit;

/// What a server says about itself: `initialize` and `server/discover` without what differs.
#[derive(Clone, Debug)]
pub(crate) struct Introduction {
    /// The revision that is spoken with it.
    pub(crate) revision: Revision,
    /// Its capabilities, as it wrote them.
    pub(crate) capabilities: Raw,
    /// Its name and version (`serverInfo`), as it wrote them.
    pub(crate) info: Option<Raw>,
    /// Its words to a model.
    pub(crate) instructions: Option<Raw>,
}

/// Which news a client wants outside of its requests (`subscriptions/listen`, or the GET stream).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for itself in the standard"
)]
pub(crate) struct Interest {
    pub(crate) tools_list_changed: bool,
    pub(crate) prompts_list_changed: bool,
    pub(crate) resources_list_changed: bool,
    /// The resources whose changes it wants, by URI.
    pub(crate) resources: Vec<String>,
    /// Log messages, and whatever else the server has to say: the GET stream of a session.
    pub(crate) everything: bool,
}

/// Why a request has no result.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The server's answer is an error, which is passed on as it was written.
    Rpc(RpcError),
    /// The server cannot be reached, does not answer in time, or answers what is no MCP. The text is for
    /// the client: it names the server by its name in the settings, and nothing internal.
    Unavailable {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// The caller may not do this, or the personal data in it may not pass. The client is told `error`;
    /// `code` is the reason in records.
    Refused { error: RpcError, code: &'static str },
    /// The caller has to connect an account first. The error asks them to, by the code of 2025-11-25 for
    /// that, or in words, for clients that cannot be asked otherwise.
    NotConnected(RpcError),
    /// The revisions of client and server have no words in common for this; the text says for what.
    Untranslatable(String),
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

/// An MCP server.
///
/// Implementations translate: what is asked and answered here is of no revision. Results are the
/// `result` member as the server wrote it. A result of 2026-07-28 that asks for input is passed on as it
/// is when the visiting client is of that revision too, and turned into questions otherwise.
///
/// Dropping the future of a call cancels it, and the server is told.
#[async_trait]
pub(crate) trait McpServer: Send + Sync + 'static {
    /// What the server says about itself to this visit.
    async fn introduction(&self, visit: &Visit) -> Result<Introduction, Failure>;

    /// Carries out one request. Progress, log messages and questions of the server come through `outlet`.
    async fn call(&self, visit: &Visit, request: Request, outlet: &Outlet) -> Result<Raw, Failure>;

    /// Passes a notification of the client on. Nobody learns whether it arrived.
    async fn notify(&self, visit: &Visit, notification: Notification);

    /// Passes on what the server says outside of calls, until it is dropped or the server is gone.
    async fn listen(
        &self,
        visit: &Visit,
        interest: Interest,
        outlet: &Outlet,
    ) -> Result<(), Failure>;

    /// The session of the visit has ended; what was kept for it can go.
    async fn leave(&self, visit: &Visit);
}
