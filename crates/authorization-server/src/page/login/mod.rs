//! The page that is sign-in and consent together (OAuth 2.1 §4.1.1, acceptance C4 to C7).

mod elsewhere;
mod form;
mod view;
mod visit;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use oauth::secret::SecretHash;
use store::Versioned;

use super::parameter;
use crate::address::ClientAddress;
use crate::error::PageError;
use crate::finish::CurrentRequestId;
use crate::grant::{Delivery, Grant, Stage};
use crate::html::{explanation_page, with_security_headers};
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::text::Language;
use form::{Action, LoginForm};
pub(super) use visit::Visit;

/// Shows the page, or answers the client at once when nothing has to be asked.
pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    request_id: CurrentRequestId,
    address: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let query = query.unwrap_or_default();
    let mut grant = find_grant(&server, parameter(&query, "grant").as_deref()).await?;
    let known = server
        .sessions()
        .browser(&headers)
        .map(|browser| browser.hash());
    if let Some(answer) = decided(&server, &grant, known.as_ref(), &headers) {
        return answer;
    }
    if is_unbound(&grant) && is_for_device(&grant) {
        // The id of a device's grant stands in its device code, so a link to this page proves
        // nothing: whoever sent it may hold the device (RFC 8628 §5.4).
        let page = server.settings().issuer.join("/device");
        return Ok(with_security_headers(Redirect::to(&page).into_response()));
    }
    let (browser, cookies) = if let Some(browser) = known {
        (browser, None)
    } else {
        let (browser, cookies) = server.sessions().new_browser();
        (browser.hash(), Some(cookies))
    };
    if !server.grants().bind(&grant, &browser).await? {
        return Err(PageError::new(Reason::OtherBrowser));
    }
    if is_unbound(&grant) {
        grant = find_grant(&server, Some(&grant.id)).await?;
    }
    let wants_other_account = parameter(&query, "account").as_deref() == Some("other");
    let shown = match Visit::begin(&server, request_id, &headers, grant, browser, address).await {
        Ok(visit) => visit.show(wants_other_account).await,
        Err(error) => Err(error),
    };
    // The grant is bound to this browser by now, so it gets its cookie even when something failed.
    let mut response = shown.into_response();
    if let Some(cookies) = cookies {
        cookies.append_to(&mut response);
    }
    Ok(response)
}

/// Takes the person's answer.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    request_id: CurrentRequestId,
    address: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = LoginForm::parse(&body)?;
    let in_query = parameter(query.as_deref().unwrap_or_default(), "grant");
    let grant = find_grant(&server, form.grant_id.as_deref().or(in_query.as_deref())).await?;
    let browser = server
        .sessions()
        .browser(&headers)
        .map(|browser| browser.hash());
    if let Some(answer) = decided(&server, &grant, browser.as_ref(), &headers) {
        return answer;
    }
    // Approval is worth something only from the browser that was shown the page: the cookie says
    // which one that is, and a form from another site does not carry it.
    let browser = browser.filter(|browser| is_bound_to(&grant, browser));
    let browser = browser.ok_or_else(|| PageError::new(Reason::OtherBrowser))?;
    let visit = Visit::begin(&server, request_id, &headers, grant, browser, address).await?;
    match &form.action {
        Action::Approve => visit.approve(form, address).await,
        Action::Provider(provider) => visit.leave(provider, &form, address).await,
        Action::Deny => visit.deny().await,
    }
}

async fn find_grant(
    server: &AuthorizationServer,
    id: Option<&str>,
) -> Result<Versioned<Grant>, PageError> {
    let found = match id {
        Some(id) => server.grants().find(id).await?,
        None => None,
    };
    found.ok_or_else(|| PageError::new(Reason::AuthorizationRequestExpired))
}

/// The answer to somebody who comes back (by the back button, a reload, a double click) to a
/// request that is decided. While the code waits to be redeemed, it is the same redirect again.
fn decided(
    server: &AuthorizationServer,
    grant: &Grant,
    browser: Option<&SecretHash>,
    headers: &HeaderMap,
) -> Option<Result<Response, PageError>> {
    let language = Language::choose(grant.request.ui_locales.as_deref(), headers);
    let explanations = &language.text().explanations;
    match &grant.stage {
        Stage::Pending { .. } => None,
        Stage::Approved { browser: bound, .. } if browser != Some(bound) => {
            Some(Err(PageError::new(Reason::OtherBrowser)))
        }
        Stage::Approved { .. } | Stage::Exchanged { .. } if is_for_device(grant) => {
            Some(Ok(explanation_page(language, &explanations.device_allowed)))
        }
        Stage::Ended if is_for_device(grant) => {
            Some(Ok(explanation_page(language, &explanations.device_denied)))
        }
        Stage::Approved {
            code_expires_at, ..
        } if *code_expires_at > server.now() => Some(Ok(with_security_headers(
            server.authorization_response(grant),
        ))),
        Stage::Approved { .. } | Stage::Exchanged { .. } | Stage::Ended => Some(Ok(
            explanation_page(language, &explanations.request_finished),
        )),
    }
}

fn is_for_device(grant: &Grant) -> bool {
    matches!(grant.request.delivery, Delivery::Device { .. })
}

fn is_unbound(grant: &Grant) -> bool {
    matches!(grant.stage, Stage::Pending { browser: None })
}

fn is_bound_to(grant: &Grant, browser: &SecretHash) -> bool {
    matches!(&grant.stage, Stage::Pending { browser: Some(bound) } if bound == browser)
}
