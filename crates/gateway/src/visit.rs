//! On whose behalf a server is spoken to: the caller, and the client that they use.

use std::sync::Arc;

use delegation::AuthType;
use resource_server::Caller;
use serde_json::value::RawValue;

use crate::json::{Object, Raw, raw};
use crate::revision::{Era, Revision};

/// What a client says about itself, once in a session or with every request.
///
/// None of it is verified: it decides about forms, never about rights.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The revision that the client speaks.
    pub(crate) revision: Revision,
    /// Its capabilities, as it wrote them.
    pub(crate) capabilities: Raw,
    /// Its name and version (`clientInfo`), if it gave them.
    pub(crate) info: Option<Raw>,
}

impl Client {
    /// Whether the client can do `capability`, such as `sampling`, `elicitation` or `roots`.
    pub(crate) fn can(&self, capability: &str) -> bool {
        Object::of(&self.capabilities).is_some_and(|known| known.contains(capability))
    }
}

/// The levels of log messages, the least important first (RFC 5424 §6.2.1, MCP logging).
const LEVELS: [&str; 8] = [
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
];

/// One request of a caller, or one session.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) caller: Caller,
    pub(crate) client: Arc<Client>,
    /// What belongs together on the server's side: a session of the client, or all requests of the same
    /// caller with a client of the same capabilities. It never contains two callers.
    pub(crate) key: Arc<str>,
    /// The least important level of log messages that the client wants with this request (2026-07-28).
    pub(crate) log_level: Option<Arc<str>>,
    /// Whether the caller says that they have opened the address without which the request was refused
    /// before (2026-07-28).
    pub(crate) has_opened: bool,
    /// Whose credential the upstream is shown, where that differs by what is asked for.
    pub(crate) auth_type: Option<AuthType>,
}

impl Visit {
    /// Whether the client wants the log message with these parameters. From 2026-07-28 on they come only with
    /// requests that want them, from the level on that those name.
    pub(crate) fn wants_log(&self, params: Option<&RawValue>) -> bool {
        if self.client.revision.era() == Era::Sessions {
            return true;
        }
        let place = |level: &str| LEVELS.iter().position(|known| *known == level);
        let wanted = self.log_level.as_deref().and_then(place);
        let params = params.and_then(Object::of).unwrap_or_default();
        let level = params.text("level");
        let level = level.as_deref().and_then(place);
        wanted.is_some_and(|wanted| level.is_none_or(|level| level >= wanted))
    }

    /// Names the caller, and nobody else.
    pub(crate) fn person(&self) -> Arc<str> {
        person(&self.caller)
    }
}

/// Names a caller, and nobody else: a subject is one of its issuer (RFC 9068 §2.2), and either may hold any
/// text, so that no text between them would keep them apart.
pub(crate) fn person(caller: &Caller) -> Arc<str> {
    let issuer = caller.issuer().unwrap_or_default();
    let name = (issuer, caller.subject());
    raw(&name).get().into()
}
