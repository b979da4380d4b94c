//! What a server says beside its answers, on its way to a client: progress, log lines, changes, and questions with what
//! is answered to them.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use pii::{Direction, Part};

use crate::json::Raw;
use crate::message::{News, Notification, Question, RpcError, code};
use crate::outlet::{Inlet, Outlet};
use crate::recording::Recording;
use crate::redaction::{Aside, Redaction};
use crate::server::Failure;

/// Whose words they are, and so what becomes of them.
pub(crate) enum Words<'a> {
    /// Those of a member of a federation, whose names are others outside.
    OfMember(&'a (dyn Fn(Notification) -> Notification + Sync)),
    /// Those of a tool that was called, under the policy for personal data; what is found stands in the record of the call.
    OfCall(&'a Redaction<'a>, &'a mut Option<Recording>),
    /// Those of a server that was not asked, under the same policy.
    Unasked(Aside<'a>),
}

impl Words<'_> {
    async fn redacted(
        &mut self,
        method: &str,
        direction: Direction,
        part: Part,
        value: Raw,
    ) -> Result<Raw, RpcError> {
        let redacted = match self {
            Self::OfMember(_) => return Ok(value),
            Self::OfCall(redaction, recording) => {
                redaction.redacted(direction, part, value, recording)
            }
            Self::Unasked(aside) => aside.redacted(method, direction, part, value).await,
        };
        redacted.map_err(refusal)
    }

    async fn said(&mut self, method: &str, params: Option<Raw>) -> Result<Option<Raw>, RpcError> {
        let Some(params) = params else {
            return Ok(None);
        };
        let redacted = self.redacted(method, Direction::Result, Part::Params, params);
        redacted.await.map(Some)
    }

    /// A notification as it may be seen, if it may be.
    async fn notification(&mut self, notification: Notification) -> Option<Notification> {
        if let Self::OfMember(renamed) = self {
            return Some(renamed(notification));
        }
        let Notification { method, params } = notification;
        let params = self.said(&method, params).await.ok()?;
        Some(Notification { method, params })
    }

    /// A question as it may be put. Who asked what nobody may see is told so.
    async fn question(&mut self, question: Question) -> Option<Question> {
        let Question {
            method,
            params,
            reply,
        } = question;
        match self.said(&method, params).await {
            Ok(params) => Some(Question {
                method,
                params,
                reply,
            }),
            Err(refusal) => {
                let _ = reply.send(Err(refusal));
                None
            }
        }
    }

    /// What a person answers leaves the house as arguments do.
    async fn answer(
        &mut self,
        method: &str,
        answer: Result<Raw, RpcError>,
    ) -> Result<Raw, RpcError> {
        let arguments = Direction::Arguments;
        match answer {
            Ok(result) => self.redacted(method, arguments, Part::Result, result).await,
            Err(RpcError(error)) => {
                let error = self.redacted(method, arguments, Part::Error, error).await;
                Err(error.map_or_else(|refusal| refusal, RpcError))
            }
        }
    }
}

/// Lets a server `speak` while its `news` go to `outlet`. Its questions do not wait for each
/// other, and end with whoever asked them.
pub(crate) async fn pass_on<T>(
    mut words: Words<'_>,
    speak: impl Future<Output = T>,
    mut news: Inlet,
    outlet: &Outlet,
) -> T {
    let mut questions = FuturesUnordered::new();
    let hear = async {
        loop {
            tokio::select! {
                one = news.recv() => match one {
                    None => break,
                    Some(News::Notification(notification)) => {
                        if let Some(notification) = words.notification(notification).await {
                            outlet.notify(notification).await;
                        }
                    }
                    Some(News::Question(question)) => {
                        if let Some(question) = words.question(question).await {
                            questions.push(ask(outlet, question));
                        }
                    }
                },
                Some(answered) = questions.next(), if !questions.is_empty() => {
                    if let Some((question, answer)) = answered {
                        let answer = words.answer(&question.method, answer).await;
                        // Who asked may be gone meanwhile.
                        let _ = question.reply.send(answer);
                    }
                }
            }
        }
    };
    let (spoken, ()) = tokio::join!(speak, hear);
    spoken
}

/// Asks the client, as long as anybody waits for the answer.
async fn ask(outlet: &Outlet, mut question: Question) -> Option<(Question, Result<Raw, RpcError>)> {
    let (method, params) = (question.method.clone(), question.params.take());
    let answer = tokio::select! {
        answer = outlet.ask(method, params) => answer,
        () = question.reply.closed() => return None,
    };
    Some((question, answer))
}

fn refusal(failure: Failure) -> RpcError {
    match failure {
        Failure::Refused { error, .. } | Failure::Rpc(error) => error,
        _ => RpcError::new(code::INVALID_REQUEST, "this message may not pass"),
    }
}
