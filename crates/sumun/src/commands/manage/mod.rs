//! `sumun user`, `client`, `grant`, `role`, `scope` and `resource`: what the management API does, on
//! the store of the settings file and without a token.

mod client;
mod grant;
mod output;
mod resource;
mod role;
mod scope;
mod user;

use std::path::PathBuf;

use authorization_server::AuthorizationServer;
use authorization_server::manage::{Actor, Listing, ManageError, Management};
use clap::Args;
use store::Page;

use crate::settings::{self, Environment};
use crate::{app, audit_log, data};
use output::Output;

pub(crate) use client::ClientCommand;
pub(crate) use grant::GrantCommand;
pub(crate) use resource::ResourceCommand;
pub(crate) use role::RoleCommand;
pub(crate) use scope::ScopeCommand;
pub(crate) use user::UserCommand;

/// One of these commands, with the options that all of them have.
#[derive(Debug, Args)]
pub(crate) struct Managed<C: clap::Subcommand> {
    #[command(subcommand)]
    command: C,
    #[command(flatten)]
    options: Options,
}

/// The options of every command here.
#[derive(Debug, Args)]
struct Options {
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "sumun.toml", global = true)]
    config: PathBuf,
    /// Writes JSON, as the management API answers
    #[arg(long, global = true)]
    json: bool,
}

/// Something to do at the controls.
pub(crate) trait Manage {
    /// Does it, and says so.
    async fn run(self, management: &Management, output: &Output) -> anyhow::Result<()>;
}

/// Opens the store, does what is asked for, and closes it again.
pub(super) async fn run<C: clap::Subcommand + Manage>(
    managed: Managed<C>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let Managed { command, options } = managed;
    let settings = settings::load(&options.config, environment)?;
    let data = data::open(&settings.data).await?;
    let parts = app::parts(&data)?;
    let recorder = audit_log::open_for_command(settings.audit.as_ref())?;
    let server = AuthorizationServer::start(settings.authorization_server, parts).await?;
    if let Some(log) = recorder.log() {
        server.record_in(log.clone());
    }
    let management = server.management(Actor::Operator);
    let done = command.run(&management, &Output::new(options.json)).await;
    // What was changed is recorded before the command ends.
    server.settle().await;
    data.store.close().await;
    done
}

/// Every item of a list, page by page.
async fn all<T>(
    list: impl AsyncFn(Page) -> Result<Listing<T>, ManageError>,
) -> Result<Vec<T>, ManageError> {
    let mut items = Vec::new();
    let mut page = Page::default();
    loop {
        let listing = list(page.clone()).await?;
        items.extend(listing.items);
        if listing.next.is_none() {
            return Ok(items);
        }
        page.before = listing.next;
    }
}
