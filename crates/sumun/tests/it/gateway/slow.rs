//! Bodies that never come: nobody who is unknown holds a place for long (acceptance G3).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::LONG;
use super::upstream::{Fake, GOOD};
use super::{PERMITTED, at, house};

#[tokio::test]
async fn g3_who_is_refused_has_the_answer_at_once_and_the_connection_not_for_long() {
    let notes = Fake::stateless(&["read"], |seen| seen.result(GOOD)).await;
    let house = house(&format!("{PERMITTED}{}", at("notes", &notes.url))).await;
    let address = house.url.strip_prefix("http://").unwrap();
    for (rest, status) in [
        ("content-length: 1000\r\n\r\nx", "401"),
        ("transfer-encoding: chunked\r\n\r\n", "401"),
        (
            "origin: https://evil.example.net\r\ncontent-length: 1000\r\n\r\n",
            "403",
        ),
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = format!("POST /notes/mcp HTTP/1.1\r\nhost: {address}\r\n{rest}");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = timeout(LONG, socket.read_to_string(&mut answer)).await;
        read.expect("the connection stays open").unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
}
