//! Keys of clients that publish them at an address (RFC 7517 §5, RFC 7591 §2 `jwks_uri`).
//!
//! They are fetched at the first authentication and kept as HTTP allows, so that a client that
//! authenticates often does not make us fetch as often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use oauth::client::fetch::{Fetch, Reach};
use oauth::client::key_set::{KeySource, KeysUnavailable, RemoteKeySet};
use oauth::client_metadata::MAX_KEYS;
use oauth::jwk::JwkSet;
use oauth::time::Clock;
use tokio::sync::OwnedSemaphorePermit;

use crate::address::ClientAddress;
use crate::server::AuthorizationServer;
use crate::stranger::NotAsked;

/// How many sets are kept. Strangers can name addresses without end, and each set takes space.
const CAPACITY: usize = 256;

/// The key sets that clients used last.
#[derive(Debug)]
pub(crate) struct ClientKeySets {
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    sets: HashMap<String, (Arc<RemoteKeySet>, u64)>,
    /// Counts uses, so that the set which nobody has used for longest is known.
    uses: u64,
}

impl ClientKeySets {
    pub(crate) fn new(fetch: &Fetch, clock: &Arc<dyn Clock>) -> Self {
        Self {
            fetch: fetch.clone(),
            clock: Arc::clone(clock),
            kept: Mutex::default(),
        }
    }

    /// The set at `jwks_uri`, which is fetched when somebody asks it for keys.
    fn at(&self, jwks_uri: &str) -> Arc<RemoteKeySet> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let now = kept.uses;
        if let Some((set, used)) = kept.sets.get_mut(jwks_uri) {
            *used = now;
            return Arc::clone(set);
        }
        if kept.sets.len() >= CAPACITY {
            let oldest = kept.sets.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(uri, _)| uri.clone()) {
                kept.sets.remove(&oldest);
            }
        }
        let (fetch, clock) = (self.fetch.clone(), Arc::clone(&self.clock));
        // A stranger named the address.
        let set = RemoteKeySet::at(fetch, Reach::Public, jwks_uri, clock).at_most(MAX_KEYS);
        let set = Arc::new(set);
        kept.sets
            .insert(jwks_uri.to_owned(), (Arc::clone(&set), now));
        set
    }
}

impl AuthorizationServer {
    /// Where the keys of a client come from that publishes them at `jwks_uri`, for a caller at
    /// `address`.
    ///
    /// A set that is remembered costs nothing. Unknown keys need no count of their own: they make a
    /// set ask again twice a minute at most.
    pub(crate) async fn keys_of_client(
        &self,
        jwks_uri: &str,
        address: ClientAddress,
    ) -> Result<impl KeySource + use<>, NotAsked> {
        let set = self.client_key_sets().at(jwks_uri);
        let mut place = None;
        if set.remembered().is_none() {
            place = Some(self.place_to_ask(address).await);
        }
        // Whoever had the place before may have asked for the same set.
        if place.is_some() && set.remembered().is_none() {
            self.may_ask_stranger(address).await?;
        }
        Ok(StrangersKeys { set, _place: place })
    }
}

/// A key set, and the place of whoever waits for it.
#[derive(Debug)]
struct StrangersKeys {
    set: Arc<RemoteKeySet>,
    _place: Option<OwnedSemaphorePermit>,
}

#[async_trait]
impl KeySource for StrangersKeys {
    async fn keys(&self) -> Result<Arc<JwkSet>, KeysUnavailable> {
        self.set.keys().await
    }

    async fn keys_after_miss(&self, seen: &Arc<JwkSet>) -> Result<Arc<JwkSet>, KeysUnavailable> {
        self.set.keys_after_miss(seen).await
    }
}

#[cfg(test)]
mod tests {
    use oauth::client::fetch::Scripted;
    use oauth::time::SystemClock;

    use super::*;

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let sets = ClientKeySets::new(&Fetch::through(Scripted::default()), &clock);
        let address = |n: usize| format!("https://c{n}.example/keys");
        let often_used = sets.at(&address(0));
        for n in 1..=2 * CAPACITY {
            sets.at(&address(n));
            assert!(Arc::ptr_eq(&often_used, &sets.at(&address(0))));
        }
        let kept = sets.kept.lock().unwrap();
        assert_eq!(kept.sets.len(), CAPACITY);
        assert!(kept.sets.contains_key(&address(2 * CAPACITY)));
        assert!(!kept.sets.contains_key(&address(1)));
    }
}
