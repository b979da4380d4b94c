//! What a client asks the authorization endpoint for, checked in one place whichever way it comes
//! (OAuth 2.1 §4.1.1, RFC 9126 §2.1).

use oauth::error::OAuthError;
use oauth::pkce::CodeChallenge;
use oauth::redirect_uri::RedirectUri;

use crate::client::Client;
use crate::error::EndpointError;
use crate::form::Parameters;
use crate::grant::{AuthorizationRequest, Delivery, Prompt};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// The redirect URI of a request. Until it is known to be the client's, nobody is redirected
/// (§4.1.2.1).
pub(crate) fn redirect_uri(
    client: &Client,
    parameters: &Parameters,
) -> Result<RedirectUri, EndpointError> {
    let refused = || {
        let text = "redirect_uri is not one that the client registered";
        EndpointError::new(
            Reason::RedirectUriNotRegistered,
            OAuthError::invalid_request(text),
        )
    };
    let registered = &client.metadata.redirect_uris;
    let Some(requested) = parameters.get("redirect_uri") else {
        // OAuth 2.1 §4.1.1: it may be left out where there is only one.
        return match registered.as_slice() {
            [only] => Ok(only.clone()),
            _ => Err(refused()),
        };
    };
    let requested = RedirectUri::unchecked(requested);
    if client.metadata.admits_redirect_uri(&requested) {
        Ok(requested)
    } else {
        Err(refused())
    }
}

/// Everything else.
pub(crate) fn check(
    server: &AuthorizationServer,
    client: &Client,
    redirect_uri: RedirectUri,
    parameters: &Parameters,
) -> Result<AuthorizationRequest, EndpointError> {
    if parameters.get("request").is_some() {
        let text = "request objects are not supported; send the parameters themselves";
        return Err(EndpointError::new(
            Reason::MalformedRequest,
            OAuthError::request_not_supported(text),
        ));
    }
    check_response_type(parameters)?;
    if !client.metadata.uses_grant("authorization_code") {
        let error = OAuthError::unauthorized_client("the client is not registered for codes");
        return Err(EndpointError::new(Reason::GrantTypeNotAllowed, error));
    }
    let code_challenge = code_challenge(parameters)?;
    let catalog = server.catalog();
    let target = catalog.target(parameters.get("resource"), parameters.get("scope"))?;
    Ok(AuthorizationRequest {
        delivery: Delivery::Redirect {
            redirect_uri,
            state: parameters.get("state").map(str::to_owned),
            code_challenge,
            pushed_as: None,
        },
        resource: target.resource.indicator.clone(),
        scope: client.may_ask_for(target.scope)?,
        nonce: parameters.get("nonce").map(str::to_owned),
        prompt: prompt(parameters)?,
        max_age: max_age(parameters)?,
        ui_locales: parameters.get("ui_locales").map(str::to_owned),
        login_hint: parameters.get("login_hint").map(str::to_owned),
        dpop_jkt: parameters.get("dpop_jkt").map(str::to_owned),
    })
}

/// Only the code flow exists; OAuth 2.1 removed the implicit one.
fn check_response_type(parameters: &Parameters) -> Result<(), EndpointError> {
    let unsupported = |text: &str| {
        let error = OAuthError::unsupported_response_type(text);
        EndpointError::new(Reason::ResponseTypeUnsupported, error)
    };
    if parameters.require("response_type")? != "code" {
        return Err(unsupported("response_type must be code"));
    }
    match parameters.get("response_mode") {
        None | Some("query") => Ok(()),
        Some(_) => Err(unsupported("response_mode must be query")),
    }
}

/// OAuth 2.1 §4.1.1: PKCE for every client, and S256 only, since `plain` protects nothing.
fn code_challenge(parameters: &Parameters) -> Result<CodeChallenge, EndpointError> {
    let required =
        |text: &str| EndpointError::new(Reason::PkceRequired, OAuthError::invalid_request(text));
    let challenge = parameters
        .get("code_challenge")
        .ok_or_else(|| required("code_challenge is missing; PKCE is required"))?;
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(required("code_challenge_method must be S256"));
    }
    CodeChallenge::parse(challenge).map_err(|_| required("code_challenge is not a SHA-256 hash"))
}

fn prompt(parameters: &Parameters) -> Result<Prompt, EndpointError> {
    let mut prompt = Prompt::default();
    for value in parameters.get("prompt").unwrap_or_default().split(' ') {
        match value {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => {}
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err(crate::form::malformed(
            "prompt=none cannot be combined with another prompt",
        ));
    }
    Ok(prompt)
}

fn max_age(parameters: &Parameters) -> Result<Option<u64>, EndpointError> {
    let parsed = parameters.get("max_age").map(str::parse).transpose();
    parsed.map_err(|_| crate::form::malformed("max_age must be a number of seconds"))
}
