//! Sessions on a connection of their own, which begin with `initialize` on it
//! (MCP 2024-11-05 over HTTP, all revisions with sessions over stdio).

use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;

use crate::front::Guest;
use crate::front::exchange::Exchange;
use crate::front::sessions::{Engine, Opened, open};
use crate::front::wire::{Asked, Incoming};
use crate::message::{RpcError, code, response};
use crate::server::McpServer;
use crate::session::Session;

/// Who speaks on the connection, and to whom.
#[derive(Clone, Copy)]
pub(crate) struct Greeting<'a> {
    pub(crate) guest: &'a Guest,
    pub(crate) server: &'a Arc<dyn McpServer>,
}

impl Greeting<'_> {
    /// Takes a message; what comes of it is written to `exchange`.
    pub(crate) async fn hear(
        self,
        engine: &Engine,
        message: Incoming<'_>,
        session: &Arc<OnceLock<Session>>,
        exchange: &Arc<Exchange>,
    ) {
        let visit = session
            .get()
            .map(|session| session.visit(&self.guest.caller));
        match (message, visit) {
            (Incoming::Request(asked), None) if asked.method == "initialize" => {
                self.initialize(engine, &asked, session, exchange);
            }
            (Incoming::Request(asked), Some(_)) if asked.method == "initialize" => {
                refuse(&asked, "`initialize` was sent already", exchange);
            }
            (Incoming::Request(asked), None) if asked.method != "ping" => {
                refuse(&asked, "send `initialize` first", exchange);
            }
            (Incoming::Request(asked), None) => {
                let nothing = crate::json::Object::default().to_raw();
                exchange.expect();
                exchange.answer(response(asked.id, Ok(&nothing)));
            }
            (Incoming::Request(asked), Some(visit)) => {
                exchange.expect();
                engine.call(visit, &asked, self.server, exchange);
            }
            (Incoming::Notification(notification), Some(visit)) => {
                let is_ready = notification.method == "notifications/initialized";
                engine.notify(&visit, notification, self.server).await;
                if is_ready {
                    exchange.expect();
                    if engine.listen(visit, self.server, exchange).is_err() {
                        exchange.no_answer();
                    }
                }
            }
            (Incoming::Answer { id, answer }, Some(visit)) => {
                engine.answer(&visit, id, answer);
            }
            (Incoming::Notification(_) | Incoming::Answer { .. }, None) => {}
        }
    }

    /// The server may take its time to introduce itself, and the client need not wait to be heard.
    fn initialize(
        self,
        engine: &Engine,
        asked: &Asked<'_>,
        session: &Arc<OnceLock<Session>>,
        exchange: &Arc<Exchange>,
    ) {
        exchange.expect();
        let (engine, guest, server) = (engine.clone(), self.guest.clone(), Arc::clone(self.server));
        let (session, exchange) = (Arc::clone(session), Arc::clone(exchange));
        let (id, params) = (asked.id.to_owned(), asked.params.map(RawValue::to_owned));
        let tasks = engine.settings.tasks.clone();
        tasks.spawn(async move {
            let opened = open(&engine.settings, &guest, params.as_deref(), &server).await;
            let answer = opened.map(
                |Opened {
                     result,
                     session: new,
                 }| {
                    // Of two that are sent at once the first is the session.
                    let _ = session.set(new);
                    result
                },
            );
            exchange.answer(response(&id, answer.as_deref()));
        });
    }
}

fn refuse(asked: &Asked<'_>, what: &str, exchange: &Exchange) {
    let error = RpcError::new(code::INVALID_REQUEST, what);
    exchange.expect();
    exchange.answer(response(asked.id, Err(&error)));
}
