//! What a client asks for when a person signs out of it, checked in one place for the endpoint and
//! its page (OpenID Connect RP-Initiated Logout 1.0 §2).

use std::sync::Arc;

use oauth::error::OAuthError;
use oauth::jws::{self, Algorithm};
use oauth::redirect_uri::RedirectUri;
use serde::Deserialize;

use crate::address::ClientAddress;
use crate::client::Client;
use crate::error::{EndpointError, PageError};
use crate::form::{Parameters, malformed};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// A request to sign out. Nothing in it is believed but what was compared or signed.
#[derive(Debug)]
pub(crate) struct LogoutRequest {
    pub(crate) client: Option<Arc<Client>>,
    /// Whom an ID token of ours names. It proves that the client knows them, not who is here.
    pub(crate) subject: Option<String>,
    /// Where the person goes on: a registered address of the client.
    pub(crate) back_to: Option<RedirectUri>,
    pub(crate) state: Option<String>,
    pub(crate) ui_locales: Option<String>,
}

/// What counts in an ID token that comes back.
#[derive(Deserialize)]
struct IdTokenHint {
    iss: String,
    sub: String,
    aud: String,
}

impl LogoutRequest {
    pub(crate) async fn check(
        server: &AuthorizationServer,
        parameters: &Parameters,
        address: ClientAddress,
    ) -> Result<Self, PageError> {
        let hint = parameters.get("id_token_hint");
        let hint = hint.and_then(|token| server.read_id_token(token));
        let audience = hint.as_ref().map(|hint| hint.aud.as_str());
        let named = parameters.get("client_id");
        // §2: the two have to name one client.
        if let (Some(named), Some(audience)) = (named, audience)
            && named != audience
        {
            return Err(malformed("client_id is not the client of id_token_hint").into());
        }
        let client = match named.or(audience) {
            Some(client_id) => server.find_client(client_id, address).await?,
            None => None,
        };
        if named.is_some() && client.is_none() {
            return Err(PageError::new(Reason::UnknownClient));
        }
        let back_to = parameters.get("post_logout_redirect_uri");
        let back_to = back_to.map(|uri| registered(client.as_deref(), uri));
        Ok(Self {
            back_to: back_to.transpose()?,
            client,
            subject: hint.map(|hint| hint.sub),
            state: parameters.get("state").map(str::to_owned),
            ui_locales: parameters.get("ui_locales").map(str::to_owned),
        })
    }

    /// The address where the person goes on, with what the client wants to hear again.
    pub(crate) fn address(&self) -> Option<String> {
        let back_to = self.back_to.as_ref()?;
        let state = self.state.as_deref().map(|state| ("state", state));
        Some(match state {
            Some(state) => back_to.with_parameters(&[state]),
            None => back_to.as_str().to_owned(),
        })
    }

    /// The same request for the page that asks the person, which needs no hint to do so.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, &str)> {
        let client_id = self.client.as_ref().map(|client| client.client_id.as_str());
        let parameters = [
            ("client_id", client_id),
            (
                "post_logout_redirect_uri",
                self.back_to.as_ref().map(RedirectUri::as_str),
            ),
            ("state", self.state.as_deref()),
            ("ui_locales", self.ui_locales.as_deref()),
        ];
        let present = parameters.into_iter();
        present
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// §3: exactly one of the client's registered addresses, port and all; else nobody is sent there.
fn registered(client: Option<&Client>, uri: &str) -> Result<RedirectUri, EndpointError> {
    let uri = RedirectUri::unchecked(uri);
    if client.is_some_and(|client| client.metadata.post_logout_redirect_uris.contains(&uri)) {
        return Ok(uri);
    }
    let text = "post_logout_redirect_uri is not one that the client registered";
    let error = OAuthError::invalid_request(text);
    Err(EndpointError::new(
        Reason::PostLogoutRedirectUriNotRegistered,
        error,
    ))
}

impl AuthorizationServer {
    /// Reads an ID token that was issued here, also an expired one (§2); anything else is no hint.
    fn read_id_token(&self, token: &str) -> Option<IdTokenHint> {
        let allowed = [Algorithm::EdDSA, Algorithm::ES256];
        let verified = jws::verify(token, &self.key_set(), &allowed).ok()?;
        // An access token of ours is signed with the same keys, and is no ID token.
        if verified.header.typ.as_deref() != Some("JWT") {
            return None;
        }
        let hint: IdTokenHint = serde_json::from_slice(&verified.payload).ok()?;
        (hint.iss == self.settings().issuer.as_str()).then_some(hint)
    }
}
