//! Where a person is signed in, and the end of that.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use store::Versioned;

use super::OwnPage;
use super::form::AccountForm;
use super::shell::{Notice, Paged, Shell, frame};
use super::user_agent;
use super::visitor::Visitor;
use crate::error::PageError;
use crate::html::{Frame, respond};
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::session::BrowserSession;
use crate::text::When;

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct SessionsPage {
    frame: Frame,
    shell: Shell,
    sessions: Paged<SessionView>,
    has_others: bool,
}

struct SessionView {
    id: String,
    is_this: bool,
    browser: Option<String>,
    address: Option<String>,
    signed_in: When,
    /// The identity provider, if it was not the password.
    by: Option<String>,
}

pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let query = AccountForm::parse(query.unwrap_or_default().as_bytes())?;
    let mut sessions = server.sessions().of(&visitor.user).await?;
    // This browser stands first; the others follow, the newest before the older.
    sessions.sort_by_key(|session| session.key != visitor.session.key);
    let has_others = sessions.len() > 1;
    let view = |session| SessionView::of(session, &visitor, &server);
    let page = SessionsPage {
        frame: frame(&visitor),
        shell: Shell::of(&visitor, Notice::in_query(&query)),
        sessions: Paged::cut(sessions, query.page()).map(view),
        has_others,
    };
    Ok(respond(StatusCode::OK, visitor.language, &page))
}

/// Ends one session of the person, or all but this one.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = AccountForm::parse(&body)?;
    if !visitor.was_shown(&form) {
        return Ok(server.to_own_page(OwnPage::Sessions, Some(Notice::AccountChanged)));
    }
    let subject = &visitor.user.subject;
    let notice = match form.get("action") {
        Some("end") => {
            // One that has ended meanwhile has ended all the same.
            let id = form.require("session")?;
            server.sign_out(subject, id).await?;
            Notice::SessionEnded
        }
        Some("end-others") => {
            let this = Some(&*visitor.session.key);
            server.sessions().end_all(subject, this).await?;
            Notice::OthersEnded
        }
        _ => return Err(PageError::new(Reason::MalformedRequest)),
    };
    server.facts().signed_out(subject);
    tracing::info!(subject, "browser sessions ended by their owner");
    Ok(server.to_own_page(OwnPage::Sessions, Some(notice)))
}

impl SessionView {
    fn of(
        session: Versioned<BrowserSession>,
        visitor: &Visitor,
        server: &AuthorizationServer,
    ) -> Self {
        let name = |id: &String| match server.identity_providers().get(id) {
            Some(provider) => provider.name().get(visitor.language).to_owned(),
            None => id.clone(),
        };
        let user_agent = session.user_agent.as_deref();
        Self {
            is_this: session.key == visitor.session.key,
            browser: user_agent.and_then(user_agent::in_words),
            address: session.address.map(|address| address.to_string()),
            signed_in: visitor.when(session.authenticated_at),
            by: session.identity_provider.as_ref().map(name),
            id: session.key,
        }
    }
}
