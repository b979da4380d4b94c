//! Clients of all revisions over standard input and output, a message a line (MCP stdio).

mod lines;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use resource_server::mcp::names::PROTOCOL_VERSION;
use resource_server::mcp::{EnvelopeError, Message};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

use lines::{Line, next_line};

use crate::front::events::one_line;
use crate::front::exchange::{Exchange, Reader};
use crate::front::sessions::{Engine, Greeting, Running};
use crate::front::stateless::{Said, Stateless};
use crate::front::wire::{Asked, Incoming, Malformed, id_key};
use crate::front::{FrontSettings, Guest};
use crate::json::{Object, raw};
use crate::message::{Notification, RpcError, code, response};
use crate::server::McpServer;
use crate::session::Session;
use crate::visit::person;

/// How long requests under way may still take when the client has closed its end.
const FAREWELL: Duration = Duration::from_secs(1);

/// One client at the other end of a pipe.
struct Pipe {
    engine: Engine,
    stateless: Stateless,
    guest: Guest,
    server: Arc<dyn McpServer>,
    /// All that is written.
    exchange: Arc<Exchange>,
    session: Arc<OnceLock<Session>>,
    /// The requests of 2026-07-28 that are under way. All of them are of one session, which has no name.
    calls: Arc<Running>,
    all: Arc<str>,
}

/// Serves the client at the other end of `input` and `output` until one of them ends.
pub(crate) async fn serve(
    settings: FrontSettings,
    guest: Guest,
    server: Arc<dyn McpServer>,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let (limit, closing) = (settings.limits.line_bytes, settings.closing.clone());
    let limits = &settings.limits;
    let calls = Running::new(limits.calls, limits.questions, &*settings.random);
    let pipe = Pipe {
        engine: Engine::new(settings.clone(), false),
        stateless: Stateless::new(settings),
        guest,
        server,
        // The one answer that is not expected by anybody keeps the exchange open.
        exchange: Exchange::new(1),
        session: Arc::default(),
        calls,
        all: "".into(),
    };
    let mut writing = std::pin::pin!(write(pipe.exchange.read_after(0), output));
    let mut input = BufReader::new(input);
    let ended = loop {
        let line = tokio::select! {
            written = &mut writing => break written,
            () = closing.cancelled() => break Ok(()),
            line = next_line(&mut input, limit) => line,
        };
        match line {
            Ok(Some(line)) => {
                // A client that sends and does not read must not keep us from noticing that it is gone.
                tokio::select! {
                    written = &mut writing => break written,
                    () = pipe.hear(&line) => {}
                }
            }
            Ok(None) => {
                pipe.say_farewell();
                break tokio::time::timeout(FAREWELL, &mut writing)
                    .await
                    .unwrap_or(Ok(()));
            }
            Err(error) => break Err(error),
        }
    };
    pipe.leave().await;
    ended
}

async fn write(mut reader: Reader, mut output: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some((_, message)) = reader.next().await {
        let line = one_line(message.get());
        output.write_all(line.as_bytes()).await?;
        output.write_all(b"\n").await?;
        output.flush().await?;
    }
    Ok(())
}

impl Pipe {
    async fn hear(&self, line: &Line) {
        let text = match line {
            Line::Text(bytes) => match Message::parse(bytes) {
                Ok(_) => str::from_utf8(bytes).unwrap_or_default(),
                Err(EnvelopeError::Syntax(what)) => return self.refuse(code::PARSE_ERROR, &what),
                Err(EnvelopeError::Invalid(what)) => {
                    return self.refuse(code::INVALID_REQUEST, &what);
                }
            },
            Line::TooLong => return self.refuse(code::INVALID_REQUEST, "the line is too long"),
        };
        let message = match Incoming::parse(text) {
            Ok(message) => message,
            Err(Malformed(error)) => return self.error(&error),
        };
        match message {
            Incoming::Request(asked) if is_stateless(&asked) => self.begin(&asked),
            Incoming::Notification(notification) if cancels(&notification).is_some() => {
                if let Some(id) = cancels(&notification)
                    && self.calls.cancel(&self.all, id)
                {
                    return;
                }
                self.greet(Incoming::Notification(notification)).await;
            }
            message => self.greet(message).await,
        }
    }

    /// A message in the session, or the one that begins it.
    async fn greet(&self, message: Incoming<'_>) {
        let greeting = Greeting {
            guest: &self.guest,
            server: &self.server,
        };
        greeting
            .hear(&self.engine, message, &self.session, &self.exchange)
            .await;
    }

    /// Answers a request of 2026-07-28 beside the others.
    fn begin(&self, asked: &Asked<'_>) {
        self.exchange.expect();
        let person = person(&self.guest.caller);
        let ongoing = match self.calls.begin(person, &self.all, id_key(asked.id)) {
            Ok(ongoing) => ongoing,
            Err(refused) => {
                let error = refused.error();
                self.exchange.answer(response(asked.id, Err(&error)));
                return;
            }
        };
        let (stateless, guest) = (self.stateless.clone(), self.guest.clone());
        let (server, exchange) = (Arc::clone(&self.server), Arc::clone(&self.exchange));
        let (id, params) = (asked.id.to_owned(), asked.params.map(RawValue::to_owned));
        let method = asked.method.clone();
        self.engine.settings.tasks.spawn(async move {
            let asked = Asked {
                id: &id,
                method,
                params: params.as_deref(),
            };
            let answered = async {
                let mut dialogue = stateless.begin(&guest, None, &asked, &server).await;
                loop {
                    match dialogue.next().await {
                        Said::News(message) => exchange.notify(message).await,
                        Said::Last { message, .. } => return message,
                    }
                }
            };
            let answer = tokio::select! {
                biased;
                () = ongoing.cancelled.cancelled() => None,
                answer = answered => Some(answer),
            };
            drop(ongoing);
            match answer {
                Some(answer) => exchange.answer(answer),
                None => exchange.no_answer(),
            }
        });
    }

    fn refuse(&self, code: i64, what: &str) {
        self.error(&RpcError::new(code, what));
    }

    /// Says that a line is no message.
    fn error(&self, error: &RpcError) {
        self.exchange.expect();
        self.exchange.answer(response(&raw(&()), Err(error)));
    }

    /// From now on only answers are written, and after the last of them nothing.
    fn say_farewell(&self) {
        if let Some(session) = self.session.get() {
            self.engine
                .stop_listening(&session.visit(&self.guest.caller));
        }
        self.exchange.no_answer();
    }

    /// Cancels whatever is under way.
    async fn leave(&self) {
        self.calls.end(&self.all);
        if let Some(session) = self.session.get() {
            let visit = session.visit(&self.guest.caller);
            self.engine.leave(&visit, &self.server).await;
        }
    }
}

/// Whether a request stands for itself, or belongs to a session.
fn is_stateless(asked: &Asked<'_>) -> bool {
    let params = asked.params.and_then(Object::of);
    let meta = params.as_ref().and_then(|params| params.object("_meta"));
    meta.is_some_and(|meta| meta.contains(PROTOCOL_VERSION))
        || matches!(&*asked.method, "server/discover" | "subscriptions/listen")
}

/// The request that a notification cancels.
fn cancels(notification: &Notification) -> Option<String> {
    if notification.method != "notifications/cancelled" {
        return None;
    }
    let params = notification.params.as_deref().and_then(Object::of)?;
    params.get("requestId").map(id_key)
}

#[cfg(test)]
mod tests;
