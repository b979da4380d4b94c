//! Which scopes the tools of an MCP server need (MCP authorization, scope challenges).

use std::collections::HashMap;

use oauth::scope::Scope;

use crate::Caller;
use crate::mcp::Envelope;
#[cfg(feature = "axum")]
use crate::mcp::fault::Fault;
#[cfg(feature = "axum")]
use crate::refusal::Refusal;

/// Refuses a call of a tool that it does not name by a text (`CallToolRequestParams` of MCP): which
/// scopes it needs could not be said.
#[cfg(feature = "axum")]
pub(super) fn require_name(message: &Envelope<'_>) -> Result<(), Fault> {
    if message.method.as_deref() == Some("tools/call") && message.called_tool().is_none() {
        let reason = "`tools/call` needs the name of a tool, as text";
        return Err(Fault::Invalid(reason.to_owned()));
    }
    Ok(())
}

/// The scopes that a server's tools need, and those that everything needs.
#[derive(Clone, Debug, Default)]
pub struct ToolAccess {
    everything: Scope,
    tools: HashMap<String, Scope>,
    /// Broad scopes and what they include.
    implied: Vec<(String, Scope)>,
}

impl ToolAccess {
    /// Every request needs `scope`.
    pub fn require(&mut self, scope: &Scope) {
        self.everything = self.everything.union(scope);
    }

    /// The tool `name` needs `scope`.
    pub fn require_for_tool(&mut self, name: String, scope: &Scope) {
        let needed = self.tools.entry(name).or_default();
        *needed = needed.union(scope);
    }

    /// Who has `broad` has `narrow`, too.
    pub fn imply(&mut self, broad: String, narrow: Scope) {
        self.implied.push((broad, narrow));
    }

    /// Whether any tool needs more than others, so that not everybody sees the same list.
    pub fn differs_by_caller(&self) -> bool {
        !self.tools.is_empty()
    }

    /// Whether `caller` may call the tool `name`.
    pub fn permits(&self, caller: &Caller, name: &str) -> bool {
        self.tools
            .get(name)
            .is_none_or(|needed| self.is_granted(needed, caller))
    }

    /// All scopes that a message needs, whether granted or not.
    pub fn needed(&self, message: &Envelope<'_>) -> Scope {
        let tool = message.called_tool().and_then(|name| self.tools.get(name));
        tool.map_or_else(
            || self.everything.clone(),
            |tool| self.everything.union(tool),
        )
    }

    /// Turns the caller away unless they may send every one of `messages`.
    ///
    /// The challenge names all scopes of the operation. Clients before 2026-07-28 ask for exactly what
    /// a challenge names and would lose what they have, so theirs names that as well.
    #[cfg(feature = "axum")]
    pub(super) fn authorize(
        &self,
        messages: &[&Envelope<'_>],
        caller: &Caller,
    ) -> Result<(), Refusal> {
        // Nearly every message needs nothing special; this path allocates nothing.
        let is_plain = |message: &&Envelope<'_>| {
            !message
                .called_tool()
                .is_some_and(|name| self.tools.contains_key(name))
        };
        if self.everything.is_empty() && messages.iter().all(is_plain) {
            return Ok(());
        }
        let needed = messages.iter().map(|message| self.needed(message));
        let needed = needed.fold(self.everything.clone(), |all, one| all.union(&one));
        if self.is_granted(&needed, caller) {
            return Ok(());
        }
        // Requests without a message, such as GET, exist in the older revisions only.
        let is_stateless = !messages.is_empty()
            && messages
                .iter()
                .all(|message| message.is_stateless_revision());
        let scope = if is_stateless {
            needed.clone()
        } else {
            needed.union(caller.scopes())
        };
        let what = messages
            .iter()
            .find_map(|message| message.called_tool())
            .unwrap_or("this");
        Err(Refusal::InsufficientScope {
            scope,
            reason: format!("{what} needs the scope {needed}"),
        })
    }

    /// RFC 6749 leaves the meaning of scopes to servers; MCP asks that broad ones include narrow ones.
    fn is_granted(&self, needed: &Scope, caller: &Caller) -> bool {
        let mut missing = needed.difference(caller.scopes());
        for (broad, narrow) in &self.implied {
            if caller.scopes().contains(broad) {
                missing = missing.difference(narrow);
            }
        }
        missing.is_empty()
    }
}
