//! People: made known, changed, disabled and removed.

use oauth::scope::Scope;
use oauth::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Page;

use super::{Change, GrantFilter, Listing, ManageError, Management, Precondition};
use crate::catalog::Catalog;
use crate::user::{NewUser, User};

/// What errors call a person.
const KIND: &str = "user";

/// A person who can sign in.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub struct UserView {
    /// Who this is, for ever: the `sub` of tokens.
    pub id: String,
    /// What the person types to sign in.
    pub username: String,
    /// The person's name, as others call them.
    pub name: Option<String>,
    /// Where mail reaches the person.
    pub email: Option<String>,
    /// Whether it has been seen that mail reaches the person there.
    pub email_verified: bool,
    /// The roles, by name; a person without any has the default role.
    pub roles: Vec<String>,
    /// Whether the account is kept from being used.
    pub disabled: bool,
    /// Whether the person can sign in with a password.
    pub has_password: bool,
    /// When the account was made, in seconds since 1970.
    pub created_at: i64,
}

impl UserView {
    fn of(user: &User) -> Self {
        Self {
            id: user.subject.clone(),
            username: user.username.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            roles: user.roles.clone(),
            disabled: user.is_disabled(),
            has_password: user.has_password(),
            created_at: user.created_at.0,
        }
    }
}

/// A person to be made known.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewUser")]
pub struct CreateUser {
    /// 1 to 64 of `a-z A-Z 0-9 . _ - + @`; case does not make two names different.
    pub username: String,
    /// 8 to 1024 characters. Without one, the person signs in at an identity provider.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<Secret>,
    /// The person's name, as others call them.
    #[serde(default)]
    pub name: Option<String>,
    /// Where mail reaches the person.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether it has been seen that mail reaches the person there.
    #[serde(default)]
    pub email_verified: bool,
    /// The roles, by name; none stands for the default role.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// What becomes of a person; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserChange {
    /// The person's name, as others call them.
    pub name: Change<String>,
    /// Where mail reaches the person. Another address is not verified, unless that is said, too.
    pub email: Change<String>,
    /// Whether it has been seen that mail reaches the person there.
    pub email_verified: Option<bool>,
    /// The roles, by name; an empty list stands for the default role.
    pub roles: Option<Vec<String>>,
    /// `true` keeps the account from being used and ends its sessions and grants.
    pub disabled: Option<bool>,
}

impl Management {
    /// People, the newest first.
    pub async fn users(&self, page: Page) -> Result<Listing<UserView>, ManageError> {
        let users = self.server.users().list(page.clone()).await?;
        Ok(Listing::of(&users, &page, UserView::of))
    }

    /// The person with this id.
    pub async fn user(&self, id: &str) -> Result<UserView, ManageError> {
        Ok(UserView::of(&self.known_user(id).await?))
    }

    /// The person with this username, in whatever case it is written.
    pub async fn user_named(&self, username: &str) -> Result<Option<UserView>, ManageError> {
        let user = self.server.users().find_any_named(username).await?;
        Ok(user.as_ref().map(UserView::of))
    }

    /// Makes a person known.
    pub async fn create_user(&self, new: CreateUser) -> Result<UserView, ManageError> {
        let catalog = self.catalog().await?;
        self.require_authority(&roles_permit(&catalog, &new.roles)?)?;
        let user = self.server.users().create(NewUser {
            username: new.username,
            password: new.password,
            name: checked_text("name", new.name)?,
            email: checked_text("email", new.email)?,
            email_verified: new.email_verified,
            roles: new.roles,
        });
        let user = user.await?;
        self.log("user created", &user.subject);
        Ok(UserView::of(&user))
    }

    /// Changes a person. Disabling one ends their sessions and grants.
    pub async fn change_user(
        &self,
        id: &str,
        change: UserChange,
        precondition: &Precondition,
    ) -> Result<UserView, ManageError> {
        let catalog = self.catalog().await?;
        if let Some(roles) = &change.roles {
            self.require_authority(&roles_permit(&catalog, roles)?)?;
        }
        if self.actor.is(id) && change.roles.is_some() {
            return Err(ManageError::Own("change the roles of"));
        }
        if self.actor.is(id) && change.disabled == Some(true) {
            return Err(ManageError::Own("disable"));
        }
        if let Change::Set(text) = &change.name {
            checked_text("name", Some(text.clone()))?;
        }
        if let Change::Set(text) = &change.email {
            checked_text("email", Some(text.clone()))?;
        }
        let edit = |user: &mut User| {
            self.require_authority(&user.permitted_scope(&catalog))?;
            precondition.check(&UserView::of(user))?;
            apply(change.clone(), user);
            Ok::<_, ManageError>(())
        };
        let changed = self.server.users().change(id, edit).await?;
        let changed = changed.ok_or_else(|| ManageError::unknown(KIND, id))?;
        if changed.is_disabled() {
            self.end_use(id).await?;
        }
        self.log("user changed", id);
        Ok(UserView::of(&changed))
    }

    /// Gives a person another password, and ends every browser session they have.
    pub async fn set_password(
        &self,
        id: &str,
        password: Secret,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        let user = self.known_user(id).await?;
        // Whoever sets the password of somebody can sign in as them.
        self.require_authority(&user.permitted_scope(&*self.catalog().await?))?;
        precondition.check(&UserView::of(&user))?;
        self.server.users().set_password(id, password).await?;
        self.server.sessions().end_all(id, None).await?;
        self.log("password set", id);
        Ok(())
    }

    /// Removes a person, with everything that is theirs.
    pub async fn remove_user(
        &self,
        id: &str,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        if self.actor.is(id) {
            return Err(ManageError::Own("remove"));
        }
        // Disabled first, so that nothing new begins while the rest is cleared away.
        let disable = UserChange {
            disabled: Some(true),
            ..UserChange::default()
        };
        self.change_user(id, disable, precondition).await?;
        let server = &self.server;
        server.consents().forget_all(id).await?;
        for connection in server.vault().list(id).await? {
            server.drop_credential(id, &connection.provider).await?;
        }
        if let Some(user) = server.users().find_any(id).await? {
            server.users().remove(&user).await?;
        }
        self.log("user removed", id);
        Ok(())
    }

    async fn known_user(&self, id: &str) -> Result<User, ManageError> {
        let user = self.server.users().find_any(id).await?;
        user.ok_or_else(|| ManageError::unknown(KIND, id))
    }

    /// Ends everything through which an account is in use.
    async fn end_use(&self, id: &str) -> Result<(), ManageError> {
        self.server.sessions().end_all(id, None).await?;
        let of_user = GrantFilter {
            user: Some(id),
            ..GrantFilter::default()
        };
        self.revoke_grants(of_user).await?;
        Ok(())
    }
}

fn apply(change: UserChange, user: &mut User) {
    if change.email != Change::Keep {
        user.email_verified = false;
    }
    change.name.apply(&mut user.name);
    change.email.apply(&mut user.email);
    if let Some(verified) = change.email_verified {
        user.email_verified = verified;
    }
    if let Some(roles) = change.roles {
        user.roles = roles;
    }
    if let Some(disabled) = change.disabled {
        user.set_disabled(disabled);
    }
}

/// What people with these roles may allow, if there are such roles.
fn roles_permit(catalog: &Catalog, roles: &[String]) -> Result<Scope, ManageError> {
    for role in roles {
        if !catalog.roles().contains_key(role) {
            let known: Vec<_> = catalog.roles().keys().map(String::as_str).collect();
            let known = known.join(", ");
            let text = format!("there is no role `{role}`: there are {known}");
            return Err(ManageError::Invalid(text));
        }
    }
    Ok(catalog.permitted_scope(roles))
}

/// Text that people read about a person.
fn checked_text(what: &str, text: Option<String>) -> Result<Option<String>, ManageError> {
    let is_good = |text: &str| {
        let length = text.chars().count();
        (1..=200).contains(&length) && !text.chars().any(char::is_control)
    };
    match text {
        Some(text) if !is_good(&text) => Err(ManageError::Invalid(format!(
            "{what} has 1 to 200 characters and no control characters"
        ))),
        text => Ok(text),
    }
}
