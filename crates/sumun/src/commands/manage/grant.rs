//! `sumun grant`: what people have allowed clients (RFC 7009).

use anyhow::bail;
use authorization_server::manage::{GrantFilter, GrantView, Management, Precondition};
use clap::{Args, Subcommand};

use super::output::Output;
use super::user::find;
use super::{Manage, all};

/// `sumun grant`
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Lists grants that are alive
    List(Filter),
    /// Shows a grant
    Show(GrantId),
    /// Ends a grant, or all of a person or client, with every token that was issued for it
    Revoke(Revoke),
}

/// Which grants.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Only those of the person with this username
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    /// Only those of this client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
}

/// Which grant.
#[derive(Debug, Args)]
pub(crate) struct GrantId {
    /// The id of the grant
    id: String,
}

/// `sumun grant revoke`
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The id of the grant
    #[arg(conflicts_with_all = ["user", "client"])]
    id: Option<String>,
    #[command(flatten)]
    filter: Filter,
}

impl Manage for GrantCommand {
    async fn run(self, management: &Management, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::List(filter) => {
                let user = filter.user(management).await?;
                let filter = filter.of(user.as_deref());
                let grants = all(async |page| management.grants(filter, page).await).await?;
                let columns = ["id", "user", "client", "resource", "scope"];
                output.list(&grants, columns, row)
            }
            Self::Show(GrantId { id }) => output.show(&management.grant(&id).await?),
            Self::Revoke(Revoke { id: Some(id), .. }) => {
                let grant = management.grant(&id).await?;
                management.revoke_grant(&id, &Precondition::NONE).await?;
                output.done(&grant, &format!("the grant {id} is revoked"))
            }
            Self::Revoke(Revoke { id: None, filter }) => {
                if filter.user.is_none() && filter.client.is_none() {
                    bail!("nothing is revoked: name a grant by its id, or use --user or --client");
                }
                let user = filter.user(management).await?;
                let revoked = management.revoke_grants(filter.of(user.as_deref())).await?;
                let view = serde_json::json!({ "revoked": revoked });
                output.done(&view, &format!("revoked: {revoked}"))
            }
        }
    }
}

impl Filter {
    /// The id of the person.
    async fn user(&self, management: &Management) -> anyhow::Result<Option<String>> {
        match &self.user {
            Some(username) => Ok(Some(find(management, username).await?.id)),
            None => Ok(None),
        }
    }

    fn of<'a>(&'a self, user: Option<&'a str>) -> GrantFilter<'a> {
        GrantFilter {
            user,
            client_id: self.client.as_deref(),
        }
    }
}

fn row(grant: &GrantView) -> [String; 5] {
    [
        grant.id.clone(),
        grant.user.clone(),
        grant.client_id.clone(),
        grant.resource.clone(),
        grant.scope.clone(),
    ]
}
