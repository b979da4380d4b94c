//! Event streams, as they are written (WHATWG HTML §9.2.6, MCP Streamable HTTP).

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};

/// Tells nginx and its like to pass events on as they come.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One event. Data of several lines stay what they are.
pub(crate) fn event(id: Option<&str>, kind: Option<&str>, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + 64);
    if let Some(kind) = kind {
        let _ = writeln!(text, "event: {kind}");
    }
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    // What ends a line in an event stream can stand in JSON only between values, where one is as
    // good as the other.
    let mut rest = data;
    while let Some(end) = rest.find(['\n', '\r']) {
        text.push_str("data: ");
        text.push_str(&rest[..end]);
        text.push('\n');
        let ending = if rest[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = &rest[end + ending..];
    }
    text.push_str("data: ");
    text.push_str(rest);
    text.push_str("\n\n");
    Bytes::from(text)
}

/// An answer that is a stream of `events`, with a comment whenever nothing comes for a while.
pub(crate) fn response(
    events: impl Stream<Item = Bytes> + Send + 'static,
    silence: Duration,
) -> Response<Body> {
    let kept_alive = stream::unfold(Box::pin(events), move |mut events| async move {
        let next = tokio::time::timeout(silence, events.next()).await;
        let bytes = match next {
            Ok(event) => event?,
            Err(_) => Bytes::from_static(b":\n\n"),
        };
        Some((Ok::<_, Infallible>(bytes), events))
    });
    let mut response = Response::new(Body::from_stream(kept_alive));
    let headers = response.headers_mut();
    let is = HeaderValue::from_static;
    headers.insert(CONTENT_TYPE, is("text/event-stream"));
    headers.insert(CACHE_CONTROL, is("no-cache"));
    headers.insert(X_ACCEL_BUFFERING, is("no"));
    response
}

/// `text` in one line, for transports that end a message with the line.
pub(crate) fn one_line(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(['\n', '\r']) {
        text.replace(['\n', '\r'], " ").into()
    } else {
        text.into()
    }
}

/// Waits for `next`, unless `over` is first.
pub(crate) async fn unless<T>(
    over: impl Future<Output = ()>,
    next: impl Future<Output = Option<T>>,
) -> Option<T> {
    let (over, next) = (pin!(over), pin!(next));
    tokio::select! {
        biased;
        () = over => None,
        next = next => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g6_json_of_several_lines_is_put_together_again_as_it_was() {
        let bytes = event(Some("7"), Some("message"), "{\r\n \"a\": 1.50\n}");
        let text = str::from_utf8(&bytes).unwrap();
        let expected = "event: message\nid: 7\ndata: {\ndata:  \"a\": 1.50\ndata: }\n\n";
        assert_eq!(text, expected);
        assert_eq!(&event(None, None, "")[..], b"data: \n\n");
    }
}
