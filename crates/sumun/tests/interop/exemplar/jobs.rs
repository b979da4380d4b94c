//! Tools that become tasks where the client understands tasks (SEP-2663).

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, CreateTaskResult,
    Task,
};
use rmcp::task_manager::{TaskExit, TaskManager, TaskOptions};
use serde_json::{Value, json};

use super::rounds::{ask, question, response};
use super::tools::{argument, pause, text};
use super::{Answer, Context, typed};

pub(super) const NAMES: [&str; 7] = [
    "greet",
    "slow_compute",
    "failing_job",
    "protocol_error_job",
    "confirm_delete",
    "multi_input",
    "test_tool_with_task",
];

/// Those that cannot answer without a task.
const ALWAYS: [&str; 4] = [
    "failing_job",
    "confirm_delete",
    "multi_input",
    "test_tool_with_task",
];

pub(super) async fn call(
    jobs: &TaskManager,
    request: &CallToolRequestParams,
    context: &Context,
) -> Answer<CallToolResponse> {
    let name = request.name.as_ref();
    let declared = context.client_capabilities();
    let knows_tasks = declared.is_some_and(|capabilities| capabilities.supports_tasks());
    if ALWAYS.contains(&name) && !knows_tasks {
        let needed = ClientCapabilities::builder().enable_tasks().build();
        return Err(ErrorData::missing_required_client_capability(needed));
    }
    let task = match name {
        "slow_compute" => {
            let seconds = request
                .arguments
                .as_ref()
                .and_then(|given| given.get("seconds"));
            let seconds = seconds.and_then(Value::as_f64).unwrap_or(1.0);
            if !knows_tasks {
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                return Ok(text("Computed."));
            }
            compute(jobs, seconds)
        }
        "protocol_error_job" if !knows_tasks => return Err(broken()),
        "protocol_error_job" => jobs.spawn(TaskOptions::default(), |_| {
            Box::pin(async {
                pause().await;
                Err(TaskExit::Error(broken()))
            })
        }),
        "failing_job" => jobs.spawn(TaskOptions::default(), |_| {
            Box::pin(async {
                pause().await;
                Ok(done("It did not work.", true))
            })
        }),
        "confirm_delete" => asking(jobs, &["confirm"]),
        "multi_input" => asking(jobs, &["input-a", "input-b"]),
        "test_tool_with_task" => {
            let Some(said) = response(request.input_responses.as_ref(), "user_name") else {
                return Ok(ask(&["user_name"], None));
            };
            let name = said["content"]["name"].as_str().unwrap_or("you").to_owned();
            jobs.spawn(TaskOptions::default(), |_| {
                Box::pin(async move {
                    pause().await;
                    Ok(done(&format!("Hello, {name}!"), false))
                })
            })
        }
        _ => {
            let name = argument(request, "name").unwrap_or("you");
            return Ok(text(&format!("Hello, {name}!")));
        }
    };
    Ok(CreateTaskResult::new(task).into())
}

fn done(said: &str, is_error: bool) -> CallToolResult {
    typed(json!({
        "resultType": "complete",
        "content": [{"type": "text", "text": said}],
        "isError": is_error,
    }))
}

fn broken() -> ErrorData {
    ErrorData::internal_error("this job always breaks", None)
}

/// Takes its time, unless it is told to stop.
fn compute(jobs: &TaskManager, seconds: f64) -> Task {
    jobs.spawn(TaskOptions::default(), move |job| {
        Box::pin(async move {
            tokio::select! {
                () = job.cancelled() => Err(TaskExit::Cancelled),
                () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => {
                    Ok(done("Computed.", false))
                }
            }
        })
    })
}

/// Asks all of these at once, and says what was answered.
fn asking(jobs: &TaskManager, keys: &'static [&'static str]) -> Task {
    jobs.spawn(TaskOptions::default(), move |job| {
        Box::pin(async move {
            let asked = keys
                .iter()
                .map(|key| job.request_input(*key, typed(question(key))));
            let answers = futures_util::future::try_join_all(asked).await?;
            Ok(done(&json!(answers).to_string(), false))
        })
    })
}
