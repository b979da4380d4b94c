//! People: their names, passwords (RFC 9106) and roles.

mod account;
mod connection;
mod identity;
mod identity_lookup;
#[cfg(test)]
mod identity_tests;
mod sign_in;
#[cfg(test)]
mod tests;
mod username;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use oauth::random::{self, Random};
use oauth::scope::Scope;
use oauth::secret::Secret;
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError, Versioned};
use tokio::sync::Semaphore;

use crate::catalog::Catalog;
use crate::password::PasswordHash;

pub use connection::ConnectedIdentity;
pub(crate) use connection::WaysIn;
pub(crate) use identity::Admission;
pub use identity::IdentityError;
use identity::IdentityRecord;
pub use sign_in::AuthenticateError;

/// A person who can sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Who this is, for ever: random, and never given to anybody else.
    pub subject: String,
    /// What the person types to sign in, as it was written at first.
    pub username: String,
    /// The person's name, as others call them.
    pub name: Option<String>,
    /// Where mail reaches the person.
    pub email: Option<String>,
    /// Whether it has been seen that mail reaches the person there.
    pub email_verified: bool,
    /// The roles, by name; a person without any has the default role.
    pub roles: Vec<String>,
    /// When the account was made.
    pub created_at: NumericDate,
    /// Nothing for people who sign in at an identity provider alone.
    password: Option<PasswordHash>,
    /// Which password of theirs it is: each new one counts, also within the same second.
    #[serde(default)]
    password_generation: u64,
    /// How often the person has signed in.
    sign_ins: u64,
    /// Which identity the person has at each provider, by its key: half of the truth, see there.
    #[serde(default)]
    identities: BTreeMap<String, String>,
    /// The provider that name and address come from, when the person was made known by one.
    #[serde(default)]
    profile_of: Option<String>,
    /// Nobody can use the account, and only an operator sees it.
    #[serde(default)]
    disabled: bool,
}

impl Record for User {
    const KIND: Kind = Kind::new("user");
    const SEALED: bool = true;
}

impl User {
    /// What this person may let a client do: what the roles allow, and to know who it is.
    pub(crate) fn permitted_scope(&self, catalog: &Catalog) -> Scope {
        catalog.permitted_scope(&self.roles)
    }

    /// Whether the person can sign in with a password.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Which password of theirs it is, or that there is none yet; who signed in with another one
    /// has to do it again.
    pub(crate) fn password_generation(&self) -> u64 {
        self.password_generation
    }
}

/// A person to be made known.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// 1 to 64 of `a-z A-Z 0-9 . _ - + @`; case does not make two names different.
    pub username: String,
    /// At least 8 characters; nothing for people who sign in at an identity provider.
    pub password: Option<Secret>,
    /// The person's name, as others call them.
    pub name: Option<String>,
    /// Where mail reaches the person.
    pub email: Option<String>,
    /// Whether it has been seen that mail reaches the person there.
    pub email_verified: bool,
    /// The roles, by name; none stands for the default role.
    pub roles: Vec<String>,
}

/// Why a person cannot be made known or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// Somebody else has the name.
    #[error("the username `{0}` is taken; choose another one")]
    UsernameTaken(String),
    /// The name would be hard to type or to tell from another.
    #[error("a username is 1 to 64 characters of a-z, A-Z, 0-9, `.`, `_`, `-`, `+` and `@`")]
    UsernameMalformed,
    /// The password is too easy to guess, or not one.
    #[error("a password has 8 to 1024 characters")]
    PasswordLength,
    /// There is nobody with this subject.
    #[error("there is no user `{0}`")]
    Unknown(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which person a username belongs to, so that no two people have the same.
#[derive(Debug, Serialize, Deserialize)]
struct Username {
    subject: String,
}

impl Record for Username {
    const KIND: Kind = Kind::new("username");
}

/// All people.
#[derive(Debug)]
pub struct Users {
    store: SharedStore,
    people: Collection<User>,
    usernames: Collection<Username>,
    identities: Collection<IdentityRecord>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// A hash takes a core and 19 MiB for a while: there are never more of them than cores.
    cores: Arc<Semaphore>,
}

impl Users {
    pub(crate) fn new(
        store: &SharedStore,
        keys: &Arc<KeyRing>,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> Self {
        Self {
            store: Arc::clone(store),
            people: Collection::new(Arc::clone(store), Arc::clone(keys)),
            usernames: Collection::new(Arc::clone(store), Arc::clone(keys)),
            identities: Collection::new(Arc::clone(store), Arc::clone(keys)),
            clock: Arc::clone(clock),
            random: Arc::clone(random),
            cores: Arc::new(Semaphore::new(
                available_parallelism().map_or(1, NonZero::get),
            )),
        }
    }

    /// Makes a person known.
    pub async fn create(&self, new: NewUser) -> Result<User, UserError> {
        let key = folded(&new.username).ok_or(UserError::UsernameMalformed)?;
        new.password.as_ref().map_or(Ok(()), check_password)?;
        if self.usernames.get(&key).await?.is_some() {
            return Err(UserError::UsernameTaken(new.username));
        }
        let password = match new.password {
            Some(password) => Some(self.hash(password).await),
            None => None,
        };
        let now = self.clock.now();
        let user = User {
            subject: random::token::<16>(&*self.random),
            username: new.username,
            name: new.name,
            email: new.email,
            email_verified: new.email_verified,
            roles: new.roles,
            created_at: now,
            password,
            password_generation: 0,
            sign_ins: 0,
            identities: BTreeMap::new(),
            profile_of: None,
            disabled: false,
        };
        // The person before the name: after a crash in between there is somebody who cannot sign
        // in, instead of a name that nobody can have.
        self.people.put(&user.subject, &user).await?;
        let subject = user.subject.clone();
        if self.usernames.insert(&key, &Username { subject }).await? {
            return Ok(user);
        }
        self.people.remove(&user.subject).await?;
        Err(UserError::UsernameTaken(user.username))
    }

    /// The person with this subject, unless the account is disabled: to everybody but an operator
    /// such a person is as good as gone.
    pub async fn find(&self, subject: &str) -> Result<Option<User>, StoreError> {
        let user = self.people.get(subject).await?.map(|user| user.record);
        Ok(user.filter(|user| !user.disabled))
    }

    /// The person with this username, in whatever case it is written, unless the account is
    /// disabled.
    pub async fn find_by_username(&self, username: &str) -> Result<Option<User>, StoreError> {
        Ok(self.named(username).await?.map(|user| user.record))
    }

    /// Gives a person another password, and ends every browser session they have. Returns the
    /// person, as sessions begun from now on belong to them.
    pub async fn set_password(&self, subject: &str, password: Secret) -> Result<User, UserError> {
        check_password(&password)?;
        let password = self.hash(password).await;
        loop {
            let user = self.people.get(subject).await?;
            let user = user.ok_or_else(|| UserError::Unknown(subject.to_owned()))?;
            let changed = User {
                password: Some(password.clone()),
                password_generation: user.password_generation + 1,
                ..user.record.clone()
            };
            if self.people.replace(&user, &changed).await? {
                return Ok(changed);
            }
        }
    }

    async fn named(&self, username: &str) -> Result<Option<Versioned<User>>, StoreError> {
        let Some(key) = folded(username) else {
            return Ok(None);
        };
        let Some(found) = self.usernames.get(&key).await? else {
            return Ok(None);
        };
        let user = self.people.get(&found.subject).await?;
        Ok(user.filter(|user| !user.disabled))
    }
}

/// The name under which a username is unique; nothing when it is malformed.
fn folded(username: &str) -> Option<String> {
    let username = username.trim();
    let is_allowed = |c: u8| c.is_ascii_alphanumeric() || b"._-+@".contains(&c);
    let is_username = (1..=64).contains(&username.len()) && username.bytes().all(is_allowed);
    is_username.then(|| username.to_ascii_lowercase())
}

fn check_password(password: &Secret) -> Result<(), UserError> {
    match password.expose().chars().count() {
        8..=1024 => Ok(()),
        _ => Err(UserError::PasswordLength),
    }
}
