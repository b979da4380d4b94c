//! `get_oauth2_flow_guide`: a way to a token, step by step, made of the server's metadata.
//!
//! The commands belong into one shell, one after the other: what a step finds is a variable of the
//! next. Where something is the reader's, such as a secret, the variable is theirs to set.

mod device;
mod machine;
mod person;

use std::fmt::Write as _;

use oauth::grant_type;
use oauth::metadata::AuthorizationServerMetadata;
use serde::Serialize;
use serde_json::json;

use super::arguments::Flow;
use super::record::Answer;

/// A step of a guide.
#[derive(Debug, Serialize)]
struct Step {
    title: &'static str,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl Step {
    fn new(title: &'static str, why: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            title,
            why: why.into(),
            command: Some(command.into()),
        }
    }

    fn note(title: &'static str, why: impl Into<String>) -> Self {
        Self {
            title,
            why: why.into(),
            command: None,
        }
    }
}

/// What guides are made of.
struct Place<'a> {
    metadata: &'a AuthorizationServerMetadata,
    /// The server that the token is for.
    resource: &'a str,
}

impl Place<'_> {
    fn token_endpoint(&self) -> &str {
        self.metadata.token_endpoint.as_deref().unwrap_or_default()
    }

    /// The address of an endpoint that came after RFC 8414.
    fn further(&self, name: &str) -> Option<&str> {
        self.metadata.other.get(name)?.as_str()
    }

    /// Registers a public client that may use `grant_types`.
    fn register(&self, grant_types: &[&str], redirect: Option<&str>) -> Step {
        let title = "Register a client";
        let Some(endpoint) = &self.metadata.registration_endpoint else {
            let why = "Registration is off here: ask the operator for a client (`sumun client add`), and \
                       set CLIENT_ID to its id.";
            return Step::new(title, why, "CLIENT_ID='the id of your client'");
        };
        let mut client = json!({
            "client_name": "Guide of the security lab",
            "grant_types": grant_types,
            "token_endpoint_auth_method": "none",
        });
        match redirect {
            Some(redirect) => client["redirect_uris"] = json!([redirect]),
            None => client["response_types"] = json!([]),
        }
        let why = "A public client has no secret; PKCE and the redirect protect it (RFC 7591). A client \
                   that is used once need not be removed: it goes by itself.";
        let command = format!(
            "CLIENT_ID=$(curl -s -H 'Content-Type: application/json' \\\n  -d '{client}' \\\n  {endpoint} \
             | sed -E 's/.*\"client_id\":\"([^\"]+)\".*/\\1/')"
        );
        Step::new(title, why, command)
    }

    /// Uses the token that is in the variable `ACCESS_TOKEN`.
    fn call(&self) -> Step {
        let why =
            "The token is for this server alone, and the tools that its scopes permit are listed.";
        let message = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
        let command = format!(
            "curl -s -H \"Authorization: Bearer $ACCESS_TOKEN\" -H 'Content-Type: application/json' \\\n  \
             -H 'Accept: application/json, text/event-stream' \\\n  -d '{message}' \\\n  {}",
            self.resource
        );
        Step::new("Call the server", why, command)
    }
}

/// Takes the access token out of the answer that `command` prints, and shows an error if that is one.
fn into_variable(command: &str) -> String {
    format!(
        "ANSWER=$({command})\nACCESS_TOKEN=$(printf %s \"$ANSWER\" | sed -E \
         's/.*\"access_token\":\"([^\"]+)\".*/\\1/')\nprintf '%s\\n' \"$ANSWER\" | grep '\"error\"'"
    )
}

/// A value in a query or a form.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub(super) fn write(metadata: &AuthorizationServerMetadata, resource: &str, flow: Flow) -> Answer {
    let place = Place { metadata, resource };
    let (title, grant_type, standards, steps) = match flow {
        Flow::AuthorizationCode => (
            "Authorization code with PKCE",
            grant_type::AUTHORIZATION_CODE,
            "RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9207",
            person::authorization_code(&place),
        ),
        Flow::RefreshToken => (
            "Refresh token",
            grant_type::REFRESH_TOKEN,
            "RFC 6749 §6, RFC 9700 §4.14",
            person::refresh_token(&place),
        ),
        Flow::ClientCredentials => (
            "Client credentials",
            grant_type::CLIENT_CREDENTIALS,
            "RFC 6749 §4.4",
            machine::client_credentials(&place),
        ),
        Flow::TokenExchange => (
            "Token exchange",
            grant_type::TOKEN_EXCHANGE,
            "RFC 8693",
            machine::token_exchange(&place),
        ),
        Flow::DeviceCode => (
            "Device code",
            grant_type::DEVICE_CODE,
            "RFC 8628",
            device::device_code(&place),
        ),
    };
    let supported = &metadata.grant_types_supported;
    let is_available = supported.iter().any(|one| one == grant_type);
    let unavailable = (!is_available).then(|| how_to_enable(flow));
    let text = in_words(title, standards, unavailable, &steps);
    Answer::of(json!({
        "flow": grant_type,
        "title": title,
        "issuer": metadata.issuer,
        "resource": resource,
        "available": is_available,
        "unavailable_because": unavailable,
        "standards": standards,
        "steps": steps,
    }))
    .text(text)
}

/// What an operator does to have the flow.
fn how_to_enable(flow: Flow) -> &'static str {
    match flow {
        Flow::DeviceCode => {
            "it is switched off here: set `device_authorization.enabled = true` in the settings"
        }
        Flow::TokenExchange => {
            "no client may exchange tokens here: give a resource server `exchanges_to` in [[clients]]"
        }
        _ => "this server does not offer it",
    }
}

fn in_words(title: &str, standards: &str, unavailable: Option<&str>, steps: &[Step]) -> String {
    let mut text = format!("# {title} ({standards})\n");
    if let Some(why) = unavailable {
        let _ = writeln!(text, "\nNot available: {why}.");
    }
    for (number, step) in (1..).zip(steps) {
        let _ = writeln!(text, "\n{number}. {}\n\n{}", step.title, step.why);
        if let Some(command) = &step.command {
            let _ = writeln!(text, "\n```sh\n{command}\n```");
        }
    }
    text
}
