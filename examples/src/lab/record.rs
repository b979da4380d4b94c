//! The record of a call: before it has an effect, and before it is answered (requirement R7.4).
//!
//! A call of the lab that cannot be recorded is not answered. What stands in the record are names,
//! types and counts, never what the caller has sent.

use std::net::IpAddr;
use std::time::Instant;

use audit::{Action, AuditEvent, AuditLog, Direction, Outcome, Who};
use http::request::Parts;
use pii::{Acted, Operator};
use resource_server::Caller;
use rmcp::handler::server::common::{AsRequestContext as _, FromContextPart};
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::{CallToolResult, ContentBlock, ErrorData};
use serde_json::Value;

use crate::tools::refused;

/// The name of the lab in records.
const SERVER: &str = "security-lab";

/// Where a request came from. Whoever serves the lab puts it among the extensions of the request; a
/// record without one says nothing of it.
#[derive(Clone, Copy, Debug)]
pub struct Origin(pub Option<IpAddr>);

/// A call: who makes it, from where, and how many arguments it has.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) caller: Caller,
    parameter_count: usize,
    request_id: Option<String>,
    origin: Option<IpAddr>,
}

/// To be taken before the arguments, which are counted here.
impl<S> FromContextPart<ToolCallContext<'_, S>> for Errand {
    fn from_context_part(context: &mut ToolCallContext<'_, S>) -> Result<Self, ErrorData> {
        let caller = Caller::from_context_part(context)?;
        let arguments = context.arguments.as_ref();
        let request = context.as_request_context().extensions.get::<Parts>();
        let header = request.and_then(|parts| parts.headers.get("x-request-id"));
        let request_id = header.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let origin = request.and_then(|parts| parts.extensions.get::<Origin>());
        Ok(Self {
            caller,
            parameter_count: arguments.map_or(0, serde_json::Map::len),
            request_id,
            origin: origin.and_then(|Origin(address)| *address),
        })
    }
}

impl Errand {
    fn event(&self, log: &AuditLog, tool: &str) -> AuditEvent {
        let caller = &self.caller;
        let issuer = caller.issuer().unwrap_or_default();
        let mut who = Who::new().user(log.pseudonyms().person(issuer, caller.subject()));
        if let Some(client) = caller.client_id() {
            who = who.client(client);
        }
        if let Some(grant) = caller.grant_id() {
            who = who.grant(grant);
        }
        if let Some(request) = &self.request_id {
            who = who.request(request);
        }
        if let Some(origin) = self.origin {
            who = who.origin(origin);
        }
        AuditEvent::tool_call(who, SERVER, tool, self.parameter_count)
    }
}

/// What a tool has to say.
#[derive(Debug)]
pub(super) struct Answer {
    value: Value,
    text: Option<String>,
    findings: Vec<Acted>,
}

impl Answer {
    /// A value, which is its own text.
    pub(super) fn of(value: Value) -> Self {
        Self {
            value,
            text: None,
            findings: Vec::new(),
        }
    }

    /// With a text for people.
    pub(super) fn text(mut self, text: String) -> Self {
        self.text = Some(text);
        self
    }

    /// With what was found in the arguments, and what was done with it.
    pub(super) fn found(mut self, findings: Vec<Acted>) -> Self {
        self.findings = findings;
        self
    }
}

/// Why a tool does nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the caller reads.
    text: String,
    /// What the record says.
    reason: &'static str,
    findings: Vec<Acted>,
    is_denied: bool,
}

impl Refusal {
    /// The arguments cannot be used.
    pub(super) fn arguments(text: impl Into<String>) -> Self {
        Self::failed(text, "invalid_arguments")
    }

    /// It went wrong.
    pub(super) fn failed(text: impl Into<String>, reason: &'static str) -> Self {
        Self {
            text: text.into(),
            reason,
            findings: Vec::new(),
            is_denied: false,
        }
    }

    /// It is not allowed.
    pub(super) fn denied(text: impl Into<String>, reason: &'static str) -> Self {
        Self {
            is_denied: true,
            ..Self::failed(text, reason)
        }
    }

    /// With what was found in the arguments.
    pub(super) fn found(mut self, findings: Vec<Acted>) -> Self {
        self.findings = findings;
        self
    }
}

/// Runs `work` between its records. With an `effect`, the first one stands before it begins.
pub(super) async fn recorded(
    log: Option<&AuditLog>,
    errand: &Errand,
    tool: &'static str,
    has_effect: bool,
    work: impl Future<Output = Result<Answer, Refusal>>,
) -> Result<CallToolResult, ErrorData> {
    let Some(log) = log else {
        return Ok(result(work.await));
    };
    let event = errand.event(log, tool);
    if has_effect {
        append(log, event.intent()).await?;
    }
    let began = Instant::now();
    let answer = work.await;
    let event = event.took(began.elapsed());
    let event = match &answer {
        Ok(answer) => with_findings(event, &answer.findings).outcome(Outcome::Success),
        Err(refusal) => {
            let event = with_findings(event, &refusal.findings);
            if refusal.is_denied {
                event.denied(refusal.reason)
            } else {
                event.outcome(Outcome::Failure).reason(refusal.reason)
            }
        }
    };
    append(log, event).await?;
    Ok(result(answer))
}

fn result(answer: Result<Answer, Refusal>) -> CallToolResult {
    match answer {
        Ok(Answer { value, text, .. }) => {
            let mut result = CallToolResult::structured(value);
            if let Some(text) = text {
                result.content = vec![ContentBlock::text(text)];
            }
            result
        }
        Err(refusal) => refused(refusal.text),
    }
}

async fn append(log: &AuditLog, event: AuditEvent) -> Result<(), ErrorData> {
    log.append(event).await.map_err(|error| {
        tracing::error!(%error, "a call is refused, because it cannot be recorded");
        let text =
            "this call cannot be recorded at the moment, so it is not answered; try again later";
        ErrorData::internal_error(text, None)
    })
}

/// What was found in the arguments. Where one value refuses them, all of them are refused.
fn with_findings(event: AuditEvent, findings: &[Acted]) -> AuditEvent {
    let is_refused = findings.iter().any(|one| one.action == Operator::Reject);
    findings.iter().fold(event, |event, acted| {
        let count = usize::try_from(acted.count).unwrap_or(usize::MAX);
        let action = if is_refused {
            Action::Rejected
        } else {
            action(acted.action)
        };
        event.found(Direction::Arguments, action, acted.kind.name(), count)
    })
}

/// The same words as behind the gateway.
fn action(operator: Operator) -> Action {
    match operator {
        Operator::Mask => Action::Masked,
        Operator::Encrypt => Action::Encrypted,
        Operator::Tokenize => Action::Tokenized,
        Operator::Reject => Action::Rejected,
        Operator::Allow => Action::Allowed,
        // Whatever else may come to be done to a value changes it.
        _ => Action::Changed,
    }
}
