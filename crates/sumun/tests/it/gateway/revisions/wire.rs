//! HTTP by hand, for answers that are read while they are written.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::response::Parts;
use axum::http::{Request, Uri};
use futures_util::StreamExt as _;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long is waited for what has to come.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// One event of an event stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) data: String,
}

/// An answer whose body may still be written. Dropped, its connection is cut.
pub(super) struct Opened {
    pub(super) head: Parts,
    frames: BodyDataStream,
    unread: String,
    _connection: JoinSet<()>,
}

impl Opened {
    /// Sends a request on a connection of its own, and waits for the head of the answer.
    pub(super) async fn send(mut request: Request<Body>) -> Self {
        let uri = request.uri().clone();
        let authority = uri.authority().unwrap().as_str();
        let socket = TcpStream::connect(authority).await.unwrap();
        let host = authority.parse().unwrap();
        request.headers_mut().insert(HOST, host);
        *request.uri_mut() = Uri::from(uri.path_and_query().unwrap().clone());
        let io = TokioIo::new(socket);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        let mut driving = JoinSet::new();
        // Whatever breaks it is seen by whoever reads the answer.
        driving.spawn(async move { drop(connection.await) });
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        Self {
            head,
            frames: Body::new(body).into_data_stream(),
            unread: String::new(),
            _connection: driving,
        }
    }

    /// The value of a header, empty when it is absent.
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.head.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Whether what follows are events.
    pub(super) fn is_stream(&self) -> bool {
        self.header(CONTENT_TYPE.as_str())
            .starts_with("text/event-stream")
    }

    /// The whole body.
    pub(super) async fn text(mut self) -> String {
        while self.more().await {}
        self.unread
    }

    /// The next event with something in it; none at the end of the stream.
    pub(super) async fn event(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.unread.find("\n\n") {
                let block: String = self.unread.drain(..end + 2).collect();
                let event = read(&block);
                if !event.data.is_empty() {
                    return Some(event);
                }
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn more(&mut self) -> bool {
        let next = timeout(LONG, self.frames.next()).await;
        let frame = next.expect("what has to come does not");
        let Some(Ok(bytes)) = frame else { return false };
        self.unread.push_str(std::str::from_utf8(&bytes).unwrap());
        true
    }
}

fn read(block: &str) -> Event {
    let mut event = Event {
        kind: "message".to_owned(),
        data: String::new(),
    };
    for line in block.lines() {
        if let Some(kind) = line.strip_prefix("event:") {
            kind.trim().clone_into(&mut event.kind);
        } else if let Some(data) = line.strip_prefix("data:") {
            if !event.data.is_empty() {
                event.data.push('\n');
            }
            event.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
    }
    event
}
