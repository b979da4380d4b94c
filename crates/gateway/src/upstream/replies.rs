//! What a server sends over HTTP until a request is answered: one document, or a stream of events.

use std::collections::VecDeque;
use std::time::Duration;

use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use oauth::media_type;
use tokio::time::{Instant, timeout, timeout_at};

use super::sse::{BadStream, Event, Parser};
use super::streamable::Resume;
use super::trouble::Trouble;
use super::wire::Message;
use crate::message::RpcError;

/// How much is read of an answer that is a refusal.
const MAX_REFUSAL: usize = 64 * 1024;
/// When to come again if a server asks for that without saying when.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Messages that belong to one request, in their order.
#[derive(Debug)]
pub(super) enum Replies {
    /// One JSON document.
    Document(Document),
    /// An event stream.
    Stream(Box<Stream>),
}

impl Replies {
    /// The next message; `None` at the end. Without `patience` it is waited for without end.
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn next(
        &mut self,
        patience: Option<Duration>,
    ) -> Result<Option<String>, Trouble> {
        match self {
            Self::Document(document) => document.read(patience).await,
            Self::Stream(stream) => stream.next(patience).await,
        }
    }
}

fn silent() -> Trouble {
    Trouble::Silent("does not answer in time")
}

fn too_large() -> Trouble {
    Trouble::unusable("sent a message that is larger than allowed")
}

fn cut_off() -> Trouble {
    Trouble::Broken("broke its answer off")
}

/// A body that is read to its end.
#[derive(Debug)]
pub(super) struct Document {
    body: Option<Incoming>,
    read: Vec<u8>,
    max: usize,
}

impl Document {
    fn new(body: Incoming, max: usize) -> Self {
        Self {
            body: Some(body),
            read: Vec::new(),
            max,
        }
    }

    async fn read(&mut self, patience: Option<Duration>) -> Result<Option<String>, Trouble> {
        let Some(body) = &mut self.body else {
            return Ok(None);
        };
        loop {
            let frame = match patience {
                Some(patience) => timeout(patience, body.frame())
                    .await
                    .map_err(|_| silent())?,
                None => body.frame().await,
            };
            let Some(frame) = frame else { break };
            if let Ok(data) = frame.map_err(|_| cut_off())?.into_data() {
                if self.read.len() + data.len() > self.max {
                    return Err(too_large());
                }
                self.read.extend_from_slice(&data);
            }
        }
        self.body = None;
        let text = String::from_utf8(std::mem::take(&mut self.read))
            .map_err(|_| Trouble::unusable("answers what is no JSON"))?;
        Ok(Some(text))
    }
}

/// An event stream.
#[derive(Debug)]
pub(super) struct Stream {
    body: Incoming,
    parser: Parser,
    ready: VecDeque<Event>,
    /// How the stream is taken up again when it ends before its time, where that is possible.
    resume: Option<Resume>,
}

impl Stream {
    pub(super) fn new(body: Incoming, max: usize, resume: Option<Resume>) -> Self {
        Self {
            body,
            parser: Parser::new(max),
            ready: VecDeque::new(),
            resume,
        }
    }

    /// The next event, whatever it says.
    pub(super) async fn event(
        &mut self,
        patience: Option<Duration>,
    ) -> Result<Option<Event>, Trouble> {
        // Comments keep a connection alive; they are no answer.
        let until = patience.map(|patience| Instant::now() + patience);
        loop {
            if let Some(event) = self.ready.pop_front() {
                if let Some(resume) = &mut self.resume {
                    resume.saw(&event);
                }
                return Ok(Some(event));
            }
            let frame = match until {
                Some(until) => timeout_at(until, self.body.frame())
                    .await
                    .map_err(|_| silent())?,
                None => self.body.frame().await,
            };
            let Some(Ok(frame)) = frame else {
                let Some(resume) = &mut self.resume else {
                    return Ok(None);
                };
                let Some(response) = resume.again().await? else {
                    return Ok(None);
                };
                self.body = response.into_body();
                self.parser.restart();
                continue;
            };
            if let Ok(data) = frame.into_data() {
                let fed = self.parser.feed(&data, &mut self.ready);
                fed.map_err(|bad| match bad {
                    BadStream::TooLarge => too_large(),
                    BadStream::NotUtf8 => Trouble::unusable("answers what is no text"),
                })?;
            }
        }
    }

    async fn next(&mut self, patience: Option<Duration>) -> Result<Option<String>, Trouble> {
        while let Some(event) = self.event(patience).await? {
            if event.is_message() {
                return Ok(Some(event.data));
            }
        }
        Ok(None)
    }
}

/// What came back over HTTP.
#[derive(Debug)]
pub(super) enum Posted {
    /// Messages.
    Replies(Replies),
    /// Nothing: it was taken notice of.
    Accepted,
    /// No.
    Refused(Refusal),
}

/// A status that is no success.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The JSON-RPC error in the body, if there is one.
    pub(super) error: Option<RpcError>,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// What it means where its status has no meaning of its own.
    pub(super) fn into_trouble(self) -> Trouble {
        let status = self.status.as_u16();
        match (status, self.error) {
            (401 | 403, _) => Trouble::unusable(format!(
                "does not let the gateway in (it answers with status {status}): its credential in \
                 the settings has to be looked at"
            )),
            (429 | 503, _) => Trouble::Unusable {
                reason: "asks to come again later".to_owned(),
                retry_after: self.retry_after,
            },
            (_, Some(error)) => Trouble::Rpc(error),
            // What stands at the address does not know such requests, and has not begun with this one.
            (400 | 404 | 405 | 406 | 415, None) => {
                Trouble::Foreign(format!("answers with status {status} and not in MCP"))
            }
            // Other refusals may come after something was done: 408, 409, 422 and the like.
            (402..=499, None) => {
                Trouble::Strange(format!("answers with status {status} and not in MCP"))
            }
            _ => Trouble::unusable(format!("answers with status {status}")),
        }
    }
}

/// Sorts an answer by its status and the type of its content.
pub(super) async fn sort(
    response: Response<Incoming>,
    max: usize,
    patience: Duration,
    resume: Option<Resume>,
) -> Result<Posted, Trouble> {
    let status = response.status();
    if status == StatusCode::ACCEPTED || status == StatusCode::NO_CONTENT {
        return Ok(Posted::Accepted);
    }
    let headers = response.headers();
    if !status.is_success() {
        let retry_after = retry_after(headers);
        let mut document = Document::new(response.into_body(), MAX_REFUSAL);
        let text = document.read(Some(patience)).await.ok().flatten();
        let error = text.as_deref().and_then(error_in);
        return Ok(Posted::Refused(Refusal {
            status,
            error,
            retry_after,
        }));
    }
    if media_type::is(headers, media_type::EVENT_STREAM) {
        let stream = Stream::new(response.into_body(), max, resume);
        Ok(Posted::Replies(Replies::Stream(Box::new(stream))))
    } else if media_type::is(headers, media_type::JSON) {
        let document = Document::new(response.into_body(), max);
        Ok(Posted::Replies(Replies::Document(document)))
    } else {
        Err(Trouble::Strange(
            "answers neither JSON nor an event stream".to_owned(),
        ))
    }
}

fn error_in(text: &str) -> Option<RpcError> {
    match Message::parse(text)? {
        Message::Answer {
            answer: Err(error), ..
        } => Some(RpcError(error.to_owned())),
        _ => None,
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = seconds.trim().parse().map(Duration::from_secs).ok()?;
    Some(seconds.min(MAX_RETRY_AFTER))
}
