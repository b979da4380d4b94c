//! What a refusal leaves of a connection: the next request on it has to be possible (RFC 9112 §9.3).

use std::iter::repeat_n;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};

use crate::support::*;

/// The largest body in these tests.
const MAX: usize = 1000;

/// Sends ten parts of `size` bytes each with a bad request, and returns how many of them were read.
async fn read_parts(headers: &[(&str, &str)], size: usize) -> usize {
    let house = House::new();
    let app = protect(&resource().max_body_bytes(MAX), house.verifier());
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let parts = stream::iter(repeat_n(Bytes::from(vec![b' '; size]), 10)).map(move |part| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(part)
    });
    let request = post(headers, "").map(|_| Body::from_stream(parts));
    let answer = send(&app, request).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
    read.load(Ordering::Relaxed)
}

/// A client that sends head and body one after the other would find its connection closed.
#[tokio::test]
async fn what_is_refused_is_read_to_its_end() {
    for headers in [
        &[][..],
        &[("authorization", "Bearer nonsense")],
        &[("authorization", "Bearer two words")],
        &[("origin", "https://evil.example")],
    ] {
        assert_eq!(read_parts(headers, 100).await, 10, "{headers:?}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_not_waited_for() {
    assert_eq!(read_parts(&[], 400).await, 3);
    assert!(read_parts(&[], MAX + 1).await <= 1);
}
