//! The body of a request that is turned away before it is read (RFC 9112 §9.3).

use axum::body::Body;
use http_body::Body as _;
use http_body_util::BodyExt as _;

/// Reads a body that nobody wants to its end, and keeps nothing of it.
///
/// A server has to close a connection of which it has not read everything. Many clients send the head
/// of a request first and its body right after it; they would find their next request, such as the
/// search for the authorization server, cut off without an answer. What is longer than `max_bytes` is
/// not waited for: then the connection is better closed.
pub(super) async fn discard(body: &mut Body, max_bytes: usize) {
    let max_bytes = max_bytes as u64;
    let mut read = 0;
    while body.size_hint().lower() <= max_bytes - read {
        match body.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) | None => return,
        }
        if read > max_bytes {
            return;
        }
    }
}
