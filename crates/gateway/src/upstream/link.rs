//! A connection to a server, over whatever it is.

use std::fmt;

use async_trait::async_trait;
use http::HeaderMap;

use super::behalf::Behalf;
use super::replies::Replies;
use super::trouble::Trouble;
use crate::revision::Revision;

/// A request that goes out.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    /// The whole message.
    pub(super) text: String,
    /// What is mirrored in headers, where there are headers.
    pub(super) headers: HeaderMap,
    pub(super) behalf: Behalf<'a>,
}

/// A connection to a server.
#[async_trait]
pub(super) trait Link: fmt::Debug + Send + Sync + 'static {
    /// Sends a request. `None` means that what it brings comes over the board.
    async fn request(&self, request: Outgoing<'_>) -> Result<Option<Replies>, Trouble>;

    /// Sends what nobody answers: a notification, or an answer.
    async fn send(&self, text: String, behalf: Behalf<'_>) -> Result<(), Trouble>;

    /// The same for whoever cannot wait, with no word about what became of it.
    fn send_later(&self, text: String, behalf: Behalf<'_>);

    /// From now on messages may say that they speak `revision`.
    fn agree(&self, _revision: Revision) {}

    /// Sees to it that what the server says outside of requests comes over the board.
    fn open_ear(&self) {}

    /// Whether it has ended.
    fn is_gone(&self) -> bool;

    /// Ends it, and waits until nothing of it is left.
    async fn end(&self);
}
