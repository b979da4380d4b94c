//! A running house: bound, served, and drained at the end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use authorization_server::AuthorizationServer;
use authorization_server::user::Users;
use oauth::time::SystemClock;
use resource_server::Caller;
use tokio::io::{stdin, stdout};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{self, App};
use crate::audit_log::{self, Recorder};
use crate::connections::{self, Limits};
use crate::data::{self, Data};
use crate::metrics;
use crate::rotation::Rotation;
use crate::self_check;
use crate::settings::reload::watch::Watch;
use crate::settings::{Environment, Settings};
use crate::upkeep;

/// How long requests may take to end after the house was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Takes the address, or says who has it.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => bail!(
            "port {} is occupied on {}: stop what runs there, or choose another port with `listen` \
             in the settings (for the demo: --port 0 takes a free one)",
            address.port(),
            address.ip()
        ),
        Err(error) => Err(error).with_context(|| {
            format!("cannot listen on {address}: choose another address with `listen`")
        }),
    }
}

/// Everything that runs in this process.
pub(crate) struct House {
    settings: Settings,
    listener: TcpListener,
    data: Data,
    audit: Recorder,
    app: App,
    /// The settings file, if it is followed.
    watch: Option<Watch>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl House {
    /// Opens the data and builds every room. Nothing is served yet.
    pub(crate) async fn build(settings: Settings, listener: TcpListener) -> anyhow::Result<Self> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let data = data::open(&settings.data).await?;
        let audit = audit_log::open(settings.audit.as_ref())?;
        let app = app::build(&settings, &data, audit.log(), &tasks, &stop).await?;
        if let Some(audit_settings) = &settings.audit {
            audit.watch(audit_settings, app.fetch.clone(), &tasks, &stop);
        }
        let house = Self {
            settings,
            listener,
            data,
            audit,
            app,
            watch: None,
            tasks,
            stop,
        };
        house.serve_metrics().await?;
        Ok(house)
    }

    /// On an address of their own, which is nobody's business outside.
    async fn serve_metrics(&self) -> anyhow::Result<()> {
        let Some((address, metrics)) = self.settings.metrics.zip(self.app.metrics.clone()) else {
            return Ok(());
        };
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        self.serve_beside(listener, metrics::routes(metrics));
        tracing::info!("metrics are read at http://{address}/metrics");
        Ok(())
    }

    /// The people who can sign in.
    pub(crate) fn users(&self) -> &Users {
        self.app.authorization_server.users()
    }

    /// Serves one client at the other end of standard input and output, and nobody else.
    pub(crate) async fn serve_pipe(
        self,
        caller: Caller,
        upstream: Option<&str>,
    ) -> anyhow::Result<()> {
        self.audit.started().await?;
        let mut stops = Stops::listen()?;
        let gateway = self.app.gateway.clone();
        let served = tokio::select! {
            served = gateway.serve_pipe(caller, upstream, stdin(), stdout()) => served,
            () = stops.next() => {
                tracing::info!("stopping: waiting for requests to end");
                Ok(true)
            }
        };
        self.stop.cancel();
        drain(&self.tasks, &self.app.authorization_server, &mut stops).await;
        gateway.close().await;
        self.audit.stopped().await;
        self.data.store.close().await;
        anyhow::ensure!(
            served.context("the client cannot be reached over the pipe any more")?,
            "there is no such endpoint: name one of [[upstreams]] with --upstream, or switch \
             `gateway.federated` on"
        );
        Ok(())
    }

    /// Follows the settings file at `path`, from which the settings came.
    pub(crate) fn watch(&mut self, path: &Path, environment: &Environment) -> anyhow::Result<()> {
        let watch = Watch::new(path, environment.clone(), self.settings.clone());
        self.watch = Some(watch.context("the settings file cannot be followed")?);
        Ok(())
    }

    /// Serves something besides, from now on until the house stops.
    pub(crate) fn serve_beside(&self, listener: TcpListener, router: axum::Router) {
        let limits = Limits::of_this_process();
        self.tasks.spawn(connections::serve(
            listener,
            router,
            limits,
            self.stop.clone(),
        ));
    }

    /// Serves until somebody says stop. `announce` is called when everything answers.
    pub(crate) async fn run(
        self,
        announce: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Self {
            settings,
            listener,
            data,
            audit,
            app,
            watch,
            tasks,
            stop,
        } = self;
        // Before anybody is told that the house is there, so that no signal is missed.
        let mut stops = Stops::listen()?;
        tasks.spawn(upkeep::follow(
            app.authorization_server.clone(),
            stop.clone(),
        ));
        let now = signal(SignalKind::user_defined1())?;
        let handles = settings.authorization_server.lifetimes.longest_handle();
        tasks.spawn(upkeep::keep(
            data.store.clone(),
            Rotation::new(data.clone(), Arc::new(SystemClock), handles),
            app.authorization_server.clone(),
            now,
            stop.clone(),
        ));
        let server = tasks.spawn(connections::serve(
            listener,
            app.threshold.clone(),
            Limits::of_this_process().shared_out(
                settings.max_connections_per_address,
                &settings.trusted_proxies,
            ),
            stop.clone(),
        ));

        let life = async {
            let own = settings.public_url();
            let keys = app.authorization_server.key_set();
            self_check::check(&app.fetch, own, &keys).await?;
            audit.started().await?;
            announce()?;
            tracing::info!("{own} is served on {}", settings.listen);
            server.await.context("the server has ended by itself")
        };
        let result = tokio::select! {
            ended = life => ended,
            never = upkeep::follow_settings(watch, &app, &data, &audit, &tasks) => match never {},
            () = stops.next() => {
                tracing::info!("stopping: waiting for requests to end");
                Ok(())
            }
        };
        stop.cancel();
        drain(&tasks, &app.authorization_server, &mut stops).await;
        // Children get their time to end by themselves.
        app.gateway.close().await;
        audit.stopped().await;
        data.store.close().await;
        result
    }
}

/// Waits until everything under way has ended, and can be recorded no more: the log is closed after that.
async fn drain(tasks: &TaskTracker, server: &AuthorizationServer, stops: &mut Stops) {
    tasks.close();
    tokio::select! {
        // What a request leaves behind ends after it.
        () = async { tasks.wait().await; server.settle().await } => {}
        () = sleep(DRAIN) => tracing::warn!("some requests did not end in time and were cut off"),
        () = stops.next() => tracing::warn!("told to stop again: requests were cut off"),
    }
}

/// The ways to be told to stop: Ctrl-C, and what service managers send.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
