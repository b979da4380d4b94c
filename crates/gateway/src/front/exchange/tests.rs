//! Tests of exchanges: what is read, what is kept and what is lost.

use futures_util::FutureExt as _;

use super::*;
use crate::json::raw;

/// What a reader finds without waiting.
#[derive(Debug, PartialEq)]
enum Found {
    Message(u64, String),
    End,
    Nothing,
}

fn read_now(reader: &mut Reader) -> Found {
    match reader.next().now_or_never() {
        Some(Some((number, message))) => Found::Message(number, message.get().to_owned()),
        Some(None) => Found::End,
        None => Found::Nothing,
    }
}

fn message(number: u64, text: &str) -> Found {
    Found::Message(number, raw(text).get().to_owned())
}

#[tokio::test]
async fn an_answer_without_news_is_taken_as_a_whole() {
    let exchange = Exchange::new(1);
    exchange.expect();
    let mut reader = exchange.read_after(0);
    exchange.answer(raw(&1));
    assert!(reader.beginning().now_or_never().is_none());
    exchange.answer(raw(&2));
    let Beginning::Answers(answers) = reader.beginning().await else {
        panic!("there were no news")
    };
    assert_eq!(answers.len(), 2);
    exchange.read_to_the_end().now_or_never().unwrap();
}

#[tokio::test]
async fn who_has_read_the_last_number_that_there_is_reads_nothing_again() {
    let exchange = Exchange::new(1);
    exchange.notify(raw("a")).await;
    let mut reader = exchange.read_after(u64::MAX);
    assert_eq!(read_now(&mut reader), Found::Nothing);
}

#[tokio::test]
async fn who_comes_back_reads_on_and_the_connection_before_ends() {
    let exchange = Exchange::new(1);
    exchange.notify(raw("a")).await;
    exchange.notify(raw("b")).await;
    let mut first = exchange.read_after(0);
    assert!(matches!(first.beginning().await, Beginning::News));
    assert_eq!(read_now(&mut first), message(1, "a"));
    assert_eq!(read_now(&mut first), message(2, "b"));
    // It was sent, but did not arrive.
    let mut second = exchange.read_after(1);
    assert_eq!(read_now(&mut first), Found::End);
    drop(first);
    assert_eq!(read_now(&mut second), message(2, "b"));
    assert_eq!(read_now(&mut second), Found::Nothing);
    exchange.answer(raw("c"));
    assert_eq!(read_now(&mut second), message(3, "c"));
    assert_eq!(read_now(&mut second), Found::End);
}

#[tokio::test]
async fn a_server_waits_for_a_slow_client_but_not_for_one_that_is_gone() {
    let exchange = Exchange::new(1);
    let reader = exchange.read_after(0);
    for _ in 0..ROOM {
        exchange.notify(raw("x")).now_or_never().unwrap();
    }
    assert!(exchange.notify(raw("x")).now_or_never().is_none());
    drop(reader);
    for _ in 0..10 * KEPT {
        exchange.notify(raw("x")).now_or_never().unwrap();
    }
    exchange.ask(raw("question"));
    exchange.answer(raw("answer"));
    assert!(exchange.log().messages.len() <= KEPT);
    let mut reader = exchange.read_after(0);
    let mut last = Vec::new();
    while let Some((_, message)) = reader.next().await {
        last.push(message.get().to_owned());
    }
    assert_eq!(last[last.len() - 2..], ["\"question\"", "\"answer\""]);
}

#[tokio::test(start_paused = true)]
async fn only_a_client_that_stays_away_is_given_up() {
    let exchange = Exchange::new(1);
    let minute = Duration::from_mins(1);
    let abandoned = exchange.abandoned(minute);
    let mut abandoned = pin!(abandoned);
    drop(exchange.read_after(0));
    let soon = tokio::time::timeout(minute / 2, &mut abandoned).await;
    assert!(soon.is_err());
    let reader = exchange.read_after(0);
    let while_reading = tokio::time::timeout(minute * 10, &mut abandoned).await;
    assert!(while_reading.is_err());
    drop(reader);
    abandoned.await;
}

#[tokio::test]
async fn g3_large_news_fill_no_memory_whether_or_not_somebody_reads() {
    let message = raw(&"x".repeat(UNREAD_BYTES / 3));
    let large = || message.clone();
    let exchange = Exchange::new(1);
    let reader = exchange.read_after(0);
    for _ in 0..4 {
        exchange.notify(large()).now_or_never();
    }
    assert!(exchange.bytes() <= UNREAD_BYTES + UNREAD_BYTES / 3 + 2);
    drop(reader);
    for _ in 0..100 {
        exchange.notify(large()).now_or_never().unwrap();
    }
    assert!(exchange.bytes() <= UNREAD_BYTES);
    // What is larger than all of that comes too, once.
    exchange.notify(raw(&"x".repeat(2 * UNREAD_BYTES))).await;
    exchange.answer(raw("answer"));
    let mut reader = exchange.read_after(0);
    let mut last = None;
    while let Some((_, message)) = reader.next().await {
        last = Some(message);
    }
    assert_eq!(last.unwrap().get(), "\"answer\"");
}
