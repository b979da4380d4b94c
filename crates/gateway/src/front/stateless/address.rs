//! Addresses that a person has to open before a request can be carried out (MCP elicitation, URL mode).
//!
//! A server of 2025-11-25 refuses the request with an error that names them. In 2026-07-28 the same is a
//! result that asks for input, and the request is sent again.

use serde_json::value::RawValue;

use super::conversation::input_request;
use crate::front::needs;
use crate::json::{Object, Raw, raw};
use crate::message::{RpcError, code, may_need_input};
use crate::visit::Client;

/// What a client is asked to open, if `error` is about that; or the error if it cannot.
pub(super) fn input_required(
    error: &RpcError,
    method: &str,
    client: &Client,
) -> Option<Result<Raw, RpcError>> {
    if error.code() != Some(code::URL_ELICITATION_REQUIRED) || !may_need_input(method) {
        return None;
    }
    let error = Object::of(&error.0)?;
    let data = error.object("data")?;
    let mut requests = Object::default();
    for (number, elicitation) in data.array("elicitations")?.into_iter().enumerate() {
        let mut elicitation = Object::of(elicitation)?;
        elicitation.set("mode", raw("url"));
        let params = elicitation.to_raw();
        if let Err(lacking) = needs::check(client, "elicitation/create", Some(&params)) {
            return Some(Err(lacking.to_client()));
        }
        let request = input_request("elicitation/create", Some(&params));
        requests.set(format!("elicitation-{}", number + 1), request);
    }
    (!requests.is_empty()).then(|| Ok(requests.to_raw()))
}

/// Refuses to begin anew if the person did not want to open an address.
pub(super) fn check(responses: Option<&RawValue>) -> Result<(), RpcError> {
    let responses = responses.and_then(Object::of).unwrap_or_default();
    let is_declined = responses.members().any(|(_, response)| {
        let action = Object::of(response);
        let action = action.as_ref().and_then(|response| response.text("action"));
        matches!(action.as_deref(), Some("decline" | "cancel"))
    });
    if is_declined {
        let what = "the request needs an address to be opened first, which was declined";
        return Err(RpcError::new(code::INVALID_REQUEST, what));
    }
    Ok(())
}
