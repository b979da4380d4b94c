//! Tools that ask the client on the way, as revisions with sessions do: sampling and elicitation.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CreateMessageRequestParams,
    ElicitRequestParams, SamplingMessage,
};
use serde_json::{Value, json};

use super::tools::{argument, text};
use super::{Answer, Context, typed};

pub(super) async fn call(
    request: &CallToolRequestParams,
    context: &Context,
) -> Answer<CallToolResponse> {
    if request.name == "test_sampling" {
        let prompt = argument(request, "prompt").unwrap_or("Hello");
        return Ok(sample(context, prompt).await);
    }
    let message = argument(request, "message").unwrap_or("Please tell us.");
    let properties = match request.name.as_ref() {
        "test_elicitation_sep1034_defaults" => with_defaults(),
        "test_elicitation_sep1330_enums" => with_choices(),
        _ => json!({"username": {"type": "string"}, "email": {"type": "string"}}),
    };
    Ok(elicit(context, message, &properties).await)
}

async fn sample(context: &Context, prompt: &str) -> CallToolResponse {
    let message = vec![SamplingMessage::user_text(prompt)];
    let asked = CreateMessageRequestParams::new(message, 100);
    match context.peer.create_message(asked).await {
        Ok(result) => text(&format!("LLM response: {}", json!(result.message.content))),
        Err(error) => failed(&error.to_string()),
    }
}

async fn elicit(context: &Context, message: &str, properties: &Value) -> CallToolResponse {
    let schema = json!({"type": "object", "properties": properties});
    let asked = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: typed(schema),
    };
    match context.peer.create_elicitation(asked).await {
        Ok(result) => {
            let (action, answers) = (json!(result.action), json!(result.content));
            text(&format!("action: {action}, content: {answers}"))
        }
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(why: &str) -> CallToolResponse {
    typed::<CallToolResult>(json!({"resultType": "complete", "content": [{"type": "text", "text": why}], "isError": true}))
        .into()
}

/// One default of each kind (SEP-1034).
fn with_defaults() -> Value {
    json!({
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true},
    })
}

/// Every way to offer a choice (SEP-1330).
fn with_choices() -> Value {
    let titled = json!([
        {"const": "value1", "title": "The first"},
        {"const": "value2", "title": "The second"},
        {"const": "value3", "title": "The third"},
    ]);
    let plain = json!(["option1", "option2", "option3"]);
    json!({
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option one", "Option two", "Option three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    })
}
