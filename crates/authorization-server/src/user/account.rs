//! What an operator does with accounts: listing, changing, disabling and removing them.

use store::{ListBy, Page, Pages, StoreError, Versioned};

use super::{User, Users, folded};

impl User {
    /// Whether nobody can use the account until an operator enables it again.
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Keeps the account from being used, or lets it be used again.
    pub(crate) fn set_disabled(&mut self, disabled: bool) {
        self.disabled = disabled;
    }
}

impl Users {
    /// Everybody, disabled or not.
    pub(crate) async fn list(&self, page: Page) -> Result<Vec<Versioned<User>>, StoreError> {
        self.people.list(ListBy::All, page).await
    }

    /// Everybody, page by page.
    pub(crate) fn pages(&self) -> Pages<'_, User> {
        self.people.pages(ListBy::All)
    }

    /// The person with this subject, disabled or not.
    pub(crate) async fn find_any(&self, subject: &str) -> Result<Option<User>, StoreError> {
        Ok(self.people.get(subject).await?.map(|user| user.record))
    }

    /// The person with this username, disabled or not.
    pub(crate) async fn find_any_named(&self, username: &str) -> Result<Option<User>, StoreError> {
        let Some(key) = folded(username) else {
            return Ok(None);
        };
        match self.usernames.get(&key).await? {
            Some(found) => self.find_any(&found.subject).await,
            None => Ok(None),
        }
    }

    /// Changes a person; `edit` sees what is stored, and is asked again when that moves on.
    /// Nothing is changed when it refuses, or when there is nobody.
    pub(crate) async fn change<E: From<StoreError>>(
        &self,
        subject: &str,
        edit: impl Fn(&mut User) -> Result<(), E>,
    ) -> Result<Option<User>, E> {
        while let Some(user) = self.people.get(subject).await? {
            let mut changed = user.record.clone();
            edit(&mut changed)?;
            if self.people.replace(&user, &changed).await? {
                return Ok(Some(changed));
            }
        }
        Ok(None)
    }

    /// Removes a person for ever. The subject is never given to anybody else; the name may be.
    pub(crate) async fn remove(&self, user: &User) -> Result<(), StoreError> {
        // Or signing in elsewhere would make the person known again, under the same subject.
        for identity in self.identities.all(ListBy::Owner(&user.subject)).await? {
            self.identities.remove(&identity.key).await?;
        }
        // The name before the person: after a crash in between the person can be removed again,
        // and the name is free. By then it may be somebody else's.
        if let Some(key) = folded(&user.username) {
            let named = self.usernames.get(&key).await?;
            if named.is_some_and(|named| named.subject == user.subject) {
                self.usernames.remove(&key).await?;
            }
        }
        self.people.remove(&user.subject).await
    }
}
