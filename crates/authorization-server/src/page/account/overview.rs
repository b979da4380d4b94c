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

/// Connections of one kind, under one heading.
struct Group<'a> {
    id: &'static str,
    heading: &'static str,
    hint: &'static str,
    /// Whether the password stands among them.
    has_password: bool,
    connections: Vec<&'a Connection>,
}

impl OverviewPage<'_> {
    /// The ways to sign in, and the accounts that servers work with.
    fn groups(&self) -> Vec<Group<'_>> {
        let of_kind = |is_for_servers| {
            let all = self.connections.iter();
            all.filter(move |one| one.is_for_servers == is_for_servers)
                .collect::<Vec<_>>()
        };
        let own = &self.frame.text.own;
        let ways = Group {
            id: "ways",
            heading: own.ways,
            hint: own.ways_hint,
            has_password: self.offers_password,
            connections: of_kind(false),
        };
        let accounts = Group {
            id: "accounts",
            heading: own.accounts,
            hint: own.accounts_hint,
            has_password: false,
            connections: of_kind(true),
        };
        let is_there = |group: &Group<'_>| group.id == "ways" || !group.connections.is_empty();
        [ways, accounts].into_iter().filter(is_there).collect()
    }

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
