//! HTTP with an event stream beside it, as a client speaks it (MCP 2024-11-05, HTTP with SSE).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Uri};
use oauth::media_type;
use resource_server::Caller;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::behalf::Behalf;
use super::board::Board;
use super::http::{Endpoint, base_headers};
use super::link::{Link, Outgoing};
use super::replies::{Posted, Replies, Stream, sort};
use super::trouble::Trouble;

/// A connection: the stream brings all that the server says, and messages are posted to the address that
/// it named.
#[derive(Debug)]
pub(super) struct EventStream {
    endpoint: Arc<Endpoint>,
    address: Uri,
    max: usize,
    board: Arc<Board>,
    tasks: TaskTracker,
    /// Ends the stream; it has ended when this is cancelled.
    gone: CancellationToken,
}

/// Opens the stream, and waits for the address.
pub(super) async fn connect(
    endpoint: Arc<Endpoint>,
    board: Arc<Board>,
    max: usize,
    opener: Caller,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<EventStream, Trouble> {
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("text/event-stream");
    headers.insert(header::ACCEPT, kind);
    let response = endpoint
        .send(Method::GET, headers, Bytes::new(), Behalf::of(&opener))
        .await?;
    let no_stream = || Trouble::Foreign("has no event stream".to_owned());
    if !response.status().is_success() {
        return Err(no_stream());
    }
    if !media_type::is(response.headers(), media_type::EVENT_STREAM) {
        return Err(no_stream());
    }
    let mut stream = Stream::new(response.into_body(), max, None);
    let address = loop {
        let event = stream.event(Some(endpoint.timeout)).await?;
        let event = event.ok_or_else(no_stream)?;
        if event.kind == "endpoint" {
            break address(&endpoint.uri, &event.data)?;
        }
    };
    let link = EventStream {
        endpoint,
        address,
        max,
        board,
        tasks: tasks.clone(),
        gone: stop,
    };
    let (board, gone) = (link.board.clone(), link.gone.clone());
    let poster = link.poster();
    tasks.spawn(async move {
        let reading = async {
            while let Ok(Some(event)) = stream.event(None).await {
                if event.is_message()
                    && let Some(back) = board.dispatch(event.data)
                {
                    let _ = poster.post(back, Behalf::of(&opener)).await;
                }
            }
        };
        let _ = gone.run_until_cancelled(reading).await;
        gone.cancel();
        board.close();
    });
    Ok(link)
}

/// The address for messages: of the same origin, for credentials go there.
fn address(base: &Uri, said: &str) -> Result<Uri, Trouble> {
    let elsewhere = || Trouble::unusable("wants its messages at an address of another origin");
    let base = Url::parse(&base.to_string()).map_err(|_| elsewhere())?;
    let joined = base.join(said.trim()).map_err(|_| elsewhere())?;
    if joined.origin() != base.origin() {
        return Err(elsewhere());
    }
    let mut joined = joined;
    joined.set_fragment(None);
    joined.as_str().parse().map_err(|_| elsewhere())
}

/// Posts messages, for whoever has none of the rest.
struct Poster {
    endpoint: Arc<Endpoint>,
    address: Uri,
    max: usize,
}

impl Poster {
    async fn post(&self, text: String, behalf: Behalf<'_>) -> Result<(), Trouble> {
        let headers = base_headers();
        let endpoint = &self.endpoint;
        let response = endpoint
            .send_to(&self.address, Method::POST, headers, text.into(), behalf)
            .await?;
        let status = response.status();
        // Whatever a success says here, the answer comes over the stream.
        if status.is_success() {
            return Ok(());
        }
        if status == http::StatusCode::NOT_FOUND {
            return Err(Trouble::Lost("has lost the session"));
        }
        match sort(response, self.max, endpoint.timeout, None).await? {
            Posted::Refused(refusal) => Err(refusal.into_trouble()),
            _ => Ok(()),
        }
    }
}

impl EventStream {
    fn poster(&self) -> Poster {
        Poster {
            endpoint: self.endpoint.clone(),
            address: self.address.clone(),
            max: self.max,
        }
    }
}

#[async_trait]
impl Link for EventStream {
    async fn request(&self, request: Outgoing<'_>) -> Result<Option<Replies>, Trouble> {
        self.send(request.text, request.behalf).await?;
        Ok(None)
    }

    async fn send(&self, text: String, behalf: Behalf<'_>) -> Result<(), Trouble> {
        if self.is_gone() {
            return Err(Trouble::Lost("has ended its stream"));
        }
        let posted = self.poster().post(text, behalf).await;
        if matches!(posted, Err(Trouble::Lost(_))) {
            self.gone.cancel();
        }
        posted
    }

    fn send_later(&self, text: String, behalf: Behalf<'_>) {
        let (poster, behalf) = (self.poster(), behalf.kept());
        self.tasks.spawn(async move {
            let _ = poster.post(text, behalf.as_ref()).await;
        });
    }

    fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    async fn end(&self) {
        self.gone.cancel();
        self.board.close();
    }
}

/// A connection that nobody holds any more is over.
impl Drop for EventStream {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_to_the_same_origin_alone() {
        let base: Uri = "http://a.example:81/x/sse".parse().unwrap();
        let joined = |said| address(&base, said).map(|uri| uri.to_string()).ok();
        let with = |rest: &str| Some(format!("http://a.example:81{rest}"));
        assert_eq!(joined("/messages?s=1"), with("/messages?s=1"));
        assert_eq!(joined("messages#x"), with("/x/messages"));
        assert_eq!(joined("http://a.example:81/m"), with("/m"));
        for other in [
            "http://a.example/m",
            "https://a.example:81/m",
            "//b.example/m",
        ] {
            assert_eq!(joined(other), None, "{other}");
        }
    }
}
