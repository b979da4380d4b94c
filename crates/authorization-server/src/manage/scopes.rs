//! Scopes, each with the words that people are asked with (RFC 6749 §3.3).

use oauth::scope::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::roles::check_count;
use super::{Listing, ManageError, Management, Precondition, is_management_scope};
use crate::catalog::Catalog;
use crate::catalog::additions::Additions;
use crate::text::{Words, identity_scope};

/// What errors call a scope.
const KIND: &str = "scope";

/// A scope, in words.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Scope")]
pub struct ScopeView {
    /// The scope as it stands in tokens.
    pub name: String,
    /// What a client may do with it: a phrase that follows "This lets it …".
    pub words: Words,
    /// Whether the settings file declares it, so that it cannot be changed here.
    pub declared: bool,
}

/// A scope to be made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScope {
    /// The scope as it stands in tokens, without the prefix `manage:`.
    pub name: String,
    /// What a client may do with it: a phrase that follows "This lets it …".
    pub words: Words,
}

impl Management {
    /// Every scope that is not about identity, by name.
    pub async fn scopes(&self) -> Result<Listing<ScopeView>, ManageError> {
        let catalog = self.catalog().await?;
        let names = catalog.scopes().keys();
        let views = names.filter_map(|name| self.view_of_scope(&catalog, name));
        Ok(Listing::whole(views.collect()))
    }

    /// The scope called `name`.
    pub async fn scope(&self, name: &str) -> Result<ScopeView, ManageError> {
        self.known_scope(&*self.catalog().await?, name)
    }

    /// Makes a scope.
    pub async fn create_scope(&self, new: NewScope) -> Result<ScopeView, ManageError> {
        let name = &new.name;
        let is_token = Scope::from_tokens([name]).is_ok() && name.len() <= 128;
        if !is_token || is_management_scope(name) || identity_scope(name).is_some() {
            let text = format!(
                "`{name}` cannot be a new scope: it takes 1 to 128 printable ASCII characters except \
                 space, quote and backslash, and neither begins with `manage:` nor is about identity"
            );
            return Err(ManageError::Invalid(text));
        }
        check_words(&new.words)?;
        let edit = |catalog: &Catalog, added: &mut Additions| {
            if catalog.is_known_scope(name) {
                return Err(ManageError::taken(KIND, name));
            }
            check_count("scopes", added.scopes.len())?;
            added.scopes.insert(name.clone(), new.words.clone());
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("scope created", name);
        self.scope(name).await
    }

    /// Describes a scope in other words.
    pub async fn change_scope(
        &self,
        name: &str,
        words: Words,
        precondition: &Precondition,
    ) -> Result<ScopeView, ManageError> {
        check_words(&words)?;
        let edit = |catalog: &Catalog, added: &mut Additions| {
            self.touch_scope(catalog, name, precondition)?;
            added.scopes.insert(name.to_owned(), words.clone());
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("scope changed", name);
        self.scope(name).await
    }

    /// Removes a scope that no role and no resource has.
    pub async fn remove_scope(
        &self,
        name: &str,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        let edit = |catalog: &Catalog, added: &mut Additions| {
            self.touch_scope(catalog, name, precondition)?;
            let mut roles = catalog.roles().iter();
            if let Some((role, _)) = roles.find(|(_, scope)| scope.contains(name)) {
                return Err(ManageError::in_use(
                    KIND,
                    name,
                    format!("the role `{role}`"),
                ));
            }
            let mut resources = catalog.resources().iter();
            if let Some(resource) = resources.find(|resource| resource.scopes.contains(name)) {
                let user = format!("the resource `{}`", resource.indicator);
                return Err(ManageError::in_use(KIND, name, user));
            }
            added.scopes.remove(name);
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("scope removed", name);
        Ok(())
    }

    fn view_of_scope(&self, catalog: &Catalog, name: &str) -> Option<ScopeView> {
        Some(ScopeView {
            name: name.to_owned(),
            words: catalog.scopes().get(name)?.clone(),
            declared: self.server.settings().scopes.contains_key(name),
        })
    }

    fn known_scope(&self, catalog: &Catalog, name: &str) -> Result<ScopeView, ManageError> {
        let view = self.view_of_scope(catalog, name);
        view.ok_or_else(|| ManageError::unknown(KIND, name))
    }

    fn touch_scope(
        &self,
        catalog: &Catalog,
        name: &str,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        let view = self.known_scope(catalog, name)?;
        if view.declared {
            return Err(ManageError::declared(KIND, name));
        }
        precondition.check(&view)
    }
}

/// People decide by these words, so there are some, and they hide nothing.
fn check_words(words: &Words) -> Result<(), ManageError> {
    let is_good = |text: &str| {
        let length = text.trim().chars().count();
        (1..=200).contains(&length) && !text.chars().any(char::is_control)
    };
    if is_good(&words.en) && is_good(&words.ko) {
        return Ok(());
    }
    Err(ManageError::invalid(
        "words have 1 to 200 characters in English (en) and in Korean (ko), and no control characters",
    ))
}
