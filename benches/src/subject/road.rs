//! The authorization server on a SQLite file, with one client and one identity provider; it counts
//! what it asks of its store.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use authorization_server::identity_provider::{IdentityProviderSettings, PresetFields};
use authorization_server::settings::{PreRegisteredClient, Settings};
use authorization_server::{AuthorizationServer, ClientAddress, Parts};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::post;
use oauth::client::fetch::Fetch;
use oauth::client_metadata::{ClientMetadata, TokenEndpointAuthMethod};
use oauth::jws::Algorithm;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::{Clock, SystemClock};
use serde_json::json;
use store::{Entry, KeyRing, Kind, ListBy, Page, SqliteStore, Store, StoreError};

use super::authorization_server::{SCOPE, settings};

/// A client of somebody else's making, and where its answers go. Nothing listens there.
pub(crate) const CLIENT: &str = "desktop";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:7777/callback";
/// The id of the identity provider, and our name there.
pub(crate) const PROVIDER: &str = "bench";
pub(crate) const CLIENT_AT_PROVIDER: &str = "our-client";
/// Where the counts are asked for.
pub(crate) const COUNTS: &str = "/bench/counts";

/// So many addresses that no limit is reached; requests come from them in turn.
const ADDRESSES: u32 = 1 << 20;

/// The name of the provider on this port.
pub(crate) fn provider_issuer(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// What was asked of the store, during so many flows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) flows: u64,
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) counters: u64,
    pub(crate) commits: u64,
    /// The writes of each kind of record.
    pub(crate) by_kind: BTreeMap<String, u64>,
}

impl Counts {
    /// How many there are for each flow.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of seconds stay far below 2^52"
    )]
    pub(crate) fn each(&self, count: u64) -> f64 {
        count as f64 / self.flows.max(1) as f64
    }

    /// What was added since `before`, by so many flows.
    pub(crate) fn since(&self, before: &Self, flows: u64) -> Self {
        Self {
            flows,
            reads: self.reads - before.reads,
            writes: self.writes - before.writes,
            counters: self.counters - before.counters,
            commits: self.commits - before.commits,
            by_kind: self
                .by_kind
                .iter()
                .map(|(kind, count)| {
                    let earlier = before.by_kind.get(kind).copied();
                    (kind.clone(), count - earlier.unwrap_or_default())
                })
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }

    /// Reads the last line of an answer of the subject.
    pub(crate) fn parse(answer: &str) -> Option<Self> {
        let line = answer.lines().last()?;
        let mut words = line.split_whitespace();
        let mut number = || words.next()?.parse().ok();
        let (reads, writes, counters, commits) = (number()?, number()?, number()?, number()?);
        let of_kind = |word: &str| {
            let (kind, count) = word.split_once('=')?;
            Some((kind.to_owned(), count.parse().ok()?))
        };
        let by_kind = words.map(of_kind).collect::<Option<_>>()?;
        Some(Self {
            flows: 0,
            reads,
            writes,
            counters,
            commits,
            by_kind,
        })
    }
}

/// Every endpoint and page, with a new store in the directory `data`.
pub(super) async fn router(data: &Path, provider: u16) -> anyhow::Result<Router> {
    let directory = tempfile::tempdir_in(data)?.keep();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = SqliteStore::open(&directory.join("sumun.db"), Arc::clone(&clock)).await?;
    let store = Arc::new(Counting::new(store));
    let counted = Arc::clone(&store);
    let parts = Parts {
        store,
        keys: Arc::new(KeyRing::ephemeral(&OsRandom)),
        clock,
        random: Arc::new(OsRandom),
        fetch: Fetch::new()?,
    };
    let server = AuthorizationServer::start(with_provider(provider)?, parts).await?;
    let counts = move || async move { counted.told() };
    Ok(server
        .router()
        .layer(from_fn(from_many_addresses))
        .route(COUNTS, post(counts)))
}

fn with_provider(port: u16) -> anyhow::Result<Settings> {
    let mut settings = settings(Algorithm::EdDSA)?;
    let issuer = provider_issuer(port);
    let at = |path: &str| Some(format!("{issuer}/{path}"));
    let secret = Some(Secret::from("our-secret"));
    let mut provider = IdentityProviderSettings::new(PROVIDER, "oidc", CLIENT_AT_PROVIDER, secret);
    provider.overrides = PresetFields {
        discovery: Some(false),
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        jwks_uri: at("keys"),
        issuer: Some(issuer.clone()),
        ..PresetFields::default()
    };
    settings.identity_providers.push(provider);
    let metadata: ClientMetadata = serde_json::from_value(json!({
        "client_name": CLIENT, "redirect_uris": [REDIRECT], "scope": SCOPE,
        "grant_types": ["authorization_code", "refresh_token"],
    }))?;
    let metadata = ClientMetadata {
        token_endpoint_auth_method: TokenEndpointAuthMethod::None,
        ..metadata
    };
    let client = PreRegisteredClient::new(CLIENT, metadata);
    settings.clients.push(client);
    settings.roles.insert("User".to_owned(), SCOPE.parse()?);
    "User".clone_into(&mut settings.default_role);
    Ok(settings)
}

/// People do not share an address, and the limits are for those who do.
async fn from_many_addresses(mut request: Request, next: Next) -> axum::response::Response {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % ADDRESSES;
    let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number);
    request
        .extensions_mut()
        .insert(ClientAddress(Some(IpAddr::V4(address))));
    next.run(request).await
}

/// A store that counts.
#[derive(Debug)]
struct Counting {
    store: SqliteStore,
    reads: AtomicU64,
    writes: Mutex<BTreeMap<&'static str, u64>>,
    counters: AtomicU64,
}

impl Counting {
    fn new(store: SqliteStore) -> Self {
        Self {
            store,
            reads: AtomicU64::new(0),
            writes: Mutex::default(),
            counters: AtomicU64::new(0),
        }
    }

    /// What [`Counts::parse`] reads.
    fn told(&self) -> String {
        let [reads, counters] =
            [&self.reads, &self.counters].map(|count| count.load(Ordering::Relaxed));
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let by_kind = writes
            .iter()
            .map(|(kind, count)| format!(" {kind}={count}"));
        let (sum, commits) = (writes.values().sum::<u64>(), self.store.commits());
        format!(
            "{reads} {sum} {counters} {commits}{}",
            by_kind.collect::<String>()
        )
    }

    fn reading(&self) -> &SqliteStore {
        self.reads.fetch_add(1, Ordering::Relaxed);
        &self.store
    }

    fn writing(&self, kind: Kind) -> &SqliteStore {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        *writes.entry(kind.as_str()).or_default() += 1;
        &self.store
    }
}

#[async_trait]
impl Store for Counting {
    async fn get(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        self.reading().get(kind, key).await
    }

    async fn put(&self, kind: Kind, key: &str, entry: Entry) -> Result<(), StoreError> {
        self.writing(kind).put(kind, key, entry).await
    }

    async fn insert(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        self.writing(kind).insert(kind, key, entry).await
    }

    async fn replace(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        self.writing(kind).replace(kind, key, entry).await
    }

    async fn take(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        self.writing(kind).take(kind, key).await
    }

    async fn remove(&self, kind: Kind, key: &str) -> Result<(), StoreError> {
        self.writing(kind).remove(kind, key).await
    }

    async fn list(&self, kind: Kind, by: ListBy<'_>, page: Page) -> Result<Vec<Entry>, StoreError> {
        self.reading().list(kind, by, page).await
    }

    async fn count(&self, kind: Kind, key: &str, window: Duration) -> Result<u64, StoreError> {
        self.counters.fetch_add(1, Ordering::Relaxed);
        self.store.count(kind, key, window).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_they_are_told() {
        let after = Counts::parse("HTTP/1.1 200 OK\r\n\r\n30 20 10 5 grant=15 user=5").unwrap();
        let before = Counts::parse("10 10 0 0 grant=5 user=5").unwrap();
        let counts = after.since(&before, 10);
        assert!((counts.each(counts.reads) - 2.0).abs() < 1e-9);
        assert_eq!((counts.writes, counts.commits), (10, 5));
        assert_eq!(counts.by_kind, [("grant".to_owned(), 10)].into());
        assert_eq!(Counts::parse("1 2 3"), None);
    }
}
