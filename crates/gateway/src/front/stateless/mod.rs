//! Clients for whom every request stands for itself (MCP 2026-07-28).

mod address;
mod admission;
mod conversation;
mod discovery;
mod flawless;
mod listening;
mod parked;
mod talk;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;

use admission::{Admitted, Retry, admit};
use conversation::Conversation;
use listening::Listening;
use parked::{Parked, State};
use talk::Talk;

use crate::front::wire::{Asked, Incoming, Malformed};
use crate::front::{FrontSettings, Guest, RpcResponse, accepts, error, events, wire};
use crate::json::{Object, Raw};
use crate::message::{Notification, Request, RpcError, code, response};
use crate::server::McpServer;
use crate::upstream::mirror::Mirror;

/// The front for clients of 2026-07-28. Clones are the same front.
#[derive(Clone, Debug)]
pub(crate) struct Stateless {
    settings: FrontSettings,
    parked: Parked,
    /// Which arguments clients repeat in headers, as far as tools were listed here.
    mirror: Arc<Mirror>,
    /// What the server calls itself, and when it said so.
    info: Arc<Mutex<Option<(Instant, Raw)>>>,
}

/// The next message to a client.
#[derive(Debug)]
pub(crate) enum Said {
    News(Raw),
    /// The answer. Nothing comes after it.
    Last {
        message: Raw,
        status: StatusCode,
    },
}

/// A request that is being answered. Dropped, it is cancelled.
pub(crate) enum Dialogue {
    Answered(Option<Said>),
    Call(Box<Talk>),
    Listen(Box<Listening>),
}

impl Dialogue {
    /// The answer to the request `id` is this error.
    fn refused(asked: &Asked<'_>, status: StatusCode, error: &RpcError) -> Self {
        Self::Answered(Some(Said::Last {
            message: response(asked.id, Err(error)),
            status,
        }))
    }

    /// What is said next. After the last message nothing is.
    pub(crate) async fn next(&mut self) -> Said {
        match self {
            Self::Answered(said) => match said.take() {
                Some(said) => said,
                None => std::future::pending().await,
            },
            Self::Call(talk) => talk.next().await,
            Self::Listen(listening) => listening.next().await,
        }
    }
}

impl Stateless {
    pub(crate) fn new(settings: FrontSettings) -> Self {
        Self {
            parked: Parked::new(&settings),
            settings,
            mirror: Arc::default(),
            info: Arc::default(),
        }
    }

    /// One message. To drop the answer is to cancel the request.
    pub(crate) async fn post(
        &self,
        guest: &Guest,
        headers: &HeaderMap,
        body: Bytes,
        server: &Arc<dyn McpServer>,
    ) -> Response<Body> {
        let bad = |error: &RpcError| RpcResponse::error(StatusCode::BAD_REQUEST, error);
        if let Err(refusal) = accepts::json(headers) {
            return refusal.response();
        }
        match wire::text(&body).and_then(Incoming::parse) {
            Ok(Incoming::Request(asked)) => {
                if let Err(refusal) = accepts::event_stream(headers) {
                    return refusal.response();
                }
                let dialogue = self.begin(guest, Some(headers), &asked, server).await;
                self.written(dialogue).await
            }
            Ok(Incoming::Notification(notification)) => {
                match self.notify(guest, notification, server).await {
                    Ok(()) => RpcResponse::empty(StatusCode::ACCEPTED),
                    Err(error) => bad(&error),
                }
            }
            Ok(Incoming::Answer { .. }) => {
                let what = "from 2026-07-28 on a client answers with `inputResponses`";
                bad(&RpcError::new(code::INVALID_REQUEST, what))
            }
            Err(Malformed(error)) => bad(&error),
        }
    }

    /// Begins to answer a request; over HTTP its headers are checked too.
    pub(crate) async fn begin(
        &self,
        guest: &Guest,
        headers: Option<&HeaderMap>,
        asked: &Asked<'_>,
        server: &Arc<dyn McpServer>,
    ) -> Dialogue {
        let admitted = match admit(&guest.caller, headers, asked) {
            Ok(admitted) => admitted,
            Err(error) => return Dialogue::refused(asked, StatusCode::BAD_REQUEST, &error),
        };
        if let Some(what) = headers.and_then(|headers| self.mismatch(headers, asked)) {
            let error = admission::mismatch(&what);
            return Dialogue::refused(asked, StatusCode::BAD_REQUEST, &error);
        }
        match &*asked.method {
            method if is_removed(method) => {
                let what = format!("the method `{method}` does not exist in 2026-07-28");
                let error = RpcError::new(code::METHOD_NOT_FOUND, what);
                Dialogue::refused(asked, StatusCode::NOT_FOUND, &error)
            }
            "server/discover" => self.discover(&admitted.visit, asked, server).await,
            "subscriptions/listen" => {
                let opened = self.listen(guest, &admitted, asked, server).await;
                match opened {
                    Ok(listening) => Dialogue::Listen(Box::new(listening)),
                    Err(error) => {
                        let error = error::stateless_error(error);
                        Dialogue::refused(asked, error::stateless_status(&error), &error)
                    }
                }
            }
            _ => match self.conversation(guest, admitted, asked, server).await {
                Ok(talk) => Dialogue::Call(Box::new(talk)),
                Err(error) => Dialogue::refused(asked, StatusCode::OK, &error),
            },
        }
    }

    /// What is wrong with the headers that repeat arguments of a tool (SEP-2243).
    fn mismatch(&self, headers: &HeaderMap, asked: &Asked<'_>) -> Option<String> {
        if asked.method != "tools/call" {
            return None;
        }
        let params = asked.params.and_then(Object::of)?;
        let tool = params.text("name")?;
        let arguments = || params.get("arguments");
        self.mirror.mismatch(&tool, arguments, headers)
    }

    /// A new call, or one that goes on.
    async fn conversation(
        &self,
        guest: &Guest,
        admitted: Admitted,
        asked: &Asked<'_>,
        server: &Arc<dyn McpServer>,
    ) -> Result<Talk, RpcError> {
        let Admitted {
            mut visit,
            params,
            retry,
            progress,
        } = admitted;
        let request = Request {
            method: asked.method.clone(),
            params,
        };
        let waiting = match &retry {
            Some(retry) => self.waiting(guest, retry, &request).await?,
            None => None,
        };
        visit.has_opened = retry.is_some() && waiting.is_none();
        let conversation = match waiting {
            Some(mut conversation) => {
                conversation.go_on(visit.clone(), progress);
                conversation
            }
            None => Conversation::new(visit.clone(), request, progress, server),
        };
        Ok(Talk::new(self, guest, visit, asked, conversation, server))
    }

    /// The call that a state stands for, with the client's answers passed on to it; none if the request
    /// has to begin anew.
    async fn waiting(
        &self,
        guest: &Guest,
        retry: &Retry,
        request: &Request,
    ) -> Result<Option<Conversation>, RpcError> {
        let invalid = |what: &str| RpcError::new(code::INVALID_PARAMS, what);
        let state = self.parked.open(&guest.caller, &retry.state);
        let id = match state {
            Some(State::Parked(id)) => id,
            Some(State::Address) => {
                address::check(retry.responses.as_deref())?;
                return Ok(None);
            }
            None => {
                return Err(invalid(
                    "`requestState` is not one of yours, or was changed",
                ));
            }
        };
        let conversation = self.parked.take(&id).await;
        let Some(mut conversation) = conversation else {
            return Err(invalid(
                "`requestState` was used already, or its time is over; send the request anew",
            ));
        };
        let answered = if is_same(&conversation.request, request) {
            match retry.responses.as_deref().map(Object::of) {
                // MCP asks to say again what is missing.
                None => Ok(()),
                Some(None) => Err(invalid("`inputResponses` must be an object")),
                Some(Some(responses)) => conversation.answer(&responses),
            }
        } else {
            Err(invalid("`requestState` belongs to another request"))
        };
        match answered {
            Ok(()) => Ok(Some(conversation)),
            Err(error) => {
                // A mistake of the client costs it nothing but time.
                let _ = self.parked.put(&guest.caller, id, conversation);
                Err(error)
            }
        }
    }

    /// MCP 2026-07-28 has no notifications of clients over HTTP; extensions may have some.
    async fn notify(
        &self,
        guest: &Guest,
        notification: Notification,
        server: &Arc<dyn McpServer>,
    ) -> Result<(), RpcError> {
        let method = notification.method.as_str();
        if method == "notifications/cancelled" {
            // What it means is said by hanging up.
            return Ok(());
        }
        if matches!(
            method,
            "notifications/initialized" | "notifications/roots/list_changed"
        ) {
            let what = format!("the notification `{method}` does not exist in 2026-07-28");
            return Err(RpcError::new(code::INVALID_REQUEST, what));
        }
        let null = crate::json::raw(&());
        let asked = Asked {
            id: &null,
            method: notification.method.clone(),
            params: notification.params.as_deref(),
        };
        let admitted = admit(&guest.caller, None, &asked)?;
        let notification = Notification {
            method: asked.method,
            params: admitted.params,
        };
        server.notify(&admitted.visit, notification).await;
        Ok(())
    }

    /// The answer as JSON if nothing comes before it, else as an event stream.
    async fn written(&self, mut dialogue: Dialogue) -> Response<Body> {
        let silence = self.settings.limits.silence;
        let first = match tokio::time::timeout(silence, dialogue.next()).await {
            Ok(Said::Last { message, status }) => return RpcResponse::json(status, message),
            Ok(Said::News(message)) => Some(message),
            Err(_) => None,
        };
        let rest = (dialogue, first, false);
        let messages = stream::unfold(rest, |(mut dialogue, first, is_over)| async move {
            if is_over {
                return None;
            }
            let (message, is_last) = match first {
                Some(message) => (message, false),
                None => match dialogue.next().await {
                    Said::News(message) => (message, false),
                    Said::Last { message, .. } => (message, true),
                },
            };
            let event = events::event(None, Some("message"), message.get());
            Some((event, (dialogue, None, is_last)))
        });
        events::response(messages, silence)
    }

    /// What the server calls itself, if it says so soon.
    async fn info(&self, visit: &crate::visit::Visit, server: &Arc<dyn McpServer>) -> Option<Raw> {
        /// A name changes with a new version of the server.
        const KNOWN_FOR: Duration = Duration::from_mins(5);
        /// Nobody waits long for a courtesy.
        const PATIENCE: Duration = Duration::from_secs(1);
        let known = || {
            self.info
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        let last = known().clone();
        if let Some((when, info)) = last
            && when.elapsed() < KNOWN_FOR
        {
            return Some(info);
        }
        let introduction = tokio::time::timeout(PATIENCE, server.introduction(visit)).await;
        let info = introduction.ok()?.ok()?.info?;
        *known() = Some((Instant::now(), info.clone()));
        Some(info)
    }
}

/// Whether two requests are the same but for what belongs to one of them alone.
fn is_same(one: &Request, other: &Request) -> bool {
    let content = |request: &Request| {
        let params = request.params.as_deref().and_then(Object::of);
        let mut params = params.unwrap_or_default();
        params.remove("_meta");
        params.to_raw()
    };
    let (text, other_text) = (content(one), content(other));
    let is_same_text = text.get() == other_text.get();
    // Clients may write the same twice in different ways.
    let value = |text: &Raw| serde_json::from_str::<serde_json::Value>(text.get()).ok();
    let is_same = || value(&text).is_some_and(|one| Some(one) == value(&other_text));
    one.method == other.method && (is_same_text || is_same())
}

/// Methods of earlier revisions that 2026-07-28 does not have.
pub(crate) fn is_removed(method: &str) -> bool {
    matches!(
        method,
        "initialize"
            | "ping"
            | "logging/setLevel"
            | "resources/subscribe"
            | "resources/unsubscribe"
            | "tasks/list"
            | "tasks/result"
    )
}
