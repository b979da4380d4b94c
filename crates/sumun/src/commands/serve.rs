//! `sumun serve`: runs the servers of a settings file.

use crate::command_line::Config;
use crate::house::{self, House};
use crate::settings::{self, Environment};
use crate::telemetry;

pub(super) async fn run(options: Config, environment: &Environment) -> anyhow::Result<()> {
    let settings = settings::load(&options.config, environment)?;
    let telemetry = telemetry::start(&settings)?;
    let listener = house::bind(settings.listen).await?;
    let mut house = House::build(settings, listener).await?;
    house.watch(&options.config, environment)?;
    let ended = house.run(|| Ok(())).await;
    telemetry.end();
    ended
}
