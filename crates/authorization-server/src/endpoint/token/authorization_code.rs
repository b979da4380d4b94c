//! `grant_type=authorization_code` (OAuth 2.1 §4.1.3).

use oauth::error::OAuthError;
use oauth::messages::TokenResponse;
use oauth::pkce::CodeVerifier;

use super::{check_resource, first_tokens, refresh_terms};
use crate::client::Client;
use crate::error::EndpointError;
use crate::form::Parameters;
use crate::grant::Redemption;
use crate::possession::Binding;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

pub(super) async fn exchange(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    let code = form.require("code")?;
    // A request without a usable verifier proves nothing and burns nothing.
    let code_verifier = form.get("code_verifier").map(CodeVerifier::parse);
    let Some(Ok(code_verifier)) = code_verifier else {
        let text = "code_verifier is missing or malformed; PKCE is required";
        return Err(EndpointError::new(
            Reason::PkceRequired,
            OAuthError::invalid_request(text),
        ));
    };
    let redemption = Redemption {
        code,
        client_id: &client.client_id,
        redirect_uri: form.get("redirect_uri"),
        code_verifier: &code_verifier,
        refresh: refresh_terms(client, binding),
    };
    let grants = server.grants();
    let pending = grants
        .find_by_code(code, &client.client_id)
        .await
        .map_err(|error| server.refuse_grant(None, client, error))?;
    check_resource(&pending, form.get("resource"))?;
    // RFC 9449 §10: a stolen code is of no use without the key.
    binding.require(pending.request.dpop_jkt.as_deref())?;
    let grant_id = pending.id.clone();
    let grant = grants
        .redeem(pending, &redemption)
        .await
        .map_err(|error| server.refuse_grant(Some(&grant_id), client, error))?;
    first_tokens(server, client, &grant, binding).await
}
