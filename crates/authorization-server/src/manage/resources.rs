//! Resources: what tokens are issued for (RFC 8707).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::roles::{check_count, known_scope};
use super::{Listing, ManageError, Management, Precondition, is_management_scope};
use crate::catalog::Catalog;
use crate::catalog::additions::Additions;
use crate::settings::Resource;

/// What errors call a resource.
const KIND: &str = "resource";

/// A resource server, as tokens name it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Resource")]
pub struct ResourceView {
    /// A short name for addresses, made of the indicator.
    pub id: String,
    /// The resource indicator, which is the `aud` of tokens.
    pub indicator: String,
    /// The name that people see.
    pub name: String,
    /// The scopes that mean something to this resource.
    pub scopes: Vec<String>,
    /// Whether the settings file declares it, so that it cannot be changed here.
    pub declared: bool,
}

/// A resource to be made known.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResource {
    /// The resource indicator: the public https address of the resource server.
    pub indicator: String,
    /// The name that people see.
    pub name: String,
    /// The scopes that mean something to this resource.
    pub scopes: Vec<String>,
}

/// What becomes of a resource; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceChange {
    /// The name that people see.
    pub name: Option<String>,
    /// The scopes that mean something to this resource.
    pub scopes: Option<Vec<String>>,
}

impl Management {
    /// Every resource, those of the settings first.
    pub async fn resources(&self) -> Result<Listing<ResourceView>, ManageError> {
        let catalog = self.catalog().await?;
        let views = catalog.resources().iter().map(|r| self.view_of_resource(r));
        Ok(Listing::whole(views.collect()))
    }

    /// The resource with this id, or with this indicator.
    pub async fn resource(&self, id: &str) -> Result<ResourceView, ManageError> {
        let catalog = self.catalog().await?;
        Ok(self.view_of_resource(known_resource(&catalog, id)?))
    }

    /// Makes a resource known, so that tokens can be issued for it.
    pub async fn create_resource(&self, new: NewResource) -> Result<ResourceView, ManageError> {
        let indicator = ResourceIndicator::parse(&new.indicator)
            .map_err(|error| ManageError::invalid(error.to_string()))?;
        let is_web = ["https://", "http://"]
            .iter()
            .any(|scheme| indicator.as_str().starts_with(scheme));
        if !is_web || indicator.as_str().len() > 512 {
            return Err(ManageError::invalid(
                "indicator must be the http or https address of the resource server",
            ));
        }
        check_name(&new.name)?;
        let edit = |catalog: &Catalog, added: &mut Additions| {
            if catalog.resource(&indicator).is_some() {
                return Err(ManageError::taken(KIND, indicator.as_str()));
            }
            check_count("resources", added.resources.len())?;
            added.resources.push(Resource {
                indicator: indicator.clone(),
                name: new.name.clone(),
                scopes: resource_scope(catalog, &new.scopes)?,
            });
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("resource created", indicator.as_str());
        self.resource(indicator.as_str()).await
    }

    /// Changes a resource.
    pub async fn change_resource(
        &self,
        id: &str,
        change: ResourceChange,
        precondition: &Precondition,
    ) -> Result<ResourceView, ManageError> {
        change.name.as_deref().map_or(Ok(()), check_name)?;
        let edit = |catalog: &Catalog, added: &mut Additions| {
            let changed = self.touch_resource(catalog, added, id, precondition)?;
            if let Some(name) = &change.name {
                changed.name.clone_from(name);
            }
            if let Some(scopes) = &change.scopes {
                changed.scopes = resource_scope(catalog, scopes)?;
            }
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("resource changed", id);
        self.resource(id).await
    }

    /// Removes a resource: no token is issued for it any more.
    pub async fn remove_resource(
        &self,
        id: &str,
        precondition: &Precondition,
    ) -> Result<(), ManageError> {
        let edit = |catalog: &Catalog, added: &mut Additions| {
            let gone = self.touch_resource(catalog, added, id, precondition)?;
            let gone = gone.indicator.clone();
            added
                .resources
                .retain(|resource| resource.indicator != gone);
            Ok(())
        };
        self.edit_catalog(edit).await?;
        self.log("resource removed", id);
        Ok(())
    }

    fn view_of_resource(&self, resource: &Resource) -> ResourceView {
        let settings = self.server.settings();
        let declared = self.server.catalogs().declared(settings);
        let mut declared = declared.iter();
        ResourceView {
            id: id_of(resource),
            indicator: resource.indicator.as_str().to_owned(),
            name: resource.name.clone(),
            scopes: resource.scopes.iter().map(str::to_owned).collect(),
            declared: declared.any(|known| known.indicator == resource.indicator),
        }
    }

    /// The resource as it was added, to be changed.
    fn touch_resource<'a>(
        &self,
        catalog: &Catalog,
        added: &'a mut Additions,
        id: &str,
        precondition: &Precondition,
    ) -> Result<&'a mut Resource, ManageError> {
        let known = known_resource(catalog, id)?;
        let view = self.view_of_resource(known);
        if view.declared {
            return Err(ManageError::declared(KIND, &view.indicator));
        }
        precondition.check(&view)?;
        let mut added = added.resources.iter_mut();
        let found = added.find(|resource| resource.indicator == known.indicator);
        found.ok_or_else(|| ManageError::unknown(KIND, id))
    }
}

fn known_resource<'a>(catalog: &'a Catalog, id: &str) -> Result<&'a Resource, ManageError> {
    let indicator = ResourceIndicator::parse(id).ok();
    let is_meant = |resource: &&Resource| {
        id_of(resource) == id || indicator.as_ref() == Some(&resource.indicator)
    };
    let resource = catalog.resources().iter().find(is_meant);
    resource.ok_or_else(|| ManageError::unknown(KIND, id))
}

/// An indicator is a URL, which many proxies mangle inside the path of another one.
fn id_of(resource: &Resource) -> String {
    let hash = digest(&SHA256, resource.indicator.as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

/// Scopes that a resource other than the management API may have.
fn resource_scope(catalog: &Catalog, tokens: &[String]) -> Result<Scope, ManageError> {
    if let Some(token) = tokens.iter().find(|token| is_management_scope(token)) {
        let text = format!("`{token}` is for the management API alone");
        return Err(ManageError::Invalid(text));
    }
    known_scope(catalog, tokens)
}

fn check_name(name: &str) -> Result<(), ManageError> {
    let length = name.trim().chars().count();
    if (1..=100).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ManageError::invalid(
        "the name of a resource has 1 to 100 characters and no control characters",
    ))
}
