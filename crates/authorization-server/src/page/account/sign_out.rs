//! Signing out of this browser.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;

use super::OwnPage;
use super::form::AccountForm;
use super::shell::Notice;
use super::visitor::Visitor;
use crate::error::PageError;
use crate::server::AuthorizationServer;

/// Ends the session of this browser. What clients may do goes on: they have tokens of their own.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = AccountForm::parse(&body)?;
    if !visitor.was_shown(&form) {
        return Ok(server.to_own_page(OwnPage::Overview, Some(Notice::AccountChanged)));
    }
    let subject = &visitor.user.subject;
    server.sign_out(subject, &visitor.session.key).await?;
    Ok(server.to_own_sign_in(OwnPage::Overview, Some(Notice::SignedOut)))
}
