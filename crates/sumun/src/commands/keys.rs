//! `sumun keys`: the key ring, whose keys seal what is stored and tag codes and refresh tokens.

use std::io::Write as _;

use jiff::Timestamp;
use oauth::random::OsRandom;
use oauth::time::{Clock as _, NumericDate, SystemClock};
use store::KeyUsage;

use crate::command_line::{Config, RotateKeys};
use crate::data::{self, Data};
use crate::settings::{self, Environment};

pub(super) async fn list(options: Config, environment: &Environment) -> anyhow::Result<()> {
    let settings = settings::load(&options.config, environment)?;
    let data = data::open(&settings.data).await?;
    let listed = write_list(&data).await;
    data.store.close().await;
    listed
}

async fn write_list(data: &Data) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{:<12} {:<21} {:>8}  use", "key", "made", "records")?;
    for key in data.keys.keys() {
        let records = data.store.sealed_by(&key.kid).await?;
        let made = in_words(key.created_at);
        let usage = match key.usage {
            KeyUsage::Seals => "seals".to_owned(),
            KeyUsage::SealsFrom(from) => format!("seals from {} on", in_words(from)),
            KeyUsage::OpensUntilRetired { since } => {
                format!("opens, since {} another one seals", in_words(since))
            }
        };
        writeln!(out, "{:<12} {made:<21} {records:>8}  {usage}", key.kid)?;
    }
    Ok(())
}

pub(super) async fn rotate(options: RotateKeys, environment: &Environment) -> anyhow::Result<()> {
    let settings = settings::load(&options.config.config, environment)?;
    let data = data::open(&settings.data).await?;
    let from = in_words(SystemClock.now().plus(options.after));
    let added = data.keys.rotate(&OsRandom, &SystemClock, options.after);
    data.store.close().await;
    let kid = added?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "the key {kid} has been added, and seals from {from} on"
    )?;
    writeln!(
        out,
        "copy keyring.json to where it is backed up; the running house does the rest by itself, and \
         `sumun keys list` shows how far it is"
    )?;
    Ok(())
}

/// A point in time as people read it (RFC 3339).
fn in_words(date: NumericDate) -> String {
    Timestamp::from_second(date.0).map_or_else(|_| date.to_string(), |time| time.to_string())
}
