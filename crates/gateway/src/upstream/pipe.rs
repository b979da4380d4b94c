//! A connection to a child process: a message is a line (MCP stdio transport).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio_util::sync::CancellationToken;

use super::behalf::Behalf;
use super::board::Board;
use super::link::{Link, Outgoing};
use super::replies::Replies;
use super::trouble::Trouble;
use super::wire;

/// The gateway's end of a child's standard input and output.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) board: Arc<Board>,
    pub(super) out: mpsc::Sender<String>,
    /// The child is ending.
    pub(super) gone: CancellationToken,
    /// Ends the child.
    pub(super) stop: CancellationToken,
    /// Nothing is left of the child.
    pub(super) finished: CancellationToken,
    pub(super) patience: Duration,
}

#[async_trait]
impl Link for Pipe {
    async fn request(&self, request: Outgoing<'_>) -> Result<Option<Replies>, Trouble> {
        self.send(request.text, request.behalf).await?;
        Ok(None)
    }

    async fn send(&self, mut text: String, _behalf: Behalf<'_>) -> Result<(), Trouble> {
        if self.is_gone() {
            return Err(Trouble::Lost("has ended"));
        }
        wire::on_one_line(&mut text);
        let sent = self.out.send_timeout(text, self.patience).await;
        sent.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => Trouble::Silent("does not read what it is sent"),
            SendTimeoutError::Closed(_) => Trouble::Lost("has ended"),
        })
    }

    fn send_later(&self, mut text: String, _behalf: Behalf<'_>) {
        wire::on_one_line(&mut text);
        // A child that does not read will not miss it.
        let _ = self.out.try_send(text);
    }

    fn is_gone(&self) -> bool {
        self.gone.is_cancelled() || self.stop.is_cancelled()
    }

    async fn end(&self) {
        self.stop.cancel();
        self.board.close();
        self.finished.cancelled().await;
    }
}

/// A child that nobody holds any more ends.
impl Drop for Pipe {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
