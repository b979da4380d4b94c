//! The authorization server on a SQLite file, with one client and one identity provider; it counts
//! what it asks of its store.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use authorization_server::identity_provider::{IdentityProviderSettings, PresetFields};
use authorization_server::settings::{PreRegisteredClient, Settings};
use authorization_server::{AuthorizationServer, ClientAddress, Parts};
use axum::Router;
use axum::extract::Request;
use axum::routing::post;
use oauth::client::fetch::Fetch;
use oauth::client_metadata::{ClientMetadata, TokenEndpointAuthMethod};
use oauth::issuer::Issuer;
use oauth::jws::Algorithm;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::{Clock, SystemClock};
use serde_json::json;
use store::{Entry, KeyRing, Kind, ListBy, Page, SqliteStore, Store, StoreError};
use tower::util::MapRequestLayer;

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
    flows: u64,
    /// How often each thing was done: `read grant`, `write grant`, `count`, `commit`, `wait`.
    done: BTreeMap<String, u64>,
}

impl Counts {
    /// How often everything was done that begins with `verb`, for each flow.
    pub(crate) fn each(&self, verb: &str) -> f64 {
        let of_verb = self.done.iter().filter(|(what, _)| what.starts_with(verb));
        self.per_flow(of_verb.map(|(_, count)| count).sum())
    }

    /// The kinds of records to which `verb` was done, each with how often for each flow.
    pub(crate) fn by_kind(&self, verb: &str) -> String {
        let kinds = self.done.iter().filter_map(|(what, count)| {
            let kind = what.strip_prefix(verb)?.strip_prefix(' ')?;
            Some(format!("{kind} {:.1}", self.per_flow(*count)))
        });
        kinds.collect::<Vec<_>>().join(", ")
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of seconds stay far below 2^52"
    )]
    fn per_flow(&self, count: u64) -> f64 {
        count as f64 / self.flows.max(1) as f64
    }

    /// What was added since `before`, by so many flows.
    pub(crate) fn since(&self, before: &Self, flows: u64) -> Self {
        let added = |(what, count): (&String, &u64)| {
            let earlier = before.done.get(what).copied().unwrap_or_default();
            (what.clone(), count.saturating_sub(earlier))
        };
        let done = self.done.iter().map(added);
        Self {
            flows,
            done: done.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// Reads the body of an answer of the subject: a line for each thing, its count at the end.
    pub(crate) fn parse(answer: &str) -> Option<Self> {
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let line = |line: &str| {
            let (what, count) = line.rsplit_once(' ')?;
            Some((what.to_owned(), count.parse().ok()?))
        };
        let done = body.lines().map(line).collect::<Option<_>>()?;
        Some(Self { flows: 0, done })
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
        .layer(MapRequestLayer::new(from_many_addresses))
        .route(COUNTS, post(counts)))
}

fn with_provider(port: u16) -> anyhow::Result<Settings> {
    let mut settings = settings(Algorithm::EdDSA)?;
    // People come by https; what ends it stands before the server and is not measured.
    settings.issuer = Issuer::parse("https://as.example")?;
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
fn from_many_addresses(mut request: Request) -> Request {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % ADDRESSES;
    let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number);
    request
        .extensions_mut()
        .insert(ClientAddress(Some(IpAddr::V4(address))));
    request
}

/// A store that counts.
#[derive(Debug)]
struct Counting {
    store: SqliteStore,
    done: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

impl Counting {
    fn new(store: SqliteStore) -> Self {
        Self {
            store,
            done: Mutex::default(),
        }
    }

    /// What [`Counts::parse`] reads.
    fn told(&self) -> String {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = done
            .iter()
            .map(|((verb, kind), count)| format!("{verb} {kind} {count}\n"));
        let lines: String = lines.collect();
        let (commits, waits) = (self.store.commits(), self.store.disk_waits());
        format!("{lines}commit {commits}\nwait {waits}")
    }

    fn counted(&self, verb: &'static str, kind: Kind) -> &SqliteStore {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done.entry((verb, kind.as_str())).or_default() += 1;
        &self.store
    }
}

#[async_trait]
impl Store for Counting {
    async fn get(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        self.counted("read", kind).get(kind, key).await
    }

    async fn put(&self, kind: Kind, key: &str, entry: Entry) -> Result<(), StoreError> {
        self.counted("write", kind).put(kind, key, entry).await
    }

    async fn insert(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        self.counted("write", kind).insert(kind, key, entry).await
    }

    async fn replace(&self, kind: Kind, key: &str, entry: Entry) -> Result<bool, StoreError> {
        self.counted("write", kind).replace(kind, key, entry).await
    }

    async fn take(&self, kind: Kind, key: &str) -> Result<Option<Entry>, StoreError> {
        self.counted("write", kind).take(kind, key).await
    }

    async fn remove(&self, kind: Kind, key: &str) -> Result<(), StoreError> {
        self.counted("write", kind).remove(kind, key).await
    }

    async fn list(&self, kind: Kind, by: ListBy<'_>, page: Page) -> Result<Vec<Entry>, StoreError> {
        self.counted("read", kind).list(kind, by, page).await
    }

    async fn count(&self, kind: Kind, key: &str, window: Duration) -> Result<u64, StoreError> {
        self.counted("count", kind).count(kind, key, window).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_they_are_told() {
        let told = |lines: &str| Counts::parse(&format!("HTTP/1.1 200 OK\r\n\r\n{lines}")).unwrap();
        let before = told("read grant 10\ncommit 1");
        let after = told("read grant 25\nread user 5\nwrite grant 30\ncommit 11");
        let counts = after.since(&before, 10);
        assert!((counts.each("read") - 2.0).abs() < 1e-9);
        assert!((counts.each("commit") - 1.0).abs() < 1e-9);
        assert_eq!(counts.by_kind("read"), "grant 1.5, user 0.5");
        assert_eq!(Counts::parse("HTTP/1.1 200 OK\r\n\r\nread grant"), None);
    }
}
