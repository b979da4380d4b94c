//! `sumun config check`: everything that is wrong with a settings file, at once.

use std::io::Write as _;

use super::policy;
use crate::command_line::Config;
use crate::settings::{self, Environment, Gateway};

pub(super) fn check(options: &Config, environment: &Environment) -> anyhow::Result<()> {
    let settings = settings::load(&options.config, environment)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: good", options.config.display())?;
    writeln!(out, "  public address  {}", settings.public_url())?;
    writeln!(out, "  listens on      {}", settings.listen)?;
    writeln!(out, "  data in         {}", settings.data.display())?;
    for server in &settings.servers {
        writeln!(out, "  serves          {}", server.resource)?;
    }
    let guarded = settings.gateway.iter().flat_map(Gateway::endpoints);
    for endpoint in guarded {
        writeln!(out, "  guards          {}", endpoint.resource)?;
    }
    for note in policy::without_role(&settings) {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}
