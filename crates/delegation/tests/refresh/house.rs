//! A house with one or more processes, one store and one strict provider.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use delegation::{Credential, Parts, RefreshSettings, ValidTokenError, ValidTokens, Vault};
use oauth::random::OsRandom;
use oauth::time::{ManualClock, NumericDate};
use store::{KeyRing, SharedStore, SqliteStore};

use crate::provider::Provider;

pub(crate) const NOW: NumericDate = NumericDate(1_000_000);

pub(crate) struct House {
    pub(crate) clock: ManualClock,
    pub(crate) provider: Provider,
    pub(crate) vault: Vault,
    /// One for each process.
    pub(crate) tokens: Vec<ValidTokens>,
}

impl House {
    /// Two processes over one store in memory.
    pub(crate) async fn start() -> Self {
        let clock = ManualClock::at(NOW);
        let store = SqliteStore::in_memory(Arc::new(clock.clone())).await;
        let store: SharedStore = Arc::new(store.unwrap());
        Self::over(clock, vec![Arc::clone(&store), store])
    }

    /// Two processes, each with its own connections to one file.
    pub(crate) async fn over_file(path: &Path) -> Self {
        let clock = ManualClock::at(NOW);
        let mut stores: Vec<SharedStore> = Vec::new();
        for _ in 0..2 {
            let store = SqliteStore::open(path, Arc::new(clock.clone())).await;
            stores.push(Arc::new(store.unwrap()));
        }
        Self::over(clock, stores)
    }

    fn over(clock: ManualClock, stores: Vec<SharedStore>) -> Self {
        let keys = Arc::new(KeyRing::ephemeral(&OsRandom));
        let provider = Provider::new(clock.clone());
        let vault = Vault::new(Arc::clone(&stores[0]), Arc::clone(&keys));
        let settings = RefreshSettings {
            poll_interval: Duration::from_millis(1),
            ..RefreshSettings::default()
        };
        let process = |store| {
            let parts = Parts {
                store,
                keys: Arc::clone(&keys),
                clock: Arc::new(clock.clone()),
                random: Arc::new(OsRandom),
                refresher: Arc::new(provider.clone()),
            };
            ValidTokens::new(parts, settings)
        };
        let tokens = stores.into_iter().map(process).collect();
        Self {
            clock,
            provider,
            vault,
            tokens,
        }
    }

    pub(crate) async fn connect(&self) -> Credential {
        let credential = self.provider.sign_in();
        self.keep(&credential).await;
        credential
    }

    pub(crate) async fn keep(&self, credential: &Credential) {
        let kept = self.vault.put("alice", "naver", credential).await;
        kept.unwrap();
    }

    /// Alice's token, in the first process.
    pub(crate) async fn token(&self) -> Result<String, ValidTokenError> {
        let token = self.tokens[0].valid_token("alice", "naver").await;
        token.map(|token| token.expose().to_owned())
    }
}
