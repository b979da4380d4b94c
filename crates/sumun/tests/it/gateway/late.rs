//! Bodies that come late: who has lost their rights meanwhile does nothing with them (acceptance A6, A8, G2).

use axum::http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::{Client, result, stateless_request};
use super::upstream::{Fake, GOOD};
use super::{PERMITTED, at, house};

/// A request whose head was read and taken, and whose body is still to come.
struct Half {
    socket: TcpStream,
    body: String,
}

impl Half {
    async fn post(client: &Client, method: &str, name: &str, body: String) -> Self {
        let address = client.url.strip_prefix("http://").unwrap();
        let (authority, path) = address.split_once('/').unwrap();
        let mut socket = TcpStream::connect(authority).await.unwrap();
        let head = format!(
            "POST /{path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
             mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n{name}\
             expect: 100-continue\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            client.token,
            body.len(),
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        // That is said by whoever begins to read the body (RFC 9110 §10.1.1).
        let mut asked = [0; 25];
        socket.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { socket, body }
    }

    /// Sends the body, and reads until the connection ends.
    async fn rest(mut self) -> String {
        self.socket.write_all(self.body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.socket.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn a6_g2_a_body_that_comes_after_the_revocation_is_refused() {
    let notes = Fake::stateless(&["read"], |seen| seen.result(GOOD)).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let robot = Client::robot(&house, "/notes/mcp").await;
    result(&robot.call_stateless("read").await);

    let call = stateless_request("tools/call", json!({"name": "read", "arguments": {}}));
    let call = Half::post(&robot, "tools/call", "mcp-name: read\r\n", call.to_string()).await;
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    let listen = stateless_request("subscriptions/listen", wanted).to_string();
    let listen = Half::post(&robot, "subscriptions/listen", "", listen).await;

    // Who listens is told, and so it is known that the gateway knows.
    let session = robot.clone().initialize("2025-06-18").await;
    let mut stream = session.watch(Method::GET.as_str(), &[], "").await;
    stream.until("text/event-stream").await;
    robot.revoke(&house).await;
    stream.ended().await;

    for late in [call, listen] {
        let answer = late.rest().await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.contains("invalid_token"), "{answer}");
    }
    assert_eq!(notes.of("tools/call").len(), 1);
}
