//! Clients with sessions: 2025-03-26, 2025-06-18 and 2025-11-25 over Streamable HTTP.

use futures_util::FutureExt as _;

use super::*;

/// A client in a session.
struct Client<'h> {
    house: &'h House,
    guest: Guest,
    id: String,
    initialized: Value,
}

async fn initialize(
    house: &House,
    guest: &Guest,
    version: &str,
    capabilities: Value,
) -> Response<Body> {
    let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": version, "capabilities": capabilities,
        "clientInfo": {"name": "c", "version": "1"}}});
    house
        .sessions
        .post(guest, &headers(&[]), body(&message), &house.server)
        .await
}

impl<'h> Client<'h> {
    async fn of(house: &'h House, version: &str) -> Self {
        let capabilities = json!({"sampling": {}, "elicitation": {}, "roots": {}});
        Self::with(house, version, capabilities).await
    }

    async fn with(house: &'h House, version: &str, capabilities: Value) -> Self {
        let guest = guest("alice");
        let response = initialize(house, &guest, version, capabilities).await;
        let id = response.headers()["mcp-session-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let (status, initialized) = read(response).await;
        assert_eq!(status, StatusCode::OK);
        Self {
            house,
            guest,
            id,
            initialized,
        }
    }

    fn headers(&self) -> HeaderMap {
        headers(&[("mcp-session-id", &self.id)])
    }

    async fn post(&self, message: &Value) -> Response<Body> {
        let House {
            sessions, server, ..
        } = self.house;
        sessions
            .post(&self.guest, &self.headers(), body(message), server)
            .await
    }

    async fn say(&self, message: &Value) -> (StatusCode, Value) {
        read(self.post(message).await).await
    }

    async fn stream(&self, message: &Value) -> Events {
        Events::of(self.post(message).await)
    }

    fn get(&self, last: Option<&str>) -> Response<Body> {
        let House {
            sessions, server, ..
        } = self.house;
        let mut headers = self.headers();
        if let Some(last) = last {
            headers.insert("last-event-id", last.parse().unwrap());
        }
        sessions.get(&self.guest, &headers, server)
    }
}

fn answer(question: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": question["id"], "result": result})
}

#[tokio::test]
async fn every_revision_with_sessions_is_opened_as_it_wants() {
    let house = House::new();
    for (asked, given) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2031-01-01", "2025-11-25"),
    ] {
        let client = Client::of(&house, asked).await;
        let capabilities: Value = serde_json::from_str(fake::CAPABILITIES).unwrap();
        let expected = json!({"jsonrpc": "2.0", "id": 0, "result": {
            "protocolVersion": given, "capabilities": capabilities,
            "serverInfo": {"name": "fake", "version": "1.0"}, "instructions": "be kind"}});
        assert_eq!(client.initialized, expected);
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(
            client.say(&ready).await,
            (StatusCode::ACCEPTED, Value::Null)
        );
        house.fake.until_told("notifications/initialized").await;
        let request = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"});
        let pong = json!({"jsonrpc": "2.0", "id": "p", "result": {}});
        assert_eq!(client.say(&request).await, (StatusCode::OK, pong));
        let (status, result) = client.say(&call(1, "echo")).await;
        assert_eq!(
            (status, text(&result)),
            (StatusCode::OK, r#"{"name":"echo"}"#)
        );
    }
}

#[tokio::test]
async fn g1_a_session_goes_on_in_another_process_and_g2_belongs_to_its_owner_alone() {
    let house = House::new();
    let client = Client::of(&house, "2025-06-18").await;
    let (_, key) = client.say(&call(1, "key")).await;

    // A replica, or the same after a restart: it knows the keys, and nothing else.
    let replica = House::with(house.settings.clone(), house.clock.clone());
    let moved = Client {
        house: &replica,
        guest: guest("alice"),
        id: client.id.clone(),
        initialized: Value::Null,
    };
    let (status, same) = moved.say(&call(1, "key")).await;
    assert_eq!((status, text(&same)), (StatusCode::OK, text(&key)));

    for message in [
        call(1, "echo"),
        json!({"jsonrpc": "2.0", "method": "x"}),
        json!({"jsonrpc": "2.0", "id": "x", "result": {}}),
    ] {
        let bob = Client {
            guest: guest("bob"),
            house: &house,
            id: client.id.clone(),
            initialized: Value::Null,
        };
        assert_eq!(
            bob.say(&message).await.0,
            StatusCode::NOT_FOUND,
            "{message}"
        );
        assert_eq!(bob.get(None).status(), StatusCode::NOT_FOUND);
        let ended = house
            .sessions
            .delete(&bob.guest, &bob.headers(), &house.server)
            .await;
        assert_eq!(ended.status(), StatusCode::NOT_FOUND);
    }
    house
        .clock
        .advance(house.settings.limits.session_age + Duration::from_secs(1));
    assert_eq!(client.say(&call(1, "echo")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn requests_that_are_no_good_are_refused_with_a_reason() {
    let house = House::new();
    let client = Client::of(&house, "2025-06-18").await;
    let id = ("mcp-session-id", client.id.as_str());
    let post = |headers: HeaderMap, text: &'static str| {
        let (house, guest) = (&house, guest("alice"));
        async move {
            let response = house
                .sessions
                .post(&guest, &headers, Bytes::from(text), &house.server)
                .await;
            let (status, body) = read(response).await;
            (status.as_u16(), body["error"]["code"].as_i64())
        }
    };
    let good = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert_eq!(post(headers(&[]), good).await, (400, Some(-32600)));
    assert_eq!(post(headers(&[id, id]), good).await, (400, Some(-32600)));
    assert_eq!(
        post(headers(&[("mcp-session-id", "x")]), good).await,
        (404, Some(-32600))
    );
    let version = |version| headers(&[id, ("mcp-protocol-version", version)]);
    assert_eq!(post(version("1.0"), good).await, (400, Some(-32600)));
    assert_eq!(post(version("2026-07-28"), good).await, (400, Some(-32600)));
    assert_eq!(post(version("2025-06-18"), good).await, (200, None));
    assert_eq!(post(headers(&[id]), "{").await, (400, Some(-32700)));
    assert_eq!(post(headers(&[id]), "7").await, (400, Some(-32600)));
    assert_eq!(post(headers(&[id]), "[]").await, (400, Some(-32600)));
    let mut wrong = headers(&[id]);
    wrong.insert("accept", HeaderValue::from_static("application/json"));
    assert_eq!(post(wrong.clone(), good).await, (406, Some(-32600)));
    wrong.insert("content-type", HeaderValue::from_static("text/plain"));
    assert_eq!(post(wrong, good).await, (415, Some(-32600)));

    let endless = json!({"experimental": {"x": "y".repeat(9000)}});
    let (status, refused) =
        read(initialize(&house, &guest("alice"), "2025-06-18", endless).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("too long"),
        "{refused}"
    );
    let (status, failed) =
        read(initialize(&house, &guest("unlucky"), "2025-06-18", json!({})).await).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(failed["error"]["message"], "`todo` does not answer");
}

#[tokio::test]
async fn news_before_the_answer_make_it_a_stream() {
    let house = House::new();
    let mut message = call(5, "progress");
    message["params"]["_meta"] = json!({"progressToken": "t"});
    for (version, is_primed) in [
        ("2025-03-26", false),
        ("2025-06-18", false),
        ("2025-11-25", true),
    ] {
        let client = Client::of(&house, version).await;
        let mut events = client.stream(&message).await;
        if is_primed {
            let first = events.raw().await.unwrap();
            assert!(
                first.starts_with("id: ") && first.ends_with(".0\nretry: 1000\ndata: "),
                "{first}"
            );
        }
        for step in 1..=2 {
            let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress",
                "params": {"progressToken": "t", "progress": step}});
            assert_eq!(events.next().await, Some(progress));
        }
        let last = events.next().await.unwrap();
        assert_eq!((last["id"].as_i64(), text(&last)), (Some(5), "done"));
        assert_eq!(events.next().await, None);
    }
}

#[tokio::test]
async fn a_server_asks_on_the_stream_and_is_answered_by_another_request() {
    let house = House::new();
    let client = Client::of(&house, "2025-06-18").await;
    for (tool, method, result) in [
        (
            "ask",
            "elicitation/create",
            json!({"action": "accept", "content": {"n": 1}}),
        ),
        (
            "sample",
            "sampling/createMessage",
            json!({"role": "assistant", "content": {"type": "text", "text": "ho"}, "model": "m"}),
        ),
        ("roots", "roots/list", json!({"roots": []})),
    ] {
        let mut events = client.stream(&call(1, tool)).await;
        let question = events.next().await.unwrap();
        assert_eq!(question["method"], method);
        // Somebody else's answer is nobody's.
        let bob = Client {
            guest: guest("bob"),
            ..Client::of(&house, "2025-06-18").await
        };
        assert_eq!(
            bob.say(&answer(&question, &json!({}))).await.0,
            StatusCode::NOT_FOUND
        );
        let other = Client::of(&house, "2025-06-18").await;
        assert_eq!(
            other.say(&answer(&question, &json!({"evil": 1}))).await.0,
            StatusCode::ACCEPTED
        );
        assert_eq!(
            client.say(&answer(&question, &result)).await,
            (StatusCode::ACCEPTED, Value::Null)
        );
        let last = events.next().await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(text(&last)).unwrap(), result);
        assert_eq!(events.next().await, None);
    }
    // What a client refuses is an answer, too.
    let mut events = client.stream(&call(1, "sample")).await;
    let question = events.next().await.unwrap();
    client.say(&json!({"jsonrpc": "2.0", "id": question["id"], "error": {"code": -1, "message": "no"}})).await;
    let last = events.next().await.unwrap();
    assert_eq!(text(&last), r#"error {"code":-1,"message":"no"}"#);
}

#[tokio::test]
async fn a_client_is_not_asked_what_it_cannot_do() {
    let house = House::new();
    let client = Client::with(&house, "2025-06-18", json!({})).await;
    let (_, result) = client.say(&call(1, "ask")).await;
    assert!(
        text(&result).contains("the client does not support elicitation"),
        "{result}"
    );
}

#[tokio::test]
async fn a_question_that_is_withdrawn_is_cancelled_at_the_client() {
    let house = House::new();
    let client = Client::of(&house, "2025-11-25").await;
    let mut events = client.stream(&call(1, "ask-and-withdraw")).await;
    let question = events.next().await.unwrap();
    let cancelled = events.next().await.unwrap();
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], question["id"]);
    house.fake.go.notify_one();
    assert_eq!(text(&events.next().await.unwrap()), "withdrawn");
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_and_its_http_request_ends() {
    let house = House::new();
    let client = Client::of(&house, "2025-06-18").await;
    let waiting = call(1, "wait");
    let cancel = async {
        house.fake.until_told("waiting").await;
        let other = Client::of(&house, "2025-06-18").await;
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
        // Ids are those of a session.
        other.say(&cancel).await;
        assert!(
            !house
                .fake
                .told
                .lock()
                .unwrap()
                .contains(&"dropped".to_owned())
        );
        client.say(&cancel).await
    };
    let (answer, cancelled) = tokio::join!(client.say(&waiting), cancel);
    assert_eq!(cancelled, (StatusCode::ACCEPTED, Value::Null));
    assert_eq!(answer.1["error"]["code"], -32800);
    house.fake.until_told("dropped").await;
}

#[tokio::test]
async fn g6_a_broken_connection_cancels_nothing_and_the_answer_is_kept() {
    let house = House::new();
    let client = Client::of(&house, "2025-11-25").await;
    let mut events = client.stream(&call(1, "ask")).await;
    let question = events.next().await.unwrap();
    let seen = events.last_id.clone().unwrap();
    drop(events);
    client
        .say(&answer(&question, &json!({"action": "decline"})))
        .await;

    // Nobody else takes it up.
    let other = Client::of(&house, "2025-11-25").await;
    assert_eq!(other.get(Some(&seen)).status(), StatusCode::BAD_REQUEST);
    let mut again = Events::of(client.get(Some(&seen)));
    let last = again.next().await.unwrap();
    assert_eq!(
        (last["id"].as_i64(), text(&last)),
        (Some(1), r#"{"action":"decline"}"#)
    );
    assert_eq!(again.next().await, None);
    // It was read to its end, so nothing is kept.
    house.settings.tasks.close();
    house.settings.tasks.wait().await;
    assert_eq!(client.get(Some(&seen)).status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn g6_a_call_whose_client_hangs_up_before_anything_comes_goes_on() {
    let house = House::new();
    let client = Client::of(&house, "2025-03-26").await;
    let message = call(1, "wait");
    let request = client.post(&message);
    tokio::select! {
        _ = request => panic!("it was not told to go"),
        () = house.fake.until_told("waiting") => {}
    }
    house.fake.go.notify_one();
    house.settings.tasks.close();
    house.settings.tasks.wait().await;
    assert!(
        !house
            .fake
            .told
            .lock()
            .unwrap()
            .contains(&"dropped".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stays_away_is_not_waited_for_for_ever() {
    let house = House::new();
    let client = Client::of(&house, "2025-11-25").await;
    let mut events = client.stream(&call(1, "ask")).await;
    let _question = events.next().await.unwrap();
    let seen = events.last_id.clone().unwrap();
    drop(events);
    tokio::time::sleep(house.settings.limits.kept_for * 3).await;
    assert_eq!(client.get(Some(&seen)).status(), StatusCode::BAD_REQUEST);
    house.settings.tasks.close();
    house.settings.tasks.wait().await;
}

#[tokio::test]
async fn batches_are_answered_by_batches_in_the_one_revision_that_has_them() {
    let house = House::new();
    let batch = json!([
        call(1, "echo"),
        {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "initialize"},
        {"jsonrpc": "1.0", "id": 4, "method": "ping"},
    ]);
    let client = Client::of(&house, "2025-03-26").await;
    let (status, answers) = client.say(&batch).await;
    assert_eq!(status, StatusCode::OK);
    let mut answers = answers.as_array().unwrap().clone();
    answers.sort_by_key(|answer| answer["id"].as_i64());
    let short: Vec<_> = answers
        .iter()
        .map(|answer| (answer["id"].as_i64(), answer["error"]["code"].as_i64()))
        .collect();
    assert_eq!(
        short,
        [
            (None, Some(-32600)),
            (Some(1), None),
            (Some(2), None),
            (Some(3), Some(-32600))
        ]
    );
    assert!(
        house
            .fake
            .told
            .lock()
            .unwrap()
            .contains(&"notifications/roots/list_changed".to_owned())
    );

    let notifications =
        json!([{"jsonrpc": "2.0", "method": "x"}, {"jsonrpc": "2.0", "id": "q", "result": {}}]);
    assert_eq!(
        client.say(&notifications).await,
        (StatusCode::ACCEPTED, Value::Null)
    );

    // With a question in it, it becomes a stream, on which each answer is a message.
    let mut events = client
        .stream(&json!([call(1, "ask"), call(2, "echo")]))
        .await;
    let mut answered = 0;
    while let Some(message) = events.next().await {
        if message["method"] == "elicitation/create" {
            client
                .say(&json!([answer(&message, &json!({"action": "cancel"}))]))
                .await;
        } else {
            answered += 1;
        }
    }
    assert_eq!(answered, 2);

    for later in ["2025-06-18", "2025-11-25"] {
        let client = Client::of(&house, later).await;
        let (status, refused) = client.say(&batch).await;
        assert_eq!(
            (status, &refused["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!(-32600))
        );
    }
}

#[tokio::test]
async fn news_outside_of_calls_come_on_one_stream() {
    let house = House::new();
    let client = Client::of(&house, "2025-06-18").await;
    let mut events = Events::of(client.get(None));
    house.fake.until_told("listening").await;
    house
        .fake
        .news
        .send("notifications/tools/list_changed")
        .unwrap();
    assert_eq!(
        events.next().await.unwrap()["method"],
        "notifications/tools/list_changed"
    );
    house.fake.news.send("question").unwrap();
    let question = events.next().await.unwrap();
    client.say(&answer(&question, &json!({"roots": [1]}))).await;
    house.fake.until_told(r#"{"roots":[1]}"#).await;

    // A second connection takes over, since the first may be broken.
    let mut second = Events::of(client.get(None));
    assert_eq!(events.next().await, None);
    assert!(second.next().now_or_never().is_none());
    drop(second);
    house.settings.tasks.close();
    house.settings.tasks.wait().await;
    assert_eq!(house.fake.news.receiver_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn g2_a_stream_ends_with_the_token_or_its_revocation() {
    let house = House::new();
    let client = Client::of(&house, "2025-11-25").await;
    let token = |guest: Guest| Guest {
        caller: guest.caller.with_expiry(NOW.plus(Duration::from_mins(10))),
        ..guest
    };
    let short = Client {
        guest: token(guest("alice")),
        house: &house,
        id: client.id.clone(),
        initialized: Value::Null,
    };
    let mut events = Events::of(short.get(None));
    assert!(events.raw().now_or_never().is_none());
    house.clock.advance(Duration::from_mins(11));
    assert_eq!(events.raw().await.as_deref(), Some("retry: 1000"));
    assert_eq!(events.raw().await, None);

    let mut call_events = client.stream(&call(1, "ask")).await;
    let question = call_events.next().await.unwrap();
    client.guest.revoked.cancel();
    assert_eq!(call_events.raw().await.as_deref(), Some("retry: 1000"));
    let seen = call_events.last_id.clone().unwrap();
    drop(call_events);
    // With a new token the same person goes on.
    let again = Client {
        guest: guest("alice"),
        house: &house,
        id: client.id.clone(),
        initialized: Value::Null,
    };
    let mut events = Events::of(again.get(Some(&seen)));
    again
        .say(&answer(&question, &json!({"action": "cancel"})))
        .await;
    assert_eq!(
        text(&events.next().await.unwrap()),
        r#"{"action":"cancel"}"#
    );
}

#[tokio::test]
async fn a_session_that_was_ended_is_over() {
    let house = House::new();
    let client = Client::of(&house, "2025-06-18").await;
    let mut events = client.stream(&call(1, "ask")).await;
    let _question = events.next().await.unwrap();
    let ended = house
        .sessions
        .delete(&client.guest, &client.headers(), &house.server)
        .await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    house.fake.until_told("left").await;
    assert_eq!(events.next().await.unwrap()["error"]["code"], -32800);
    assert_eq!(client.say(&call(1, "echo")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_long_silence_becomes_a_stream_that_shows_life() {
    let mut house = House::new();
    house.settings.limits.silence = Duration::from_secs(15);
    let house = House::with(house.settings.clone(), house.clock.clone());
    let client = Client::of(&house, "2025-06-18").await;
    let mut events = client.stream(&call(1, "wait")).await;
    assert_eq!(events.raw().await.as_deref(), Some(":"));
    house.fake.go.notify_one();
    assert_eq!(text(&events.next().await.unwrap()), "waited");
}

#[tokio::test]
async fn g3_a_server_that_does_not_answer_is_said_so_in_the_clients_words() {
    let house = House::new();
    let client = Client::of(&house, "2025-06-18").await;
    let (_, result) = client.say(&call(1, "unavailable")).await;
    assert_eq!(
        (text(&result), &result["result"]["isError"]),
        ("`todo` does not answer", &json!(true))
    );
    let (status, error) = client
        .say(
            &json!({"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": {"uri": "x"}}),
        )
        .await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (StatusCode::OK, &json!(-32002))
    );
}
