//! A connection to a child process: a message is a line (MCP stdio transport).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::behalf::Behalf;
use super::board::Board;
use super::link::{Link, Outgoing};
use super::replies::Replies;
use super::trouble::Trouble;
use super::wire;
use crate::narrow;

/// The gateway's end of a child's standard input and output.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) board: Arc<Board>,
    pub(super) out: narrow::Sender<String>,
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
        let bytes = text.len();
        match timeout(self.patience, self.out.put(text, bytes)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Trouble::Lost("has ended")),
            Err(_) => Err(Trouble::Silent("does not read what it is sent")),
        }
    }

    fn send_later(&self, mut text: String, _behalf: Behalf<'_>) {
        wire::on_one_line(&mut text);
        // A child that does not read will not miss it.
        let bytes = text.len();
        self.out.try_put(text, bytes);
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
