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

use crate::server::AuthorizationServer;

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
    /// Where the keys of a client come from that publishes them at `jwks_uri`.
    pub(crate) fn keys_of_client(&self, jwks_uri: &str) -> impl KeySource {
        StrangersKeys {
            set: self.client_key_sets().at(jwks_uri),
            server: self.clone(),
        }
    }
}

/// A key set for which a turn is waited for, unless it is remembered.
#[derive(Debug)]
struct StrangersKeys {
    set: Arc<RemoteKeySet>,
    server: AuthorizationServer,
}

#[async_trait]
impl KeySource for StrangersKeys {
    async fn keys(&self) -> Result<Arc<JwkSet>, KeysUnavailable> {
        if let Some(keys) = self.set.remembered() {
            return Ok(keys);
        }
        // Whoever asks for many addresses waits, so that we are nobody's cannon.
        let _turn = self.server.stranger_turn().await;
        self.set.keys().await
    }

    async fn keys_after_miss(&self, seen: &Arc<JwkSet>) -> Result<Arc<JwkSet>, KeysUnavailable> {
        let _turn = self.server.stranger_turn().await;
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
