//! `sumun role`: what a person with one may let a client do.

use authorization_server::manage::{Management, NewRole, Precondition, RoleChange, RoleView};
use clap::{Args, Subcommand};

use super::Manage;
use super::output::{Output, joined};

/// `sumun role`
#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Makes a role
    Add(RoleWithScopes),
    /// Lists every role
    List,
    /// Shows a role
    Show(RoleName),
    /// Changes what a role permits, for everybody who has it
    Change(RoleWithScopes),
    /// Removes a role that nobody has
    Remove(RoleName),
}

/// Which role.
#[derive(Debug, Args)]
pub(crate) struct RoleName {
    /// The name of the role
    name: String,
}

/// A role and what it permits.
#[derive(Debug, Args)]
pub(crate) struct RoleWithScopes {
    /// The name of the role
    name: String,
    /// A scope that it permits, in place of what was; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

impl Manage for RoleCommand {
    async fn run(self, management: &Management, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::Add(RoleWithScopes { name, scopes }) => {
                let role = management.create_role(NewRole { name, scopes }).await?;
                output.done(&role, &format!("the role {} is made", role.name))
            }
            Self::List => {
                let roles = management.roles().await?.items;
                output.list(&roles, ["name", "scopes", "declared"], row)
            }
            Self::Show(RoleName { name }) => output.show(&management.role(&name).await?),
            Self::Change(RoleWithScopes { name, scopes }) => {
                let change = RoleChange {
                    scopes: Some(scopes),
                };
                let role = management
                    .change_role(&name, change, &Precondition::NONE)
                    .await?;
                output.done(&role, &format!("the role {name} is changed"))
            }
            Self::Remove(RoleName { name }) => {
                let role = management.role(&name).await?;
                management.remove_role(&name, &Precondition::NONE).await?;
                output.done(&role, &format!("the role {name} is removed"))
            }
        }
    }
}

fn row(role: &RoleView) -> [String; 3] {
    [
        role.name.clone(),
        joined(&role.scopes),
        where_from(role.declared),
    ]
}

/// Where something can be changed.
pub(super) fn where_from(declared: bool) -> String {
    if declared { "in the settings" } else { "-" }.to_owned()
}
