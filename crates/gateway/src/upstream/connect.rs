//! Upstreams as the settings describe them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::Uri;
use oauth::secret::Secret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::UpstreamParts;
use super::credential::Credential;
use super::health::Breaker;
use super::http::Endpoint;
use super::identity::Identity;
use super::mirror::Mirror;
use super::open::HttpOpener;
use super::pool::{Pool, Turn};
use super::process::Program;
use super::server::{Kind, Upstream};
use super::settings::{Transport, UpstreamSettings};
use super::stateless::Memory;
use super::stdio::{START, StdioOpener};

/// How long a session over HTTP is kept that nobody uses. It is opened anew when somebody does.
const HTTP_IDLE: Duration = Duration::from_mins(30);
/// How many sessions there may be with one server over HTTP.
const MAX_SESSIONS: usize = 10_000;
/// How often idle connections are looked for.
const SWEEP: Duration = Duration::from_secs(30);
/// How often at most.
const BUSIEST: Duration = Duration::from_millis(100);
/// What children see of the gateway's own environment.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];
/// The settings of an upstream cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream `{name}` cannot be used: {reason}")]
pub struct InvalidUpstream {
    pub name: String,
    pub reason: String,
}

/// Makes an upstream. Nothing is connected or started before it is needed.
pub fn connect(
    settings: &UpstreamSettings,
    parts: &UpstreamParts,
) -> Result<Arc<Upstream>, InvalidUpstream> {
    let invalid = |reason: String| InvalidUpstream {
        name: settings.name.clone(),
        reason,
    };
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let breaker = Breaker::new(
        settings.name.clone(),
        parts.clock.clone(),
        parts.random.clone(),
    );
    let (kind, max, idle) = match &settings.transport {
        Transport::Http { url, sse } => {
            let endpoint = endpoint(settings, parts, url).map_err(invalid)?;
            let opener = HttpOpener {
                endpoint: Arc::new(endpoint),
                max: settings.max_message_bytes,
                revision: settings.revision,
                sse: *sse,
                tasks: tasks.clone(),
                stop: stop.clone(),
                way: Mutex::default(),
                serves_both: AtomicBool::default(),
                looking: Turn::default(),
            };
            (Kind::Http(Box::new(opener)), MAX_SESSIONS, HTTP_IDLE)
        }
        Transport::Stdio {
            command,
            args,
            env,
            directory,
            children,
            idle,
            max_children,
            max_memory_bytes,
            max_open_files,
        } => {
            let inherited = |name: &&str| {
                let value = parts.environment.get(*name)?;
                Some(((*name).to_owned(), Secret::from(value.as_str())))
            };
            let mut environment: BTreeMap<_, _> = INHERITED.iter().filter_map(inherited).collect();
            environment.extend(env.clone());
            let program = Program {
                name: settings.name.clone(),
                command: command.clone(),
                args: args.clone(),
                environment,
                directory: directory.clone(),
                max_memory_bytes: *max_memory_bytes,
                max_open_files: *max_open_files,
                max_message: settings.max_message_bytes,
                random: parts.random.clone(),
                children: breaker.children.clone(),
                tasks: tasks.clone(),
            };
            let opener = StdioOpener {
                program,
                children: *children,
                revision: settings.revision,
                patience: settings.timeout,
                start: settings.timeout.max(START),
                starts: parts.starts.clone(),
                stop: stop.clone(),
                era: Mutex::default(),
            };
            (Kind::Stdio(Box::new(opener)), *max_children, *idle)
        }
    };
    let is_process = matches!(kind, Kind::Stdio(_));
    let pool = Arc::new(Pool::new(max, is_process, parts.random.clone()));
    let (swept, until) = (pool.clone(), stop.clone());
    tasks.spawn(async move {
        let sweeping = async {
            loop {
                tokio::time::sleep(idle.clamp(BUSIEST, SWEEP)).await;
                swept.sweep(idle).await;
            }
        };
        let _: Option<()> = until.run_until_cancelled(sweeping).await;
    });
    Ok(Arc::new(Upstream {
        settings: settings.clone(),
        kind,
        pool,
        mirror: Mirror::default(),
        memory: Memory::default(),
        breaker,
        parts: parts.clone(),
        tasks,
        stop,
    }))
}

fn endpoint(
    settings: &UpstreamSettings,
    parts: &UpstreamParts,
    url: &Url,
) -> Result<Endpoint, String> {
    let uri: Result<Uri, _> = url.as_str().parse();
    Ok(Endpoint {
        client: parts.http.clone(),
        // Not the address itself: its query may be a secret.
        uri: uri.map_err(|_| "its address cannot be used".to_owned())?,
        credential: Credential::new(&settings.credential, &parts.fetch, &parts.clock)?,
        identity: identity(settings, parts)?,
        timeout: settings.timeout,
    })
}

fn identity(
    settings: &UpstreamSettings,
    parts: &UpstreamParts,
) -> Result<Option<Identity>, String> {
    let Some(forward) = &settings.forward_identity else {
        return Ok(None);
    };
    let signer = parts
        .signer
        .clone()
        .ok_or("it is to be told who calls, and there is no key to sign that with")?;
    let (clock, random) = (parts.clock.clone(), parts.random.clone());
    Identity::new(forward, parts.issuer.clone(), signer, clock, random).map(Some)
}
