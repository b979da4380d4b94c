//! What is kept of one connection to a server, and how a connection of the era of sessions begins
//! (MCP lifecycle, 2024-11-05 to 2025-11-25).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::behalf::Behalf;
use super::board::Board;
use super::link::{Link, Outgoing};
use super::talk::{self, Hearing};
use super::trouble::Trouble;
use super::wire;
use super::wishes::LONGEST_LEVEL;
use crate::json::{Object, Raw, raw};
use crate::message::RpcError;
use crate::outlet::Outlet;
use crate::revision::Revision;
use crate::server::Introduction;
use crate::visit::Visit;

/// One connection, with a server that has introduced itself.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) link: Arc<dyn Link>,
    pub(super) board: Arc<Board>,
    pub(super) introduction: Introduction,
    /// The level of log messages that was asked for last.
    level: Mutex<Option<Arc<str>>>,
    used: Mutex<Instant>,
}

impl Session {
    pub(super) fn new(link: Arc<dyn Link>, board: Arc<Board>, introduction: Introduction) -> Self {
        Self {
            link,
            board,
            introduction,
            level: Mutex::default(),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Whether the server has said that it can do `capability`.
    pub(super) fn can(&self, capability: &str) -> bool {
        let known = Object::of(&self.introduction.capabilities);
        known.is_some_and(|known| known.contains(capability))
    }

    pub(super) fn level(&self) -> Option<Arc<str>> {
        let level = self.level.lock();
        level.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_level(&self, level: Arc<str>) {
        // A server may take anything for one.
        if level.len() > LONGEST_LEVEL {
            return;
        }
        let place = self.level.lock();
        *place.unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    /// Notes that somebody uses it.
    pub(super) fn touch(&self) {
        let used = self.used.lock();
        *used.unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long nobody has used it; `None` while somebody does.
    pub(super) fn idle(&self) -> Option<Duration> {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        (self.board.busy() == 0).then(|| used.elapsed())
    }
}

/// What a server is told about the client.
#[derive(Debug)]
pub(super) struct Presented {
    pub(super) capabilities: Raw,
    pub(super) info: Raw,
}

impl Presented {
    /// The visiting client, as it says.
    pub(super) fn visitor(visit: &Visit) -> Self {
        Self {
            capabilities: visit.client.capabilities.clone(),
            info: visit.client.info.clone().unwrap_or_else(ourselves),
        }
    }

    /// The gateway on behalf of several clients: what can be passed on to those who understand it.
    pub(super) fn bridge() -> Self {
        let capabilities = r#"{"roots":{},"sampling":{},"elicitation":{"form":{},"url":{}}}"#;
        Self {
            capabilities: serde_json::from_str(capabilities).expect("it is an object"),
            info: ourselves(),
        }
    }
}

/// Our own name, where a client has none.
pub(super) fn ourselves() -> Raw {
    #[derive(Serialize)]
    struct Info {
        name: &'static str,
        version: &'static str,
    }
    raw(&Info {
        name: "sumun",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Opens a session: `initialize`, and `notifications/initialized`.
pub(super) async fn initialize(
    link: &dyn Link,
    board: &Arc<Board>,
    visit: &Visit,
    presented: &Presented,
    offered: Revision,
    patience: Duration,
) -> Result<Introduction, Trouble> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        protocol_version: &'static str,
        capabilities: &'a RawValue,
        client_info: &'a RawValue,
    }
    let params = raw(&Params {
        protocol_version: offered.as_str(),
        capabilities: &presented.capabilities,
        client_info: &presented.info,
    });
    let result = whisper(link, board, visit, "initialize", Some(&params), patience).await;
    let result = match result {
        Ok(result) => result,
        // A server of another era says so by an error, and there is no telling which one.
        Err(Trouble::Rpc(error)) => return Err(Trouble::Foreign(refusal(&error))),
        Err(trouble) => return Err(trouble),
    };
    let introduction = introduced(&result)?;
    link.agree(introduction.revision);
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    link.send(initialized.to_owned(), Behalf::of(&visit.caller))
        .await?;
    Ok(introduction)
}

fn refusal(error: &RpcError) -> String {
    let message = wire::text_member(&error.0, "message").unwrap_or_default();
    let message = oauth::client::token::harmless(&message);
    format!("refuses to be initialized ({message})")
}

fn introduced(result: &RawValue) -> Result<Introduction, Trouble> {
    let object = Object::of(result).unwrap_or_default();
    let named = object.text("protocolVersion").unwrap_or_default();
    let revision = named.parse::<Revision>().map_err(|_| {
        let named = oauth::client::token::harmless(&named);
        Trouble::unusable(format!(
            "speaks the revision `{named}`, which is not known here"
        ))
    })?;
    Ok(Introduction {
        revision,
        capabilities: wire::member(result, "capabilities").unwrap_or_else(wire::empty),
        info: wire::member(result, "serverInfo"),
        instructions: wire::member(result, "instructions"),
    })
}

/// A request of the gateway's own, of which no client hears.
pub(super) async fn whisper(
    link: &dyn Link,
    board: &Arc<Board>,
    visit: &Visit,
    method: &str,
    params: Option<&RawValue>,
    patience: Duration,
) -> Result<Raw, Trouble> {
    let (outlet, _nobody) = Outlet::new();
    let hearing = Hearing {
        link,
        visit,
        outlet: &outlet,
        token: None,
        questions: None,
    };
    let mut ticket = board.expect(&visit.key);
    let request = Outgoing {
        text: wire::request(ticket.id, method, params),
        headers: http::HeaderMap::new(),
        behalf: Behalf::of(&visit.caller),
    };
    talk::call(hearing, &mut ticket, request, patience).await
}
