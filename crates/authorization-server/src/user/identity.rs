//! Identities: who somebody is at an identity provider, and who that is here (`OpenID` Connect Core
//! §5.7).
//!
//! Only the provider's own identifier names a person: an address or a name can be given to somebody
//! else tomorrow. The identity record leads from that identifier to the person, and the person's
//! record lists the identity in turn. Only where both agree, the identity signs the person in; so a
//! crash between the two writes leaves somebody who has to connect again, and nobody who gets in.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::random;
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use store::{Kind, ListBy, Record, StoreError, Versioned};

use super::username::candidates;
use super::{User, Username, Users, folded};
use crate::identity_provider::Identity;

/// Which person an identity belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct IdentityRecord {
    /// The person here, by subject.
    pub(super) user: String,
    /// Where the identity comes from.
    pub(super) provider: String,
    /// What the provider calls the person, so that they recognize the account.
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) connected_at: NumericDate,
    /// Set when the identity is taken from the person.
    pub(super) ended_at: Option<NumericDate>,
}

impl IdentityRecord {
    /// The person here, by subject.
    pub(super) fn user(&self) -> &str {
        &self.user
    }
}

impl Record for IdentityRecord {
    const KIND: Kind = Kind::new("identity");
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.user)
    }

    fn expires_at(&self) -> Option<NumericDate> {
        self.ended_at
    }
}

/// How people of a provider become people here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission<'a> {
    /// The provider's id in the settings.
    pub(crate) provider: &'a str,
    /// Whether somebody who is not known yet is made known.
    pub(crate) sign_up: bool,
    /// Whether an address that is verified on both sides is enough to be taken for a known person.
    pub(crate) link_by_verified_email: bool,
}

/// Why an identity does not lead to a person, or cannot be connected or disconnected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Nobody here has this identity, and the provider's people are not made known by themselves.
    #[error("nobody here has this identity; make the person known, or let the provider sign up")]
    Unknown,
    /// The identity signs in somebody else.
    #[error("the identity belongs to another person; disconnect it there first")]
    Taken,
    /// The person has another identity at the same provider.
    #[error("the person is connected to `{0}` with another account; disconnect that first")]
    AlreadyConnected(String),
    /// The person has no identity at this provider.
    #[error("the person is not connected to `{0}`")]
    NotConnected(String),
    /// Without the identity the person could not sign in any more.
    #[error("this is the only way for the person to sign in; set a password or connect another")]
    LastWayIn,
    /// There is nobody with this subject.
    #[error("there is no user `{0}`")]
    NoUser(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Users {
    /// The person who arrives with `identity`, made known if they are not yet.
    pub(crate) async fn arrive(
        &self,
        admission: Admission<'_>,
        identity: &Identity,
    ) -> Result<User, IdentityError> {
        let provider = admission.provider;
        let key = key(provider, &identity.subject);
        loop {
            let record = self.identities.get(&key).await?;
            if let Some(record) = &record {
                match self.people.get(&record.user).await? {
                    // Nobody can use the account; nor is a second one made for the person.
                    Some(user) if lists(&user, provider, &key) && user.disabled => {
                        return Err(IdentityError::Unknown);
                    }
                    Some(user) if lists(&user, provider, &key) => {
                        self.relabel(record, identity).await?;
                        return self.refresh(user, provider, identity).await;
                    }
                    // It was taken from this person, and is anybody's.
                    Some(_) => {}
                    // Somebody began to be made known here, and nobody has finished yet.
                    None if admission.sign_up => {
                        let subject = &record.user;
                        if let Some(user) = self.join(subject, provider, &key, identity).await? {
                            return Ok(user);
                        }
                        continue;
                    }
                    None => return Err(IdentityError::Unknown),
                }
            }
            if admission.link_by_verified_email
                && let Some(user) = self.named_by_email(provider, identity).await?
            {
                return self.connect(&user.subject, provider, identity).await;
            }
            if !admission.sign_up {
                return Err(IdentityError::Unknown);
            }
            let subject = random::token::<16>(&*self.random);
            self.claim(record.as_ref(), &key, &subject, provider, identity)
                .await?;
        }
    }

    /// Writes whose identity it is; `false` when somebody was faster.
    pub(super) async fn claim(
        &self,
        current: Option<&Versioned<IdentityRecord>>,
        key: &str,
        subject: &str,
        provider: &str,
        identity: &Identity,
    ) -> Result<bool, StoreError> {
        let record = IdentityRecord {
            user: subject.to_owned(),
            provider: provider.to_owned(),
            username: identity.username.clone(),
            email: identity.email.clone(),
            connected_at: self.clock.now(),
            ended_at: None,
        };
        match current {
            Some(current) => self.identities.replace(current, &record).await,
            None => self.identities.insert(key, &record).await,
        }
    }

    /// Makes the person known whose identity was claimed for `subject`; nothing when somebody else
    /// has done so meanwhile. Any number of requests may try, also after a crash.
    async fn join(
        &self,
        subject: &str,
        provider: &str,
        key: &str,
        identity: &Identity,
    ) -> Result<Option<User>, StoreError> {
        let username = self.free_username(subject, provider, identity).await?;
        let now = self.clock.now();
        let user = User {
            subject: subject.to_owned(),
            username,
            name: identity.name.clone(),
            email: identity.email.clone(),
            email_verified: identity.email_verified,
            roles: Vec::new(),
            created_at: now,
            password: None,
            password_generation: 0,
            sign_ins: 0,
            disabled: false,
            identities: [(provider.to_owned(), key.to_owned())].into(),
            profile_of: Some(provider.to_owned()),
        };
        Ok(self.people.insert(subject, &user).await?.then_some(user))
    }

    /// A username that is now the person's, or was since an attempt before this one.
    async fn free_username(
        &self,
        subject: &str,
        provider: &str,
        identity: &Identity,
    ) -> Result<String, StoreError> {
        for username in candidates(provider, identity, &*self.random) {
            let Some(name) = folded(&username) else {
                continue;
            };
            let claim = Username {
                subject: subject.to_owned(),
            };
            if self.usernames.insert(&name, &claim).await? {
                return Ok(username);
            }
            let taken_by = self.usernames.get(&name).await?;
            if taken_by.is_some_and(|taken_by| taken_by.subject == subject) {
                return Ok(username);
            }
        }
        unreachable!("there are candidates without end, and some of them are free")
    }

    /// Takes over what the provider says of the person now, if it is the one that made them known.
    ///
    /// What it leaves out stays, and what another provider says is not listened to: else connecting
    /// an account would be a way to change the address that the operator verified.
    async fn refresh(
        &self,
        user: Versioned<User>,
        provider: &str,
        identity: &Identity,
    ) -> Result<User, IdentityError> {
        if user.profile_of.as_deref() != Some(provider) {
            return Ok(user.record);
        }
        let mut refreshed = user.record.clone();
        refreshed.name = identity.name.clone().or(refreshed.name);
        if let Some(email) = &identity.email {
            refreshed.email = Some(email.clone());
            refreshed.email_verified = identity.email_verified;
        }
        let is_new = (&refreshed.name, &refreshed.email, refreshed.email_verified)
            != (&user.name, &user.email, user.email_verified);
        if is_new && !self.people.replace(&user, &refreshed).await? {
            // Whoever changed the record meanwhile wins; the next sign-in refreshes it.
            return Ok(user.record);
        }
        Ok(refreshed)
    }

    pub(super) async fn relabel(
        &self,
        record: &Versioned<IdentityRecord>,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        // What is left out stays: an assertion about a person says less than a sign-in.
        let username = identity.username.as_ref().or(record.username.as_ref());
        let email = identity.email.as_ref().or(record.email.as_ref());
        if (record.username.as_ref(), record.email.as_ref()) == (username, email) {
            return Ok(());
        }
        let relabelled = IdentityRecord {
            username: username.cloned(),
            email: email.cloned(),
            ..record.record.clone()
        };
        // A label may be late; whoever was faster wins.
        self.identities.replace(record, &relabelled).await?;
        Ok(())
    }

    /// The one person with the address of `identity`, verified on both sides.
    ///
    /// Not somebody who has an identity at this provider already: then the address was given to
    /// somebody else there. And nobody at all when several people have it.
    async fn named_by_email(
        &self,
        provider: &str,
        identity: &Identity,
    ) -> Result<Option<User>, StoreError> {
        let Some(email) = identity
            .email
            .as_deref()
            .filter(|_| identity.email_verified)
        else {
            return Ok(None);
        };
        let mut found: Option<User> = None;
        let mut pages = self.people.pages(ListBy::All);
        while let Some(people) = pages.next().await? {
            for user in people {
                let is_the_one = user.email_verified
                    && user
                        .email
                        .as_deref()
                        .is_some_and(|theirs| theirs.eq_ignore_ascii_case(email));
                if is_the_one && found.replace(user.record).is_some() {
                    return Ok(None);
                }
            }
        }
        let Some(user) = found.filter(|user| !user.disabled) else {
            return Ok(None);
        };
        let is_connected = self.connected(&user, provider).await?.is_some();
        Ok((!is_connected).then_some(user))
    }
}

pub(super) fn lists(user: &User, provider: &str, key: &str) -> bool {
    user.identities
        .get(provider)
        .is_some_and(|listed| listed == key)
}

/// A key of fixed length; no two pairs of names give the same one.
pub(super) fn key(provider: &str, subject: &str) -> String {
    let mut context = Context::new(&SHA256);
    for part in [provider, subject] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}
