//! Changing one's password (OWASP ASVS 2.1.5, 2.1.6).

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::OwnPage;
use super::form::AccountForm;
use super::shell::{Notice, Shell, frame};
use super::visitor::Visitor;
use crate::address::ClientAddress;
use crate::error::PageError;
use crate::html::{Frame, respond};
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::user::{AuthenticateError, UserError};

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage<'a> {
    frame: Frame,
    shell: Shell,
    /// For the password managers, which keep it beside the password.
    username: &'a str,
    has_password: bool,
}

pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    if !server.settings().password_sign_in {
        return Ok(server.to_own_page(OwnPage::Overview, None));
    }
    // Whoever has no password shows in another way that it is them.
    if !visitor.user.has_password() && !visitor.is_recent() {
        return Ok(server.to_own_sign_in(OwnPage::Password, Some(Notice::SignInAgain)));
    }
    Ok(page(&visitor, StatusCode::OK, None))
}

/// Takes the old and the new password. Every other session ends, since somebody else may have
/// known the old one, and this one goes on under a new id.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = AccountForm::parse(&body)?;
    if !server.settings().password_sign_in {
        return Err(PageError::new(Reason::MalformedRequest));
    }
    if !visitor.was_shown(&form) {
        return Ok(server.to_own_page(OwnPage::Overview, Some(Notice::AccountChanged)));
    }
    let again = |notice| Ok(page(&visitor, StatusCode::OK, Some(notice)));
    let new = form.secret("new");
    // Before the old one is looked at, since that takes a while and counts.
    if new.expose() != form.secret("again").expose() {
        return again(Notice::PasswordsDiffer);
    }
    if let Some(refusal) = refusal(&server, &visitor, &form, address).await? {
        return Ok(refusal);
    }
    let subject = &visitor.user.subject;
    let changed = match server.users().set_password(subject, new).await {
        Ok(changed) => changed,
        Err(UserError::PasswordLength) => return again(Notice::PasswordLength),
        Err(UserError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(PageError::new(Reason::Internal).with_cause(error)),
    };
    let sessions = server.sessions();
    sessions.end_all(subject, None).await?;
    let browser = visitor.session.browser.clone();
    let proof = visitor.proof();
    let cookies = sessions
        .begin(&changed, proof, browser, address, &headers)
        .await?;
    tracing::info!(subject, "password changed by its owner");
    let mut response = server.to_own_page(OwnPage::Overview, Some(Notice::PasswordChanged));
    cookies.append_to(&mut response);
    Ok(response)
}

/// The answer to somebody who has not shown that the account is theirs: by the old password, or
/// without one by having signed in just now.
async fn refusal(
    server: &AuthorizationServer,
    visitor: &Visitor,
    form: &AccountForm,
    address: ClientAddress,
) -> Result<Option<Response>, PageError> {
    let user = &visitor.user;
    if !user.has_password() {
        let again = || server.to_own_sign_in(OwnPage::Password, Some(Notice::SignInAgain));
        return Ok((!visitor.is_recent()).then(again));
    }
    let old = form.secret("old");
    let users = server.users();
    match users.authenticate(&user.username, &old, address).await {
        Ok(Some(found)) if found.subject == user.subject => Ok(None),
        Ok(_) => {
            let notice = Some(Notice::WrongOldPassword);
            Ok(Some(page(visitor, StatusCode::OK, notice)))
        }
        Err(AuthenticateError::TooManyAttempts { retry_after }) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut page = page(visitor, status, Some(Notice::TooManyAttempts));
            let seconds = HeaderValue::from(retry_after.as_secs());
            page.headers_mut().insert(RETRY_AFTER, seconds);
            Ok(Some(page))
        }
        Err(AuthenticateError::Store(error)) => Err(error.into()),
        Err(AuthenticateError::Unrecorded(error)) => Err(error.into()),
    }
}

fn page(visitor: &Visitor, status: StatusCode, notice: Option<Notice>) -> Response {
    let page = PasswordPage {
        frame: frame(visitor),
        shell: Shell::of(visitor, notice),
        username: &visitor.user.username,
        has_password: visitor.user.has_password(),
    };
    respond(status, visitor.language, &page)
}
