//! Sessions: they outlive the gateway and the server behind it, and belong to one caller (acceptance G1, G2).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use tempfile::tempdir;

use super::client::{Client, result};
use super::upstream::{Fake, GOOD};
use super::{PERMITTED, SETTINGS, at, house};
use crate::house::{House, free_port};

/// A server with sessions, and how many times it has been started anew.
async fn notes() -> (Fake, Arc<AtomicUsize>) {
    let life = Arc::new(AtomicUsize::new(0));
    let current = Arc::clone(&life);
    let session = move || format!("life-{}", current.load(Ordering::SeqCst));
    let fake = Fake::with_sessions(&["read"], session, |seen| seen.result(GOOD)).await;
    (fake, life)
}

#[tokio::test]
async fn g1_sessions_survive_every_end_of_the_gateway() {
    let (notes, _) = notes().await;
    let settings = format!("{SETTINGS}{PERMITTED}{}", at("notes", &notes.url));
    let directory = Arc::new(tempdir().unwrap());
    let port = free_port();
    let mut house = House::serve(&settings, &directory, port, &[]).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-11-25").await;
    result(&robot.call("read").await);
    for signal in ["TERM", "KILL"] {
        house.stop(signal).await;
        house = House::serve(&settings, &directory, port, &[]).await;
        result(&robot.call("read").await);
    }
    let opened = notes.of("initialize").len();
    assert!(
        opened <= 3,
        "a session is opened once for each gateway: {opened}"
    );
}

#[tokio::test]
async fn g1_sessions_survive_a_restart_of_the_upstream_unseen() {
    let (notes, life) = notes().await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    for (path, tool) in [("/notes/mcp", "read"), ("/mcp", "notes__read")] {
        let robot = Client::robot(&house, path).await;
        let robot = robot.initialize("2025-06-18").await;
        result(&robot.call(tool).await);
        let before = notes.of("initialize").len();
        life.fetch_add(1, Ordering::SeqCst);
        result(&robot.call(tool).await);
        result(&robot.call(tool).await);
        assert_eq!(notes.of("initialize").len(), before + 1, "{path}: once");
    }
}

#[tokio::test]
async fn g2_nobody_finds_the_session_of_somebody_else() {
    let (notes, _) = notes().await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-11-25").await;
    let stranger = Client::of(&house, "stranger", "/notes/mcp", "").await;
    let stranger = robot.with_token_of(&stranger);
    let events = [("accept", "text/event-stream")];
    assert_eq!(stranger.call("read").await.status, 404);
    assert_eq!(stranger.only(Method::GET, &events).await.status, 404);
    assert_eq!(stranger.only(Method::DELETE, &[]).await.status, 404);
    result(&robot.call("read").await);
    assert_eq!(notes.of("tools/call").len(), 1, "nothing went through");
}

#[tokio::test]
async fn g2_a_stream_ends_when_its_token_is_revoked() {
    let (notes, _) = notes().await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-11-25").await;
    let other = Client::of(&house, "stranger", "/notes/mcp", "").await;
    let other = other.initialize("2025-11-25").await;
    let mut stream = robot.watch("GET", &[], "").await;
    stream.until("text/event-stream").await;
    let mut untouched = other.watch("GET", &[], "").await;
    untouched.until("text/event-stream").await;
    robot.revoke(&house).await;
    stream.ended().await;
    assert_eq!(robot.call("read").await.status, 401);
    result(&other.call("read").await);
}

#[tokio::test]
async fn g2_a_stream_ends_with_its_token() {
    let (notes, _) = notes().await;
    let settings = format!("{SETTINGS}{PERMITTED}{}", at("notes", &notes.url));
    let short = [("SUMUN_TOKENS__ACCESS_TOKEN", "4s")];
    let directory = Arc::new(tempdir().unwrap());
    let house = House::serve(&settings, &directory, free_port(), &short).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    let robot = robot.initialize("2025-11-25").await;
    let stream = robot.watch("GET", &[], "").await;
    let said = stream.ended().await;
    assert!(said.contains("text/event-stream"), "{said}");
}
