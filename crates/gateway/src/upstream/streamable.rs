//! Streamable HTTP with sessions, as a client speaks it (MCP 2025-03-26 to 2025-11-25).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use oauth::media_type;
use resource_server::Caller;
use resource_server::mcp::names::{MCP_PROTOCOL_VERSION, MCP_SESSION_ID};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::behalf::{Behalf, Kept};
use super::board::Board;
use super::http::{Endpoint, base_headers};
use super::link::{Link, Outgoing};
use super::replies::{Posted, Refusal, Replies, Stream, sort};
use super::sse::Event;
use super::trouble::Trouble;
use crate::message::RpcError;
use crate::revision::Revision;

const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// How long to wait before a stream is taken up again, if the server does not say.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a server may take to be told that a session is over.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often a stream is taken up again without a message in between.
const ATTEMPTS: u32 = 5;

/// One session with a server over Streamable HTTP.
#[derive(Clone, Debug)]
pub(super) struct Streamable(Arc<Core>);

#[derive(Debug)]
struct Core {
    endpoint: Arc<Endpoint>,
    board: Arc<Board>,
    max: usize,
    /// Who opened the session: the stream outside of requests and its end are theirs.
    opener: Caller,
    /// Known once the server has answered `initialize`.
    session: OnceLock<HeaderValue>,
    revision: OnceLock<Revision>,
    tasks: TaskTracker,
    is_gone: AtomicBool,
    has_ear: AtomicBool,
    stop: CancellationToken,
}

impl Streamable {
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        board: Arc<Board>,
        max: usize,
        opener: Caller,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Core {
            endpoint,
            board,
            max,
            opener,
            session: OnceLock::new(),
            revision: OnceLock::new(),
            tasks,
            is_gone: AtomicBool::new(false),
            has_ear: AtomicBool::new(false),
            stop,
        }))
    }
}

impl Core {
    fn headers(&self) -> HeaderMap {
        let mut headers = base_headers();
        if let Some(session) = self.session.get() {
            headers.insert(MCP_SESSION_ID, session.clone());
        }
        if let Some(revision) = self.revision.get()
            && *revision >= Revision::V2025_06_18
        {
            headers.insert(
                MCP_PROTOCOL_VERSION,
                HeaderValue::from_static(revision.as_str()),
            );
        }
        headers
    }

    async fn post(self: &Arc<Self>, text: String, behalf: Behalf<'_>) -> Result<Posted, Trouble> {
        let response = self
            .endpoint
            .send(Method::POST, self.headers(), text.into(), behalf)
            .await?;
        if self.session.get().is_none()
            && let Some(session) = response.headers().get(&MCP_SESSION_ID)
            && self.revision.get().is_none()
        {
            let _ = self.session.set(session.clone());
        }
        let resume = Resume {
            core: self.clone(),
            behalf: behalf.kept(),
            last: None,
            pause: PAUSE,
            attempts: 0,
        };
        let posted = sort(response, self.max, self.endpoint.timeout, Some(resume)).await?;
        match posted {
            Posted::Refused(refusal) if self.is_loss(&refusal) => {
                self.is_gone.store(true, Ordering::Relaxed);
                Err(Trouble::Lost(
                    "has lost the session, and again when it was opened anew",
                ))
            }
            Posted::Refused(refusal) => Err(refusal.into_trouble()),
            posted => Ok(posted),
        }
    }

    /// Whether the server does not know the session any more. The status for that is 404; the
    /// TypeScript SDK's examples answer 400 with a sentence.
    fn is_loss(&self, refusal: &Refusal) -> bool {
        let says_session =
            |error: &RpcError| error.0.get().to_ascii_lowercase().contains("session");
        self.session.get().is_some()
            && match refusal.status {
                StatusCode::NOT_FOUND => true,
                StatusCode::BAD_REQUEST => refusal.error.as_ref().is_some_and(says_session),
                _ => false,
            }
    }

    async fn get(
        &self,
        last: Option<&str>,
        behalf: Behalf<'_>,
    ) -> Result<Response<Incoming>, Trouble> {
        let mut headers = self.headers();
        headers.remove(header::CONTENT_TYPE);
        headers.insert(
            header::ACCEPT,
            HeaderValue::from_static("text/event-stream"),
        );
        if let Some(last) = last.and_then(|last| HeaderValue::from_str(last).ok()) {
            headers.insert(LAST_EVENT, last);
        }
        self.endpoint
            .send(Method::GET, headers, Bytes::new(), behalf)
            .await
    }

    /// Hears what the server says outside of requests, until there is nothing more to hear.
    async fn hear(self: Arc<Self>) {
        let (mut last, mut pause, mut attempts) = (None::<String>, PAUSE, 0_u32);
        while attempts < ATTEMPTS && !self.is_gone.load(Ordering::Relaxed) {
            attempts += 1;
            let response = self.get(last.as_deref(), Behalf::of(&self.opener)).await;
            match response {
                Ok(response) if response.status().is_success() => {
                    let begun = Instant::now();
                    let mut stream = Stream::new(response.into_body(), self.max, None);
                    while let Ok(Some(event)) = stream.event(None).await {
                        attempts = 0;
                        last = event.id.clone().or(last);
                        pause = event.retry.unwrap_or(pause).min(LONGEST_PAUSE);
                        self.dispatch(event).await;
                    }
                    // Streams without news are closed now and then by whatever is in between.
                    if begun.elapsed() > LONGEST_PAUSE / 6 {
                        attempts = 0;
                    }
                }
                // The session is over; whoever listens opens another one.
                Ok(response) if response.status() == StatusCode::NOT_FOUND => {
                    self.lose();
                    return;
                }
                // There is no such stream here.
                Ok(response) if response.status().is_client_error() => return,
                _ => {}
            }
            tokio::time::sleep(pause * attempts.max(1)).await;
        }
        if attempts >= ATTEMPTS {
            self.lose();
        }
    }

    fn lose(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
        self.board.close();
    }

    async fn dispatch(self: &Arc<Self>, event: Event) {
        if !event.is_message() {
            return;
        }
        let messages = super::wire::Message::each(&event.data).unwrap_or_default();
        for message in messages {
            if let Some(back) = self.board.dispatch(message.to_owned()) {
                let _ = self.post(back, Behalf::of(&self.opener)).await;
            }
        }
    }
}

#[async_trait]
impl Link for Streamable {
    async fn request(&self, request: Outgoing<'_>) -> Result<Option<Replies>, Trouble> {
        match self.0.post(request.text, request.behalf).await? {
            Posted::Replies(replies) => Ok(Some(replies)),
            _ => Err(Trouble::Strange(
                "takes a request and answers nothing".to_owned(),
            )),
        }
    }

    async fn send(&self, text: String, behalf: Behalf<'_>) -> Result<(), Trouble> {
        self.0.post(text, behalf).await.map(drop)
    }

    fn send_later(&self, text: String, behalf: Behalf<'_>) {
        let (core, behalf) = (self.0.clone(), behalf.kept());
        self.0.tasks.spawn(async move {
            let _ = core.post(text, behalf.as_ref()).await;
        });
    }

    fn agree(&self, revision: Revision) {
        let _ = self.0.revision.set(revision);
    }

    fn open_ear(&self) {
        if !self.0.has_ear.swap(true, Ordering::Relaxed) {
            let core = self.0.clone();
            self.0.tasks.spawn(async move {
                let stop = core.stop.clone();
                let _ = stop.run_until_cancelled(core.hear()).await;
            });
        }
    }

    fn is_gone(&self) -> bool {
        self.0.is_gone.load(Ordering::Relaxed)
    }

    async fn end(&self) {
        let was_gone = self.0.is_gone.swap(true, Ordering::Relaxed);
        self.0.stop.cancel();
        self.0.board.close();
        if self.0.session.get().is_some() && !was_gone {
            // MCP 2025-11-25, session management: the server may refuse, and that is fine.
            let headers = self.0.headers();
            let ending = self.0.endpoint.send(
                Method::DELETE,
                headers,
                Bytes::new(),
                Behalf::of(&self.0.opener),
            );
            let _ = tokio::time::timeout(FAREWELL, ending).await;
        }
    }
}

/// How an answer whose stream ends before its time is taken up again (2025-11-25: servers may let go of
/// a stream and expect to be asked again).
#[derive(Debug)]
pub(super) struct Resume {
    core: Arc<Core>,
    behalf: Kept,
    last: Option<String>,
    pause: Duration,
    attempts: u32,
}

impl Resume {
    /// Remembers where the stream is.
    pub(super) fn saw(&mut self, event: &Event) {
        if event.id.is_some() {
            self.last.clone_from(&event.id);
        }
        if let Some(pause) = event.retry {
            self.pause = pause.min(LONGEST_PAUSE);
        }
        if event.is_message() {
            self.attempts = 0;
        }
    }

    /// Asks for the rest; `None` if there is none to be had.
    pub(super) async fn again(&mut self) -> Result<Option<Response<Incoming>>, Trouble> {
        while let Some(last) = &self.last {
            if self.attempts >= ATTEMPTS {
                break;
            }
            self.attempts += 1;
            tokio::time::sleep(self.pause).await;
            let Ok(response) = self.core.get(Some(last), self.behalf.as_ref()).await else {
                continue;
            };
            let is_stream = media_type::is(response.headers(), media_type::EVENT_STREAM);
            if response.status().is_success() && is_stream {
                return Ok(Some(response));
            }
            if response.status().is_client_error() {
                break;
            }
        }
        Ok(None)
    }
}
