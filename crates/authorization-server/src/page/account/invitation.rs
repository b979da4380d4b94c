//! Connecting an account that a server needs, for the person who called it (MCP elicitation, URL mode).

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::OwnPage;
use super::form::AccountForm;
use super::shell::{Notice, frame};
use super::visitor::Visitor;
use crate::address::ClientAddress;
use crate::error::PageError;
use crate::html::{Frame, explanation_at, respond};
use crate::identity_provider::IdentityProvider;
use crate::invitation::{ConnectInvitation, InvitationId};
use crate::reason::Reason;
use crate::server::AuthorizationServer;

#[derive(Template)]
#[template(path = "account/connect.html")]
struct ConnectPage<'a> {
    frame: Frame,
    /// Whom the page was shown to.
    subject: &'a str,
    username: &'a str,
    title: String,
    why: String,
}

/// What an invitation leads to, for the person whom it is for.
struct Asked<'a> {
    id: InvitationId,
    invitation: ConnectInvitation,
    provider: &'a IdentityProvider,
}

/// The invitation at this address. Nobody sees anything of one that is somebody else's.
async fn asked<'a>(
    server: &'a AuthorizationServer,
    visitor: &Visitor,
    id: &str,
) -> Result<Asked<'a>, PageError> {
    let unknown = || PageError::new(Reason::InvitationUnknown);
    let id = InvitationId::parse(id).ok_or_else(unknown)?;
    let found = server.invitations().find(id).await?;
    let invitation = found.ok_or_else(unknown)?.record;
    // MCP 2025-11-25, URL mode elicitation: who opens the page must be the person who called.
    if !invitation.is_for(&visitor.user) {
        return Err(PageError::new(Reason::InvitationOfSomebodyElse));
    }
    let provider = server.identity_providers().get(&invitation.provider);
    Ok(Asked {
        id,
        provider: provider.ok_or_else(unknown)?,
        invitation,
    })
}

/// Says which server asks for what. Nothing happens before the button is pressed.
pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let asked = asked(&server, &visitor, &id).await?;
    let (user, language) = (&visitor.user, visitor.language);
    let text = language.text();
    let tokens = server.valid_tokens();
    if tokens
        .is_connected(&user.subject, asked.provider.id())
        .await?
    {
        let done = &text.explanations.account_connected;
        return Ok(explanation_at(frame(&visitor), done));
    }
    let name = asked.provider.name().get(language);
    let page = ConnectPage {
        frame: frame(&visitor),
        subject: &user.subject,
        username: &user.username,
        title: (text.own.connect_account)(name),
        why: (text.own.connect_why)(&asked.invitation.server, name),
    };
    Ok(respond(StatusCode::OK, language, &page))
}

/// Sends the person to the provider.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    address: ClientAddress,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = AccountForm::parse(&body)?;
    let asked = asked(&server, &visitor, &id).await?;
    let page = OwnPage::Connect(asked.id);
    if !visitor.was_shown(&form) {
        return Ok(server.to_own_page(page, None));
    }
    // It becomes a way to sign in, which nobody gets who has found an open browser.
    if asked.provider.signs_in() && !visitor.is_recent() {
        return Ok(server.to_own_sign_in(page, Some(Notice::SignInAgain)));
    }
    let provider = asked.provider.id();
    server
        .begin_connect(&visitor.session, provider, address, Some(asked.id))
        .await
}
