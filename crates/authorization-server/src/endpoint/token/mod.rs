//! The token endpoint (RFC 6749 §3.2, OAuth 2.1 §3.2).

mod authorization_code;
mod client_credentials;
mod device_code;
mod jwt_bearer;
mod refresh_token;
mod token_exchange;

use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::error::OAuthError;
use oauth::grant_type;
use oauth::messages::TokenResponse;
use oauth::scope::Scope;

use crate::address::ClientAddress;
use crate::client::Client;
use crate::client_authentication::AuthenticatedClient;
use crate::error::EndpointError;
use crate::form::Parameters;
use crate::grant::{Approval, Grant, GrantError, RefreshTerms, Stage};
use crate::possession::{Binding, Possession};
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::user::User;

pub(crate) use token_exchange::Successor;

/// How many headers an answer has in the end, with those that it gets on its way out.
const HEADERS: usize = 12;

pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    possession: Possession,
    AuthenticatedClient { client, form }: AuthenticatedClient,
) -> Result<Response, EndpointError> {
    let grant_type = form.require("grant_type")?;
    let answer = issue(&server, &client, grant_type, &form, possession).await;
    if answer.is_ok() {
        // Who gets tokens is in use; asking for them would be a stranger's way to keep what they made up.
        server.keep_client(&client).await?;
    }
    let answered = match &answer {
        Ok(_) => Answered::Issued { grant_type },
        Err(error) => Answered::Refused(error.reason),
    };
    server.facts().token(&client, address, answered).await?;
    written(&answer?).map_err(unsigned)
}

/// The answer with the tokens, which must not be stored anywhere on the way (RFC 6749 §5.1).
fn written(tokens: &TokenResponse) -> serde_json::Result<Response> {
    let mut body = Vec::with_capacity(1024);
    serde_json::to_writer(&mut body, tokens)?;
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    let json = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, json);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// What became of a request, as far as it is recorded.
pub(crate) enum Answered<'a> {
    /// The client gets tokens.
    Issued {
        /// For which type of grant.
        grant_type: &'a str,
    },
    /// It gets none.
    Refused(Reason),
}

async fn issue(
    server: &AuthorizationServer,
    client: &Client,
    grant_type: &str,
    form: &Parameters,
    possession: Possession,
) -> Result<TokenResponse, EndpointError> {
    let binding = possession.binding(server, client).await?;
    Ok(match grant_type {
        "authorization_code" => {
            authorization_code::exchange(server, registered(client, grant_type)?, form, &binding)
                .await?
        }
        "refresh_token" => {
            refresh_token::exchange(server, registered(client, grant_type)?, form, &binding).await?
        }
        "client_credentials" => {
            client_credentials::exchange(server, registered(client, grant_type)?, form, &binding)?
        }
        grant_type::TOKEN_EXCHANGE => {
            token_exchange::exchange(server, registered(client, grant_type)?, form, &binding)
                .await?
        }
        grant_type::JWT_BEARER if server.settings().takes_assertions() => {
            jwt_bearer::exchange(server, registered(client, grant_type)?, form, &binding).await?
        }
        grant_type::DEVICE_CODE if server.settings().device_authorization.is_some() => {
            device_code::exchange(server, registered(client, grant_type)?, form, &binding).await?
        }
        _ => return Err(unsupported()),
    })
}

pub(super) fn unsupported() -> EndpointError {
    let error = OAuthError::unsupported_grant_type("this grant type is not supported");
    EndpointError::new(Reason::GrantTypeUnknown, error)
}

/// RFC 6749 §5.2: a client uses only the grant types it registered for.
pub(super) fn registered<'a>(
    client: &'a Client,
    grant_type: &str,
) -> Result<&'a Client, EndpointError> {
    if client.metadata.uses_grant(grant_type) {
        return Ok(client);
    }
    let text = format!("the client is not registered for {grant_type}");
    let error = OAuthError::unauthorized_client(text);
    Err(EndpointError::new(Reason::GrantTypeNotAllowed, error))
}

/// The person behind a grant, and what they may still allow. A user who is gone ends the grant, and so does a
/// client that was removed since.
async fn approval_of(
    server: &AuthorizationServer,
    client: &Client,
    grant: &Grant,
) -> Result<(Approval, User), EndpointError> {
    let Stage::Exchanged { approval, .. } = &grant.stage else {
        return Err(invalid_grant(Reason::GrantEnded));
    };
    let user = server.users().find(&approval.subject).await?;
    let Some(user) = user.filter(|_| grant.created_at >= client.began()) else {
        server.revoke_grant(&grant.id).await?;
        return Err(invalid_grant(Reason::GrantEnded));
    };
    if !server.is_issued_for(&grant.request.resource).await? {
        server.revoke_grant(&grant.id).await?;
        return Err(invalid_grant(Reason::GrantEnded));
    }
    let permitted = user.permitted_scope(&server.catalog());
    // Whatever the operator has taken from the person or from the client meanwhile.
    let scope = client.within_limit(approval.scope.intersection(&permitted));
    Ok((
        Approval {
            scope,
            ..approval.clone()
        },
        user,
    ))
}

/// The first tokens of a grant, which a code has just been exchanged for.
async fn first_tokens(
    server: &AuthorizationServer,
    client: &Client,
    grant: &Grant,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    let approved = approval_of(server, client, grant).await?;
    let refresh_token = match &grant.stage {
        Stage::Exchanged {
            refresh: Some(refresh),
            ..
        } => {
            let generation = refresh.generation;
            Some(server.grants().refresh_token(&grant.id, generation))
        }
        _ => None,
    };
    let scope = approved.0.scope.clone();
    tokens(server, grant, &approved, scope, refresh_token, binding)
}

/// Tokens of a grant that has just moved.
fn tokens(
    server: &AuthorizationServer,
    grant: &Grant,
    (approval, user): &(Approval, User),
    scope: Scope,
    refresh_token: Option<String>,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    let id_token = scope
        .contains("openid")
        .then(|| server.mint_id_token(grant, approval, user, &scope));
    Ok(TokenResponse {
        access_token: server
            .mint_for_user(grant, approval, user, &scope, binding)
            .map_err(unsigned)?,
        token_type: binding.token_type().to_owned(),
        expires_in: server.access_token_lifetime().as_secs(),
        refresh_token,
        scope,
        id_token: id_token.transpose().map_err(unsigned)?,
        issued_token_type: None,
    })
}

/// The terms of the refresh tokens of `client`, if it takes any. Those of a public client have nothing
/// else to protect them than the key (RFC 9449 §5).
fn refresh_terms(client: &Client, binding: &Binding) -> Option<RefreshTerms> {
    let is_public = client.metadata.token_endpoint_auth_method == TokenEndpointAuthMethod::None;
    let bound_to = binding
        .thumbprint()
        .filter(|_| is_public)
        .map(str::to_owned);
    let takes_them = client.metadata.uses_grant("refresh_token");
    takes_them.then_some(RefreshTerms { bound_to })
}

/// RFC 8707 §2.2: at the token endpoint a client may narrow what was granted, never widen it.
fn check_resource(grant: &Grant, asked: Option<&str>) -> Result<(), EndpointError> {
    let granted = &grant.request.resource;
    let fits = asked.is_none_or(|asked| {
        oauth::resource::ResourceIndicator::parse(asked).is_ok_and(|asked| asked == *granted)
    });
    if fits {
        return Ok(());
    }
    let error = OAuthError::invalid_target(format!("the grant is for {granted} only"));
    Err(EndpointError::new(Reason::ResourceRefused, error))
}

fn unsigned(cause: serde_json::Error) -> EndpointError {
    let error = OAuthError::server_error("the token could not be issued; try again");
    EndpointError::new(Reason::Internal, error).with_cause(cause)
}

fn invalid_grant(reason: Reason) -> EndpointError {
    let text = match reason {
        Reason::CodeExpired => "the code has expired; start again",
        Reason::CodeReplayed => "the code was used before; all tokens of its grant are revoked",
        Reason::PkceMismatch => "code_verifier does not fit; the code is void",
        Reason::CodeUnknown => "the code is not valid for this client",
        Reason::RedirectUriNotRegistered => "redirect_uri is not the one of the request",
        Reason::RefreshTokenReused => {
            "the refresh token was used before; all tokens of its grant are revoked"
        }
        Reason::DeviceCodeReplayed => {
            "the device code was used before; all tokens of its grant are revoked"
        }
        Reason::DeviceCodeUnknown => "the device code is not valid for this client",
        Reason::RefreshTokenUnknown => "the refresh token is not valid for this client",
        _ => "the grant has ended; the user has to sign in again",
    };
    EndpointError::new(reason, OAuthError::invalid_grant(text))
}

impl AuthorizationServer {
    /// Turns what stopped a grant into an answer, and tells listeners when the grant died of it.
    fn refuse_grant(
        &self,
        grant_id: Option<&str>,
        client: &Client,
        error: GrantError,
    ) -> EndpointError {
        match error {
            GrantError::Store(error) => error.into(),
            GrantError::Refused { reason, revoked } => {
                if revoked && let Some(grant_id) = grant_id {
                    self.tell_revoked(grant_id);
                    self.facts().grant_died(grant_id, client, reason);
                    tracing::warn!(
                        grant.id = grant_id,
                        client.id = client.client_id,
                        reason = reason.as_str(),
                        "grant revoked: {}",
                        reason.as_str()
                    );
                }
                invalid_grant(reason)
            }
        }
    }
}
