//! Breach detection: twelve rules over the events as they come (`docs/audit.md`).
//!
//! A rule sees what the log holds and nothing else: who, which tool, how much, from where, and how it
//! ended. [`Engine`] keeps what the rules remember, in memory of a bounded size.

mod access;
mod data;
mod engine;
mod ids;
mod integrity;
mod thresholds;
mod window;

use serde::Serialize;

pub use engine::Engine;
pub use ids::IdRuns;
pub use thresholds::Thresholds;

use crate::event::{Action, AuditEvent, Details, EventType, Name, Pseudonym, Severity, Who, words};
use crate::record::Record;

words! {
    /// The rules.
    Rule {
        /// Much personal data went to one caller (OWASP API4, API6).
        MassRead = "mass_read",
        /// One person or client read about many people (OWASP API1).
        ManySubjects = "many_subjects",
        /// A tool was asked for one id after the other (OWASP API1).
        Enumeration = "enumeration",
        /// Many sign-ins failed, and then one did not (OWASP API2).
        GuessedSignIn = "guessed_sign_in",
        /// One grant is used from two places at once (RFC 9700 §4.10).
        TokenReplay = "token_replay",
        /// A refresh token came again after its successor (RFC 9700 §4.14.2).
        RefreshReused = "refresh_reused",
        /// An authorization code came again (RFC 6749 §4.1.2).
        CodeReplayed = "code_replayed",
        /// Somebody tries what they may not do (OWASP API5).
        ScopeEscalation = "scope_escalation",
        /// What was rejected for its personal data is tried again in other words.
        Rephrasing = "rephrasing",
        /// A tool has answered with a secret (OWASP MCP01).
        SecretInResult = "secret_in_result",
        /// A tool says something else about itself than before (OWASP MCP03).
        ToolChanged = "tool_changed",
        /// The log itself is not as it should be (OWASP MCP08).
        LogIntegrity = "log_integrity",
    }
}

impl Rule {
    /// What it means, in a sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::MassRead => "much personal data went to one caller",
            Self::ManySubjects => "one caller read about many people",
            Self::Enumeration => "a tool was asked for one id after the other",
            Self::GuessedSignIn => "many sign-ins failed, and then one succeeded",
            Self::TokenReplay => "one grant is used from several places at once",
            Self::RefreshReused => "a refresh token was used again after its successor",
            Self::CodeReplayed => "an authorization code was used again",
            Self::ScopeEscalation => "a caller keeps trying what it may not do",
            Self::Rephrasing => {
                "a call that was rejected for its personal data is tried again and again"
            }
            Self::SecretInResult => "a tool answered with a secret",
            Self::ToolChanged => "a tool describes itself in other words than before",
            Self::LogIntegrity => "the audit log is not as it should be",
        }
    }
}

/// What a rule has found, as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// The rule.
    pub rule: Rule,
    /// How much it matters.
    pub severity: Severity,
    /// How much there was.
    pub count: u64,
    /// From how much on it is told.
    pub threshold: u64,
    /// Over how many seconds.
    pub window_seconds: u64,
    /// Events that show it.
    pub evidence: Vec<u64>,
}

/// An alert, and whom it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found.
    pub alert: Alert,
    /// The time of the event that completed it.
    pub timestamp: String,
    /// The person.
    pub user_id: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// The tool.
    pub tool_name: Option<String>,
    /// The server.
    pub server: Option<String>,
    /// The grant.
    pub grant_id: Option<String>,
    /// The address.
    pub origin: Option<String>,
    /// More about it: a stable code.
    pub reason: Option<&'static str>,
}

impl Finding {
    fn about(record: &Record<'_>, alert: Alert) -> Self {
        let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Self {
            alert,
            timestamp: record.timestamp.to_string(),
            user_id: owned(&record.user_id),
            client_id: owned(&record.client_id),
            tool_name: owned(&record.tool_name),
            server: owned(&record.server),
            grant_id: owned(&record.grant_id),
            origin: owned(&record.origin),
            reason: None,
        }
    }

    /// As an event of the log.
    pub(crate) fn event(&self) -> AuditEvent {
        let who = Who {
            user: self.user_id.as_deref().and_then(Pseudonym::parse),
            client: self.client_id.as_deref().map(Name::from),
            grant: self.grant_id.as_deref().map(Name::from),
            origin: self
                .origin
                .as_deref()
                .and_then(|origin| origin.parse().ok()),
            request: None,
        };
        let mut event = AuditEvent::about(EventType::Alert, Details::Alert(self.alert.clone()));
        event.who = who;
        event.tool = self.tool_name.as_deref().map(Name::from);
        event.server = self.server.as_deref().map(Name::from);
        event.reason = self.reason;
        event.action(Action::Raised)
    }
}

#[cfg(test)]
mod tests;
