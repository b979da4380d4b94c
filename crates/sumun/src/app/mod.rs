//! The wiring: from [`Settings`] to one router. This is the only place that knows all rooms.

mod client_address;
mod foreign;
mod index;
mod layers;
mod own;
mod servers;

use std::sync::Arc;

use authorization_server::{AuthorizationServer, Parts};
use axum::Router;
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data::Data;
use crate::settings::Settings;

/// The rooms, wired.
pub(crate) struct App {
    /// Everything that is served.
    pub(crate) router: Router,
    /// Who may get a token.
    pub(crate) authorization_server: AuthorizationServer,
    /// HTTP out.
    pub(crate) fetch: Fetch,
}

/// What the servers are wired to.
struct Wiring<'a> {
    data: &'a Data,
    authorization_server: &'a AuthorizationServer,
    fetch: &'a Fetch,
    tasks: &'a TaskTracker,
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
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<App> {
    let parts = parts(data)?;
    let fetch = parts.fetch.clone();
    let own = settings.authorization_server.clone();
    let authorization_server = AuthorizationServer::start(own, parts).await?;
    let wiring = Wiring {
        data,
        authorization_server: &authorization_server,
        fetch: &fetch,
        tasks,
    };
    let router = authorization_server
        .router()
        .merge(servers::routes(settings, &wiring)?)
        .merge(index::routes(settings));
    let router = layers::around(router, settings.trusted_proxies.clone(), stop);
    Ok(App {
        router,
        authorization_server,
        fetch,
    })
}
