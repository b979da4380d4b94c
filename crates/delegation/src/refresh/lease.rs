//! The lease: who may renew a credential, in a house of many processes.

use std::sync::Arc;
use std::time::Duration;

use oauth::random::{Random, token};
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, Record, SharedStore, StoreError};

/// A lease as it is stored, under the key of its credential.
#[derive(Debug, Serialize, Deserialize)]
struct StoredLease {
    holder: String,
    /// Nobody holds it: the provider is left alone until then.
    rests: bool,
    expires_at: NumericDate,
}

impl Record for StoredLease {
    const KIND: Kind = Kind::new("credential_lease");

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.expires_at)
    }
}

/// The right to renew one credential, until its end.
#[derive(Debug)]
pub(super) struct Lease {
    key: String,
    holder: String,
    pub(super) expires_at: NumericDate,
}

/// What somebody finds who wants to renew a credential.
#[derive(Debug)]
pub(super) enum Turn {
    Mine(Lease),
    SomebodyElses,
    /// Nobody's until then, because the provider has just failed.
    Resting(NumericDate),
}

/// The leases of all credentials.
#[derive(Debug)]
pub(super) struct Leases {
    records: Collection<StoredLease>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    length: Duration,
}

impl Leases {
    pub(super) fn new(
        store: SharedStore,
        keys: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        length: Duration,
    ) -> Self {
        Self {
            records: Collection::new(store, keys),
            clock,
            random,
            length,
        }
    }

    pub(super) async fn acquire(&self, key: &str) -> Result<Turn, StoreError> {
        let lease = StoredLease {
            holder: token::<16>(&*self.random),
            rests: false,
            expires_at: self.clock.now().plus(self.length),
        };
        if self.records.insert(key, &lease).await? {
            return Ok(Turn::Mine(Lease {
                key: key.to_owned(),
                holder: lease.holder,
                expires_at: lease.expires_at,
            }));
        }
        let found = self.records.get(key).await?;
        Ok(match found.filter(|lease| lease.rests) {
            Some(lease) => Turn::Resting(lease.expires_at),
            None => Turn::SomebodyElses,
        })
    }

    /// Lets the next one have its turn.
    pub(super) async fn release(&self, lease: Lease) {
        self.leave(lease, None).await;
    }

    /// Lets nobody have a turn until `until`.
    pub(super) async fn rest(&self, lease: Lease, until: NumericDate) {
        self.leave(lease, Some(until)).await;
    }

    async fn leave(&self, lease: Lease, rest_until: Option<NumericDate>) {
        if let Err(error) = self.give_up(&lease, rest_until).await {
            // It ends by itself.
            tracing::warn!(%error, "a lease on a credential could not be given up");
        }
    }

    async fn give_up(
        &self,
        lease: &Lease,
        rest_until: Option<NumericDate>,
    ) -> Result<(), StoreError> {
        // A holder that was too slow must not end the lease of the next one: hence `replace`, after
        // a look at whose it is, and no removal.
        let current = self.records.get(&lease.key).await?;
        if let Some(current) = current.filter(|current| current.holder == lease.holder) {
            let next = StoredLease {
                holder: lease.holder.clone(),
                rests: rest_until.is_some(),
                expires_at: rest_until.unwrap_or_else(|| self.clock.now()),
            };
            self.records.replace(&current, &next).await?;
        }
        Ok(())
    }
}
