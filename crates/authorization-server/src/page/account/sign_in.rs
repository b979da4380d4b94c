//! Signing in for the pages about one's own account, without a client that asks for anything.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::form::AccountForm;
use super::shell::Notice;
use super::visitor::Visitor;
use super::{OwnPage, SIGN_IN};
use crate::address::ClientAddress;
use crate::error::PageError;
use crate::html::{Frame, respond};
use crate::server::AuthorizationServer;
use crate::text::Language;
use crate::user::AuthenticateError;

#[derive(Template)]
#[template(path = "account/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    to: &'static str,
    username: &'a str,
    notice: Option<Notice>,
}

/// Shows the page, unless somebody is signed in and need not do it again.
pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, PageError> {
    let query = AccountForm::parse(query.unwrap_or_default().as_bytes())?;
    let to = OwnPage::at(query.get("to").unwrap_or_default());
    let (parts, _) = request.into_parts();
    let visitor = Visitor::find(&server, &parts).await?;
    let notice = Notice::in_query(&query);
    let is_enough = |visitor: &Visitor| notice != Some(Notice::SignInAgain) || visitor.is_recent();
    if visitor.as_ref().is_some_and(is_enough) {
        return Ok(server.to_own_page(to, None));
    }
    let username = visitor.as_ref().map(|visitor| &*visitor.user.username);
    Ok(page(&parts.headers, StatusCode::OK, to, username, notice))
}

/// Signs a person in and sends them to the page that they wanted.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = AccountForm::parse(&body)?;
    let to = OwnPage::at(form.get("to").unwrap_or_default());
    let username = form.get("username").unwrap_or_default();
    let again = |status, notice| page(&headers, status, to, Some(username), Some(notice));
    let password = form.secret("password");
    let users = server.users();
    let user = match users.authenticate(username, &password, address).await {
        Ok(Some(user)) => user,
        Ok(None) => return Ok(again(StatusCode::OK, Notice::WrongPassword)),
        Err(AuthenticateError::TooManyAttempts { retry_after }) => {
            let mut page = again(StatusCode::TOO_MANY_REQUESTS, Notice::TooManyAttempts);
            let seconds = HeaderValue::from(retry_after.as_secs());
            page.headers_mut().insert(RETRY_AFTER, seconds);
            return Ok(page);
        }
        Err(AuthenticateError::Store(error)) => return Err(error.into()),
    };
    let sessions = server.sessions();
    // Nothing was begun for any browser that this one could be mistaken for.
    let known = sessions.browser(&headers);
    let new = known.is_none().then(|| sessions.new_browser());
    let (new, new_cookies) = new.unzip();
    let browser = known.or(new).expect("a browser without a secret got one");
    let cookies = sessions
        .begin(&user, None, browser.hash(), address, &headers)
        .await?;
    let mut response = server.to_own_page(to, None);
    cookies.append_to(&mut response);
    if let Some(new) = new_cookies {
        new.append_to(&mut response);
    }
    tracing::info!(subject = user.subject, "signed in for the own account");
    Ok(response)
}

fn page(
    headers: &HeaderMap,
    status: StatusCode,
    to: OwnPage,
    username: Option<&str>,
    notice: Option<Notice>,
) -> Response {
    let language = Language::choose(None, headers);
    let page = SignInPage {
        frame: Frame::at(language, SIGN_IN, ""),
        to: to.path(),
        username: username.unwrap_or_default(),
        notice,
    };
    respond(status, language, &page)
}
