//! Connections of people to identity providers: made, listed and ended (`OpenID` Connect Core §5.7).

use oauth::time::NumericDate;
use store::{StoreError, Versioned};

use super::identity::{IdentityError, IdentityRecord, key, lists};
use super::{User, Users};
use crate::identity_provider::Identity;

/// An account at an identity provider with which a person signs in here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectedIdentity {
    /// The provider's id in the settings.
    pub provider: String,
    /// What the provider calls the person.
    pub username: Option<String>,
    /// Where mail reaches the person, as the provider says.
    pub email: Option<String>,
    /// Since when.
    pub connected_at: NumericDate,
}

/// The ways to sign in that the settings leave open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaysIn<'a> {
    pub(crate) password: bool,
    pub(crate) providers: &'a [&'a str],
}

impl Users {
    /// Lets a person sign in with `identity` from now on.
    pub(crate) async fn connect(
        &self,
        subject: &str,
        provider: &str,
        identity: &Identity,
    ) -> Result<User, IdentityError> {
        let key = key(provider, &identity.subject);
        loop {
            let user = self.people.get(subject).await?;
            let user = user.ok_or_else(|| IdentityError::NoUser(subject.to_owned()))?;
            let record = self.identities.get(&key).await?;
            if let Some(record) = &record {
                if record.user == subject && lists(&user, provider, &key) {
                    self.relabel(record, identity).await?;
                    return Ok(user.record);
                }
                let owner = self.people.get(&record.user).await?;
                if record.user != subject && owner.is_none_or(|user| lists(&user, provider, &key)) {
                    return Err(IdentityError::Taken);
                }
            }
            if self.connected(&user, provider).await?.is_some() {
                return Err(IdentityError::AlreadyConnected(provider.to_owned()));
            }
            let mut connected = user.record.clone();
            let entry = (provider.to_owned(), key.clone());
            connected.identities.extend([entry]);
            // The person before the identity: until both agree, it signs nobody in.
            if self.people.replace(&user, &connected).await?
                && self
                    .claim(record.as_ref(), &key, subject, provider, identity)
                    .await?
            {
                return Ok(connected);
            }
        }
    }

    /// Takes the identity at `provider` from a person, unless they could not sign in without it.
    pub(crate) async fn disconnect(
        &self,
        subject: &str,
        provider: &str,
        ways_in: WaysIn<'_>,
    ) -> Result<(), IdentityError> {
        let not_connected = || IdentityError::NotConnected(provider.to_owned());
        loop {
            let user = self.people.get(subject).await?;
            let user = user.ok_or_else(|| IdentityError::NoUser(subject.to_owned()))?;
            let record = self.connected(&user, provider).await?;
            let record = record.ok_or_else(not_connected)?;
            if !self.has_another_way_in(&user, provider, ways_in).await? {
                return Err(IdentityError::LastWayIn);
            }
            let mut disconnected = user.record.clone();
            disconnected.identities.remove(provider);
            if disconnected.profile_of.as_deref() == Some(provider) {
                disconnected.profile_of = None;
            }
            if self.people.replace(&user, &disconnected).await? {
                // Whoever has claimed the identity meanwhile keeps it.
                let ended = IdentityRecord {
                    ended_at: Some(self.clock.now()),
                    ..record.record.clone()
                };
                self.identities.replace(&record, &ended).await?;
                return Ok(());
            }
        }
    }

    /// Every account at an identity provider with which a person signs in.
    pub async fn identities(&self, user: &User) -> Result<Vec<ConnectedIdentity>, StoreError> {
        let mut connected = Vec::new();
        for provider in user.identities.keys() {
            if let Some(record) = self.connected(user, provider).await? {
                let IdentityRecord {
                    username, email, ..
                } = record.record;
                connected.push(ConnectedIdentity {
                    provider: provider.clone(),
                    username,
                    email,
                    connected_at: record.record.connected_at,
                });
            }
        }
        Ok(connected)
    }

    /// The identity that a person really has at `provider`: listed here, and theirs there.
    pub(super) async fn connected(
        &self,
        user: &User,
        provider: &str,
    ) -> Result<Option<Versioned<IdentityRecord>>, StoreError> {
        let Some(key) = user.identities.get(provider) else {
            return Ok(None);
        };
        let record = self.identities.get(key).await?;
        Ok(record.filter(|record| record.user == user.subject))
    }

    async fn has_another_way_in(
        &self,
        user: &User,
        provider: &str,
        ways_in: WaysIn<'_>,
    ) -> Result<bool, StoreError> {
        if ways_in.password && user.has_password() {
            return Ok(true);
        }
        for other in ways_in.providers {
            if *other != provider && self.connected(user, other).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
