//! `sumun resource`: what tokens are issued for (RFC 8707).

use authorization_server::manage::{
    Management, NewResource, Precondition, ResourceChange, ResourceView,
};
use clap::{Args, Subcommand};

use super::Manage;
use super::output::{Output, joined};
use super::role::where_from;

/// `sumun resource`
#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Makes a resource known, so that tokens can be issued for it
    Add(AddResource),
    /// Lists every resource
    List,
    /// Shows a resource
    Show(Indicator),
    /// Changes a resource
    Change(ChangeResource),
    /// Removes a resource: no token is issued for it any more
    Remove(Indicator),
}

/// Which resource.
#[derive(Debug, Args)]
pub(crate) struct Indicator {
    /// The resource indicator, which is the address of the resource server
    indicator: String,
}

/// `sumun resource add`
#[derive(Debug, Args)]
pub(crate) struct AddResource {
    /// The resource indicator, which is the address of the resource server
    indicator: String,
    /// The name that people see
    #[arg(long)]
    name: String,
    /// A scope that means something to it; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

/// `sumun resource change`
#[derive(Debug, Args)]
pub(crate) struct ChangeResource {
    /// The resource indicator, which is the address of the resource server
    indicator: String,
    /// The name that people see
    #[arg(long)]
    name: Option<String>,
    /// A scope that means something to it, in place of what was; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

impl Manage for ResourceCommand {
    async fn run(self, management: &Management, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::Add(options) => {
                let resource = management.create_resource(NewResource {
                    indicator: options.indicator,
                    name: options.name,
                    scopes: options.scopes,
                });
                let resource = resource.await?;
                output.done(
                    &resource,
                    &format!("tokens are issued for {}", resource.indicator),
                )
            }
            Self::List => {
                let resources = management.resources().await?.items;
                output.list(&resources, ["indicator", "name", "scopes", "declared"], row)
            }
            Self::Show(Indicator { indicator }) => {
                output.show(&management.resource(&indicator).await?)
            }
            Self::Change(options) => {
                let scopes = options.scopes;
                let change = ResourceChange {
                    name: options.name,
                    scopes: (!scopes.is_empty()).then_some(scopes),
                };
                let changed = management
                    .change_resource(&options.indicator, change, &Precondition::NONE)
                    .await?;
                output.done(&changed, &format!("{} is changed", changed.indicator))
            }
            Self::Remove(Indicator { indicator }) => {
                let resource = management.resource(&indicator).await?;
                management
                    .remove_resource(&indicator, &Precondition::NONE)
                    .await?;
                let sentence = format!("no token is issued for {} any more", resource.indicator);
                output.done(&resource, &sentence)
            }
        }
    }
}

fn row(resource: &ResourceView) -> [String; 4] {
    [
        resource.indicator.clone(),
        resource.name.clone(),
        joined(&resource.scopes),
        where_from(resource.declared),
    ]
}
