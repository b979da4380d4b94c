//! What the exemplar has besides tools: resources, prompts and completions.

use rmcp::ErrorData;
use rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, InputRequests, InputRequiredResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResponse, ReadResourceResult,
};
use serde_json::{Value, json};

use super::rounds::{question, response};
use super::tools::IMAGE;
use super::{Answer, typed};

/// A list that anybody may keep for a minute.
fn kept(mut list: Value) -> Value {
    list["resultType"] = json!("complete");
    list["ttlMs"] = json!(60_000);
    list["cacheScope"] = json!("public");
    list
}

pub(super) fn resources() -> ListResourcesResult {
    typed(kept(json!({"resources": [
        {"uri": "test://static-text", "name": "A text", "mimeType": "text/plain"},
        {"uri": "test://static-binary", "name": "A picture", "mimeType": "image/png"},
    ]})))
}

pub(super) fn templates() -> ListResourceTemplatesResult {
    typed(kept(json!({"resourceTemplates": [
        {"uriTemplate": "test://template/{id}/data", "name": "Data", "mimeType": "application/json"},
    ]})))
}

pub(super) fn read(uri: &str) -> Answer<ReadResourceResponse> {
    let id = uri
        .strip_prefix("test://template/")
        .and_then(|rest| rest.strip_suffix("/data"));
    let contents = match (uri, id) {
        ("test://static-text", _) => {
            json!({"uri": uri, "mimeType": "text/plain", "text": "A text that never changes."})
        }
        ("test://static-binary", _) => json!({"uri": uri, "mimeType": "image/png", "blob": IMAGE}),
        (_, Some(id)) => {
            let data = json!({"id": id, "data": format!("What is known of {id}.")});
            json!({"uri": uri, "mimeType": "application/json", "text": data.to_string()})
        }
        _ => {
            let data = Some(json!({"uri": uri}));
            return Err(ErrorData::resource_not_found(
                "there is no such resource",
                data,
            ));
        }
    };
    let result: ReadResourceResult = typed(kept(json!({"contents": [contents]})));
    Ok(result.into())
}

pub(super) fn prompts() -> ListPromptsResult {
    let arguments = json!([{"name": "arg1", "required": true}, {"name": "arg2", "required": true}]);
    typed(kept(json!({"prompts": [
        {"name": "test_simple_prompt", "description": "Says one thing."},
        {"name": "test_prompt_with_arguments", "description": "Says yours.", "arguments": arguments},
        {
            "name": "test_prompt_with_embedded_resource", "description": "Shows a resource.",
            "arguments": [{"name": "resourceUri", "required": true}],
        },
        {"name": "test_prompt_with_image", "description": "Shows a picture."},
        {"name": "test_input_required_result_prompt", "description": "Asks first."},
    ]})))
}

pub(super) fn prompt(request: &GetPromptRequestParams) -> Answer<GetPromptResponse> {
    let given = |name: &str| {
        let value = request.arguments.as_ref().and_then(|given| given.get(name));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let text = |text: &str| json!({"role": "user", "content": {"type": "text", "text": text}});
    let messages = match request.name.as_str() {
        "test_simple_prompt" => json!([text("This is a simple prompt for testing.")]),
        "test_prompt_with_arguments" => {
            let said = format!(
                "arg1 is '{}' and arg2 is '{}'.",
                given("arg1"),
                given("arg2")
            );
            json!([text(&said)])
        }
        "test_prompt_with_embedded_resource" => {
            let (uri, said) = (given("resourceUri"), "What is in it.");
            let resource = json!({"uri": uri, "mimeType": "text/plain", "text": said});
            json!([
                {"role": "user", "content": {"type": "resource", "resource": resource}},
                text("Look at it."),
            ])
        }
        "test_prompt_with_image" => json!([
            {"role": "user", "content": {"type": "image", "data": IMAGE, "mimeType": "image/png"}},
            text("Look at it."),
        ]),
        "test_input_required_result_prompt" => {
            let responses = request.input_responses.as_ref();
            let Some(said) = response(responses, "user_context") else {
                let key = "user_context";
                let questions: InputRequests = typed(json!({key: question(key)}));
                return Ok(InputRequiredResult::from_input_requests(questions).into());
            };
            json!([text(&json!(said).to_string())])
        }
        _ => return Err(ErrorData::invalid_params("there is no such prompt", None)),
    };
    let result: GetPromptResult = typed(json!({"resultType": "complete", "messages": messages}));
    Ok(result.into())
}

/// Everything that begins as the client has begun.
pub(super) fn complete(request: &CompleteRequestParams) -> CompleteResult {
    let known = ["paris", "park", "party", "1", "2"];
    let begun = known
        .iter()
        .filter(|word| word.starts_with(&request.argument.value));
    let values = begun.map(|word| (*word).to_owned()).collect();
    CompleteResult::new(CompletionInfo::new(values).unwrap())
}
