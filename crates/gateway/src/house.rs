//! What all endpoints of a gateway share: who may do what, what happens to personal data, what is recorded.

use arc_swap::{ArcSwap, ArcSwapOption};
use audit::AuditLog;
use audit::rule::IdRuns;
use pii::Redactor;
use resource_server::Caller;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;

use crate::json::Object;
use crate::message::{RpcError, code};
use crate::policy::{Decision, Denial, Policy};
use crate::recording::{Errand, Recording, Unrecorded};
use crate::server::Failure;

/// The shared part of a gateway. Policies may change while requests are under way; each request sees one.
pub(crate) struct House {
    pub(crate) policy: ArcSwap<Policy>,
    /// `None`: personal data are not looked for.
    pub(crate) redactor: ArcSwapOption<Redactor>,
    /// `None`: nothing is recorded.
    pub(crate) audit: Option<AuditLog>,
    /// Who asks for one id after the other.
    pub(crate) id_runs: IdRuns,
    /// Where work goes on beside requests.
    pub(crate) tasks: TaskTracker,
}

/// The reason of a refusal by policy, in records.
pub(crate) use audit::reason::POLICY_DENIED;

/// The methods that are calls: each of them is recorded.
const CALLS: [&str; 4] = [
    "tools/call",
    "resources/read",
    "prompts/get",
    "completion/complete",
];

/// Whether `method` is something that a caller does, and not a word of the protocol.
pub(crate) fn is_call(method: &str) -> bool {
    CALLS.contains(&method)
}

/// Whether `method` is about a task: the rest of a call that was begun before.
pub(crate) fn is_task(method: &str) -> bool {
    method.starts_with("tasks/")
}

/// What a call is about and how many arguments it has; nothing of their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// The tool, prompt or resource.
    pub(crate) name: String,
    pub(crate) parameter_count: usize,
    /// The number that it asks for, if there is one among the arguments: who asks for one after the other
    /// reads a whole file (OWASP API1). It is compared and forgotten.
    pub(crate) id: Option<u64>,
}

impl About {
    /// Reads the parameters of a call.
    pub(crate) fn of(method: &str, params: Option<&RawValue>) -> Option<Self> {
        let params = Object::of(params?)?;
        let name = match method {
            "tools/call" | "prompts/get" => params.text("name")?.into_owned(),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                params.text("uri")?.into_owned()
            }
            _ => String::new(),
        };
        Some(Self::new(name, params.get("arguments").map(RawValue::get)))
    }

    /// Reads the arguments of a call of `name`.
    pub(crate) fn new(name: String, arguments: Option<&str>) -> Self {
        let arguments = arguments.and_then(|arguments| Object::parse(arguments).ok());
        let (parameter_count, id) = arguments.map_or((0, None), |arguments| {
            let id = arguments.members().find_map(|(_, value)| number_of(value));
            (arguments.members().count(), id)
        });
        Self {
            name,
            parameter_count,
            id,
        }
    }
}

/// An integer, or the number at the end of a text.
fn number_of(value: &RawValue) -> Option<u64> {
    let text = value.get();
    let text = text.strip_suffix('"').unwrap_or(text);
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let number = &text[text.len() - digits..];
    let is_whole = value.get().starts_with('"') || number.len() == text.len();
    // What has more digits is no number that anybody counts with.
    (is_whole && (1..=18).contains(&digits)).then(|| number.parse().ok())?
}

impl House {
    /// Begins the record of a call, if calls are recorded.
    pub(crate) fn record(
        &self,
        caller: &Caller,
        errand: &Errand,
        upstream: &str,
        tool: &str,
        about: &About,
    ) -> Option<Recording> {
        let log = self.audit.as_ref()?;
        let runs = &self.id_runs;
        Some(Recording::begin(
            log, runs, caller, errand, upstream, tool, about,
        ))
    }

    /// Refuses what a policy for personal data cannot be applied to: what is asked about a task does not
    /// say which tool it is of.
    pub(crate) fn readable(&self, method: &str) -> Result<(), Failure> {
        if !is_task(method) || self.redactor.load().is_none() {
            return Ok(());
        }
        let reason =
            "personal data is looked for here, and a task does not say of which tool it is";
        Err(Failure::Refused {
            error: RpcError::new(code::INVALID_REQUEST, reason),
            code: "pii_unreadable",
        })
    }

    /// Records that something was not allowed, where that is no call with a record of its own. `tool` is the one that
    /// was asked for, by a name that the house knows.
    pub(crate) async fn record_denial(
        &self,
        caller: &Caller,
        errand: &Errand,
        upstream: &str,
        tool: Option<&str>,
    ) -> Result<(), Unrecorded> {
        match &self.audit {
            Some(log) => crate::recording::denied(log, caller, errand, upstream, tool).await,
            None => Ok(()),
        }
    }
}

/// What the policy does not permit is refused.
pub(crate) fn permitted(decision: Decision, method: &str, name: &str) -> Result<(), Failure> {
    match decision {
        Decision::Permit(_) => Ok(()),
        Decision::Deny(denial) => Err(denied(&denial, method, name)),
    }
}

/// What the caller is told of a denial, where there is no HTTP status to say it with.
pub(crate) fn denied(denial: &Denial, method: &str, name: &str) -> Failure {
    let reason = format!("not permitted: {}", denial.reason);
    let plain = RpcError::new(code::INVALID_REQUEST, reason);
    let error = if !denial.visible {
        unknown(method, name)
    } else if denial.scopes.is_empty() {
        plain
    } else {
        plain.with_data(&Needed {
            error: "insufficient_scope",
            scope: denial.scopes.to_string(),
        })
    };
    Failure::Refused {
        error,
        code: POLICY_DENIED,
    }
}

#[derive(Serialize)]
struct Needed {
    error: &'static str,
    scope: String,
}

/// The answer about what is not there, and about what the caller may not know of.
pub(crate) fn unknown(method: &str, name: &str) -> RpcError {
    let (code, noun) = match method {
        "tools/call" => (code::INVALID_PARAMS, "tool"),
        "prompts/get" => (code::INVALID_PARAMS, "prompt"),
        "resources/read"
        | "resources/subscribe"
        | "resources/unsubscribe"
        | "subscriptions/listen" => (code::RESOURCE_NOT_FOUND, "resource"),
        _ => return RpcError::new(code::METHOD_NOT_FOUND, "method not found"),
    };
    RpcError::new(code, format!("unknown {noun}: {name}"))
}
