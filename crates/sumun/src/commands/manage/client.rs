//! `sumun client`: applications, registered on a developer's behalf or by themselves (RFC 7591).

use authorization_server::manage::{
    ClientChange, ClientView, Management, NewClient, NewClientView, Precondition,
};
use clap::{Args, Subcommand};

use super::output::{Output, joined};
use super::user::or_empty;
use super::{Manage, all};

/// `sumun client`
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Registers a third-party application; its identifier and secret are shown this once
    Add(AddClient),
    /// Lists every client
    List,
    /// Shows a client
    Show(ClientId),
    /// Changes a client that was registered here
    Change(ChangeClient),
    /// Gives a client another secret, shown this once; the old one is void at once
    Secret(ClientId),
    /// Removes a client; its grants and tokens are void at once
    Remove(ClientId),
}

/// Which client.
#[derive(Debug, Args)]
pub(crate) struct ClientId {
    /// The client identifier
    client_id: String,
}

/// `sumun client add`
#[derive(Debug, Args)]
pub(crate) struct AddClient {
    /// The name that people see
    #[arg(long)]
    name: String,
    /// Where answers may go; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// A scope that it may ask for; may be repeated [default: every scope on behalf of a person,
    /// and none for itself]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A grant type that it uses; may be repeated [default: `authorization_code`, `refresh_token`]
    #[arg(long = "grant-type", value_name = "TYPE")]
    grant_types: Vec<String>,
    /// How it authenticates: none (for apps on people's machines), `client_secret_basic`,
    /// `client_secret_post` or `private_key_jwt` [default: with a secret, or with its keys]
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// The home page
    #[arg(long, value_name = "URI")]
    uri: Option<String>,
    /// The https address of its public keys
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
}

/// `sumun client change`
#[derive(Debug, Args)]
pub(crate) struct ChangeClient {
    /// The client identifier
    client_id: String,
    /// The name that people see
    #[arg(long)]
    name: Option<String>,
    /// Where answers may go, in place of what was; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// The scopes that it may ask for, separated by spaces, in place of what was; empty to lift the limit
    #[arg(long)]
    scope: Option<String>,
    /// The home page; empty to forget it
    #[arg(long, value_name = "URI")]
    uri: Option<String>,
    /// The https address of its public keys; empty to forget it
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
}

impl Manage for ClientCommand {
    async fn run(self, management: &Management, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::Add(options) => {
                let new = management.create_client(new_client(options)).await?;
                once(output, &new)
            }
            Self::List => {
                let clients = all(async |page| management.clients(page).await).await?;
                let columns = [
                    "client_id",
                    "name",
                    "origin",
                    "grant types",
                    "redirect URIs",
                ];
                output.list(&clients, columns, row)
            }
            Self::Show(ClientId { client_id }) => {
                output.show(&management.client(&client_id).await?)
            }
            Self::Change(options) => {
                let uris = options.redirect_uris;
                let change = ClientChange {
                    client_name: options.name,
                    client_uri: or_empty(options.uri),
                    grant_types: None,
                    redirect_uris: (!uris.is_empty()).then_some(uris),
                    scope: or_empty(options.scope),
                    jwks_uri: or_empty(options.jwks_uri),
                };
                let id = options.client_id;
                let changed = management
                    .change_client(&id, change, &Precondition::NONE)
                    .await?;
                output.done(&changed, &format!("the client {id} is changed"))
            }
            Self::Secret(ClientId { client_id }) => {
                let rotated = management
                    .rotate_client_secret(&client_id, &Precondition::NONE)
                    .await?;
                once(output, &rotated)
            }
            Self::Remove(ClientId { client_id }) => {
                let client = management.client(&client_id).await?;
                management
                    .remove_client(&client_id, &Precondition::NONE)
                    .await?;
                output.done(&client, &format!("the client {client_id} is removed"))
            }
        }
    }
}

fn new_client(options: AddClient) -> NewClient {
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    NewClient {
        client_name: options.name,
        client_uri: options.uri,
        token_endpoint_auth_method: options.auth_method,
        grant_types: some(options.grant_types),
        redirect_uris: options.redirect_uris,
        scope: some(options.scopes).map(|scopes| scopes.join(" ")),
        jwks_uri: options.jwks_uri,
    }
}

/// What the developer needs. The secret is kept nowhere, so nobody can show it again.
fn once(output: &Output, new: &NewClientView) -> anyhow::Result<()> {
    let mut lines = vec![format!("client_id      {}", new.client.client_id)];
    if let Some(secret) = &new.client_secret {
        lines.push(format!("client_secret  {secret}"));
    }
    output.done_in_lines(new, &lines)
}

fn row(client: &ClientView) -> [String; 5] {
    let origin = serde_json::to_value(client.origin).unwrap_or_default();
    [
        client.client_id.clone(),
        client.client_name.clone().unwrap_or_else(|| "-".to_owned()),
        origin.as_str().unwrap_or_default().to_owned(),
        joined(&client.grant_types),
        joined(&client.redirect_uris),
    ]
}
