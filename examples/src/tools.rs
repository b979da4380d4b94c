//! What the tools of our servers have in common: answers, and counting.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use resource_server::mcp::elicitation::URL_ELICITATION_REQUIRED;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, ErrorData};

/// Somebody who counts the executions of tools; it is called on the way of a call, so it must be
/// quick.
pub trait ObserveTools: fmt::Debug + Send + Sync + 'static {
    /// A tool of this server has been executed.
    fn tool_executed(&self, tool: &str, outcome: ToolOutcome, duration: Duration);
}

/// How the execution of a tool ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToolOutcome {
    /// It has done its work.
    Ok,
    /// It has said what is wrong.
    Error,
    /// It waits for the person.
    InputRequired,
}

impl ToolOutcome {
    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::InputRequired => "input_required",
        }
    }

    fn of(answer: &Result<CallToolResponse, ErrorData>) -> Self {
        match answer {
            Ok(CallToolResponse::Complete(result)) if result.is_error != Some(true) => Self::Ok,
            Ok(CallToolResponse::InputRequired(_)) => Self::InputRequired,
            // The error by which clients of 2025-11-25 are asked to open a page.
            Err(error) if error.code.0 == URL_ELICITATION_REQUIRED => Self::InputRequired,
            _ => Self::Error,
        }
    }
}

/// The same tools, with every execution told to `observer`.
pub(crate) fn observed<S: Send + Sync + 'static>(
    mut tools: ToolRouter<S>,
    observer: Option<Arc<dyn ObserveTools>>,
) -> Arc<ToolRouter<S>> {
    if let Some(observer) = observer {
        for (name, route) in &mut tools.map {
            let (observer, name, call) = (Arc::clone(&observer), name.clone(), route.call.clone());
            route.call = Arc::new(move |context| {
                let (observer, name) = (Arc::clone(&observer), name.clone());
                let answer = call(context);
                Box::pin(async move {
                    let begun = Instant::now();
                    let answer = answer.await;
                    observer.tool_executed(&name, ToolOutcome::of(&answer), begun.elapsed());
                    answer
                })
            });
        }
    }
    Arc::new(tools)
}

/// An error that the model should read and act on.
pub(crate) fn refused(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text.into())])
}
