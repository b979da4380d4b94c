//! The wiring: from [`Settings`] to one router. This is the only place that knows all rooms.

mod client_address;
mod layers;

use std::sync::Arc;

use authorization_server::{AuthorizationServer, Parts};
use axum::Router;
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use store::{KeyRing, SqliteStore};
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

/// What the authorization server stands on.
pub(crate) fn parts(store: Arc<SqliteStore>, keys: &Arc<KeyRing>) -> anyhow::Result<Parts> {
    Ok(Parts {
        store,
        keys: Arc::clone(keys),
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
    let parts = parts(Arc::clone(&data.store), &data.keys)?;
    let fetch = parts.fetch.clone();
    let authorization_server =
        AuthorizationServer::start(settings.authorization_server.clone(), parts).await?;
    let router = authorization_server.router();
    let router = layers::around(router, settings.trusted_proxies.clone(), stop);
    Ok(App {
        router,
        authorization_server,
        fetch,
    })
}
