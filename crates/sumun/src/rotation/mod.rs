//! Rotation of the key ring, as far as a running house takes it by itself (`docs/storage.md`).

use std::sync::Arc;
use std::time::Duration;

use oauth::time::{Clock, NumericDate};
use store::{KeyInfo, KeyUsage};

use crate::data::Data;

/// How long after the last handle an old key stays, for clocks that disagree and requests that have
/// begun.
const LEEWAY: Duration = Duration::from_mins(10);

/// How long to wait after a key could not be retired: to find that out, every record is counted.
const PATIENCE: Duration = Duration::from_hours(1);

/// Follows the key ring's file, moves records to the key that seals, and retires what is not needed.
pub(crate) struct Rotation {
    data: Data,
    clock: Arc<dyn Clock>,
    /// How long a code or a refresh token lives that an old key has tagged.
    handles: Duration,
    /// The key under which all records have been brought.
    complete: Option<String>,
    retire_from: NumericDate,
}

impl Rotation {
    /// For a house whose codes and refresh tokens live for `handles` at most.
    pub(crate) fn new(data: Data, clock: Arc<dyn Clock>, handles: Duration) -> Self {
        Self {
            data,
            clock,
            handles,
            complete: None,
            retire_from: NumericDate(0),
        }
    }

    /// Does what is due. To be called every minute or so, and harmless at any time.
    pub(crate) async fn advance(&mut self) -> anyhow::Result<()> {
        self.data.keys.reload(&*self.clock)?;
        let keys = self.data.keys.keys();
        let (older, sealing) = use_of(&keys);
        if older.is_empty() {
            return Ok(());
        }
        if self.complete.as_ref() != Some(sealing) {
            if !self.rewrap(sealing).await? {
                return Ok(());
            }
            self.complete = Some(sealing.clone());
        }
        let now = self.clock.now();
        let is_due = |since: NumericDate| since.plus(self.handles).plus(LEEWAY) <= now;
        let due = older.into_iter().filter(|(_, since)| is_due(*since));
        let due: Vec<_> = due.map(|(kid, _)| kid).collect();
        if due.is_empty() || now < self.retire_from {
            return Ok(());
        }
        // Another process may have gone on sealing with its older key for a while.
        self.rewrap(sealing).await?;
        for kid in due {
            self.retire(kid, now).await?;
        }
        Ok(())
    }

    /// Whether every record that opens is under the key `sealing` now.
    async fn rewrap(&self, sealing: &str) -> anyhow::Result<bool> {
        let done = self.data.store.rewrap(&self.data.keys).await?;
        if done.rewrapped > 0 {
            let records = done.rewrapped;
            tracing::info!(
                key.id = sealing,
                records,
                "key ring: records are under the new key"
            );
        }
        if done.unreadable > 0 {
            let records = done.unreadable;
            tracing::error!(
                records,
                "key ring: records cannot be opened and stay as they are"
            );
        }
        // The key may have changed meanwhile, and then there is more to do.
        Ok(use_of(&self.data.keys.keys()).1 == sealing)
    }

    async fn retire(&mut self, kid: &str, now: NumericDate) -> anyhow::Result<()> {
        let records = self.data.store.sealed_by(kid).await?;
        if records > 0 {
            self.retire_from = now.plus(PATIENCE);
            tracing::warn!(key.id = kid, records, "key ring: an old key has to stay");
            return Ok(());
        }
        self.data.keys.retire(kid, &*self.clock)?;
        tracing::info!(
            key.id = kid,
            "key ring: nothing needs the old key, it is retired"
        );
        Ok(())
    }
}

/// The keys that only open, with the time since when, and the key that seals.
fn use_of(keys: &[KeyInfo]) -> (Vec<(&String, NumericDate)>, &String) {
    let sealing = keys.iter().find(|key| key.usage == KeyUsage::Seals);
    let sealing = sealing.expect("one key of a ring always seals");
    let older = keys.iter().filter_map(|key| match key.usage {
        KeyUsage::OpensUntilRetired { since } => Some((&key.kid, since)),
        KeyUsage::Seals | KeyUsage::SealsFrom(_) => None,
    });
    (older.collect(), &sealing.kid)
}

#[cfg(test)]
mod tests;
