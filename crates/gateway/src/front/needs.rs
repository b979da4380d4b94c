//! What a client must be able to do before a server may ask it something (MCP capabilities).

use crate::json::{Object, Raw};
use crate::message::{RpcError, code};
use crate::visit::Client;

/// A client cannot be asked this.
#[derive(Debug)]
pub(crate) struct Lacking {
    what: &'static str,
    /// The capabilities that it would need, in the form in which clients declare them.
    required: Raw,
}

impl Lacking {
    /// What the server is told that has asked.
    pub(crate) fn to_server(&self) -> RpcError {
        let message = format!("the client does not support {}", self.what);
        RpcError::new(code::METHOD_NOT_FOUND, message)
    }

    /// What the client is told if its request cannot be carried out without (2026-07-28).
    pub(crate) fn to_client(&self) -> RpcError {
        let message = format!("this needs a client that supports {}", self.what);
        let mut data = Object::default();
        data.set("requiredCapabilities", self.required.clone());
        RpcError::new(code::MISSING_CLIENT_CAPABILITY, message).with_data(&data)
    }
}

/// Whether `client` has declared what a question needs. What nobody knows here is the client's to judge.
pub(crate) fn check(client: &Client, method: &str, params: Option<&Raw>) -> Result<(), Lacking> {
    let params = params
        .and_then(|params| Object::of(params))
        .unwrap_or_default();
    let (what, path): (_, &[&str]) = match method {
        "sampling/createMessage" if params.contains("tools") => {
            ("sampling with tools", &["sampling", "tools"])
        }
        "sampling/createMessage" => ("sampling", &["sampling"]),
        "elicitation/create" if params.text("mode").as_deref() == Some("url") => {
            ("elicitation by URL", &["elicitation", "url"])
        }
        "elicitation/create" => return elicitation_by_form(client),
        "roots/list" => ("roots", &["roots"]),
        _ => return Ok(()),
    };
    let declared = Object::of(&client.capabilities).unwrap_or_default();
    let has = match path {
        [group, part] => declared
            .object(group)
            .is_some_and(|group| group.contains(part)),
        _ => declared.contains(path[0]),
    };
    if has {
        return Ok(());
    }
    Err(lacking(what, path))
}

/// An empty `elicitation` means forms, as it did before there were addresses.
fn elicitation_by_form(client: &Client) -> Result<(), Lacking> {
    let declared = Object::of(&client.capabilities).unwrap_or_default();
    let elicitation = declared.object("elicitation");
    if elicitation.is_some_and(|modes| modes.contains("form") || !modes.contains("url")) {
        return Ok(());
    }
    Err(lacking("elicitation", &["elicitation"]))
}

fn lacking(what: &'static str, path: &[&str]) -> Lacking {
    let nest = |inner: Raw, key: &&str| {
        let mut object = Object::default();
        object.set((*key).to_owned(), inner);
        object.to_raw()
    };
    let required = path.iter().rev().fold(Object::default().to_raw(), nest);
    Lacking { what, required }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::raw;
    use crate::revision::Revision;

    fn can(capabilities: &serde_json::Value, method: &str, params: &serde_json::Value) -> bool {
        let client = Client {
            revision: Revision::V2026_07_28,
            capabilities: raw(capabilities),
            info: None,
        };
        check(&client, method, Some(&raw(params))).is_ok()
    }

    #[test]
    fn a_client_is_asked_only_what_it_has_declared() {
        let form = json!({"message": "?"});
        let url = json!({"mode": "url"});
        let cases = [
            (json!({}), "roots/list", json!({}), false),
            (json!({"roots": {}}), "roots/list", json!({}), true),
            (
                json!({"sampling": {}}),
                "sampling/createMessage",
                json!({}),
                true,
            ),
            (
                json!({"sampling": {}}),
                "sampling/createMessage",
                json!({"tools": []}),
                false,
            ),
            (
                json!({"sampling": {"tools": {}}}),
                "sampling/createMessage",
                json!({"tools": []}),
                true,
            ),
            (
                json!({"sampling": {}}),
                "elicitation/create",
                form.clone(),
                false,
            ),
            (
                json!({"elicitation": {}}),
                "elicitation/create",
                form.clone(),
                true,
            ),
            (
                json!({"elicitation": {}}),
                "elicitation/create",
                url.clone(),
                false,
            ),
            (
                json!({"elicitation": {"url": {}}}),
                "elicitation/create",
                url,
                true,
            ),
            (
                json!({"elicitation": {"url": {}}}),
                "elicitation/create",
                form,
                false,
            ),
            (json!({}), "vendor/ask", json!({}), true),
        ];
        for (capabilities, method, params, expected) in cases {
            assert_eq!(
                can(&capabilities, method, &params),
                expected,
                "{capabilities} {method} {params}"
            );
        }
    }

    #[test]
    fn the_error_names_what_is_missing_as_clients_would_declare_it() {
        let client = Client {
            revision: Revision::V2026_07_28,
            capabilities: raw(&json!({})),
            info: None,
        };
        let lacking = check(
            &client,
            "elicitation/create",
            Some(&raw(&json!({"mode": "url"}))),
        );
        let error = lacking.unwrap_err().to_client();
        let error: serde_json::Value = serde_json::from_str(error.0.get()).unwrap();
        assert_eq!(error["code"], -32021);
        assert_eq!(
            error["data"]["requiredCapabilities"],
            json!({"elicitation": {"url": {}}})
        );
    }
}
