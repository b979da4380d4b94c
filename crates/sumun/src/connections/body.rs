//! The body of a request, which has to come in time (RFC 9110 §15.5.9, acceptance G3).

use std::error::Error;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

/// A body that fails once it has been waited for as long as `limit`.
///
/// Who sends a head and never the rest would hold the connection for ever, and needs no token for it:
/// a token is looked at before the body, and a body before it is known what it is. The limit is for the
/// whole body, since one byte now and then would keep any shorter one.
#[derive(Debug)]
pub(super) struct InTime {
    body: Incoming,
    limit: Duration,
    /// Made when somebody has to wait: nearly every body is there with its head.
    end: Option<Pin<Box<Sleep>>>,
}

impl InTime {
    pub(super) fn new(body: Incoming, limit: Duration) -> Self {
        let end = None;
        Self { body, limit, end }
    }
}

impl Body for InTime {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(end.as_mut().poll(cx));
        let error = io::Error::new(ErrorKind::TimedOut, "the body does not come in time");
        Poll::Ready(Some(Err(error.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
