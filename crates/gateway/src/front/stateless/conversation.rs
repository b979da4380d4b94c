//! One call of a client without sessions, from its beginning over any number of questions to its result
//! (MCP 2026-07-28, multi round-trip requests).

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::time::Instant;

use crate::front::needs;
use crate::json::{Object, Raw, raw};
use crate::message::{News, Notification, Question, Request, RpcError, code, may_need_input};
use crate::outlet::{Inlet, Outlet};
use crate::server::{Failure, McpServer};
use crate::visit::Visit;

/// How many notifications a call may have that waits for its client; the newest are kept.
const EARLY: usize = 64;
/// How much of them, in bytes; the newest is kept whatever its size.
const EARLY_BYTES: usize = 256 * 1024;

/// A call that is under way. Dropped, it is cancelled.
pub(super) struct Conversation {
    pub(super) request: Request,
    work: BoxFuture<'static, Result<Raw, Failure>>,
    news: Inlet,
    result: Option<Result<Raw, Failure>>,
    early: VecDeque<Notification>,
    /// What the server waits for, each under the key that the client knows it by.
    questions: Vec<(String, Question)>,
    asked: usize,
    visit: Visit,
    /// The names of progress: the call's own, and the one that the client uses now.
    progress: (Option<Raw>, Option<Raw>),
    /// When it is given up, while it waits for its client.
    pub(super) deadline: Option<Instant>,
}

/// What comes next of a call.
#[derive(Debug)]
pub(super) enum Turn {
    News(Notification),
    /// The server cannot go on without the client.
    Questions,
    Result(Result<Raw, Failure>),
}

impl Conversation {
    pub(super) fn new(
        visit: Visit,
        request: Request,
        progress: Option<Raw>,
        server: &Arc<dyn McpServer>,
    ) -> Self {
        let (outlet, news) = Outlet::new();
        let work = {
            let (server, visit, request) = (Arc::clone(server), visit.clone(), request.clone());
            Box::pin(async move { server.call(&visit, request, &outlet).await })
        };
        Self {
            request,
            work,
            news,
            result: None,
            early: VecDeque::new(),
            questions: Vec::new(),
            asked: 0,
            visit,
            progress: (progress.clone(), progress),
            deadline: None,
        }
    }

    /// Waits for what comes next. Nothing is lost if nobody waits to the end.
    pub(super) async fn turn(&mut self) -> Turn {
        loop {
            if let Some(notification) = self.early.pop_front() {
                if let Some(notification) = self.heard(notification) {
                    return Turn::News(notification);
                }
                continue;
            }
            self.questions
                .retain(|(_, question)| !question.reply.is_closed());
            if !self.questions.is_empty() {
                return Turn::Questions;
            }
            if let Some(result) = self.result.take() {
                return Turn::Result(result);
            }
            self.step().await;
        }
    }

    /// Goes on without the client, which may take its time.
    pub(super) async fn wait(&mut self) {
        loop {
            if self.result.is_some() {
                return std::future::pending().await;
            }
            self.step().await;
            self.forget_early();
        }
    }

    fn forget_early(&mut self) {
        let size = |one: &Notification| one.params.as_ref().map_or(0, |params| params.get().len());
        let mut bytes: usize = self.early.iter().map(size).sum();
        while self.early.len() > EARLY || (self.early.len() > 1 && bytes > EARLY_BYTES) {
            let forgotten = self.early.pop_front();
            bytes -= forgotten.as_ref().map_or(0, size);
        }
    }

    /// Waits until something happens, and what happens at once with it.
    async fn step(&mut self) {
        tokio::select! {
            biased;
            Some(item) = self.news.recv() => self.take(item),
            result = &mut self.work => self.result = Some(result),
        }
        while let Ok(item) = self.news.try_recv() {
            self.take(item);
        }
    }

    fn take(&mut self, item: News) {
        match item {
            News::Notification(notification) => self.early.push_back(notification),
            News::Question(question) => {
                if let Err(error) = self.may_ask(&question) {
                    // The server may have stopped waiting.
                    let _ = question.reply.send(Err(error));
                    return;
                }
                self.asked += 1;
                let kind = question.method.split('/').next().unwrap_or_default();
                self.questions
                    .push((format!("{kind}-{}", self.asked), question));
            }
        }
    }

    /// Whether a result may ask this (MCP multi round-trip requests, supported requests).
    fn may_ask(&self, question: &Question) -> Result<(), RpcError> {
        let refused = |what: String| Err(RpcError::new(code::METHOD_NOT_FOUND, what));
        if !is_question(&question.method) {
            return refused(format!(
                "a client of 2026-07-28 cannot be asked `{}`",
                question.method
            ));
        }
        if !may_need_input(&self.request.method) {
            return refused(format!(
                "during `{}` a client cannot be asked",
                self.request.method
            ));
        }
        let params = question.params.as_ref();
        needs::check(&self.visit.client, &question.method, params)
            .map_err(|lacking| lacking.to_server())
    }

    /// The notification as the client wants to hear it, if it does.
    fn heard(&self, mut notification: Notification) -> Option<Notification> {
        match &*notification.method {
            "notifications/message" if !self.visit.wants_log(notification.params.as_deref()) => {
                None
            }
            "notifications/progress" => {
                let (own, wanted) = (self.progress.0.as_ref(), self.progress.1.as_ref()?);
                if own.is_some_and(|own| own.get() == wanted.get()) {
                    return Some(notification);
                }
                let mut params = Object::of(notification.params.as_deref()?)?;
                params.set("progressToken", wanted.clone());
                notification.params = Some(params.to_raw());
                Some(notification)
            }
            // The stream of a request is for what is about the request; the rest is for
            // `subscriptions/listen`.
            "notifications/tools/list_changed"
            | "notifications/prompts/list_changed"
            | "notifications/resources/list_changed"
            | "notifications/resources/updated"
            | "notifications/elicitation/complete"
            | "notifications/tasks/status"
            | "notifications/cancelled" => None,
            _ => Some(notification),
        }
    }

    /// The open questions, as a result has them.
    pub(super) fn input_requests(&self) -> Raw {
        let mut requests = Object::default();
        for (key, question) in &self.questions {
            requests.set(
                key.clone(),
                input_request(&question.method, question.params.as_ref()),
            );
        }
        requests.to_raw()
    }

    /// Passes the client's answers on. If one of them has not the form of an answer, none is.
    pub(super) fn answer(&mut self, responses: &Object<'_>) -> Result<(), RpcError> {
        for (key, question) in &self.questions {
            if let Some(response) = responses.get(key) {
                check_response(key, &question.method, response)?;
            }
        }
        let questions = std::mem::take(&mut self.questions);
        for (key, question) in questions {
            match responses.get(&key) {
                Some(response) => drop(question.reply.send(Ok(response.to_owned()))),
                None => self.questions.push((key, question)),
            }
        }
        Ok(())
    }

    /// The client goes on with another request, in which progress has another name.
    pub(super) fn go_on(&mut self, visit: Visit, progress: Option<Raw>) {
        self.visit = visit;
        self.progress.1 = progress;
        self.deadline = None;
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("request", &self.request)
            .field("questions", &self.questions)
            .finish_non_exhaustive()
    }
}

fn is_question(method: &str) -> bool {
    matches!(
        method,
        "elicitation/create" | "sampling/createMessage" | "roots/list"
    )
}

/// A question as it stands in a result.
pub(super) fn input_request(method: &str, params: Option<&Raw>) -> Raw {
    #[derive(Serialize)]
    struct InputRequest<'a> {
        method: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        params: Option<&'a Raw>,
    }
    raw(&InputRequest { method, params })
}

/// The form that an answer must have; what is in it is for the server to judge.
fn check_response(
    key: &str,
    method: &str,
    response: &serde_json::value::RawValue,
) -> Result<(), RpcError> {
    let what = Object::of(response).and_then(|response| {
        let is_one = match method {
            "elicitation/create" => matches!(
                response.text("action").as_deref(),
                Some("accept" | "decline" | "cancel")
            ),
            "sampling/createMessage" => response.contains("content"),
            _ => response.array("roots").is_some(),
        };
        is_one.then_some(())
    });
    what.ok_or_else(|| {
        let message = format!("`inputResponses[\"{key}\"]` is no answer to `{method}`");
        RpcError::new(code::INVALID_PARAMS, message)
    })
}
