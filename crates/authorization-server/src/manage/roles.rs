//! Roles: what a person with one may let a client do.

use oauth::scope::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Listing, ManageError, Management, Precondition};
use crate::catalog::Catalog;
use crate::catalog::additions::Additions;

/// What errors call a role.
const KIND: &str = "role";

/// More of a sort than anybody needs; all of them stand in one record.
pub(super) const MOST: usize = 1000;

/// A role.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Role")]
pub struct RoleView {
    /// The name.
    pub name: String,
    /// What a person with the role may let a client do.
    pub scopes: Vec<String>,
    /// Whether the settings file declares it, so that it cannot be changed here.
    pub declared: bool,
}

/// A role to be made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// 1 to 64 of `a-z A-Z 0-9 . _ -`.
    pub name: String,
    /// What a person with the role may let a client do.
    pub scopes: Vec<String>,
}

/// What becomes of a role; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoleChange {
    /// What a person with the role may let a client do.
    pub scopes: Option<Vec<String>>,
}

impl Management {
    /// Every role, by name.
    pub async fn roles(&self) -> Result<Listing<RoleView>, ManageError> {
        let catalog = self.catalog().await?;
        let roles = catalog.roles().keys();
        Ok(Listing::whole(
            roles
                .filter_map(|name| self.view_of_role(&catalog, name))
                .collect(),
        ))
    }

    /// The role called `name`.
    pub async fn role(&self, name: &str) -> Result<RoleView, ManageError> {
        let catalog = self.catalog().await?;
        self.known_role(&catalog, name)
    }

    /// Makes a role.
    pub async fn create_role(&self, new: NewRole) -> Result<RoleView, ManageError> {
        check_name(&new.name)?;
        let edit = |catalog: &Catalog, added: &mut Additions| {
            let scope = known_scope(catalog, &new.scopes)?;
            self.require_authority(&scope)?;
            if catalog.roles().contains_key(&new.name) {
                return Err(ManageError::taken(KIND, &new.name));
            }
            check_count("roles", added.roles.len())?;
            added.roles.insert(new.name.clone(), scope);
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("role created", &new.name);
        self.role(&new.name).await
    }

    /// Changes a role, for everybody who has it.
    pub async fn change_role(
        &self,
        name: &str,
        change: RoleChange,
        precondition: &Precondition,
    ) -> Result<RoleView, ManageError> {
        let edit = |catalog: &Catalog, added: &mut Additions| {
            self.touch_role(catalog, name, precondition)?;
            if let Some(scopes) = &change.scopes {
                let scope = known_scope(catalog, scopes)?;
                self.require_authority(&scope)?;
                added.roles.insert(name.to_owned(), scope);
            }
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("role changed", name);
        self.role(name).await
    }

    /// Removes a role that nobody has.
    pub async fn remove_role(
        &self,
        name: &str,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        let catalog = self.catalog().await?;
        self.touch_role(&catalog, name, precondition)?;
        // Or a role of the same name that is made later would be given to them unseen.
        if let Some(username) = self.somebody_with(name).await? {
            return Err(ManageError::in_use(
                KIND,
                name,
                format!("the user `{username}`"),
            ));
        }
        let edit = |catalog: &Catalog, added: &mut Additions| {
            self.touch_role(catalog, name, precondition)?;
            added.roles.remove(name);
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("role removed", name);
        Ok(())
    }

    /// Changes the catalog, here at once and elsewhere within seconds.
    pub(super) async fn edit_catalog<T>(
        &self,
        edit: impl Fn(&Catalog, &mut Additions) -> Result<T, ManageError>,
    ) -> Result<T, ManageError> {
        let server = &self.server;
        server.catalogs().change(server.settings(), edit).await
    }

    fn view_of_role(&self, catalog: &Catalog, name: &str) -> Option<RoleView> {
        let scope = catalog.roles().get(name)?;
        Some(RoleView {
            name: name.to_owned(),
            scopes: scope.iter().map(str::to_owned).collect(),
            declared: self.server.settings().roles.contains_key(name),
        })
    }

    fn known_role(&self, catalog: &Catalog, name: &str) -> Result<RoleView, ManageError> {
        let view = self.view_of_role(catalog, name);
        view.ok_or_else(|| ManageError::unknown(KIND, name))
    }

    /// Refuses to change a role that is declared, that has moved on, or whose rights are not the
    /// actor's to take away.
    fn touch_role(
        &self,
        catalog: &Catalog,
        name: &str,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        let view = self.known_role(catalog, name)?;
        if view.declared {
            return Err(ManageError::declared(KIND, name));
        }
        precondition.check(&view)?;
        self.require_authority(&catalog.roles()[name])
    }

    async fn somebody_with(&self, role: &str) -> Result<Option<String>, ManageError> {
        let mut pages = self.server.users().pages();
        while let Some(users) = pages.next().await? {
            let mut users = users.into_iter().map(|user| user.record);
            if let Some(user) = users.find(|user| user.roles.iter().any(|known| known == role)) {
                return Ok(Some(user.username));
            }
        }
        Ok(None)
    }
}

/// Scopes that have words, so that somebody can be asked for them.
pub(super) fn known_scope(catalog: &Catalog, tokens: &[String]) -> Result<Scope, ManageError> {
    if let Some(unknown) = tokens.iter().find(|token| !catalog.is_known_scope(token)) {
        let text = format!("there is no scope `{unknown}`; make it first, with its words");
        return Err(ManageError::Invalid(text));
    }
    Scope::from_tokens(tokens).map_err(|error| ManageError::invalid(error.to_string()))
}

pub(super) fn check_count(what: &str, there_are: usize) -> Result<(), ManageError> {
    if there_are < MOST {
        return Ok(());
    }
    let text = format!("there are {MOST} {what} already, which is the limit");
    Err(ManageError::Invalid(text))
}

fn check_name(name: &str) -> Result<(), ManageError> {
    let is_allowed = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    if (1..=64).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(ManageError::invalid(
        "the name of a role is 1 to 64 characters of a-z, A-Z, 0-9, `.`, `_` and `-`",
    ))
}
