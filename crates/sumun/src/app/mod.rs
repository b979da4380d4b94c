//! The wiring: from [`Settings`] to all that is served. This is the only place that knows all rooms.

mod apis;
mod client_address;
mod derived;
mod foreign;
mod gateway;
mod index;
mod lab;
mod own;
mod servers;
mod threshold;

use std::sync::Arc;

use audit::AuditLog;
use authorization_server::{AuthorizationServer, Parts};
use examples::ObserveTools;
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use store::SharedStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data::Data;
use crate::health::{
    AuditIsWritten, Check, Health, KeyRingOpens, Memory, Reachable, StoreAnswers, Upstreams,
};
use crate::metrics::Metrics;
use crate::settings::reload::Change;
use crate::settings::{ServerKind, Settings};
use threshold::Threshold;

/// The rooms, wired.
pub(crate) struct App {
    /// Everything that is served.
    pub(crate) threshold: Threshold,
    /// Who may get a token.
    pub(crate) authorization_server: AuthorizationServer,
    /// HTTP out.
    pub(crate) fetch: Fetch,
    /// The servers of others.
    pub(crate) gateway: ::gateway::Gateway,
    /// What is counted, if anybody reads it.
    pub(crate) metrics: Option<Arc<Metrics>>,
}

impl App {
    /// Takes over what has changed in the settings, as far as that can change while the house runs.
    pub(crate) async fn take_over(
        &self,
        change: &Change,
        data: &Data,
        audit: Option<&AuditLog>,
        tasks: &TaskTracker,
    ) -> anyhow::Result<()> {
        let wiring = Wiring {
            data,
            authorization_server: &self.authorization_server,
            fetch: &self.fetch,
            tasks,
            audit,
            metrics: self.metrics.as_ref(),
        };
        gateway::take_over(&self.gateway, change, &wiring).await
    }
}

/// What the servers are wired to.
struct Wiring<'a> {
    data: &'a Data,
    authorization_server: &'a AuthorizationServer,
    fetch: &'a Fetch,
    tasks: &'a TaskTracker,
    audit: Option<&'a AuditLog>,
    metrics: Option<&'a Arc<Metrics>>,
}

impl Wiring<'_> {
    /// Who counts the executions of a server's tools.
    fn tools_of(&self, kind: ServerKind) -> Option<Arc<dyn ObserveTools>> {
        self.metrics.map(|metrics| metrics.tools_of(kind.name()))
    }
}

/// What the authorization server stands on.
pub(crate) fn parts(data: &Data) -> anyhow::Result<Parts> {
    Ok(Parts {
        store: Arc::clone(&data.store) as _,
        keys: Arc::clone(&data.keys),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        fetch: Fetch::new()?,
    })
}

/// Builds every room that the settings ask for.
pub(crate) async fn build(
    settings: &Settings,
    data: &Data,
    audit: Option<&AuditLog>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<App> {
    let parts = parts(data)?;
    let fetch = parts.fetch.clone();
    let own = settings.authorization_server.clone();
    let authorization_server = AuthorizationServer::start(own, parts).await?;
    if let Some(log) = audit {
        authorization_server.record_in(log.clone());
    }
    let metrics = settings.metrics.map(|_| Metrics::new());
    if let Some(metrics) = &metrics {
        let observer = Arc::clone(metrics);
        authorization_server.valid_tokens().observe(observer);
    }
    let wiring = Wiring {
        data,
        authorization_server: &authorization_server,
        fetch: &fetch,
        tasks,
        audit,
        metrics: metrics.as_ref(),
    };
    let own = match &metrics {
        Some(metrics) => metrics.around("authorization_server", authorization_server.router()),
        None => authorization_server.router(),
    };
    let gateway = gateway::build(settings, &wiring, stop)?;
    if let Some(metrics) = &metrics {
        metrics.follow(gateway.clone(), audit);
    }
    let health = checks(settings, &wiring, &gateway);
    let router = own
        .merge(servers::routes(settings, &wiring, &health)?)
        .merge(health.routes(settings.public_url().base_path()))
        .merge(index::routes(settings, &gateway));
    let trusted_proxies = settings.trusted_proxies.clone();
    let threshold = Threshold::new(router, gateway.clone(), trusted_proxies, stop);
    Ok(App {
        threshold,
        authorization_server,
        fetch,
        gateway,
        metrics,
    })
}

/// What has to be well; a new room adds its own.
fn checks(settings: &Settings, wiring: &Wiring<'_>, gateway: &::gateway::Gateway) -> Health {
    let store: SharedStore = Arc::clone(&wiring.data.store) as _;
    let keys = Arc::clone(&wiring.data.keys);
    let mut checks: Vec<Box<dyn Check>> = vec![
        Box::new(StoreAnswers(Arc::clone(&store))),
        Box::new(KeyRingOpens::new(store, keys)),
        Box::new(Memory),
        Box::new(Upstreams(gateway.clone())),
    ];
    if let Some(log) = wiring.audit {
        checks.push(Box::new(AuditIsWritten(log.clone())));
    }
    for server in &settings.servers {
        if let Some(api) = &server.api {
            checks.push(Box::new(Reachable {
                name: server.kind.name().to_owned(),
                url: server.kind.health_of(api),
                fetch: wiring.fetch.clone(),
            }));
        }
    }
    Health::new(checks)
}
