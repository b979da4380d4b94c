//! Changing one's password (OWASP ASVS 2.1.5, 2.1.6).

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use oauth::secret::Secret;

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
    if !visitor.was_shown(&form) {
        return Ok(server.to_own_page(OwnPage::Overview, Some(Notice::AccountChanged)));
    }
    let again = |notice| Ok(page(&visitor, StatusCode::OK, Some(notice)));
    let new = form.secret("new");
    // Before the old one is looked at, since that takes a while and counts.
    if new.expose() != form.secret("again").expose() {
        return again(Notice::PasswordsDiffer);
    }
    if !visitor.user.has_password() {
        if !visitor.is_recent() {
            return Ok(server.to_own_sign_in(OwnPage::Password, Some(Notice::SignInAgain)));
        }
    } else {
        match is_right(&server, &visitor, &form.secret("old"), address).await {
            Ok(true) => {}
            Ok(false) => return again(Notice::WrongOldPassword),
            Err(AuthenticateError::TooManyAttempts { retry_after }) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let mut page = page(&visitor, status, Some(Notice::TooManyAttempts));
                let seconds = HeaderValue::from(retry_after.as_secs());
                page.headers_mut().insert(RETRY_AFTER, seconds);
                return Ok(page);
            }
            Err(AuthenticateError::Store(error)) => return Err(error.into()),
        }
    }
    let subject = &visitor.user.subject;
    match server.users().set_password(subject, new).await {
        Ok(()) => {}
        Err(UserError::PasswordLength) => return again(Notice::PasswordLength),
        Err(UserError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(PageError::new(Reason::Internal).with_cause(error)),
    }
    let sessions = server.sessions();
    sessions.end_all(subject, None).await?;
    let browser = visitor.session.browser.clone();
    let by = visitor.session.identity_provider.as_deref();
    let cookies = sessions
        .begin(&visitor.user, by, browser, address, &headers)
        .await?;
    tracing::info!(subject, "password changed by its owner");
    let mut response = server.to_own_page(OwnPage::Overview, Some(Notice::PasswordChanged));
    cookies.append_to(&mut response);
    Ok(response)
}

async fn is_right(
    server: &AuthorizationServer,
    visitor: &Visitor,
    old: &Secret,
    address: ClientAddress,
) -> Result<bool, AuthenticateError> {
    let username = &visitor.user.username;
    let user = server.users().authenticate(username, old, address).await?;
    Ok(user.is_some_and(|user| user.subject == visitor.user.subject))
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
