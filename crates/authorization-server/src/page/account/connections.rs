//! Connecting and disconnecting the accounts at identity providers that a person signs in with.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use store::StoreError;

use super::OwnPage;
use super::form::AccountForm;
use super::shell::Notice;
use super::visitor::Visitor;
use crate::address::ClientAddress;
use crate::error::PageError;
use crate::identity_provider::IdentityProvider;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::text::When;
use crate::user::{ConnectedIdentity, IdentityError};

/// An identity provider, as one way to sign in.
pub(super) struct Connection {
    pub(super) provider: String,
    pub(super) name: String,
    pub(super) connected: Option<Connected>,
    /// Whether the operator lets people sign in with it.
    pub(super) is_offered: bool,
    /// Whether it is there for servers that people use, and for nothing else.
    pub(super) is_for_servers: bool,
}

pub(super) struct Connected {
    /// What the person is called there.
    pub(super) as_whom: Option<String>,
    pub(super) since: When,
}

impl Connection {
    /// Whether the person can sign in with it.
    pub(super) fn is_way_in(&self) -> bool {
        self.is_offered && self.connected.is_some()
    }

    /// Every provider of the house, and those that the person is connected to besides.
    pub(super) async fn all(
        server: &AuthorizationServer,
        visitor: &Visitor,
    ) -> Result<Vec<Self>, PageError> {
        let mut identities = server.users().identities(&visitor.user).await?;
        let mut all = Vec::new();
        for provider in server.identity_providers().iter() {
            let known = identities
                .iter()
                .position(|identity| identity.provider == provider.id());
            let identity = known.map(|at| identities.swap_remove(at));
            all.push(Self {
                provider: provider.id().to_owned(),
                name: provider.name().get(visitor.language).to_owned(),
                connected: identity.map(|identity| Connected::of(identity, visitor)),
                is_offered: provider.signs_in(),
                is_for_servers: !provider.signs_in(),
            });
        }
        // One that the operator has taken out of the settings can still be forgotten.
        all.extend(identities.into_iter().map(|identity| Self {
            provider: identity.provider.clone(),
            name: identity.provider.clone(),
            connected: Some(Connected::of(identity, visitor)),
            is_offered: false,
            is_for_servers: false,
        }));
        Ok(all)
    }
}

impl Connected {
    fn of(identity: ConnectedIdentity, visitor: &Visitor) -> Self {
        Self {
            as_whom: identity.username.or(identity.email),
            since: visitor.when(identity.connected_at),
        }
    }
}

/// Connects or disconnects one. Both change how the account is opened, so whoever has not just
/// signed in does so again.
pub(crate) async fn post(
    State(server): State<AuthorizationServer>,
    visitor: Visitor,
    address: ClientAddress,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = AccountForm::parse(&body)?;
    let overview = |notice| Ok(server.to_own_page(OwnPage::Overview, Some(notice)));
    if !visitor.was_shown(&form) {
        return overview(Notice::AccountChanged);
    }
    let provider = form.require("provider")?;
    let known = server.identity_providers().get(provider);
    let is_way_in = known.is_none_or(IdentityProvider::signs_in);
    if is_way_in && !visitor.is_recent() {
        return Ok(server.to_own_sign_in(OwnPage::Overview, Some(Notice::SignInAgain)));
    }
    match form.get("action") {
        Some("connect") => {
            let session = &visitor.session;
            server.begin_connect(session, provider, address, None).await
        }
        Some("disconnect") => {
            let subject = &visitor.user.subject;
            match server.disconnect(subject, provider).await {
                Ok(()) => {
                    end_sessions_of(&server, &visitor, provider).await?;
                    overview(Notice::Disconnected)
                }
                Err(IdentityError::LastWayIn) => overview(Notice::LastWay),
                // In another tab it was disconnected before.
                Err(IdentityError::NotConnected(_)) => overview(Notice::Disconnected),
                Err(IdentityError::Store(error)) => Err(error.into()),
                Err(error) => Err(PageError::new(Reason::Internal).with_cause(error)),
            }
        }
        _ => Err(PageError::new(Reason::MalformedRequest)),
    }
}

/// Ends the other sessions that were begun with an identity which is the person's no more.
async fn end_sessions_of(
    server: &AuthorizationServer,
    visitor: &Visitor,
    provider: &str,
) -> Result<(), StoreError> {
    let sessions = server.sessions();
    for session in sessions.of(&visitor.user).await? {
        let is_this = session.key == visitor.session.key;
        if !is_this && session.identity_provider.as_deref() == Some(provider) {
            sessions.end(&visitor.user.subject, &session.key).await?;
        }
    }
    Ok(())
}
