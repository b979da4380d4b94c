//! Clients of 2024-11-05: an event stream, and messages beside it.

use super::*;

async fn open(house: &House, guest: &Guest) -> (Events, String) {
    let response = house
        .http_sse
        .open(guest, &headers(&[]), "/todo/messages", &house.server);
    let mut events = Events::of(response);
    let first = events.raw().await.unwrap();
    let id = first
        .strip_prefix("event: endpoint\ndata: /todo/messages?sessionId=")
        .unwrap();
    let id = id.to_owned();
    (events, id)
}

async fn say(house: &House, guest: &Guest, id: &str, message: &Value) -> StatusCode {
    let response = house
        .http_sse
        .post(guest, id, &headers(&[]), body(message), &house.server)
        .await;
    response.status()
}

#[tokio::test]
async fn a_session_is_an_event_stream_and_ends_with_it() {
    let house = House::new();
    let alice = guest("alice");
    let (mut events, id) = open(&house, &alice).await;
    assert!(id.len() >= 43);

    assert_eq!(
        say(&house, &alice, &id, &call(0, "echo")).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(events.next().await.unwrap()["error"]["code"], -32600);
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2024-11-05", "capabilities": {"sampling": {}}, "clientInfo": {"name": "c", "version": "1"}}});
    assert_eq!(
        say(&house, &alice, &id, &initialize).await,
        StatusCode::ACCEPTED
    );
    let event = events.raw().await.unwrap();
    assert!(event.starts_with("event: message\ndata: {"), "{event}");
    assert!(
        event.contains("\"protocolVersion\":\"2024-11-05\""),
        "{event}"
    );
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    say(&house, &alice, &id, &ready).await;
    house.fake.until_told("listening").await;

    say(&house, &alice, &id, &call(2, "sample")).await;
    let question = events.next().await.unwrap();
    assert_eq!(question["method"], "sampling/createMessage");
    // A question is answered by its own client alone.
    let bob = guest("bob");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"x": 1}});
    assert_eq!(say(&house, &bob, &id, &answer).await, StatusCode::NOT_FOUND);
    assert_eq!(
        say(&house, &alice, "unknown", &answer).await,
        StatusCode::NOT_FOUND
    );
    say(&house, &alice, &id, &answer).await;
    assert_eq!(text(&events.next().await.unwrap()), r#"{"x":1}"#);
    house
        .fake
        .news
        .send("notifications/tools/list_changed")
        .unwrap();
    assert_eq!(
        events.next().await.unwrap()["method"],
        "notifications/tools/list_changed"
    );

    say(&house, &alice, &id, &call(3, "wait")).await;
    house.fake.until_told("waiting").await;
    drop(events);
    house.fake.until_told("left").await;
    house.fake.until_told("dropped").await;
    assert_eq!(
        say(&house, &alice, &id, &call(4, "echo")).await,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_cancelled_call_is_not_answered() {
    let house = House::new();
    let alice = guest("alice");
    let (mut events, id) = open(&house, &alice).await;
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2024-11-05", "capabilities": {}}});
    say(&house, &alice, &id, &initialize).await;
    events.next().await.unwrap();
    say(&house, &alice, &id, &call(2, "wait")).await;
    house.fake.until_told("waiting").await;
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}});
    say(&house, &alice, &id, &cancel).await;
    house.fake.until_told("dropped").await;
    say(&house, &alice, &id, &call(3, "echo")).await;
    assert_eq!(events.next().await.unwrap()["id"], 3);
}

#[tokio::test]
async fn g2_the_stream_ends_with_what_let_the_caller_in() {
    let house = House::new();
    let alice = guest("alice");
    let (mut events, _) = open(&house, &alice).await;
    alice.revoked.cancel();
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn who_asks_and_never_reads_is_asked_to_come_again_before_memory_grows() {
    /// Far more than may wait for a reader.
    const MANY: u32 = 5_000;
    let house = House::new();
    let alice = guest("alice");
    let (mut events, id) = open(&house, &alice).await;
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2024-11-05", "capabilities": {}}});
    say(&house, &alice, &id, &initialize).await;
    events.next().await.unwrap();

    let mut accepted = 0;
    let status = loop {
        let status = say(&house, &alice, &id, &call(2 + accepted, "echo")).await;
        if status != StatusCode::ACCEPTED || accepted == MANY {
            break status;
        }
        accepted += 1;
        // The call is answered beside the request.
        tokio::task::yield_now().await;
    };
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(accepted < 1_000, "{accepted} answers wait for nobody");

    // Nothing is lost of what was accepted, and who reads may ask again.
    for nth in 0..accepted {
        assert_eq!(events.next().await.unwrap()["id"], 2 + nth);
    }
    let status = say(&house, &alice, &id, &call(1, "echo")).await;
    assert_eq!(status, StatusCode::ACCEPTED);
}
