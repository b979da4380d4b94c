//! What goes on in a running house beside serving: it follows changes, and keeps itself in order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use authorization_server::AuthorizationServer;
use store::SqliteStore;
use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::audit_log::Recorder;
use crate::data::Data;
use crate::rotation::Rotation;
use crate::settings::reload::watch::Watch;

/// How often is looked for what other replicas and the command line have changed.
const FOLLOWING: Duration = Duration::from_secs(4);

/// How often the house is kept in order.
const HOUSEKEEPING: Duration = Duration::from_mins(1);

/// Takes over what changes in the settings file; what cannot be used changes nothing.
pub(crate) async fn follow_settings(
    watch: Option<Watch>,
    app: &App,
    data: &Data,
    audit: &Recorder,
    tasks: &TaskTracker,
) -> Infallible {
    let Some(mut watch) = watch else {
        return std::future::pending().await;
    };
    let mut told = String::new();
    loop {
        let change = match watch.change().await {
            Ok(change) => change,
            Err(error) => {
                tracing::error!("the settings stay as they were: {error}");
                continue;
            }
        };
        if let Err(error) = app.take_over(&change, data, audit.log(), tasks).await {
            // It is tried again at every look, and told once.
            let failure = format!("{error:#}");
            if failure != told {
                tracing::error!(
                    "the settings stay as they were, until the new ones can be taken over: {failure}"
                );
                told = failure;
            }
            continue;
        }
        told.clear();
        for line in change.in_words() {
            tracing::info!("settings: {line}");
        }
        watch.taken(change);
    }
}

/// Follows what other replicas and the command line add to resources, scopes and roles.
pub(crate) async fn follow(server: AuthorizationServer, stop: CancellationToken) {
    let mut ticks = interval(FOLLOWING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = server.refresh().await.map_err(anyhow::Error::from) {
            tracing::error!("resources, scopes and roles could not be read again: {error:#}");
        }
    }
}

/// Keeps the house in order, every minute and when it is told to (`now`): keys are rotated in time,
/// and what has expired is swept out.
pub(crate) async fn keep(
    store: Arc<SqliteStore>,
    mut rotation: Rotation,
    server: AuthorizationServer,
    mut now: Signal,
    stop: CancellationToken,
) {
    let mut ticks = interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = now.recv() => {}
            () = stop.cancelled() => return,
        }
        // It can be stopped anywhere, and may have much to do.
        let rotated = tokio::select! {
            rotated = rotation.advance() => rotated,
            () = stop.cancelled() => return,
        };
        if let Err(error) = rotated {
            tracing::error!("housekeeping: the key ring could not be looked after: {error:#}");
        }
        if let Err(error) = server.maintain().await.map_err(anyhow::Error::from) {
            tracing::error!("housekeeping: signing keys could not be rotated: {error:#}");
        }
        if let Err(error) = store.sweep().await.map_err(anyhow::Error::from) {
            tracing::error!("housekeeping: the store could not be swept: {error:#}");
        }
    }
}
