//! The body of a request that is turned away before it is read (RFC 9112 §9.3, acceptance G3).

use std::mem;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use axum::body::Body;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// So long a body may come after its refusal: nobody who is unknown holds a connection for longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sees to it that a body which nobody wants is read to its end, and keeps nothing of it.
///
/// A server has to close a connection of which it has not read everything. Many clients send the head
/// of a request first and its body right after it; they would find their next request, such as the
/// search for the authorization server, cut off without an answer. What has not come yet is read while
/// the refusal is on its way already. What is longer than `max_bytes` is not waited for, nor what comes
/// too slowly: then the connection is better closed.
pub(super) fn discard(body: &mut Body, max_bytes: usize) {
    let mut unread = Unread {
        left: max_bytes as u64,
        body: mem::take(body),
    };
    let mut here = Context::from_waker(Waker::noop());
    if pin!(unread.read()).poll(&mut here).is_ready() {
        return;
    }
    // Without a runtime there is no connection either.
    if let Ok(runtime) = Handle::try_current() {
        // It is waited for by the connection, and nobody misses it.
        runtime.spawn(async move { timeout(PATIENCE, unread.read()).await });
    }
}

struct Unread {
    body: Body,
    left: u64,
}

impl Unread {
    async fn read(&mut self) {
        while self.body.size_hint().lower() <= self.left {
            let Some(Ok(frame)) = self.body.frame().await else {
                return;
            };
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            let Some(left) = self.left.checked_sub(length) else {
                return;
            };
            self.left = left;
        }
    }
}
