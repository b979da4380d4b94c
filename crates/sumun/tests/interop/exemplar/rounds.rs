//! Tools that answer "input required" until the client has said what is missing (SEP-2322).

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, InputRequests, InputRequiredResult, InputResponses,
};
use serde_json::{Map, Value, json};

use super::tools::text;
use super::{Answer, Context, typed};

pub(super) const PREFIX: &str = "test_input_required_result_";

pub(super) const NAMES: [&str; 8] = [
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_tampered_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_capabilities",
];

/// How far a conversation has come. Nobody can guess another one, so what comes back is ours.
const STATES: [&str; 2] = ["st-5f0c9be17d3a4e62", "st-c81e728d9d4c2f63"];

pub(super) fn call(request: &CallToolRequestParams, context: &Context) -> Answer<CallToolResponse> {
    let responses = request.input_responses.as_ref();
    let said = |key| response(responses, key).is_some();
    let state = match request.request_state.as_deref() {
        None => None,
        Some(given) => match STATES.iter().position(|known| *known == given) {
            Some(state) => Some(state),
            None => {
                return Err(ErrorData::invalid_params(
                    "the request state is not ours",
                    None,
                ));
            }
        },
    };
    let kind = request.name.strip_prefix(PREFIX).unwrap_or_default();
    Ok(match kind {
        "elicitation" if said("user_name") => {
            let name = &response(responses, "user_name").unwrap()["content"]["name"];
            text(&format!("Hello, {}!", name.as_str().unwrap_or("you")))
        }
        "elicitation" => ask(&["user_name"], None),
        "sampling" if said("capital_question") => {
            let answer = json!(response(responses, "capital_question"));
            text(&format!("The model says {answer}"))
        }
        "sampling" => ask(&["capital_question"], None),
        "list_roots" if said("client_roots") => {
            text(&json!(response(responses, "client_roots")).to_string())
        }
        "list_roots" => ask(&["client_roots"], None),
        "request_state" | "tampered_state" if state.is_some() => text("state-ok"),
        "request_state" | "tampered_state" => ask(&["confirm"], Some(0)),
        "multiple_inputs" => {
            let wanted = ["user_name", "greeting", "client_roots"];
            if state.is_some() && wanted.into_iter().all(said) {
                text("All of it is there.")
            } else {
                ask(&wanted, Some(0))
            }
        }
        "multi_round" => match state {
            None => ask(&["step1"], Some(0)),
            Some(0) => ask(&["step2"], Some(1)),
            Some(_) => text("Round and round."),
        },
        "capabilities" => {
            let declared = context.meta.client_capabilities().unwrap_or_default();
            let wanted = [
                ("user_name", declared.elicitation.is_some()),
                ("greeting", declared.sampling.is_some()),
                ("client_roots", declared.roots.is_some()),
            ];
            let wanted: Vec<_> = wanted.into_iter().filter(|(_, can)| *can).collect();
            if responses.is_some() || wanted.is_empty() {
                text("Enough.")
            } else {
                ask(
                    &wanted.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
                    None,
                )
            }
        }
        _ => return Err(ErrorData::invalid_params("there is no such tool", None)),
    })
}

/// What the client said to one of the questions; anything but an object is no answer.
pub(super) fn response<'a>(
    responses: Option<&'a InputResponses>,
    key: &str,
) -> Option<&'a Map<String, Value>> {
    responses?.get(key)?.as_object()
}

/// A result that asks for all of these.
pub(super) fn ask(keys: &[&str], state: Option<usize>) -> CallToolResponse {
    let state = state.map(|state| STATES[state].to_owned());
    let questions = keys.iter().map(|key| ((*key).to_owned(), question(key)));
    let questions: Map<String, Value> = questions.collect();
    let questions: InputRequests = typed(Value::Object(questions));
    InputRequiredResult::new(Some(questions), state).into()
}

/// The question of a name: which kind it is follows from what is asked.
pub(super) fn question(key: &str) -> Value {
    match key {
        "capital_question" | "greeting" => json!({
            "method": "sampling/createMessage",
            "params": {
                "messages": [{"role": "user", "content": {"type": "text", "text": key}}],
                "maxTokens": 100,
            },
        }),
        "client_roots" => json!({"method": "roots/list"}),
        _ => json!({
            "method": "elicitation/create",
            "params": {
                "mode": "form",
                "message": format!("Your {key}, please."),
                "requestedSchema": {"type": "object", "properties": wanted(key)},
            },
        }),
    }
}

fn wanted(key: &str) -> Value {
    match key {
        "user_name" | "step1" => json!({"name": {"type": "string"}}),
        "step2" => json!({"color": {"type": "string"}}),
        "user_context" => json!({"context": {"type": "string"}}),
        "confirm" => json!({"ok": {"type": "boolean"}, "confirm": {"type": "boolean"}}),
        _ => json!({"value": {"type": "string"}}),
    }
}
