//! The tools of the exemplar: their list, and those that only answer.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ListToolsResult,
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, Tool,
};
use serde_json::{Value, json};

use super::{Answer, Context, Handler, jobs, rounds, typed};

/// A red point.
pub(super) const IMAGE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";
/// A moment of silence.
const SOUND: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

/// Tools without arguments.
const PLAIN: [&str; 15] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_error_handling",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_logging_tool",
];

#[expect(
    clippy::needless_pass_by_value,
    reason = "what `json!` makes is given away"
)]
fn tool(name: &str, schema: Value) -> Tool {
    typed(
        json!({"name": name, "description": format!("What `{name}` is for."), "inputSchema": schema}),
    )
}

/// A schema with one property, which is required.
fn one_text(property: &str) -> Value {
    json!({"type": "object", "properties": {property: {"type": "string"}}, "required": [property]})
}

/// Every tool. Their names are those that the conformance tool looks for.
pub(super) fn all() -> Vec<Tool> {
    let nothing = json!({"type": "object", "properties": {}});
    let plain = PLAIN.iter().chain(&rounds::NAMES);
    let mut tools: Vec<_> = plain.map(|name| tool(name, nothing.clone())).collect();
    tools.push(tool("test_sampling", one_text("prompt")));
    tools.push(tool("test_elicitation", one_text("message")));
    let mut by_header = one_text("value");
    by_header["properties"]["value"]["x-mcp-header"] = json!("Value");
    tools.push(tool("test_custom_header", by_header));
    tools.push(tool("json_schema_2020_12_tool", modern_schema()));
    let properties = json!({
        "name": {"type": "string"}, "seconds": {"type": "number"},
        "label": {"type": "string"}, "filename": {"type": "string"},
    });
    let loose = json!({"type": "object", "properties": properties});
    tools.extend(jobs::NAMES.iter().map(|name| tool(name, loose.clone())));
    tools
}

/// Keywords that go lost where schemas are read into types.
fn modern_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }},
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}

pub(super) fn list() -> ListToolsResult {
    typed(
        json!({"resultType": "complete", "tools": all(), "ttlMs": 60_000, "cacheScope": "public"}),
    )
}

/// A result with these pieces of content.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what `json!` makes is given away"
)]
pub(super) fn content(pieces: Value) -> CallToolResponse {
    typed::<CallToolResult>(json!({"resultType": "complete", "content": pieces})).into()
}

/// A result of one text.
pub(super) fn text(text: &str) -> CallToolResponse {
    content(json!([{"type": "text", "text": text}]))
}

/// Calls what needs nobody else.
pub(super) async fn call(
    handler: &Handler,
    request: &CallToolRequestParams,
    context: &Context,
) -> Answer<CallToolResponse> {
    let image = json!({"type": "image", "data": IMAGE, "mimeType": "image/png"});
    Ok(match request.name.as_ref() {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => content(json!([image])),
        "test_audio_content" => {
            content(json!([{"type": "audio", "data": SOUND, "mimeType": "audio/wav"}]))
        }
        "test_embedded_resource" => content(json!([embedded("test://embedded", "An attachment.")])),
        "test_multiple_content_types" => content(json!([
            {"type": "text", "text": "One of each."},
            image,
            embedded("test://mixed", "The last one."),
        ])),
        "test_error_handling" => typed::<CallToolResult>(json!({
            "resultType": "complete",
            "content": [{"type": "text", "text": "This tool intentionally returns an error for testing"}],
            "isError": true,
        }))
        .into(),
        "test_tool_with_logging" => logging(context).await,
        "test_tool_with_progress" => progress(context).await,
        "test_logging_tool" => {
            if let Some(level) = context.meta.log_level() {
                log(context, level, "as much as you asked for").await;
            }
            text("Logged.")
        }
        "test_trigger_tool_change" => {
            for listener in handler.listeners() {
                // Who has gone is told nothing.
                let _ = listener.notify_tool_list_changed().await;
            }
            text("Changed.")
        }
        "test_trigger_prompt_change" => {
            for listener in handler.listeners() {
                let _ = listener.notify_prompt_list_changed().await;
            }
            text("Changed.")
        }
        "test_missing_capability" => {
            let declared = context.meta.client_capabilities().unwrap_or_default();
            if declared.sampling.is_none() {
                let needed = ClientCapabilities::builder().enable_sampling().build();
                return Err(ErrorData::missing_required_client_capability(needed));
            }
            text("You can.")
        }
        "test_streaming_elicitation" => rounds::ask(&["value"], None),
        "test_custom_header" => match argument(request, "value") {
            Some(value) => text(value),
            None => return Err(ErrorData::invalid_params("`value` is missing", None)),
        },
        "json_schema_2020_12_tool" => text("Understood."),
        unknown => {
            let message = format!("there is no tool `{unknown}`");
            return Err(ErrorData::invalid_params(message, None));
        }
    })
}

/// An argument that is a text.
pub(super) fn argument<'a>(request: &'a CallToolRequestParams, name: &str) -> Option<&'a str> {
    request.arguments.as_ref()?.get(name)?.as_str()
}

fn embedded(uri: &str, text: &str) -> Value {
    json!({"type": "resource", "resource": {"uri": uri, "mimeType": "text/plain", "text": text}})
}

async fn log(context: &Context, level: LoggingLevel, what: &str) {
    let message = LoggingMessageNotificationParam::new(level, json!(what)).with_logger("exemplar");
    // A client that has gone wants no messages.
    let _ = context.peer.notify_logging_message(message).await;
}

async fn logging(context: &Context) -> CallToolResponse {
    for what in ["started", "working", "done"] {
        log(context, LoggingLevel::Info, what).await;
        pause().await;
    }
    text("Logged thrice.")
}

async fn progress(context: &Context) -> CallToolResponse {
    if let Some(token) = context.meta.get_progress_token() {
        for progress in [0.0, 50.0, 100.0] {
            let step = ProgressNotificationParam::new(token.clone(), progress)
                .with_total(100.0)
                .with_message("on the way");
            let _ = context.peer.notify_progress(step).await;
            pause().await;
        }
    }
    text("Arrived.")
}

/// What a call waits for elsewhere.
pub(super) async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
