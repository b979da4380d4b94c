//! The body of an answer on its way through: as it comes, but not silent for ever, nor without an end.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::front::{Lease, unless};

pub(crate) type Piece = Result<Bytes, std::io::Error>;

/// The next piece with data in it; `None` at the end.
pub(crate) async fn next(body: &mut Incoming, silence: Duration) -> Result<Option<Piece>, Silent> {
    loop {
        let frame = timeout(silence, body.frame()).await.map_err(|_| Silent)?;
        let Some(frame) = frame else { return Ok(None) };
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(Ok(data)));
                }
            }
            Err(error) => return Ok(Some(Err(std::io::Error::other(error)))),
        }
    }
}

/// Nothing came for too long.
pub(crate) struct Silent;

/// An event stream. If it falls silent between two events, `farewell` is its last event.
pub(crate) fn events(body: Incoming, silence: Duration, farewell: Bytes) -> Body {
    // Whether an event has begun that has not ended.
    let state = Some((body, farewell, false));
    Body::from_stream(stream::unfold(state, move |state| async move {
        let (mut body, farewell, is_within) = state?;
        match next(&mut body, silence).await {
            Ok(Some(Ok(data))) => {
                let is_within = !data.ends_with(b"\n\n") && !data.ends_with(b"\r\n\r\n");
                Some((Ok(data), Some((body, farewell, is_within))))
            }
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(Silent) if is_within => {
                Some((Err(std::io::Error::other("the server is silent")), None))
            }
            Err(Silent) => Some((Ok(farewell), None)),
        }
    }))
}

/// An event stream that lasts no longer than what has let the caller in.
pub(crate) fn leased(body: Body, lease: Lease) -> Body {
    let state = (body.into_data_stream(), lease);
    Body::from_stream(stream::unfold(state, |(mut body, lease)| async move {
        let piece = unless(lease.ended(), body.next()).await?;
        Some((piece, (body, lease)))
    }))
}

/// A single message of at most `most` bytes; there is no way to say something in its middle.
pub(crate) fn whole(body: Incoming, silence: Duration, most: usize) -> Body {
    let state = Some((body, most));
    Body::from_stream(stream::unfold(state, move |state| async move {
        let (mut body, left) = state?;
        let error = |what: &str| Err(std::io::Error::other(what));
        match next(&mut body, silence).await {
            Ok(Some(Ok(data))) => match left.checked_sub(data.len()) {
                Some(left) => Some((Ok(data), Some((body, left)))),
                None => Some((error("the message is larger than allowed"), None)),
            },
            Ok(Some(Err(broken))) => Some((Err(broken), None)),
            Ok(None) => None,
            Err(Silent) => Some((error("the server is silent"), None)),
        }
    }))
}
