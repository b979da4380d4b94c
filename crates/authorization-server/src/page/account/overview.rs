//! Who one is, and how one can sign in.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use super::connections::Connection;
use super::form::AccountForm;
use super::shell::{Notice, Shell, frame};
use super::visitor::Visitor;
use crate::error::PageError;
use crate::html::{Frame, respond};
use crate::server::AuthorizationServer;
use crate::text::When;
use crate::user::User;

#[derive(Template)]
#[template(path = "account/overview.html")]
struct OverviewPage<'a> {
    frame: Frame,
    shell: Shell,
    user: &'a User,
    member_since: When,
    /// Whether anybody signs in with a password in this house.
    offers_password: bool,
    connections: Vec<Connection>,
}

impl OverviewPage<'_> {
    /// Whether the person could not sign in without the connection that they have.
    fn has_one_way(&self) -> bool {
        let connected = self.connections.iter().filter(|one| one.is_way_in());
        let password = self.offers_password && self.user.has_password();
        connected.count() + usize::from(password) == 1
    }
}

pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let query = AccountForm::parse(query.unwrap_or_default().as_bytes())?;
    let page = OverviewPage {
        frame: frame(&visitor),
        shell: Shell::of(&visitor, Notice::in_query(&query)),
        user: &visitor.user,
        offers_password: server.settings().password_sign_in,
        connections: Connection::all(&server, &visitor).await?,
        member_since: visitor.when(visitor.user.created_at),
    };
    Ok(respond(StatusCode::OK, visitor.language, &page))
}
