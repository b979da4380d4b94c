//! `sumun policy trust`: takes tools for what they say about themselves now.

use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use gateway::ToolPin;
use store::{Collection, ListBy};

use crate::data;
use crate::settings::{self, Environment};

/// `sumun policy trust`
#[derive(Debug, Args)]
pub(crate) struct TrustTools {
    /// The upstream
    upstream: String,
    /// The tools [default: all of the upstream]
    tools: Vec<String>,
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "sumun.toml")]
    config: PathBuf,
}

/// Forgets what the tools said before. A house that runs notices when it is asked for one of them.
pub(in crate::commands) async fn trust(
    options: TrustTools,
    environment: &Environment,
) -> anyhow::Result<()> {
    let settings = settings::load(&options.config, environment)?;
    let gateway = settings.gateway.iter();
    let upstreams = gateway.flat_map(|gateway| &gateway.upstreams);
    let names: Vec<_> = upstreams.map(|one| &*one.settings.name).collect();
    if !names.contains(&&*options.upstream) {
        let known = match &names[..] {
            [] => {
                "there is nothing behind the gateway: add [[upstreams]] to the settings".to_owned()
            }
            names => format!("there are {}", names.join(", ")),
        };
        bail!("no upstream is called `{}`: {known}", options.upstream);
    }
    let data = data::open(&settings.data).await?;
    let pins: Collection<ToolPin> = Collection::new(Arc::clone(&data.store) as _, data.keys);
    let mut forgotten = Vec::new();
    for pin in pins.all(ListBy::Owner(&options.upstream)).await? {
        if options.tools.is_empty() || options.tools.contains(&pin.tool) {
            pins.remove(&pin.key).await?;
            forgotten.push(pin.record.tool);
        }
    }
    data.store.close().await;
    let unknown: Vec<_> = options
        .tools
        .iter()
        .filter(|tool| !forgotten.contains(tool))
        .collect();
    if !unknown.is_empty() {
        bail!(
            "of `{}` no tool is known by these names: {unknown:?}",
            options.upstream
        );
    }
    let upstream = &options.upstream;
    let sentence = match forgotten.len() {
        0 => format!(
            "nothing is known of the tools of `{upstream}`: they are trusted as they are listed first"
        ),
        1 => format!(
            "1 tool of `{upstream}` is trusted as it describes itself when it is listed next"
        ),
        count => format!(
            "{count} tools of `{upstream}` are trusted as they describe themselves when they are listed next"
        ),
    };
    Ok(writeln!(stdout(), "{sentence}")?)
}
