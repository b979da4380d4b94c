//! `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4, §3.5).

use http::StatusCode;
use oauth::error::OAuthError;
use oauth::messages::TokenResponse;

use super::{check_resource, first_tokens, refresh_terms};
use crate::client::Client;
use crate::error::EndpointError;
use crate::form::Parameters;
use crate::grant::{GrantError, Poll};
use crate::possession::Binding;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

pub(super) async fn exchange(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    let device_code = form.require("device_code")?;
    let grants = server.grants();
    let waiting = grants
        .find_by_device_code(device_code, &client.client_id)
        .await
        .map_err(|error| refuse(server, None, client, error))?;
    check_resource(&waiting, form.get("resource"))?;
    let poll = Poll {
        device_code,
        client_id: &client.client_id,
        refresh: refresh_terms(client, binding),
    };
    let grant = grants
        .poll(&poll)
        .await
        .map_err(|error| refuse(server, Some(&waiting.id), client, error))?;
    first_tokens(server, client, &grant, binding).await
}

/// The answers that only devices know (§3.5); the rest is as with codes.
fn refuse(
    server: &AuthorizationServer,
    grant_id: Option<&str>,
    client: &Client,
    error: GrantError,
) -> EndpointError {
    let GrantError::Refused { reason, .. } = error else {
        return server.refuse_grant(grant_id, client, error);
    };
    let error = match reason {
        Reason::AuthorizationPending => {
            OAuthError::authorization_pending("the person has not decided yet; ask again")
        }
        Reason::PolledTooOften => {
            OAuthError::slow_down("wait 5 seconds longer before each question from now on")
        }
        Reason::DeviceCodeExpired => {
            OAuthError::expired_token("the device code has expired; start again")
        }
        Reason::AccessDenied => OAuthError::access_denied("the person denied the request"),
        _ => return server.refuse_grant(grant_id, client, error),
    };
    // RFC 6749 §5.2: an error at the token endpoint is a 400.
    EndpointError::new(reason, error).with_status(StatusCode::BAD_REQUEST)
}
