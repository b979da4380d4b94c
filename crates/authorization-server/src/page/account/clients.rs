//! Every client that may act for a person, and the end of that (RFC 7009 for people).

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use super::OwnPage;
use super::form::AccountForm;
use super::shell::{Notice, Paged, Shell, frame};
use super::visitor::Visitor;
use crate::access::{Access, Permission};
use crate::catalog::Catalog;
use crate::error::PageError;
use crate::html::{Frame, respond};
use crate::page::client_view::{ClientView, in_order_of_weight};
use crate::server::AuthorizationServer;
use crate::text::When;

#[derive(Template)]
#[template(path = "account/clients.html")]
struct ClientsPage {
    frame: Frame,
    shell: Shell,
    clients: Paged<Entry>,
}

struct Entry {
    client_id: String,
    client: ClientView,
    is_first_party: bool,
    permissions: Vec<PermissionView>,
}

struct PermissionView {
    resource: String,
    /// Where answers go; nothing for a device.
    host: Option<String>,
    scopes: Vec<String>,
    since: When,
    last_used: Option<When>,
    is_offline: bool,
}

pub(crate) async fn get(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let query = AccountForm::parse(query.unwrap_or_default().as_bytes())?;
    let accesses = server.accesses(&visitor.user.subject).await?;
    let catalog = server.catalog();
    let entry = |access| Entry::of(access, &visitor, &catalog);
    let page = ClientsPage {
        frame: frame(&visitor),
        shell: Shell::of(&visitor, Notice::in_query(&query)),
        clients: Paged::cut(accesses, query.page()).map(entry),
    };
    Ok(respond(StatusCode::OK, visitor.language, &page))
}

/// Ends what a client may do. It names no grant: whoever sends it ends what is theirs, whatever
/// they write into it.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = AccountForm::parse(&body)?;
    if !visitor.was_shown(&form) {
        return Ok(server.to_own_page(OwnPage::Clients, Some(Notice::AccountChanged)));
    }
    let client_id = form.require("client")?;
    server
        .revoke_access(&visitor.user.subject, client_id)
        .await?;
    Ok(server.to_own_page(OwnPage::Clients, Some(Notice::ClientRevoked)))
}

impl Entry {
    fn of(access: Access, visitor: &Visitor, catalog: &Catalog) -> Self {
        let client = access.client.as_deref();
        let permissions = access.permissions.iter();
        Self {
            client: client.map_or_else(|| ClientView::named(&access.client_id), ClientView::of),
            is_first_party: client.is_some_and(crate::client::Client::is_first_party),
            permissions: permissions
                .map(|permission| PermissionView::of(permission, visitor, catalog))
                .collect(),
            client_id: access.client_id,
        }
    }
}

impl PermissionView {
    fn of(permission: &Permission, visitor: &Visitor, catalog: &Catalog) -> Self {
        let resource = catalog.resource(&permission.resource);
        let words = |token: &str| {
            let words = catalog.words(token, visitor.language);
            words.unwrap_or(token).to_owned()
        };
        let redirect_uri = permission.redirect_uri.as_ref();
        Self {
            resource: resource.map_or_else(
                || permission.resource.as_str().to_owned(),
                |resource| resource.name.clone(),
            ),
            host: redirect_uri.map(oauth::redirect_uri::RedirectUri::display_host),
            scopes: in_order_of_weight(&permission.scope)
                .into_iter()
                .map(words)
                .collect(),
            since: visitor.when(permission.since),
            last_used: permission.last_used_at.map(|moment| visitor.when(moment)),
            is_offline: permission.is_offline,
        }
    }
}
