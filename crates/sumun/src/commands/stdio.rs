//! `sumun stdio`: the upstreams of a settings file for one client that only starts programs (MCP stdio).
//!
//! There is no token on a pipe. Whoever starts this program can read the settings and the data of the
//! house, and says on whose behalf the client calls; policy and audit are those of the house.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::policy::of_person;
use crate::house::{self, House};
use crate::settings::{self, Environment};
use crate::telemetry;

/// `sumun stdio`
#[derive(Debug, Args)]
pub(crate) struct Stdio {
    /// The person on whose behalf the client calls, by username
    #[arg(long = "as", value_name = "USERNAME")]
    person: String,
    /// One upstream alone, under its own names [default: all of them together]
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "sumun.toml")]
    config: PathBuf,
}

pub(super) async fn run(options: Stdio, environment: &Environment) -> anyhow::Result<()> {
    let settings = settings::load(&options.config, environment)?;
    let telemetry = telemetry::start(&settings)?;
    let gateway = settings.gateway.as_ref();
    let gateway = gateway.context("there is nothing behind the gateway: add [[upstreams]]")?;
    let upstream = options.upstream.as_deref();
    let endpoint = match upstream {
        Some(name) => {
            let mut upstreams = gateway.upstreams.iter();
            let found = upstreams.find(|upstream| upstream.settings.name == name);
            let found = found.with_context(|| format!("there is no upstream `{name}`"))?;
            found.endpoint.clone()
        }
        None => gateway.common.clone().context(
            "upstreams are not served together: name one with --upstream, or switch \
             `gateway.federated` on",
        )?,
    };
    let caller = of_person(&options.person, None, settings.clone(), &endpoint).await?;
    // Nobody connects, so any address does.
    let listener = house::bind(([127, 0, 0, 1], 0).into()).await?;
    let house = House::build(settings, listener).await?;
    let ended = house.serve_pipe(caller, upstream).await;
    telemetry.end();
    ended
}
