//! Tests of the pipe: both eras on it, one after the other and at once.

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};
use tokio::task::JoinHandle;

use super::*;
use crate::front::tests::{House, call, guest, text};

/// The client's end of the pipe.
struct Client {
    input: WriteHalf<DuplexStream>,
    output: Lines<BufReader<ReadHalf<DuplexStream>>>,
    served: JoinHandle<io::Result<()>>,
    /// What came and was not waited for.
    others: Vec<Value>,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    fn of(house: &House) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (input, output) = tokio::io::split(theirs);
        let serving = serve(
            house.settings.clone(),
            guest("alice"),
            Arc::clone(&house.server),
            input,
            output,
        );
        let served = tokio::spawn(serving);
        let (output, input) = tokio::io::split(ours);
        Self {
            input,
            output: BufReader::new(output).lines(),
            served,
            others: Vec::new(),
        }
    }

    async fn say(&mut self, message: &Value) {
        self.write(&message.to_string()).await;
    }

    async fn write(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).await.unwrap();
        self.input.write_all(b"\n").await.unwrap();
    }

    /// The first message that is like this.
    async fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.others.iter().position(&is_it) {
            return self.others.remove(place);
        }
        loop {
            let line = self
                .output
                .next_line()
                .await
                .unwrap()
                .expect("the pipe is open");
            let message: Value = serde_json::from_str(&line).unwrap();
            if is_it(&message) {
                return message;
            }
            self.others.push(message);
        }
    }

    async fn answer_to(&mut self, id: &Value) -> Value {
        self.until(|message| message["id"] == *id && message.get("method").is_none())
            .await
    }

    async fn initialize(&mut self) -> Value {
        let capabilities = json!({"elicitation": {}, "roots": {}});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities});
        self.say(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}))
            .await;
        let answer = self.answer_to(&json!(0)).await;
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        answer
    }

    async fn hang_up(mut self) -> Vec<Value> {
        self.input.shutdown().await.unwrap();
        let mut rest = self.others;
        while let Some(line) = self.output.next_line().await.unwrap() {
            rest.push(serde_json::from_str(&line).unwrap());
        }
        self.served.await.unwrap().unwrap();
        rest
    }
}

fn stateless(id: u32, tool: &str, more: &Value) -> Value {
    let mut message = call(id, tool);
    for (key, value) in more.as_object().unwrap() {
        message["params"][key] = value.clone();
    }
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    });
    message
}

#[tokio::test]
async fn a_client_with_a_session_is_served() {
    let house = House::new();
    let mut client = Client::of(&house);
    client.say(&call(9, "echo")).await;
    assert_eq!(
        client.answer_to(&json!(9)).await["error"]["message"],
        "send `initialize` first"
    );
    assert_eq!(
        client.initialize().await["result"]["protocolVersion"],
        "2025-11-25"
    );
    client.say(&call(1, "ask")).await;
    let question = client
        .until(|message| message["method"] == "elicitation/create")
        .await;
    client
        .say(&json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}}))
        .await;
    assert_eq!(
        text(&client.answer_to(&json!(1)).await),
        r#"{"action":"decline"}"#
    );
    house.fake.until_told("listening").await;
    house
        .fake
        .news
        .send("notifications/tools/list_changed")
        .unwrap();
    client
        .until(|message| message["method"] == "notifications/tools/list_changed")
        .await;
    client
        .say(&json!({"jsonrpc": "2.0", "id": 3, "method": "initialize", "params": {}}))
        .await;
    assert_eq!(client.answer_to(&json!(3)).await["error"]["code"], -32600);

    client.say(&call(4, "wait")).await;
    house.fake.until_told("waiting").await;
    client.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 4}})).await;
    house.fake.until_told("dropped").await;
    assert_eq!(client.hang_up().await, Vec::<Value>::new());
    house.fake.until_told("left").await;
}

#[tokio::test]
async fn a_client_without_sessions_is_served_on_the_same_pipe() {
    let house = House::new();
    let mut client = Client::of(&house);
    client.initialize().await;
    client.say(&stateless(1, "ask", &json!({}))).await;
    let asked = client.answer_to(&json!(1)).await;
    assert_eq!(asked["result"]["resultType"], "input_required");
    let retry = json!({"requestState": asked["result"]["requestState"], "inputResponses": {"elicitation-1": {"action": "cancel"}}});
    client.say(&stateless(2, "ask", &retry)).await;
    let answered = client.answer_to(&json!(2)).await;
    assert_eq!(
        (text(&answered), &answered["result"]["resultType"]),
        (r#"{"action":"cancel"}"#, &json!("complete"))
    );

    let mut listen = stateless(3, "", &json!({"notifications": {"toolsListChanged": true}}));
    listen["method"] = json!("subscriptions/listen");
    client.say(&listen).await;
    let subscription = json!({"io.modelcontextprotocol/subscriptionId": 3});
    let first = client
        .until(|message| message["method"] == "notifications/subscriptions/acknowledged")
        .await;
    assert_eq!(first["params"]["_meta"], subscription);
    house.fake.until_told("subscribed").await;
    house
        .fake
        .news
        .send("notifications/tools/list_changed")
        .unwrap();
    client
        .until(|message| message["params"]["_meta"] == subscription)
        .await;

    client.say(&stateless(4, "wait", &json!({}))).await;
    house.fake.until_told("waiting").await;
    client.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 4}})).await;
    house.fake.until_told("dropped").await;
    client.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}})).await;
    client
        .say(&json!({"jsonrpc": "2.0", "id": 5, "method": "server/discover"}))
        .await;
    assert_eq!(client.answer_to(&json!(5)).await["error"]["code"], -32602);
    let rest = client.hang_up().await;
    assert!(rest.iter().all(|message| message["id"] != 4), "{rest:?}");
}

#[tokio::test]
async fn g3_an_id_is_one_call_at_a_time_in_both_eras() {
    let house = House::new();
    let mut client = Client::of(&house);
    client.initialize().await;
    for waits in [call(7, "wait"), stateless(7, "wait", &json!({}))] {
        house.fake.told.lock().unwrap().clear();
        client.say(&waits).await;
        house.fake.until_told("waiting").await;
        client.say(&waits).await;
        let refused = client.answer_to(&json!(7)).await;
        assert_eq!(refused["error"]["code"], -32600);
        // The one that is under way can be cancelled, and then its id is free.
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
        client.say(&cancel).await;
        house.fake.until_told("dropped").await;
        let mut echo = waits.clone();
        echo["params"]["name"] = json!("echo");
        client.say(&echo).await;
        assert!(client.answer_to(&json!(7)).await["result"].is_object());
    }
}

#[tokio::test]
async fn lines_that_are_no_messages_are_said_so_and_the_next_is_read() {
    let mut house = House::new();
    house.settings.limits.line_bytes = 200;
    let mut client = Client::of(&house);
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(300));
    for (line, code) in [
        ("{", -32700),
        ("[]", -32600),
        (&*long, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"x"}"#,
            -32600,
        ),
        ("\u{fffd}\u{0}", -32700),
    ] {
        client.write(line).await;
        let error = client.answer_to(&Value::Null).await;
        assert_eq!(error["error"]["code"], code, "{line}");
    }
    client
        .say(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}))
        .await;
    assert_eq!(client.answer_to(&json!(1)).await["result"], json!({}));
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    let house = House::new();
    let mut client = Client::of(&house);
    client.initialize().await;
    client.say(&call(1, "echo")).await;
    client.say(&stateless(2, "echo", &json!({}))).await;
    let rest = client.hang_up().await;
    let mut ids: Vec<_> = rest
        .iter()
        .filter_map(|message| message["id"].as_u64())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn g4_calls_that_do_not_end_end_with_the_client() {
    let house = House::new();
    let mut client = Client::of(&house);
    client.initialize().await;
    client.say(&call(1, "wait")).await;
    house.fake.until_told("waiting").await;
    client.hang_up().await;
    house.fake.until_told("dropped").await;
    house.settings.tasks.close();
    house.settings.tasks.wait().await;
}
