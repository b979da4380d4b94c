//! What was added to the settings while the server ran: one record, so that it never contradicts
//! itself.

use std::collections::BTreeMap;

use oauth::scope::Scope;
use serde::{Deserialize, Serialize};
use store::{Collection, Kind, Record, StoreError, Versioned};

use super::{Catalog, Catalogs, of};
use crate::settings::{Resource, Settings};
use crate::text::Words;

/// The one record of its kind has this key.
const KEY: &str = "additions";

/// Resources, scopes and roles that the settings do not have.
///
/// They stand in one record because they speak of each other: a change sees all of them, and of two
/// changes at once one is made after the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Additions {
    pub(crate) resources: Vec<Resource>,
    pub(crate) scopes: BTreeMap<String, Words>,
    pub(crate) roles: BTreeMap<String, Scope>,
}

impl Record for Additions {
    const KIND: Kind = Kind::new("catalog");
    // Not a secret, but whoever can write into the store must not be able to give a role rights.
    const SEALED: bool = true;
}

impl Additions {
    /// Nothing added.
    pub(crate) const fn none() -> Self {
        Self {
            resources: Vec::new(),
            scopes: BTreeMap::new(),
            roles: BTreeMap::new(),
        }
    }
}

pub(super) async fn read(
    records: &Collection<Additions>,
) -> Result<Option<Versioned<Additions>>, StoreError> {
    records.get(KEY).await
}

impl Catalogs {
    /// Changes what was added. `edit` sees the whole catalog as it is stored, decides, and is asked
    /// again when somebody else was faster.
    pub(crate) async fn change<T, E: From<StoreError>>(
        &self,
        settings: &Settings,
        edit: impl Fn(&Catalog, &mut Additions) -> Result<T, E>,
    ) -> Result<T, E> {
        let _turn = self.renewal.lock().await;
        loop {
            let stored = read(&self.records).await?;
            let mut next = of(stored.as_ref()).clone();
            let catalog = self.made_of(settings, &next);
            let result = edit(&catalog, &mut next)?;
            let is_written = match &stored {
                Some(stored) => self.records.replace(stored, &next).await?,
                None => self.records.insert(KEY, &next).await?,
            };
            if is_written {
                self.set(settings, &next);
                return Ok(result);
            }
        }
    }
}
