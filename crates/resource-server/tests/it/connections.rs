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

/// Who is unknown does not decide how long a connection lasts (acceptance G3).
#[tokio::test(start_paused = true)]
async fn g3_a_refusal_does_not_wait_for_the_body_and_the_body_not_for_ever() {
    let house = House::new();
    let app = protect(&resource().max_body_bytes(MAX), house.verifier());
    let held = Arc::new(());
    let witness = Arc::clone(&held);
    let never = stream::pending::<std::io::Result<Bytes>>().map(move |part| {
        let _ = &witness;
        part
    });
    let request = post(&[], "").map(|_| Body::from_stream(never));
    assert_eq!(send(&app, request).await.status, 401);
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&held), 2, "it may still come");
    tokio::time::advance(std::time::Duration::from_secs(3)).await;
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&held), 1, "it is given up");
}

/// The server that holds the connection says when it is enough (RFC 9110 §15.5.9).
#[tokio::test]
async fn g3_a_body_that_was_given_up_is_answered_with_that() {
    let house = House::new();
    let app = protect(&resource(), house.verifier());
    let authorization = bearer(&house.token(|_| {}));
    let headers = [("authorization", &*authorization)];
    let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
    let body = Body::from_stream(stream::iter([Err::<Bytes, _>(late)]));
    let answer = send(&app, post(&headers, "").map(|_| body)).await;
    assert_eq!(answer.status, 408, "{answer:?}");
}
