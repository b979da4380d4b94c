//! Clients of 2026-07-28 over Streamable HTTP.

use futures_util::FutureExt as _;

use super::*;
use crate::share::Most;

/// A request with all that it needs; `capabilities` are the client's.
pub(crate) fn request(id: &Value, method: &str, params: &Value, capabilities: &Value) -> Value {
    let mut params = params.clone();
    let meta = &mut params["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    meta["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn able() -> Value {
    json!({"sampling": {}, "roots": {}, "elicitation": {"form": {}, "url": {}}})
}

async fn post(house: &House, guest: &Guest, message: &Value) -> Response<Body> {
    let method = message["method"].as_str().unwrap();
    let name = ["name", "uri"]
        .iter()
        .find_map(|key| message["params"][key].as_str());
    let mut headers = headers(&[
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ]);
    if let Some(name) = name {
        headers.insert("mcp-name", name.parse().unwrap());
    }
    house
        .stateless
        .post(guest, &headers, body(message), &house.server)
        .await
}

async fn ask(house: &House, method: &str, params: Value) -> (StatusCode, Value) {
    read(
        post(
            house,
            &guest("alice"),
            &request(&json!(1), method, &params, &able()),
        )
        .await,
    )
    .await
}

async fn tool(house: &House, params: Value) -> Value {
    ask(house, "tools/call", params).await.1
}

fn state(message: &Value) -> &str {
    assert_eq!(
        message["result"]["resultType"], "input_required",
        "{message}"
    );
    message["result"]["requestState"].as_str().unwrap()
}

#[tokio::test]
async fn a_server_is_discovered() {
    let house = House::new();
    let (status, discovered) = ask(&house, "server/discover", json!({})).await;
    let capabilities: Value = serde_json::from_str(fake::CAPABILITIES).unwrap();
    let expected = json!({"jsonrpc": "2.0", "id": 1, "result": {
        "supportedVersions": ["2026-07-28"], "capabilities": capabilities, "instructions": "be kind",
        "ttlMs": 60_000, "cacheScope": "private", "resultType": "complete",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "fake", "version": "1.0"}}}});
    assert_eq!((status, discovered), (StatusCode::OK, expected));
}

#[tokio::test]
async fn results_of_older_servers_get_what_this_revision_wants() {
    let house = House::new();
    let info = json!({"io.modelcontextprotocol/serverInfo": {"name": "fake", "version": "1.0"}});
    let (_, list) = ask(&house, "tools/list", json!({})).await;
    let expected = json!({"tools": [{"name": "echo", "inputSchema": {"type": "object", "properties": {"to": {"type": "string", "x-mcp-header": "To"}}}, "x-vendor": 1.50}], "resultType": "complete",
        "ttlMs": 0, "cacheScope": "private", "_meta": info});
    assert_eq!(list["result"], expected);
    let echo = tool(&house, json!({"name": "echo", "vendor": 1})).await;
    assert_eq!(text(&echo), r#"{"name":"echo","vendor":1}"#);
    assert_eq!(
        (&echo["result"]["resultType"], &echo["result"]["_meta"]),
        (&json!("complete"), &info)
    );
}

#[tokio::test]
async fn every_error_has_its_status_and_a_code_of_this_revision() {
    let house = House::new();
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "unknown/method",
    ] {
        let (status, error) = ask(&house, method, json!({})).await;
        assert_eq!(
            (status, &error["error"]["code"], &error["id"]),
            (StatusCode::NOT_FOUND, &json!(-32601), &json!(1)),
            "{method}"
        );
    }
    let (status, error) = ask(&house, "resources/read", json!({"uri": "file:///x"})).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (StatusCode::OK, &json!(-32602))
    );
    let unavailable = tool(&house, json!({"name": "unavailable"})).await;
    assert_eq!(
        (text(&unavailable), &unavailable["result"]["isError"]),
        ("`todo` does not answer", &json!(true))
    );
    let unlucky = request(&json!(1), "server/discover", &json!({}), &able());
    let (status, error) = read(post(&house, &guest("unlucky"), &unlucky).await).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (StatusCode::OK, &json!(-32603))
    );

    let say = async |message: Value| {
        let response = house
            .stateless
            .post(
                &guest("alice"),
                &headers(&[]),
                body(&message),
                &house.server,
            )
            .await;
        read(response).await.0.as_u16()
    };
    assert_eq!(
        say(json!({"jsonrpc": "2.0", "id": 1, "result": {}})).await,
        400
    );
    assert_eq!(
        say(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await,
        400
    );
    assert_eq!(
        say(json!({"jsonrpc": "2.0", "method": "notifications/vendor"})).await,
        400
    );
    assert_eq!(
        say(json!({"jsonrpc": "2.0", "method": "notifications/cancelled"})).await,
        202
    );
    let mut known = request(&json!(1), "notifications/vendor", &json!({}), &json!({}));
    known.as_object_mut().unwrap().remove("id");
    assert_eq!(say(known).await, 202);
    house.fake.until_told("notifications/vendor").await;
    assert_eq!(say(json!([])).await, 400);
}

#[tokio::test]
async fn news_of_a_call_come_before_its_result_and_nothing_else_does() {
    let house = House::new();
    let message = request(
        &json!("r"),
        "tools/call",
        &json!({"name": "progress", "_meta": {"progressToken": "t"}}),
        &able(),
    );
    let mut events = Events::of(post(&house, &guest("alice"), &message).await);
    for step in 1..=2 {
        let params = json!({"progressToken": "t", "progress": step});
        assert_eq!(events.next().await.unwrap()["params"], params);
    }
    let last = events.next().await.unwrap();
    assert_eq!((&last["id"], text(&last)), (&json!("r"), "done"));
    assert_eq!(events.next().await, None);
    // There is nothing to come back to, so events have no ids.
    assert_eq!(events.last_id, None);

    // Log messages are for whoever wants them, from the level on that they want.
    let silent = tool(&house, json!({"name": "log"})).await;
    assert_eq!(text(&silent), "logged");
    for (level, heard) in [
        ("debug", vec!["debug", "warning"]),
        ("info", vec!["warning"]),
        ("error", vec![]),
    ] {
        let message = request(
            &json!(1),
            "tools/call",
            &json!({"name": "log", "_meta": {"io.modelcontextprotocol/logLevel": level}}),
            &able(),
        );
        let response = post(&house, &guest("alice"), &message).await;
        if heard.is_empty() {
            assert_eq!(text(&read(response).await.1), "logged");
            continue;
        }
        let mut events = Events::of(response);
        for heard in heard {
            assert_eq!(events.next().await.unwrap()["params"]["level"], heard);
        }
        assert_eq!(text(&events.next().await.unwrap()), "logged");
    }
}

#[tokio::test]
async fn questions_of_an_older_server_are_answered_by_a_second_request() {
    let house = House::new();
    for (name, key, method, answer) in [
        (
            "ask",
            "elicitation-1",
            "elicitation/create",
            json!({"action": "accept", "content": {"a": 1}}),
        ),
        (
            "sample",
            "sampling-1",
            "sampling/createMessage",
            json!({"role": "assistant", "content": {}, "model": "m"}),
        ),
        ("roots", "roots-1", "roots/list", json!({"roots": []})),
    ] {
        let asked = tool(&house, json!({"name": name})).await;
        let question = &asked["result"]["inputRequests"][key];
        assert_eq!(question["method"], method, "{asked}");
        assert!(asked["result"].get("ttlMs").is_none());
        let retry = json!({"name": name, "requestState": state(&asked), "inputResponses": {key: answer, "unknown": 7}});
        let answered = tool(&house, retry.clone()).await;
        assert_eq!(
            serde_json::from_str::<Value>(text(&answered)).unwrap(),
            answer
        );
        // Once, and not again.
        let again = tool(&house, retry).await;
        assert_eq!(again["error"]["code"], -32602, "{again}");
    }
}

#[tokio::test]
async fn several_questions_at_once_and_one_after_the_other() {
    let house = House::new();
    let both = tool(&house, json!({"name": "ask-both"})).await;
    let keys: Vec<_> = both["result"]["inputRequests"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(keys, ["elicitation-1", "elicitation-2"]);
    // What is missing is asked for again, and what was answered is not.
    let one = json!({"name": "ask-both", "requestState": state(&both), "inputResponses": {"elicitation-2": {"action": "cancel"}}});
    let rest = tool(&house, one).await;
    let keys: Vec<_> = rest["result"]["inputRequests"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(keys, ["elicitation-1"]);
    assert_ne!(state(&rest), state(&both));
    let none = tool(
        &house,
        json!({"name": "ask-both", "requestState": state(&rest)}),
    )
    .await;
    let last = json!({"name": "ask-both", "requestState": state(&none), "inputResponses": {"elicitation-1": {"action": "decline"}}});
    let result = tool(&house, last).await;
    assert_eq!(
        text(&result),
        r#"{"action":"decline"} and {"action":"cancel"}"#
    );

    let params = json!({"name": "ask-in-turn", "_meta": {"progressToken": "t1"}});
    let first = tool(&house, params).await;
    // With the second request progress has another name.
    let second = json!({"name": "ask-in-turn", "requestState": state(&first), "_meta": {"progressToken": "t2"},
        "inputResponses": {"elicitation-1": {"action": "accept", "content": {"name": "a"}}}});
    let message = request(&json!(2), "tools/call", &second, &able());
    let mut events = Events::of(post(&house, &guest("alice"), &message).await);
    assert_eq!(
        events.next().await.unwrap()["params"]["progressToken"],
        "t2"
    );
    let second = events.next().await.unwrap();
    assert_eq!(events.next().await, None);
    let third = json!({"name": "ask-in-turn", "requestState": state(&second), "inputResponses": {"elicitation-2": {"action": "cancel"}}});
    let result = tool(&house, third).await;
    assert_eq!(
        text(&result),
        r#"{"action":"accept","content":{"name":"a"}} then {"action":"cancel"}"#
    );
}

#[tokio::test]
async fn a_state_is_good_for_its_owner_and_its_request_only() {
    let house = House::new();
    let asked = tool(
        &house,
        json!({"name": "ask", "arguments": {"a": 1, "b": 2}}),
    )
    .await;
    let state = state(&asked);
    let answers = json!({"elicitation-1": {"action": "cancel"}});
    let code = |message: &Value| message["error"]["code"].as_i64();

    let tampered = json!({"name": "ask", "arguments": {"a": 1, "b": 2}, "requestState": format!("{state}-TAMPERED"), "inputResponses": answers});
    assert_eq!(code(&tool(&house, tampered).await), Some(-32602));
    let good = json!({"name": "ask", "arguments": {"b": 2, "a": 1}, "requestState": state, "inputResponses": answers});
    let theft = request(&json!(1), "tools/call", &good, &able());
    assert_eq!(
        code(&read(post(&house, &guest("bob"), &theft).await).await.1),
        Some(-32602)
    );
    let other_arguments = json!({"name": "ask", "arguments": {"a": 2, "b": 2}, "requestState": state, "inputResponses": answers});
    assert_eq!(code(&tool(&house, other_arguments).await), Some(-32602));
    let other_tool = json!({"name": "echo", "arguments": {"a": 1, "b": 2}, "requestState": state, "inputResponses": answers});
    assert_eq!(code(&tool(&house, other_tool).await), Some(-32602));
    for invalid in [
        json!(null),
        json!(7),
        json!({"elicitation-1": 12345}),
        json!({"elicitation-1": {"action": "x"}}),
    ] {
        let mut retry = good.clone();
        retry["inputResponses"] = invalid.clone();
        assert_eq!(code(&tool(&house, retry).await), Some(-32602), "{invalid}");
    }
    // None of it has cost the owner the call.
    assert_eq!(text(&tool(&house, good).await), r#"{"action":"cancel"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_wait_for_its_client_for_ever_and_not_with_too_many_others() {
    let mut house = House::new();
    house.settings.limits.parked = Most::quartered(1);
    let house = House::with(house.settings.clone(), house.clock.clone());
    let asked = tool(&house, json!({"name": "ask"})).await;
    let refused = tool(&house, json!({"name": "ask"})).await;
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("too many"),
        "{refused}"
    );
    tokio::time::sleep(house.settings.limits.parked_for + Duration::from_secs(1)).await;
    let late = json!({"name": "ask", "requestState": state(&asked), "inputResponses": {"elicitation-1": {"action": "cancel"}}});
    assert_eq!(tool(&house, late).await["error"]["code"], -32602);
    house.settings.tasks.close();
    house.settings.tasks.wait().await;
    assert_eq!(
        tool(&house, json!({"name": "ask"})).await["result"]["resultType"],
        "input_required"
    );
}

#[tokio::test]
async fn a_client_is_asked_only_where_and_what_it_can_be_asked() {
    let house = House::new();
    let message = request(
        &json!(1),
        "tools/call",
        &json!({"name": "ask"}),
        &json!({"sampling": {}}),
    );
    let (_, result) = read(post(&house, &guest("alice"), &message).await).await;
    assert!(
        text(&result).contains("the client does not support elicitation"),
        "{result}"
    );
    let (_, completed) = ask(&house, "completion/complete", json!({})).await;
    assert!(
        completed["result"]["said"]
            .as_str()
            .unwrap()
            .contains("a client cannot be asked"),
        "{completed}"
    );
}

#[tokio::test]
async fn an_address_that_has_to_be_opened_first_becomes_a_question() {
    let house = House::new();
    let params = json!({"name": "address", "arguments": {}});
    let asked = tool(&house, params).await;
    let question = &asked["result"]["inputRequests"]["elicitation-1"];
    assert_eq!(
        (
            &question["method"],
            &question["params"]["mode"],
            &question["params"]["url"]
        ),
        (
            &json!("elicitation/create"),
            &json!("url"),
            &json!("https://a.example")
        )
    );
    // Opened: the request begins anew, and the server asks again, since this one never has enough.
    let retry = |action: &str| {
        json!({"name": "address", "arguments": {}, "requestState": state(&asked),
        "inputResponses": {"elicitation-1": {"action": action}}})
    };
    assert_eq!(
        tool(&house, retry("accept")).await["result"]["resultType"],
        "input_required"
    );
    assert_eq!(
        tool(&house, retry("decline")).await["error"]["code"],
        -32600
    );
    let message = request(
        &json!(1),
        "tools/call",
        &json!({"name": "address", "arguments": {}}),
        &json!({"elicitation": {}}),
    );
    let (status, error) = read(post(&house, &guest("alice"), &message).await).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!(-32021))
    );
    assert_eq!(
        error["error"]["data"]["requiredCapabilities"],
        json!({"elicitation": {"url": {}}})
    );
}

#[tokio::test]
async fn g6_to_hang_up_is_to_cancel() {
    let house = House::new();
    let message = request(&json!(1), "tools/call", &json!({"name": "wait"}), &able());
    let alice = guest("alice");
    tokio::select! {
        _ = post(&house, &alice, &message) => panic!("it was not told to go"),
        () = house.fake.until_told("waiting") => {}
    }
    house.fake.until_told("dropped").await;
}

#[tokio::test(start_paused = true)]
async fn g6_to_hang_up_while_a_stream_is_open_is_to_cancel() {
    let mut house = House::new();
    house.settings.limits.silence = Duration::from_secs(1);
    let house = House::with(house.settings.clone(), house.clock.clone());
    let message = request(&json!(1), "tools/call", &json!({"name": "wait"}), &able());
    let mut events = Events::of(post(&house, &guest("alice"), &message).await);
    assert_eq!(events.raw().await.as_deref(), Some(":"));
    drop(events);
    house.fake.until_told("dropped").await;
}

#[tokio::test]
async fn g2_a_call_ends_with_what_let_the_caller_in() {
    let house = House::new();
    let message = request(&json!(1), "tools/call", &json!({"name": "wait"}), &able());
    let alice = guest("alice");
    let revoke = async {
        house.fake.until_told("waiting").await;
        alice.revoked.cancel();
    };
    let (response, ()) = tokio::join!(post(&house, &alice, &message), revoke);
    let (_, error) = read(response).await;
    assert_eq!(error["error"]["code"], -32603, "{error}");
    house.fake.until_told("dropped").await;
}

#[tokio::test]
async fn d5_what_is_mirrored_has_to_be_what_is_sent() {
    let house = House::new();
    let call = request(
        &json!(1),
        "tools/call",
        &json!({"name": "echo", "arguments": {"to": "kim"}}),
        &able(),
    );
    // Until tools were listed nobody knows what is mirrored.
    assert_eq!(
        read(post(&house, &guest("alice"), &call).await).await.0,
        StatusCode::OK
    );
    ask(&house, "tools/list", json!({})).await;
    let (status, error) = read(post(&house, &guest("alice"), &call).await).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!(-32020))
    );
}

#[tokio::test]
async fn changes_come_to_whoever_has_asked_for_them() {
    let house = House::new();
    let wanted = json!({"notifications": {"toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["file:///a"]}});
    let alice = guest("alice");
    let message = request(&json!("sub"), "subscriptions/listen", &wanted, &json!({}));
    let mut events = Events::of(post(&house, &alice, &message).await);
    let first = events.next().await.unwrap();
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    let subscription = json!({"io.modelcontextprotocol/subscriptionId": "sub"});
    assert_eq!(first["params"]["_meta"], subscription);
    // This server does not say when its prompts change.
    let heard = json!({"toolsListChanged": true, "resourceSubscriptions": ["file:///a"]});
    assert_eq!(first["params"]["notifications"], heard);
    house.fake.until_told("subscribed").await;
    for method in [
        "notifications/prompts/list_changed",
        "notifications/message",
        "question",
        "notifications/resources/updated",
        "notifications/tools/list_changed",
    ] {
        house.fake.news.send(method).unwrap();
    }
    for method in [
        "notifications/resources/updated",
        "notifications/tools/list_changed",
    ] {
        let next = events.next().await.unwrap();
        assert_eq!(
            (&next["method"], &next["params"]["_meta"]),
            (&json!(method), &subscription)
        );
    }
    // What let the caller in is over: a graceful end.
    alice.revoked.cancel();
    let end = json!({"jsonrpc": "2.0", "id": "sub", "result": {"resultType": "complete", "_meta": subscription}});
    assert_eq!(events.next().await, Some(end));
    assert_eq!(events.next().await, None);
    assert_eq!(house.fake.news.receiver_count(), 0);

    let (_, error) = ask(&house, "subscriptions/listen", json!({})).await;
    assert_eq!(error["error"]["code"], -32602);
}

#[tokio::test]
async fn who_wants_nothing_is_told_so_and_hears_nothing() {
    let house = House::new();
    let message = request(
        &json!(9),
        "subscriptions/listen",
        &json!({"notifications": {}}),
        &json!({}),
    );
    let mut events = Events::of(post(&house, &guest("alice"), &message).await);
    let first = events.next().await.unwrap();
    assert_eq!(first["params"]["notifications"], json!({}));
    assert!(events.next().now_or_never().is_none());
    assert_eq!(house.fake.news.receiver_count(), 0);
}
