//! Several messages in one body, which revision 2025-03-26 alone has (MCP Streamable HTTP).

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Response, StatusCode};
use serde_json::value::RawValue;

use super::{Sessions, refuse};
use crate::front::exchange::Exchange;
use crate::front::wire::{Incoming, Malformed, no_batch};
use crate::front::{Guest, Refusal, RpcResponse, accepts, wire};
use crate::json::{Raw, raw};
use crate::message::{RpcError, code, response};
use crate::revision::Revision;
use crate::server::McpServer;
use crate::session::Session;

/// How many messages a batch may hold.
const MOST: usize = 100;

impl Sessions {
    /// Carries out the messages of a batch side by side; each is decided upon for itself.
    pub(super) async fn batch(
        &self,
        guest: &Guest,
        headers: &HeaderMap,
        session: &Session,
        text: &str,
        server: &Arc<dyn McpServer>,
    ) -> Result<Response<Body>, Refusal> {
        let invalid = |what: &str| refuse(&RpcError::new(code::INVALID_REQUEST, what));
        if session.client.revision != Revision::V2025_03_26 {
            return Err(refuse(&no_batch()));
        }
        accepts::event_stream(headers)?;
        let elements = wire::elements(text)?;
        if elements.is_empty() || elements.len() > MOST {
            return Err(invalid("a batch holds between 1 and 100 messages"));
        }
        let exchange = Exchange::new(0);
        let reader = exchange.read_after(0);
        let mut is_asked = false;
        for element in elements {
            is_asked |= self
                .element(guest, session, element, &exchange, server)
                .await;
        }
        if !is_asked {
            return Ok(RpcResponse::empty(StatusCode::ACCEPTED));
        }
        Ok(self.written(guest, session, exchange, reader, true).await)
    }

    /// One message; whether there will be an answer to it.
    async fn element(
        &self,
        guest: &Guest,
        session: &Session,
        element: &RawValue,
        exchange: &Arc<Exchange>,
        server: &Arc<dyn McpServer>,
    ) -> bool {
        let visit = session.visit(&guest.caller);
        let (id, error) = match Incoming::parse(element.get()) {
            Ok(Incoming::Request(asked)) if asked.method == "initialize" => {
                let what = "`initialize` must not be part of a batch";
                (
                    asked.id.to_owned(),
                    RpcError::new(code::INVALID_REQUEST, what),
                )
            }
            Ok(Incoming::Request(asked)) => {
                exchange.expect();
                self.engine.call(visit, &asked, server, exchange);
                return true;
            }
            Ok(Incoming::Notification(notification)) => {
                self.engine.notify(&visit, notification, server).await;
                return false;
            }
            Ok(Incoming::Answer { id, answer }) => {
                self.engine.answer(&visit, id, answer);
                return false;
            }
            Err(Malformed(error)) => (raw(&()), error),
        };
        exchange.expect();
        exchange.answer(response(&id, Err(&error)));
        true
    }
}

/// The answers as JSON: one, or an array if they were asked for by one.
pub(super) fn answer(answers: Vec<Raw>, is_batch: bool) -> Response<Body> {
    if is_batch {
        return RpcResponse::json(StatusCode::OK, raw(&answers));
    }
    let answer = answers.into_iter().next();
    answer.map_or_else(
        || RpcResponse::empty(StatusCode::ACCEPTED),
        |answer| RpcResponse::json(StatusCode::OK, answer),
    )
}
