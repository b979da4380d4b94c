//! One request from its sending to its answer, with all that happens in between.

use std::time::Duration;

use serde_json::value::RawValue;

use super::behalf::Behalf;
use super::board::{Board, Ticket};
use super::link::{Link, Outgoing};
use super::questions::Questions;
use super::replies::Replies;
use super::trouble::Trouble;
use super::wire::{self, Message};
use crate::json::{Object, Raw};
use crate::message::{Notification, RpcError, code};
use crate::outlet::Outlet;
use crate::visit::Visit;

/// More news than any server has to tell about one request: a stream without an end.
const MAX_NEWS: usize = 100_000;

/// What withdraws a question.
const CANCELLED: &str = "notifications/cancelled";

/// What a server is told that asks too much at once.
const TOO_MANY: &str = "too many questions to the client are open";

/// What one visit hears and is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hearing<'a> {
    pub(super) link: &'a dyn Link,
    pub(super) visit: &'a Visit,
    pub(super) outlet: &'a Outlet,
    /// The client's own token of progress.
    pub(super) token: Option<&'a Raw>,
    /// Where the questions are counted that the server asks the client on its way, if it may (all
    /// revisions with sessions).
    pub(super) questions: Option<&'a Board>,
}

impl<'a> Hearing<'a> {
    /// Passes on what is no answer.
    pub(super) async fn news(&self, text: &str, questions: &mut Questions<'a>) {
        match Message::parse(text) {
            // The server's own question: the ids of its requests are others than those of ours.
            Some(Message::Notification { method, params }) if method == CANCELLED => {
                let params = params.and_then(Object::of);
                if let Some(id) = params.as_ref().and_then(|params| params.get("requestId")) {
                    questions.withdraw(id);
                }
            }
            Some(Message::Notification { method, params }) => {
                self.notify(&method, params).await;
            }
            Some(Message::Question { id, method, params }) if let Some(board) = self.questions => {
                let Some(taken) = board.question(text.len()) else {
                    // Sent at once, and the next message is not read before: nothing piles up.
                    let error = RpcError::new(code::INTERNAL_ERROR, TOO_MANY);
                    let answer = wire::answer(id, Err(&error));
                    let _ = self.link.send(answer, Behalf::calling(self.visit)).await;
                    return;
                };
                let (asked, params) = (id.to_owned(), params.map(RawValue::to_owned));
                let (method, hearing) = (method.into_owned(), *self);
                questions.open(id, async move {
                    let answer = hearing.ask(method, params).await;
                    drop(taken);
                    wire::answer(&asked, answer.as_deref())
                });
            }
            _ => tracing::debug!("an upstream sent what has no place in an answer"),
        }
    }

    async fn ask(&self, method: String, params: Option<Raw>) -> Result<Raw, RpcError> {
        let capability = match &*method {
            "ping" => return Ok(wire::empty()),
            "sampling/createMessage" => "sampling",
            "elicitation/create" => "elicitation",
            "roots/list" => "roots",
            _ => "",
        };
        if !self.visit.client.can(capability) {
            let error = format!("the client does not understand `{method}`");
            return Err(RpcError::new(code::METHOD_NOT_FOUND, error));
        }
        self.outlet.ask(method, params).await
    }

    async fn notify(&self, method: &str, params: Option<&RawValue>) {
        let params = match (method, params) {
            ("notifications/progress", Some(params)) => match self.token {
                Some(token) => Some(wire::with_progress_token(params, token)),
                None => return,
            },
            ("notifications/message", params) if !self.visit.wants_log(params) => return,
            (_, params) => params.map(RawValue::to_owned),
        };
        let method = method.to_owned();
        self.outlet.notify(Notification { method, params }).await;
    }
}

/// Sends a request and waits for its result. Dropping the future tells the server.
pub(super) async fn call(
    hearing: Hearing<'_>,
    ticket: &mut Ticket,
    request: Outgoing<'_>,
    patience: Duration,
) -> Result<Raw, Trouble> {
    let mut cancel = Cancel::new(hearing, ticket.id);
    let result = converse(hearing, ticket, request, patience).await;
    // Who does not answer in time is told that nobody waits any more.
    cancel.is_over = !matches!(result, Err(Trouble::Silent(_)));
    result
}

async fn converse(
    hearing: Hearing<'_>,
    ticket: &mut Ticket,
    request: Outgoing<'_>,
    patience: Duration,
) -> Result<Raw, Trouble> {
    let mut replies = hearing.link.request(request).await?;
    let mut questions = Questions::default();
    for _ in 0..MAX_NEWS {
        // While a person thinks, the server need not say anything.
        let patience = questions.is_empty().then_some(patience);
        let text = tokio::select! {
            Some(answer) = questions.next(), if !questions.is_empty() => {
                let behalf = Behalf::calling(hearing.visit);
                let sent = hearing.link.send(answer, behalf).await;
                sent.map_err(Trouble::in_the_middle)?;
                continue;
            }
            text = next(&mut replies, ticket, patience) => text?,
        };
        let Some(text) = text else {
            return Err(Trouble::Broken("ended before it answered"));
        };
        if let Some(result) = take(&hearing, ticket.id, &text, &mut questions).await? {
            return Ok(result);
        }
    }
    Err(Trouble::unusable(
        "sends news without an end instead of an answer",
    ))
}

/// The next message of the request's own stream, or of the connection.
pub(super) async fn next(
    replies: &mut Option<Replies>,
    ticket: &mut Ticket,
    patience: Option<Duration>,
) -> Result<Option<String>, Trouble> {
    match replies {
        Some(replies) => tokio::select! {
            text = replies.next(patience) => text,
            news = ticket.news() => Ok(Some(news)),
        },
        None => match patience {
            Some(patience) => tokio::time::timeout(patience, ticket.next())
                .await
                .map_err(|_| Trouble::Silent("does not answer in time")),
            None => Ok(ticket.next().await),
        },
    }
}

/// The result, if it is in `text`.
async fn take<'a>(
    hearing: &Hearing<'a>,
    id: u64,
    text: &str,
    questions: &mut Questions<'a>,
) -> Result<Option<Raw>, Trouble> {
    let no_message = || Trouble::unusable("answers what is no JSON-RPC message");
    for one in Message::each(text).ok_or_else(no_message)? {
        match Message::parse(one).ok_or_else(no_message)? {
            Message::Answer {
                id: Some(of),
                answer,
            } if of == id => {
                return match answer {
                    Ok(result) if Object::of(result).is_some() => Ok(Some(result.to_owned())),
                    Ok(_) => Err(Trouble::unusable("answers a result that is no object")),
                    Err(error) => Err(Trouble::Rpc(RpcError(error.to_owned()))),
                };
            }
            // JSON-RPC 2.0 §5: an error whose request could not be read has no id.
            Message::Answer {
                id: None,
                answer: Err(error),
            } => {
                return Err(Trouble::Rpc(RpcError(error.to_owned())));
            }
            Message::Answer { .. } => {
                return Err(Trouble::unusable("answers under an id that was not asked"));
            }
            _ => hearing.news(one, questions).await,
        }
    }
    Ok(None)
}

/// Tells the server that a request is not waited for any more, unless it is over.
pub(super) struct Cancel<'a> {
    hearing: Hearing<'a>,
    id: u64,
    pub(super) is_over: bool,
}

impl<'a> Cancel<'a> {
    pub(super) fn new(hearing: Hearing<'a>, id: u64) -> Self {
        Self {
            hearing,
            id,
            is_over: false,
        }
    }
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let behalf = Behalf::calling(self.hearing.visit);
            let text = wire::cancelled(self.id);
            self.hearing.link.send_later(text, behalf);
        }
    }
}
