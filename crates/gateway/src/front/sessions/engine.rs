//! What happens to the messages of a client with a session, over whatever transport they come
//! (MCP 2024-11-05 to 2025-11-25).

use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::value::RawValue;

use crate::front::exchange::Exchange;
use crate::front::sessions::running::{NotBegun, Ongoing, Open, Running};
use crate::front::wire::{Asked, id_key};
use crate::front::{FrontSettings, error, failed, needs, results};
use crate::json::{Object, Raw, raw};
use crate::message::{News, Notification, Question, Request, RpcError, code, request, response};
use crate::outlet::{Inlet, Outlet};
use crate::server::{Failure, Interest, McpServer};
use crate::visit::Visit;

/// The id of the stream for news outside of calls. No request has it, since those begin otherwise.
const LISTENING: &str = "listening";

/// Carries messages between clients with sessions and servers.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) settings: FrontSettings,
    running: Arc<Running>,
    /// Whether a client that has cancelled a request is told so: its HTTP request must end somehow.
    answers_cancelled: bool,
}

impl Engine {
    pub(crate) fn new(settings: FrontSettings, answers_cancelled: bool) -> Self {
        let limits = &settings.limits;
        let running = Running::new(limits.calls, limits.questions, &*settings.random);
        Self {
            settings,
            running,
            answers_cancelled,
        }
    }

    /// Carries out a request; what comes of it is written to `exchange`, which expects one answer.
    pub(crate) fn call(
        &self,
        visit: Visit,
        asked: &Asked<'_>,
        server: &Arc<dyn McpServer>,
        exchange: &Arc<Exchange>,
    ) {
        if asked.method == "ping" {
            let nothing = Object::default().to_raw();
            exchange.answer(response(asked.id, Ok(&nothing)));
            return;
        }
        let begun = self
            .running
            .begin(visit.person(), &visit.key, id_key(asked.id));
        let ongoing = match begun {
            Ok(ongoing) => ongoing,
            Err(refused) => {
                exchange.answer(response(asked.id, Err(&refused.error())));
                return;
            }
        };
        let request = Request {
            method: asked.method.clone(),
            params: asked.params.map(RawValue::to_owned),
        };
        let id = asked.id.to_owned();
        let (engine, server) = (self.clone(), Arc::clone(server));
        let exchange = Arc::clone(exchange);
        self.settings.tasks.spawn(async move {
            let method = request.method.clone();
            let (outlet, news) = Outlet::new();
            let work = server.call(&visit, request, &outlet);
            let outcome = engine.carry(&visit, &ongoing, work, news, &exchange).await;
            let outcome = match outcome {
                Some(outcome) => outcome
                    .and_then(results::for_session)
                    .or_else(|failure| failed(&method, failure)),
                None if engine.answers_cancelled => {
                    Err(RpcError::new(error::CANCELLED, "the request was cancelled"))
                }
                None => {
                    exchange.no_answer();
                    return;
                }
            };
            exchange.answer(response(&id, outcome.as_deref()));
        });
    }

    /// Writes what the server says outside of calls to `exchange`, as long as somebody reads it.
    ///
    /// There is one such stream in a session: a message must not be sent twice, and the connection before
    /// may be one that has broken without anybody noticing.
    pub(crate) fn listen(
        &self,
        visit: Visit,
        server: &Arc<dyn McpServer>,
        exchange: &Arc<Exchange>,
    ) -> Result<(), NotBegun> {
        let listening = LISTENING.to_owned();
        let ongoing = self
            .running
            .begin_instead(visit.person(), &visit.key, listening)?;
        let (engine, server) = (self.clone(), Arc::clone(server));
        let exchange = Arc::clone(exchange);
        self.settings.tasks.spawn(async move {
            let (outlet, news) = Outlet::new();
            let interest = Interest {
                everything: true,
                ..Interest::default()
            };
            let work = async {
                server.listen(&visit, interest, &outlet).await?;
                Ok(raw(&()))
            };
            tokio::select! {
                _ = engine.carry(&visit, &ongoing, work, news, &exchange) => {}
                () = exchange.abandoned(std::time::Duration::ZERO) => {}
            }
            exchange.no_answer();
        });
        Ok(())
    }

    /// Ends the stream for news outside of calls.
    pub(crate) fn stop_listening(&self, visit: &Visit) {
        self.running.cancel(&visit.key, LISTENING.to_owned());
    }

    /// A notification of the client.
    pub(crate) async fn notify(
        &self,
        visit: &Visit,
        notification: Notification,
        server: &Arc<dyn McpServer>,
    ) {
        if notification.method != "notifications/cancelled" {
            server.notify(visit, notification).await;
            return;
        }
        let params = notification
            .params
            .as_ref()
            .and_then(|params| Object::of(params));
        if let Some(id) = params.as_ref().and_then(|params| params.get("requestId")) {
            self.running.cancel(&visit.key, id_key(id));
        }
    }

    /// The client's answer to a question; whether anybody waits for it.
    pub(crate) fn answer(
        &self,
        visit: &Visit,
        id: &RawValue,
        answer: Result<Raw, RpcError>,
    ) -> bool {
        let id: Result<String, _> = serde_json::from_str(id.get());
        id.is_ok_and(|id| self.running.answer(&visit.key, id, answer))
    }

    /// Cancels whatever is under way in a session that has ended.
    pub(crate) async fn leave(&self, visit: &Visit, server: &Arc<dyn McpServer>) {
        self.running.end(&visit.key);
        server.leave(visit).await;
    }

    /// Does `work`, and passes on what comes from it on the way; nothing if it was cancelled.
    async fn carry(
        &self,
        visit: &Visit,
        ongoing: &Ongoing,
        work: impl Future<Output = Result<Raw, Failure>>,
        mut news: Inlet,
        exchange: &Exchange,
    ) -> Option<Result<Raw, Failure>> {
        let mut work = std::pin::pin!(work);
        let mut questions = FuturesUnordered::new();
        let result = loop {
            tokio::select! {
                biased;
                () = ongoing.cancelled.cancelled() => return None,
                Some(item) = news.recv() => match item {
                    News::Notification(notification) if is_new(&notification) => {}
                    News::Notification(notification) => tokio::select! {
                        () = ongoing.cancelled.cancelled() => return None,
                        () = exchange.notify(notification.to_raw()) => {}
                    },
                    News::Question(question) => {
                        if let Some((open, question)) = self.ask(visit, question, exchange) {
                            questions.push(self.wait(open, question, exchange));
                        }
                    }
                },
                Some(()) = questions.next(), if !questions.is_empty() => {}
                result = &mut work => break result,
            }
        };
        // What was said before the answer is heard before the answer.
        while let Ok(item) = news.try_recv() {
            if let News::Notification(notification) = item {
                exchange.notify(notification.to_raw()).await;
            }
        }
        Some(result)
    }

    /// Puts a question to the client, if it can be asked.
    fn ask(
        &self,
        visit: &Visit,
        question: Question,
        exchange: &Exchange,
    ) -> Option<(Open, Question)> {
        let params = question.params.as_ref();
        let refusal = match needs::check(&visit.client, &question.method, params) {
            Err(lacking) => lacking.to_server(),
            Ok(()) => match self.running.ask(visit.person(), &visit.key) {
                Ok(open) => {
                    exchange.ask(request(
                        open.id(),
                        &question.method,
                        question.params.as_deref(),
                    ));
                    return Some((open, question));
                }
                Err(_full) => RpcError::new(code::INTERNAL_ERROR, "too many questions are open"),
            },
        };
        // The server may have stopped waiting.
        let _ = question.reply.send(Err(refusal));
        None
    }

    /// Waits until a question is answered, or needs no answer any more.
    async fn wait(&self, mut open: Open, mut question: Question, exchange: &Exchange) {
        let gone = self.settings.limits.kept_for;
        let answer = tokio::select! {
            answer = &mut open.answer => answer.ok(),
            () = question.reply.closed() => {
                let withdrawn = Notification {
                    method: "notifications/cancelled".to_owned(),
                    params: Some(cancelled_params(open.id())),
                };
                exchange.notify(withdrawn.to_raw()).await;
                return;
            }
            () = exchange.abandoned(gone) => None,
        };
        let answer = answer.unwrap_or_else(|| {
            Err(RpcError::new(
                code::INTERNAL_ERROR,
                "the client has gone and did not come back",
            ))
        });
        let _ = question.reply.send(answer);
    }
}

/// Whether clients with sessions have no words for a notification.
fn is_new(notification: &Notification) -> bool {
    notification.method == "notifications/subscriptions/acknowledged"
}

fn cancelled_params(id: &str) -> Raw {
    let mut params = Object::default();
    params.set("requestId", raw(id));
    params.to_raw()
}
