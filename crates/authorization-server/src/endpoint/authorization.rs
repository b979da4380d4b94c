//! The authorization endpoint: where a person is sent (OAuth 2.1 §4.1.1, RFC 9126 §4, RFC 9207).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use oauth::error::OAuthError;
use oauth::redirect_uri::RedirectUri;
use oauth::secret::SecretHash;
use store::Kind;

use crate::address::ClientAddress;
use crate::authorization_request::{check, redirect_uri};
use crate::client::Client;
use crate::error::{EndpointError, PageError};
use crate::finish::CurrentRequestId;
use crate::form::Parameters;
use crate::grant::{AuthorizationRequest, Delivery, Grant};
use crate::html::with_security_headers;
use crate::reason::Reason;
use crate::server::AuthorizationServer;

/// The largest request that is remembered, in bytes. Whoever needs more `state` keeps it themselves.
pub(crate) const MAX_REQUEST: usize = 16 * 1024;

/// How many requests of one address are remembered within [`WINDOW`].
const PER_ADDRESS: u64 = 1000;
const WINDOW: Duration = Duration::from_mins(10);
const REQUESTS: Kind = Kind::new("authorization_requests");

/// The request as a link. Every visit begins a grant of its own, so looking twice does no harm
/// (acceptance C6).
pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    request_id: CurrentRequestId,
    address: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (browser, cookies) = server.sessions().navigating(&headers).unzip();
    let query = query.unwrap_or_default();
    let visitor = Visitor { address, browser };
    let mut response = begin(&server, &request_id, visitor, query.as_bytes()).await?;
    if let Some(cookies) = cookies.flatten() {
        cookies.append_to(&mut response);
    }
    Ok(response)
}

/// The request as a form (`OpenID` Connect Core §3.1.2.1 requires both).
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    request_id: CurrentRequestId,
    address: ClientAddress,
    body: Bytes,
) -> Result<Response, PageError> {
    // A form that another site sends comes without the cookies of this one.
    let visitor = Visitor {
        address,
        browser: None,
    };
    begin(&server, &request_id, visitor, &body).await
}

/// Who is sent here.
struct Visitor {
    address: ClientAddress,
    /// The browser, where that can be told already; else the first one that sees the page.
    browser: Option<SecretHash>,
}

async fn begin(
    server: &AuthorizationServer,
    request_id: &CurrentRequestId,
    visitor: Visitor,
    parameters: &[u8],
) -> Result<Response, PageError> {
    if parameters.len() > MAX_REQUEST {
        return Err(PageError::new(Reason::MalformedRequest));
    }
    let parameters = Parameters::parse_repetitive(parameters)?;
    // RFC 6749 §4.1.2.1: of two redirect URIs or clients, nobody knows which is meant, so nobody is
    // redirected.
    let mut addressees = ["client_id", "redirect_uri"].into_iter();
    if addressees.any(|name| parameters.is_repeated(name)) {
        return Err(PageError::new(Reason::MalformedRequest));
    }
    // Before the client is looked up, for which a stranger's address may have to be asked.
    may_ask(server, visitor.address).await?;
    let client = find_client(server, &parameters, visitor.address).await?;
    if let Some(request_uri) = parameters.get("request_uri") {
        parameters.require_no_repetition()?;
        let pushed = server
            .grants()
            .pushed(request_uri, &client.client_id)
            .await?;
        let request = pushed.ok_or_else(|| PageError::new(Reason::RequestUriUnknown))?;
        return sign_in(server, visitor, &client, request).await;
    }
    let redirect_uri = redirect_uri(&client, &parameters)?;
    let checked = parameters
        .require_no_repetition()
        .and_then(|()| check_pushed(server, &client))
        .and_then(|()| check(server, &client, redirect_uri.clone(), &parameters));
    let request = match checked {
        Ok(request) => request,
        Err(refusal) => {
            tracing::info!(
                request.id = request_id.as_str(),
                client.id = client.client_id,
                reason = refusal.reason.as_str(),
                "authorization request refused: {}",
                refusal.reason.as_str()
            );
            let error = OAuthError::new(
                refusal.error.code,
                format!(
                    "{} (request {})",
                    refusal.error.description,
                    request_id.as_str()
                ),
            );
            let answer = server.redirect_error(&redirect_uri, parameters.get("state"), &error);
            return Ok(with_security_headers(answer));
        }
    };
    sign_in(server, visitor, &client, request).await
}

/// RFC 9126 §5, §6: who is told to push requests may not put them into the browser.
fn check_pushed(server: &AuthorizationServer, client: &Client) -> Result<(), EndpointError> {
    let of_house = server.settings().require_pushed_authorization_requests;
    if !of_house && !client.metadata.require_pushed_authorization_requests {
        return Ok(());
    }
    let text = "the request has to be pushed first (RFC 9126)";
    Err(EndpointError::new(
        Reason::PushedRequestRequired,
        OAuthError::invalid_request(text),
    ))
}

/// A grant begins, and the person is sent to the page that asks them.
async fn sign_in(
    server: &AuthorizationServer,
    visitor: Visitor,
    client: &Client,
    request: AuthorizationRequest,
) -> Result<Response, PageError> {
    let grants = server.grants();
    let grant = grants.begin(&client.client_id, request, visitor.browser);
    let grant = grant.await?;
    let page = server
        .settings()
        .issuer
        .join(&format!("/login?grant={}", grant.id));
    Ok(with_security_headers(Redirect::to(&page).into_response()))
}

/// Each request is remembered until somebody answers it, so nobody may make any number of them.
pub(super) async fn may_ask(
    server: &AuthorizationServer,
    address: ClientAddress,
) -> Result<(), EndpointError> {
    let count = server
        .store()
        .count(REQUESTS, &address.rate_key(), WINDOW)
        .await?;
    if count > PER_ADDRESS {
        return Err(EndpointError::too_many_requests(WINDOW));
    }
    Ok(())
}

async fn find_client(
    server: &AuthorizationServer,
    parameters: &Parameters,
    address: ClientAddress,
) -> Result<Arc<Client>, PageError> {
    let unknown = || PageError::new(Reason::UnknownClient);
    let client_id = parameters.get("client_id").ok_or_else(unknown)?;
    let client = server.find_client(client_id, address).await?;
    client.ok_or_else(unknown)
}

impl AuthorizationServer {
    /// The answer to a request that was approved: `code`, `state` and `iss` (RFC 9207 §2).
    pub(crate) fn authorization_response(&self, grant: &Grant) -> Response {
        let Delivery::Redirect {
            redirect_uri,
            state,
            ..
        } = &grant.request.delivery
        else {
            return self.to_page_of(grant);
        };
        let code = self.grants().code(grant);
        let mut parameters = vec![("code", code.as_str())];
        parameters.extend(state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", self.settings().issuer.as_str()));
        Redirect::to(&redirect_uri.with_parameters(&parameters)).into_response()
    }

    /// The answer to a request that came to nothing.
    pub(crate) fn authorization_error(&self, grant: &Grant, error: &OAuthError) -> Response {
        match &grant.request.delivery {
            Delivery::Redirect {
                redirect_uri,
                state,
                ..
            } => self.redirect_error(redirect_uri, state.as_deref(), error),
            Delivery::Device { .. } | Delivery::Assertion { .. } => self.to_page_of(grant),
        }
    }

    /// To the sign-in page, which says how a request that is decided ended. A device asks for its
    /// answer itself, so there the person stays here.
    pub(crate) fn to_page_of(&self, grant: &Grant) -> Response {
        let page = self
            .settings()
            .issuer
            .join(&format!("/login?grant={}", grant.id));
        Redirect::to(&page).into_response()
    }

    fn redirect_error(
        &self,
        redirect_uri: &RedirectUri,
        state: Option<&str>,
        error: &OAuthError,
    ) -> Response {
        let code = error.code.as_str();
        let mut parameters = vec![("error", code), ("error_description", &error.description)];
        parameters.extend(state.map(|state| ("state", state)));
        // RFC 9207 §2: errors carry the issuer, too, or a client could be made to mix them up.
        parameters.push(("iss", self.settings().issuer.as_str()));
        Redirect::to(&redirect_uri.with_parameters(&parameters)).into_response()
    }
}
