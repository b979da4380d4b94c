//! Upstreams as the settings describe them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{HeaderName, Uri};
use delegation::AuthType;
use oauth::secret::Secret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::UpstreamParts;
use super::account::Account;
use super::credential::Credential;
use super::credentials::{Credentials, PersonHeader};
use super::health::Breaker;
use super::http::Endpoint;
use super::identity::Identity;
use super::memory::Memory;
use super::mirror::Mirror;
use super::open::HttpOpener;
use super::pool::{Pool, Turn};
use super::process::Program;
use super::server::{Kind, Upstream};
use super::settings::{TokenPlace, Transport, UpstreamSettings};
use super::stdio::{PersonVariable, START, StdioOpener};
use crate::share::Most;

/// How long a session over HTTP is kept that nobody uses. It is opened anew when somebody does.
const HTTP_IDLE: Duration = Duration::from_mins(30);
/// How many sessions there may be with one server over HTTP.
const SESSIONS: Most = Most::quartered(10_000);
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
    let account = account(settings, parts, &tasks, &stop).map_err(invalid)?;
    let (kind, most, idle) = match &settings.transport {
        Transport::Http { url, sse } => {
            let endpoint = endpoint(settings, parts, url, account.as_ref()).map_err(invalid)?;
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
            (Kind::Http(Box::new(opener)), SESSIONS, HTTP_IDLE)
        }
        Transport::Stdio {
            command,
            args,
            env,
            directory,
            children,
            idle,
            max_children,
            max_children_per_user,
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
                person: variable(settings, account.as_ref()),
                usual: settings.auth_types.usual(),
                era: Mutex::default(),
            };
            let most = Most {
                of_all: *max_children,
                of_one: *max_children_per_user,
            };
            (Kind::Stdio(Box::new(opener)), most, *idle)
        }
    };
    let is_process = matches!(kind, Kind::Stdio(_));
    let pool = Arc::new(Pool::new(most, is_process, parts.random.clone()));
    tasks.spawn(keep_swept(pool.clone(), idle, stop.clone()));
    Ok(Arc::new(Upstream {
        settings: settings.clone(),
        kind,
        pool,
        mirror: Mirror::default(),
        memory: Memory::default(),
        breaker,
        account,
        parts: parts.clone(),
        tasks,
        stop,
    }))
}

/// Ends connections that have been idle for so long, until all ends.
async fn keep_swept(pool: Arc<Pool>, idle: Duration, stop: CancellationToken) {
    let sweeping = async {
        loop {
            tokio::time::sleep(idle.clamp(BUSIEST, SWEEP)).await;
            pool.sweep(idle).await;
        }
    };
    let _: Option<()> = stop.run_until_cancelled(sweeping).await;
}

fn endpoint(
    settings: &UpstreamSettings,
    parts: &UpstreamParts,
    url: &Url,
    account: Option<&Arc<Account>>,
) -> Result<Endpoint, String> {
    let uri: Result<Uri, _> = url.as_str().parse();
    Ok(Endpoint {
        client: parts.http.clone(),
        // Not the address itself: its query may be a secret.
        uri: uri.map_err(|_| "its address cannot be used".to_owned())?,
        credentials: Credentials {
            own: Credential::new(&settings.credential, &parts.fetch, &parts.clock)?,
            person: person_header(settings, account)?,
            usual: settings.auth_types.usual(),
        },
        identity: identity(settings, parts)?,
        timeout: settings.timeout,
    })
}

/// The accounts of people there, if it is called with their tokens.
fn account(
    settings: &UpstreamSettings,
    parts: &UpstreamParts,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Option<Arc<Account>>, String> {
    let Some(wanted) = &settings.user_token else {
        if settings.auth_types.any(AuthType::UserToken) {
            return Err("it is to be called with the tokens of people, and has none".to_owned());
        }
        return Ok(None);
    };
    let accounts = parts.accounts.as_ref();
    let accounts = accounts.ok_or("nobody keeps the tokens of people that it is called with")?;
    let account = Account::new(accounts, wanted, settings, tasks, stop);
    Ok(Some(Arc::new(account)))
}

fn person_header(
    settings: &UpstreamSettings,
    account: Option<&Arc<Account>>,
) -> Result<Option<PersonHeader>, String> {
    let place = settings.user_token.as_ref().map(|wanted| &wanted.place);
    let (Some(TokenPlace::Header(name)), Some(account)) = (place, account) else {
        return Ok(None);
    };
    let header = HeaderName::from_bytes(name.as_bytes());
    Ok(Some(PersonHeader {
        account: account.clone(),
        header: header.map_err(|_| format!("`{name}` is no header"))?,
    }))
}

fn variable(settings: &UpstreamSettings, account: Option<&Arc<Account>>) -> Option<PersonVariable> {
    let TokenPlace::Variable(name) = &settings.user_token.as_ref()?.place else {
        return None;
    };
    Some(PersonVariable {
        account: account?.clone(),
        name: name.clone(),
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
