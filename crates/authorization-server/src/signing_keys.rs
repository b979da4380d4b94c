//! Signing keys and their rotation with overlap (RFC 7517 §5, acceptance A9).
//!
//! A key is published before it signs and stays published until the last token it signed has
//! ended, so neither a cached key set nor a rotation ever makes a good token bad.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oauth::jwk::JwkSet;
use oauth::jws::Algorithm;
use oauth::signing_key::SigningKey;
use oauth::time::{Clock, NumericDate};
use serde::{Deserialize, Serialize};
use store::{Collection, KeyRing, Kind, ListBy, Page, Record, SharedStore, StoreError, Versioned};

use crate::manage::{KeyState, KeyView};
use crate::settings::Settings;

/// How long a new key is published before it signs: longer than any key set is cached.
const PUBLISHED_AHEAD: Duration = Duration::from_mins(15);
/// How long key sets may be cached (`Cache-Control: max-age` of the JWKS endpoint).
pub(crate) const KEY_SET_MAX_AGE: Duration = Duration::from_mins(5);
/// How long after its last token a key stays published, for clocks that disagree.
const PUBLISHED_AFTER: Duration = Duration::from_mins(5);

/// A private key as it is stored, sealed.
#[derive(Clone, Serialize, Deserialize)]
struct StoredKey {
    sequence: u64,
    algorithm: Algorithm,
    pkcs8: String,
    signs_from: NumericDate,
    /// Set when a successor exists.
    published_until: Option<NumericDate>,
}

impl Record for StoredKey {
    const KIND: Kind = Kind::new("signing_key");
    const SEALED: bool = true;

    fn expires_at(&self) -> Option<NumericDate> {
        self.published_until
    }
}

impl StoredKey {
    fn key(&self) -> String {
        format!("{:010}", self.sequence)
    }

    /// The key itself; nothing when the record holds none that signs.
    fn read(&self) -> Option<SigningKey> {
        let pkcs8 = STANDARD.decode(&self.pkcs8).ok()?;
        SigningKey::from_pkcs8(self.algorithm, &pkcs8).ok()
    }
}

/// The keys that sign and verify.
#[derive(Debug)]
pub(crate) struct SigningKeys {
    records: Collection<StoredKey>,
    algorithm: Algorithm,
    rotate_after: Duration,
    token_lifetime: Duration,
    current: RwLock<Current>,
}

#[derive(Clone, Debug)]
struct Current {
    signing: Arc<SigningKey>,
    public: Arc<JwkSet>,
}

impl SigningKeys {
    /// Loads the keys, or makes the first one.
    pub(crate) async fn load(
        settings: &Settings,
        store: &SharedStore,
        keys: &Arc<KeyRing>,
        clock: &dyn Clock,
    ) -> Result<Self, StoreError> {
        let records = Collection::new(Arc::clone(store), Arc::clone(keys));
        let algorithm = settings.signing_algorithm;
        let rotate_after = settings.lifetimes.signing_key;
        let stored = bring_up_to_date(
            &records,
            algorithm,
            rotate_after,
            settings.lifetimes.access_token,
            clock.now(),
            false,
        )
        .await?;
        let current = RwLock::new(choose(&stored, clock.now()));
        let token_lifetime = settings.lifetimes.access_token;
        Ok(Self {
            records,
            algorithm,
            rotate_after,
            token_lifetime,
            current,
        })
    }

    /// Makes a new key when the newest one is old enough, and reads what other replicas made.
    pub(crate) async fn rotate_if_due(&self, clock: &dyn Clock) -> Result<(), StoreError> {
        self.renew(clock.now(), false).await
    }

    /// Makes the next key now, unless there is one that does not sign yet.
    pub(crate) async fn rotate(&self, now: NumericDate) -> Result<(), StoreError> {
        self.renew(now, true).await
    }

    /// Every key with what it does at the moment `now`, the newest first.
    pub(crate) async fn list(&self, now: NumericDate) -> Result<Vec<KeyView>, StoreError> {
        let mut stored = self.records.list(ListBy::All, Page::default()).await?;
        stored.sort_by_key(|key| std::cmp::Reverse(key.sequence));
        let signing = choose(&stored, now).signing;
        let signing = signing.public().kid.as_deref();
        let keys = stored.iter().filter_map(|key| Some((key, key.read()?)));
        let view = |(stored, key): (&Versioned<StoredKey>, SigningKey)| KeyView {
            state: if key.public().kid.as_deref() == signing {
                KeyState::Signing
            } else if stored.signs_from > now {
                KeyState::Next
            } else {
                KeyState::Retired
            },
            kid: key.public().kid.clone().unwrap_or_default(),
            alg: key.public().alg.clone().unwrap_or_default(),
            signs_from: stored.signs_from.0,
            published_until: stored.published_until.map(|date| date.0),
        };
        Ok(keys.map(view).collect())
    }

    async fn renew(&self, now: NumericDate, is_wanted: bool) -> Result<(), StoreError> {
        let stored = bring_up_to_date(
            &self.records,
            self.algorithm,
            self.rotate_after,
            self.token_lifetime,
            now,
            is_wanted,
        )
        .await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = choose(&stored, now);
        Ok(())
    }

    /// The key that signs now.
    pub(crate) fn signing(&self) -> Arc<SigningKey> {
        Arc::clone(&self.read().signing)
    }

    /// Every key that a token in use may be signed by, and the next one.
    pub(crate) fn key_set(&self) -> Arc<JwkSet> {
        Arc::clone(&self.read().public)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stored keys, newest first, after making a new one if that is due.
async fn bring_up_to_date(
    records: &Collection<StoredKey>,
    algorithm: Algorithm,
    rotate_after: Duration,
    token_lifetime: Duration,
    now: NumericDate,
    is_wanted: bool,
) -> Result<Vec<Versioned<StoredKey>>, StoreError> {
    loop {
        let mut stored = records.list(ListBy::All, Page::default()).await?;
        stored.sort_by_key(|key| std::cmp::Reverse(key.sequence));
        let newest = stored.first();
        let is_due = |key: &Versioned<StoredKey>| {
            let is_old = now.since(key.signs_from) >= rotate_after;
            key.algorithm != algorithm || is_old || (is_wanted && key.signs_from <= now)
        };
        if newest.is_some_and(|key| !is_due(key)) {
            return Ok(stored);
        }
        let pkcs8 = SigningKey::generate(algorithm)
            .expect("settings were checked: the algorithm is one that signs");
        let next = StoredKey {
            sequence: newest.map_or(1, |key| key.sequence + 1),
            algorithm,
            pkcs8: STANDARD.encode(&*pkcs8),
            signs_from: newest.map_or(now, |_| now.plus(PUBLISHED_AHEAD)),
            published_until: None,
        };
        // Replicas race for the sequence number; whoever loses reads the winner's key.
        if records.insert(&next.key(), &next).await? {
            for older in stored.iter().filter(|key| key.published_until.is_none()) {
                let until = next.signs_from.plus(token_lifetime).plus(PUBLISHED_AFTER);
                let retired = StoredKey {
                    published_until: Some(until),
                    ..older.record.clone()
                };
                records.replace(older, &retired).await?;
            }
        }
    }
}

/// The newest key that may sign already signs; all of them verify.
fn choose(stored: &[Versioned<StoredKey>], now: NumericDate) -> Current {
    let keys: Vec<_> = stored
        .iter()
        .filter_map(|key| Some((key, Arc::new(key.read()?))))
        .collect();
    let ready = keys
        .iter()
        .find(|(key, _)| key.signs_from <= now)
        .or(keys.last());
    let (_, signing) = ready.expect("bringing up to date leaves at least one key");
    let public = keys.iter().map(|(_, key)| key.public().clone()).collect();
    Current {
        signing: Arc::clone(signing),
        public: Arc::new(JwkSet { keys: public }),
    }
}
