//! A tool of one's own under the policy: its arguments and its result pass the same rules as those of
//! tools behind a gateway, and every access can be recorded.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::message::Part;
use crate::operator::Operator;
use crate::policy::{Context, Direction};
use crate::redactor::{Outcome, Redactor};
use crate::refusal::{Acted, PolicyRefusal, RefusalReason};

/// Wraps the calls of a tool.
///
/// ```
/// use pii::{Operator, Policy, Redactor, Scanner, SecureTool};
/// use serde_json::{Value, json};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pii::SecureToolError<std::convert::Infallible>> {
/// let redactor = Redactor::new(Scanner::new(), Policy::of_everything(Operator::Mask));
/// let tool = SecureTool::new("find_customer", redactor)
///     .log_access(|access| println!("{} called {}", access.subject, access.tool));
///
/// let result: Value = tool
///     .call("kim", &["crm:read"], json!({"id": 7}), async |arguments: Value| {
///         Ok::<_, std::convert::Infallible>(json!({"id": arguments["id"], "phone": "010-2345-6789"}))
///     })
///     .await?;
/// assert_eq!(result, json!({"id": 7, "phone": "010-****-****"}));
/// # Ok(())
/// # }
/// ```
pub struct SecureTool {
    name: String,
    redactor: Redactor,
    requires_encryption: bool,
    log: Option<Box<Log>>,
}

type Log = dyn Fn(&Access<'_>) + Send + Sync;

impl fmt::Debug for SecureTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureTool")
            .field("name", &self.name)
            .field("requires_encryption", &self.requires_encryption)
            .finish_non_exhaustive()
    }
}

/// One call, for a record of who saw what. It holds no personal data of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access<'a> {
    /// The name of the tool.
    pub tool: &'a str,
    /// The subject of the caller.
    pub subject: &'a str,
    /// What was found in the arguments, and what was done with it.
    pub arguments: Vec<Acted>,
    /// What was found in the result.
    pub result: Vec<Acted>,
    /// Why nothing was passed on: a code of the refusal, or `tool_failed`.
    pub refused: Option<&'static str>,
}

/// A call gave nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecureToolError<E> {
    /// The arguments or the result may not be passed on.
    #[error(transparent)]
    Refused(#[from] PolicyRefusal),
    /// What was replaced does not fit the type of the arguments or the result.
    #[error(
        "with its personal data replaced, the {0:?} of the tool does not fit its type any more"
    )]
    NoLongerFits(Direction),
    /// The tool itself failed.
    #[error("the tool failed")]
    Tool(#[source] E),
}

impl SecureTool {
    /// A tool under the policy of `redactor`.
    pub fn new(name: impl Into<String>, redactor: Redactor) -> Self {
        Self {
            name: name.into(),
            redactor,
            requires_encryption: false,
            log: None,
        }
    }

    /// Personal data leaves the tool encrypted, also where the policy would let it pass as it is. Without
    /// keys, every call is refused before the tool runs.
    pub fn requires_encryption(mut self) -> Self {
        self.requires_encryption = true;
        self
    }

    /// Records every call, also those that are refused.
    pub fn log_access(mut self, log: impl Fn(&Access<'_>) + Send + Sync + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Calls the tool with arguments to which the policy was applied, and applies it to the result.
    ///
    /// # Errors
    ///
    /// When the policy refuses the arguments or the result, or the tool fails.
    pub async fn call<A, R, E>(
        &self,
        subject: &str,
        scopes: &[&str],
        arguments: A,
        tool: impl AsyncFnOnce(A) -> Result<R, E>,
    ) -> Result<R, SecureToolError<E>>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let (answer, access) = self
            .call_with_access(subject, scopes, arguments, tool)
            .await;
        if let Some(log) = &self.log {
            log(&access);
        }
        answer
    }

    /// The same, with the record of the call for whoever has to wait until it is written down; what
    /// [`SecureTool::log_access`] was given is not called.
    pub async fn call_with_access<'a, A, R, E>(
        &'a self,
        subject: &'a str,
        scopes: &[&str],
        arguments: A,
        tool: impl AsyncFnOnce(A) -> Result<R, E>,
    ) -> (Result<R, SecureToolError<E>>, Access<'a>)
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let mut access = Access {
            tool: &self.name,
            subject,
            arguments: Vec::new(),
            result: Vec::new(),
            refused: None,
        };
        let answer = self.guarded(scopes, arguments, tool, &mut access).await;
        access.refused = answer.as_ref().err().map(|error| match error {
            SecureToolError::Refused(refusal) => refusal.reason.code(),
            SecureToolError::NoLongerFits(_) => "pii_schema_mismatch",
            SecureToolError::Tool(_) => "tool_failed",
        });
        (answer, access)
    }

    async fn guarded<A, R, E>(
        &self,
        scopes: &[&str],
        arguments: A,
        tool: impl AsyncFnOnce(A) -> Result<R, E>,
        access: &mut Access<'_>,
    ) -> Result<R, SecureToolError<E>>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        if self.requires_encryption && !self.redactor.has_sealing() {
            return Err(PolicyRefusal::from(RefusalReason::NoKeys(Operator::Encrypt)).into());
        }
        let mut context = Context {
            tool: access.tool,
            direction: Direction::Arguments,
            part: Part::Data,
            subject: access.subject,
            scopes,
        };
        let arguments = self.apply(&context, arguments, &mut access.arguments)?;
        let result = tool(arguments).await.map_err(SecureToolError::Tool)?;
        context.direction = Direction::Result;
        self.apply(&context, result, &mut access.result)
    }

    fn apply<T, E>(
        &self,
        context: &Context<'_>,
        value: T,
        findings: &mut Vec<Acted>,
    ) -> Result<T, SecureToolError<E>>
    where
        T: Serialize + DeserializeOwned,
    {
        let unfit = || SecureToolError::NoLongerFits(context.direction);
        let written = serde_json::to_string(&value).map_err(|_| unfit())?;
        let allowed = match context.direction {
            Direction::Result if self.requires_encryption => Operator::Encrypt,
            _ => Operator::Allow,
        };
        let outcome = self.redactor.apply_with(context, &written, allowed);
        let Outcome {
            replaced,
            findings: found,
            ..
        } = outcome.inspect_err(|refusal| findings.clone_from(&refusal.findings))?;
        *findings = found;
        match replaced {
            None => Ok(value),
            Some(text) => serde_json::from_str(&text).map_err(|_| unfit()),
        }
    }
}
