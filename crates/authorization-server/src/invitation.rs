//! Invitations to connect an account: who was invited, and what has become of it (MCP elicitation, URL mode).
//!
//! A tool that works as the person who called it may find that they have not connected the account.
//! The address that it sends them to names an invitation and nothing else: whoever opens it has to be
//! signed in as the person who called, so an address that is passed on is of no use to anybody.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use delegation::{Invitation, InviteToConnect, Invited};
use oauth::random;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, ListBy, Record, SharedStore, StoreError, Versioned};

use crate::page::account::OwnPage;
use crate::server::AuthorizationServer;
use crate::user::User;

use std::sync::Arc;

/// How long an address is good.
const LIFETIME: Duration = Duration::from_mins(20);

/// An address that is asked for again is the same one while it is good for this long.
const AT_LEAST: Duration = Duration::from_mins(10);

/// The name of an invitation, as it stands in addresses: 128 random bits in base64url.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct InvitationId([u8; Self::LENGTH]);

impl InvitationId {
    const LENGTH: usize = 22;

    /// The id in an address, if it looks like one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(is_plain).then_some(Self(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<String> for InvitationId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("this is no id of an invitation")
    }
}

impl From<InvitationId> for String {
    fn from(id: InvitationId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Debug for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody has been asked to connect an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ConnectInvitation {
    id: InvitationId,
    subject: String,
    pub(crate) provider: String,
    /// What people call the server that asks.
    pub(crate) server: String,
    expires_at: NumericDate,
}

impl ConnectInvitation {
    /// Whether `user` is the person who was invited.
    pub(crate) fn is_for(&self, user: &User) -> bool {
        self.subject == user.subject
    }
}

impl Record for ConnectInvitation {
    const KIND: Kind = Kind::new("connect_invitation");
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.subject)
    }

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

/// Everybody who has been asked.
#[derive(Debug)]
pub(crate) struct ConnectInvitations(Collection<ConnectInvitation>);

impl ConnectInvitations {
    pub(crate) fn new(store: &SharedStore, keys: &Arc<KeyRing>) -> Self {
        Self(Collection::new(Arc::clone(store), Arc::clone(keys)))
    }

    pub(crate) async fn find(
        &self,
        id: InvitationId,
    ) -> Result<Option<Versioned<ConnectInvitation>>, StoreError> {
        self.0.get(id.as_str()).await
    }
}

#[async_trait]
impl InviteToConnect for AuthorizationServer {
    async fn invite(&self, invited: &Invited<'_>) -> Result<Invitation, StoreError> {
        let (records, now) = (&self.invitations().0, self.now());
        let is_same = |known: &Versioned<ConnectInvitation>| {
            known.provider == invited.provider
                && known.server == invited.server
                && known.expires_at.since(now) >= AT_LEAST
        };
        let known = records.all(ListBy::Owner(invited.subject)).await?;
        let found = known.into_iter().find(is_same);
        let invitation = if let Some(known) = found {
            known.record
        } else {
            let id = random::token::<16>(self.random());
            let invitation = ConnectInvitation {
                id: InvitationId::parse(&id).expect("16 bytes are 22 letters of base64url"),
                subject: invited.subject.to_owned(),
                provider: invited.provider.to_owned(),
                server: invited.server.to_owned(),
                expires_at: now.plus(LIFETIME),
            };
            records.put(&id, &invitation).await?;
            invitation
        };
        let page = OwnPage::Connect(invitation.id);
        Ok(Invitation {
            id: invitation.id.into(),
            url: self.settings().issuer.join(&page.path()),
            lifetime: invitation.expires_at.since(now),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_can_stand_in_an_address() {
        let id = "aZ09-_aZ09-_aZ09-_aZ09";
        assert_eq!(InvitationId::parse(id).unwrap().as_str(), id);
        for text in [
            "",
            "short",
            &"a".repeat(23),
            "aZ09-_aZ09-_aZ09-_aZ0/",
            "가나다라마바사a",
        ] {
            assert_eq!(InvitationId::parse(text), None, "{text}");
        }
    }
}
