//! How a session begins: `initialize` (MCP 2024-11-05 to 2025-11-25, lifecycle).

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::front::{FrontSettings, Guest, failed, results};
use crate::json::{Object, Raw, raw};
use crate::message::{RpcError, code};
use crate::revision::{Era, Revision};
use crate::server::McpServer;
use crate::session::Session;
use crate::visit::{Client, Visit};

/// The answer to `initialize`, and what it has begun.
pub(crate) struct Opened {
    pub(crate) result: Raw,
    pub(crate) session: Session,
}

/// The result of `initialize`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initialized<'a> {
    protocol_version: &'static str,
    capabilities: Raw,
    server_info: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a RawValue>,
}

/// Introduces client and server to each other.
pub(crate) async fn open(
    settings: &FrontSettings,
    guest: &Guest,
    params: Option<&RawValue>,
    server: &Arc<dyn McpServer>,
) -> Result<Opened, RpcError> {
    let client = introduced(params)?;
    let revision = client.revision;
    let session = Session::new(client, settings.clock.now(), &*settings.random);
    let visit = session.visit(&guest.caller);
    let introduction = server.introduction(&visit).await;
    let introduction = match introduction {
        Ok(introduction) => introduction,
        Err(failure) => return Err(failed("initialize", failure).expect_err("no tool is called")),
    };
    // Before 2026-07-28 a server has to have a name.
    let info = introduction.info;
    let info = info.unwrap_or_else(|| named(&settings.endpoint));
    let result = raw(&Initialized {
        protocol_version: revision.as_str(),
        capabilities: results::capabilities(&introduction.capabilities, false),
        server_info: &info,
        instructions: introduction.instructions.as_deref(),
    });
    Ok(Opened { result, session })
}

/// What the client says about itself.
fn introduced(params: Option<&RawValue>) -> Result<Client, RpcError> {
    let invalid = |what: &str| RpcError::new(code::INVALID_PARAMS, what);
    let params = params.and_then(Object::of).unwrap_or_default();
    let version = params.text("protocolVersion");
    let version = version.ok_or_else(|| invalid("`protocolVersion` is missing"))?;
    let capabilities = params.get("capabilities");
    let capabilities = capabilities.map_or_else(|| Object::default().to_raw(), RawValue::to_owned);
    if Object::of(&capabilities).is_none() {
        return Err(invalid("`capabilities` must be an object"));
    }
    Ok(Client {
        revision: negotiated(&version),
        capabilities,
        info: params.object("clientInfo").map(|info| info.to_raw()),
    })
}

/// The client's revision if it has sessions and is known, else the last one with sessions.
fn negotiated(version: &str) -> Revision {
    let known = version.parse().ok();
    known
        .filter(|revision: &Revision| revision.era() == Era::Sessions)
        .unwrap_or(Revision::LAST_WITH_SESSIONS)
}

fn named(name: &str) -> Raw {
    #[derive(Serialize)]
    struct Implementation<'a> {
        name: &'a str,
        version: &'static str,
    }
    raw(&Implementation {
        name,
        version: env!("CARGO_PKG_VERSION"),
    })
}

impl Session {
    /// A request in the session.
    pub(crate) fn visit(&self, caller: &resource_server::Caller) -> Visit {
        Visit {
            caller: caller.clone(),
            client: Arc::clone(&self.client),
            key: Arc::clone(&self.key),
            log_level: None,
            has_opened: false,
            auth_type: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_is_not_known_becomes_the_last_one_with_sessions() {
        for (asked, given) in [
            ("2024-11-05", "2024-11-05"),
            ("2025-03-26", "2025-03-26"),
            ("2025-06-18", "2025-06-18"),
            ("2025-11-25", "2025-11-25"),
            ("2026-07-28", "2025-11-25"),
            ("1999-01-01", "2025-11-25"),
        ] {
            assert_eq!(negotiated(asked).as_str(), given);
        }
    }
}
