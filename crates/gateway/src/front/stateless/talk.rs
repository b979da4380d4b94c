//! The answer to a call, message by message (MCP 2026-07-28, Streamable HTTP and stdio).

use std::sync::Arc;

use http::StatusCode;
use serde_json::value::RawValue;

use super::conversation::{Conversation, Turn};
use super::{Said, Stateless, address};
use crate::front::lease::Lease;
use crate::front::wire::Asked;
use crate::front::{Guest, error, failed, results};
use crate::json::{Object, Raw, raw};
use crate::message::{RpcError, code, response};
use crate::server::{Failure, McpServer};
use crate::share::Full;
use crate::visit::Visit;

/// A call, and whom its messages go to. Dropped, it is cancelled.
pub(crate) struct Talk {
    front: Stateless,
    guest: Guest,
    visit: Visit,
    id: Raw,
    method: String,
    server: Arc<dyn McpServer>,
    lease: Lease,
    /// Until it has ended, or waits for the client.
    conversation: Option<Conversation>,
    result: Option<Result<Raw, Failure>>,
}

impl Talk {
    pub(super) fn new(
        front: &Stateless,
        guest: &Guest,
        visit: Visit,
        asked: &Asked<'_>,
        conversation: Conversation,
        server: &Arc<dyn McpServer>,
    ) -> Self {
        Self {
            lease: Lease::new(guest, &front.settings),
            front: front.clone(),
            guest: guest.clone(),
            visit,
            id: asked.id.to_owned(),
            method: asked.method.clone(),
            server: Arc::clone(server),
            conversation: Some(conversation),
            result: None,
        }
    }

    /// What is said next. Nothing is lost if nobody waits to the end.
    pub(super) async fn next(&mut self) -> Said {
        if self.result.is_none() {
            let Some(conversation) = &mut self.conversation else {
                return std::future::pending().await;
            };
            // Most calls answer at once, and then nobody waits for the end of the lease.
            let turn = tokio::select! {
                biased;
                turn = conversation.turn(), if !self.lease.is_over() => Some(turn),
                () = self.lease.ended() => None,
            };
            match turn {
                Some(Turn::News(notification)) => return Said::News(notification.to_raw()),
                Some(Turn::Questions) => return self.park(),
                Some(Turn::Result(result)) => self.result = Some(result),
                None => {
                    self.conversation = None;
                    let what = "what let you in is over; sign in and send the request again";
                    return self.refused(&RpcError::new(code::INTERNAL_ERROR, what));
                }
            }
        }
        let info = match &self.result {
            Some(Ok(result)) if results::names_its_server(result) => None,
            _ => self.front.info(&self.visit, &self.server).await,
        };
        self.conversation = None;
        match self.result.take() {
            Some(result) => self.last(result, info.as_deref()),
            None => std::future::pending().await,
        }
    }

    fn last(&self, result: Result<Raw, Failure>, info: Option<&RawValue>) -> Said {
        let failure = match result {
            Ok(result) => return self.complete(result, info),
            Err(failure) => failure,
        };
        if let Failure::Rpc(error) | Failure::NotConnected(error) = &failure
            && let Some(asked) = address::input_required(error, &self.method, &self.visit.client)
        {
            return match asked {
                Ok(requests) => {
                    let state = super::State::Address;
                    let state = self.front.parked.seal(&self.guest.caller, &state);
                    self.complete(input_required(requests, &state), info)
                }
                Err(error) => self.refused(&error),
            };
        }
        match failed(&self.method, failure) {
            Ok(result) => self.complete(result, info),
            Err(error) => self.refused(&error::stateless_error(error)),
        }
    }

    /// Lets the call wait for the client's answers.
    fn park(&mut self) -> Said {
        let Some(conversation) = self.conversation.take() else {
            unreachable!("only a call that is under way has questions")
        };
        let requests = conversation.input_requests();
        let state = match self.front.parked.park(&self.guest.caller, conversation) {
            Ok(state) => state,
            Err(full) => {
                let what = match full {
                    Full::ForAll => "too many calls wait for their clients; try again later",
                    Full::ForOne => {
                        "too many of your calls wait for answers; answer some of them first"
                    }
                };
                return self.refused(&RpcError::new(code::INTERNAL_ERROR, what));
            }
        };
        self.complete(input_required(requests, &state), None)
    }

    fn complete(&self, result: Raw, info: Option<&RawValue>) -> Said {
        let result = results::for_stateless(&self.method, result, info);
        if self.method == "tools/list" {
            self.front
                .mirror
                .learn(&result, &self.front.settings.endpoint);
        }
        Said::Last {
            message: response(&self.id, Ok(&result)),
            status: StatusCode::OK,
        }
    }

    fn refused(&self, error: &RpcError) -> Said {
        Said::Last {
            message: response(&self.id, Err(error)),
            status: error::stateless_status(error),
        }
    }
}

/// A result that asks for input.
fn input_required(requests: Raw, state: &str) -> Raw {
    let mut result = Object::default();
    result.set("resultType", raw("input_required"));
    result.set("inputRequests", requests);
    result.set("requestState", raw(state));
    result.to_raw()
}
