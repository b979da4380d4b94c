//! What servers say besides answers: progress, log messages, questions and changes.

use std::sync::Mutex;

use axum::body::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc as channel;

use super::fake::{Seen, event, events, session_answer, stateless, status, stream, with_sessions};
use super::*;
use crate::message::Notification;
use crate::server::Interest;

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that `json!` can stand in its place"
)]
fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// A server that says everything on its way to the answer.
fn talkative(seen: &Seen) -> axum::response::Response {
    let token = &seen.body["params"]["_meta"]["progressToken"];
    events(&[
        notification(
            "notifications/progress",
            json!({"progressToken": token, "progress": 1}),
        ),
        notification(
            "notifications/message",
            json!({"level": "debug", "data": 1}),
        ),
        notification(
            "notifications/message",
            json!({"level": "error", "data": 2}),
        ),
        json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {}}),
    ])
}

async fn heard(upstream: &Upstream, visit: &Visit, meta: Value) -> Vec<(String, Value)> {
    let (outlet, news) = Outlet::new();
    let params = json!({"name": "t", "_meta": meta});
    let call = async {
        upstream
            .call(visit, request("tools/call", params), &outlet)
            .await
            .unwrap();
        drop(outlet);
    };
    tokio::join!(call, answering(news, "{}")).1
}

#[tokio::test]
async fn progress_comes_under_the_clients_own_token() {
    for server in [stateless(talkative).await, with_sessions(talkative).await] {
        let upstream = upstream(&http(&server.url));
        let visit = visit(Revision::V2025_11_25);
        let heard = heard(&upstream, &visit, json!({"progressToken": "mine", "k": 1})).await;
        let params = json!({"progressToken": "mine", "progress": 1});
        assert_eq!(heard[0], ("notifications/progress".to_owned(), params));
        let sent = &server.of("tools/call")[0].body["params"]["_meta"];
        assert_ne!(sent["progressToken"], "mine");
        assert_eq!(sent["k"], 1);
    }
}

#[tokio::test]
async fn log_messages_come_as_each_revision_wants_them() {
    let server = with_sessions(|seen| match seen.rpc() {
        "logging/setLevel" => seen.result(json!({})),
        _ => talkative(seen),
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let count = |heard: Vec<(String, Value)>| {
        heard
            .iter()
            .filter(|(method, _)| method == "notifications/message")
            .count()
    };
    let old = visit(Revision::V2025_06_18);
    assert_eq!(count(heard(&upstream, &old, json!({})).await), 2);
    // 2026-07-28: without a level, none; with one, from there on, and the server is told once.
    let mut new = visit(Revision::V2026_07_28);
    assert_eq!(count(heard(&upstream, &new, json!({})).await), 0);
    new.log_level = Some("warning".into());
    for _ in 0..2 {
        assert_eq!(count(heard(&upstream, &new, json!({})).await), 1);
    }
    let told = server.of("logging/setLevel");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body["params"]["level"], "warning");
}

/// A server with sessions that asks something before it answers, on the stream of the request.
fn curious(
    open: &'static Mutex<Option<channel::UnboundedSender<String>>>,
    seen: &Seen,
) -> axum::response::Response {
    if seen.rpc() == "tools/call" {
        let (sender, mut receiver) = channel::unbounded_channel::<String>();
        let question = json!({"jsonrpc": "2.0", "id": "q1", "method": "elicitation/create", "params": {"message": "who?"}});
        sender.send(format!("data: {question}\n\n")).unwrap();
        let id = seen.body["id"].clone();
        *open.lock().unwrap() = Some(sender);
        let body = futures_util::stream::poll_fn(move |context| {
            let said = receiver.poll_recv(context);
            said.map(|text| {
                text.map(|text| Ok::<_, std::io::Error>(text.replace("\"ID\"", &id.to_string())))
            })
        });
        return stream(Body::from_stream(body));
    }
    assert_eq!(seen.body["id"], "q1");
    let answer = json!({"jsonrpc": "2.0", "id": "ID", "result": {"heard": seen.body}});
    let sender = open.lock().unwrap().take().unwrap();
    sender.send(format!("data: {answer}\n\n")).unwrap();
    status(202)
}

#[tokio::test]
async fn a_server_asks_the_client_on_the_way_to_its_answer() {
    static OPEN: Mutex<Option<channel::UnboundedSender<String>>> = Mutex::new(None);
    let server = with_sessions(|seen| curious(&OPEN, seen)).await;
    let upstream = upstream(&http(&server.url));
    for revision in [Revision::V2025_06_18, Revision::V2026_07_28] {
        let visit = visit_of("alice", revision, EVERYTHING);
        let (outlet, news) = Outlet::new();
        let call = async {
            let request = request("tools/call", json!({"name": "t"}));
            let result = upstream.call(&visit, request, &outlet).await.unwrap();
            drop(outlet);
            value(&result)
        };
        let (result, heard) = tokio::join!(call, answering(news, r#"{"action":"decline"}"#));
        assert_eq!(result["heard"]["result"]["action"], "decline");
        assert_eq!(heard[0].0, "elicitation/create");
    }
    // Who has not said that they understand it is not asked.
    let result = call_tool(&upstream, &visit(Revision::V2025_03_26), "t")
        .await
        .unwrap();
    assert_eq!(result["heard"]["error"]["code"], -32601);
}

/// What comes out of an outlet until `count` notifications are there.
async fn first(news: &mut Inlet, count: usize) -> Vec<Notification> {
    let mut heard = Vec::new();
    while heard.len() < count {
        match news.recv().await.unwrap() {
            crate::message::News::Notification(one) => heard.push(one),
            crate::message::News::Question(question) => {
                let _ = question.reply.send(Ok(json("{}")));
            }
        }
    }
    heard
}

#[tokio::test]
async fn changes_of_a_server_without_sessions_come_by_a_subscription() {
    let server = stateless(|seen| match seen.rpc() {
        "subscriptions/listen" => {
            let id = json!({"io.modelcontextprotocol/subscriptionId": seen.body["id"]});
            let filter = &seen.body["params"]["notifications"];
            let mut said = vec![notification(
                "notifications/subscriptions/acknowledged",
                json!({"_meta": id, "notifications": filter}),
            )];
            if filter["toolsListChanged"] == true {
                said.push(notification(
                    "notifications/tools/list_changed",
                    json!({"_meta": id}),
                ));
            }
            for uri in filter["resourceSubscriptions"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let params = json!({"_meta": id, "uri": uri, "k": 1});
                said.push(notification("notifications/resources/updated", params));
            }
            let text = said.iter().map(event).collect::<Vec<_>>().concat();
            let open = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
            let text = futures_util::stream::iter([Ok(text.into())]);
            stream(Body::from_stream(futures_util::StreamExt::chain(
                text, open,
            )))
        }
        _ => seen.result(json!({})),
    })
    .await;
    let upstream = upstream(&http(&server.url));
    // A session hears everything, and of resources those that it has subscribed to, from then on.
    let old = visit(Revision::V2025_11_25);
    let (outlet, mut news) = Outlet::new();
    let everything = Interest {
        everything: true,
        ..Interest::default()
    };
    let listening = upstream.listen(&old, everything, &outlet);
    let hearing = async {
        let heard = first(&mut news, 2).await;
        // From then on nothing is missed.
        assert_eq!(heard[0].method, "notifications/subscriptions/acknowledged");
        assert_eq!(heard[1].method, "notifications/tools/list_changed");
        assert!(heard[1].params.is_none());
        let subscribe = request("resources/subscribe", json!({"uri": "file:///a"}));
        upstream.call(&old, subscribe, &outlet).await.unwrap();
        // What is confirmed is heard.
        let asked = server.of("subscriptions/listen").pop().unwrap();
        let asked = &asked.body["params"]["notifications"];
        assert_eq!(asked["resourceSubscriptions"], json!(["file:///a"]));
        let heard = first(&mut news, 3).await;
        assert_eq!(heard[2].method, "notifications/resources/updated");
        let params = heard[2].params.as_ref().unwrap();
        assert_eq!(params.get(), r#"{"k":1,"uri":"file:///a"}"#);
    };
    tokio::select! {
        result = listening => panic!("{result:?}"),
        () = hearing => {}
    }
    // A client of the same revision gets what it wants and no more.
    let new = visit(Revision::V2026_07_28);
    let (outlet, mut news) = Outlet::new();
    let interest = Interest {
        resources: vec!["file:///b".to_owned()],
        ..Interest::default()
    };
    tokio::select! {
        result = upstream.listen(&new, interest, &outlet) => panic!("{result:?}"),
        heard = first(&mut news, 2) => {
            assert_eq!(heard[1].method, "notifications/resources/updated");
        }
    }
    let asked = &server.of("subscriptions/listen").pop().unwrap().body["params"]["notifications"];
    assert_eq!(asked["toolsListChanged"], false);
    assert_eq!(asked["resourceSubscriptions"], json!(["file:///b"]));
}

#[tokio::test]
async fn changes_of_a_server_with_sessions_come_by_its_stream() {
    let (sender, receiver) = channel::unbounded_channel::<String>();
    let receiver = Mutex::new(Some(receiver));
    let server = super::fake::Fake::new(move |seen| {
        if seen.method == "GET" {
            let Some(mut receiver) = receiver.lock().unwrap().take() else {
                return status(409);
            };
            let body = futures_util::stream::poll_fn(move |context| {
                let said = receiver.poll_recv(context);
                said.map(|text| text.map(Ok::<_, std::io::Error>))
            });
            return stream(Body::from_stream(body));
        }
        session_answer(seen, "s1", |seen| seen.result(json!({})))
    })
    .await;
    let say = |message: Value| sender.send(format!("data: {message}\n\n")).unwrap();
    let upstream = upstream(&http(&server.url));
    let new = visit_of("alice", Revision::V2026_07_28, r#"{"roots":{}}"#);
    let (outlet, mut news) = Outlet::new();
    let interest = Interest {
        resources_list_changed: true,
        resources: vec!["file:///a".to_owned()],
        ..Interest::default()
    };
    let hearing = async {
        while server.of("resources/subscribe").is_empty() {
            tokio::task::yield_now().await;
        }
        say(notification("notifications/tools/list_changed", json!({})));
        say(notification(
            "notifications/message",
            json!({"level": "error"}),
        ));
        say(notification(
            "notifications/resources/updated",
            json!({"uri": "file:///b"}),
        ));
        say(notification(
            "notifications/resources/updated",
            json!({"uri": "file:///a"}),
        ));
        say(notification(
            "notifications/resources/list_changed",
            json!({}),
        ));
        let heard = first(&mut news, 2).await;
        let methods: Vec<_> = heard.iter().map(|one| one.method.as_str()).collect();
        let wanted = [
            "notifications/resources/updated",
            "notifications/resources/list_changed",
        ];
        assert_eq!(methods, wanted);
        // A question that comes by the stream belongs to the request that runs; here, to none.
        say(json!({"jsonrpc": "2.0", "id": 5, "method": "roots/list"}));
        while !server.seen().iter().any(|seen| seen.body["id"] == 5) {
            tokio::task::yield_now().await;
        }
        let answer = server
            .seen()
            .iter()
            .rfind(|seen| seen.body["id"] == 5)
            .cloned();
        let message = answer.unwrap().body["error"]["message"].to_string();
        assert!(message.contains("no request runs"), "{message}");
    };
    tokio::select! {
        result = upstream.listen(&new, interest, &outlet) => panic!("{result:?}"),
        () = hearing => {}
    }
    // Nobody wants to hear of it any more.
    let told = async {
        while server.of("resources/unsubscribe").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_answer_whose_stream_was_let_go_of_is_taken_up_again() {
    static ID: Mutex<Value> = Mutex::new(Value::Null);
    let server = super::fake::Fake::new(|seen| {
        if seen.method == "GET" {
            if seen.header("last-event-id") != "e1" {
                return status(405);
            }
            let id = ID.lock().unwrap().clone();
            return events(&[json!({"jsonrpc": "2.0", "id": id, "result": {"ok": true}})]);
        }
        session_answer(seen, "s1", |seen| {
            *ID.lock().unwrap() = seen.body["id"].clone();
            stream(Body::from("id: e1\nretry: 10\ndata:\n\n"))
        })
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let result = call_tool(&upstream, &visit(Revision::V2025_11_25), "t").await;
    assert_eq!(result.unwrap()["ok"], true);
}

#[tokio::test]
async fn a_server_that_asks_without_an_end_is_answered_by_us() {
    let server = with_sessions(|seen| {
        if seen.rpc() != "tools/call" {
            return status(202);
        }
        let question = |number: usize| {
            let question = json!({"jsonrpc": "2.0", "id": number, "method": "sampling/createMessage", "params": {}});
            Ok::<_, std::io::Error>(event(&question))
        };
        let questions = futures_util::stream::iter((0..100).map(question));
        let pending = futures_util::stream::pending();
        let body = futures_util::StreamExt::chain(questions, pending);
        stream(Body::from_stream(body))
    })
    .await;
    let upstream = upstream(&http(&server.url));
    let visit = visit_of("alice", Revision::V2025_06_18, EVERYTHING);
    let (outlet, mut news) = Outlet::new();
    let params = json!({"name": "t"});
    let call = upstream.call(&visit, request("tools/call", params), &outlet);
    // The client reads what it is asked, and takes its time.
    let mut asked = Vec::new();
    let listening = async {
        while let Some(one) = news.recv().await {
            asked.push(one);
        }
    };
    let refused = || {
        let seen = server.seen();
        let refusals = seen.iter().filter(|seen| {
            let error = seen.body["error"]["message"].as_str();
            error.is_some_and(|error| error.contains("too many questions"))
        });
        refusals.count()
    };
    let all_refused = async {
        while refused() < 68 {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), all_refused);
    tokio::select! {
        result = call => panic!("{result:?}"),
        () = listening => panic!("the client is still there"),
        in_time = in_time => in_time.unwrap(),
    }
    assert_eq!((asked.len(), refused()), (32, 68));
}
