//! One upstream, as the gateway sees it: an MCP server of any revision, found out when it is first needed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{HeaderMap, Method, Response, Uri};
use async_trait::async_trait;
use hyper::body::Incoming;
use oauth::secret::Secret;
use resource_server::Caller;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::UpstreamParts;
use super::credential::Credential;
use super::health::{Breaker, Health, backoff};
use super::http::{Endpoint, Payload};
use super::identity::Identity;
use super::mirror::Mirror;
use super::open::{HttpOpener, Way};
use super::pool::{Pool, Turn};
use super::process::Program;
use super::session::Session;
use super::settings::{Transport, UpstreamSettings};
use super::stateless::{Memory, Speaker};
use super::stdio::{START, StdioOpener};
use super::trouble::Trouble;
use super::{sessions, subscription};
use crate::json::Raw;
use crate::message::{Notification, Outlet, Request, code};
use crate::revision::Era;
use crate::server::{Failure, Interest, Introduction, McpServer};
use crate::visit::Visit;

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
/// How often a stream of news is opened again that brings none.
const LISTEN_ATTEMPTS: u32 = 8;

/// The settings of an upstream cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream `{name}` cannot be used: {reason}")]
pub struct InvalidUpstream {
    pub name: String,
    pub reason: String,
}

/// An MCP server behind the gateway.
#[derive(Debug)]
pub struct Upstream {
    settings: UpstreamSettings,
    kind: Kind,
    pool: Arc<Pool>,
    mirror: Mirror,
    memory: Memory,
    breaker: Breaker,
    parts: UpstreamParts,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
enum Kind {
    Http(Box<HttpOpener>),
    Stdio(Box<StdioOpener>),
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
        uri: uri.map_err(|_| format!("`{url}` is no address"))?,
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

impl Upstream {
    /// Its name in the settings.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What was said about it.
    pub fn settings(&self) -> &UpstreamSettings {
        &self.settings
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        self.breaker.health(self.pool.len())
    }

    /// Ends all connections and children, and waits until they are gone.
    pub async fn close(&self) {
        self.pool.close().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The era that is spoken with it over HTTP, as far as that is known.
    pub(crate) fn http_era(&self) -> Option<Era> {
        let Kind::Http(opener) = &self.kind else {
            return None;
        };
        match opener.way()? {
            Way::Stateless => Some(Era::Stateless),
            Way::Streamable => Some(Era::Sessions),
            Way::EventStream => None,
        }
    }

    /// Passes a request of a client on as it is, and the answer back as it comes, with our credentials in
    /// the place of the caller's. For an upstream over HTTP that speaks as the client does.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        headers: &HeaderMap,
        payload: Payload,
        caller: &Caller,
    ) -> Result<Response<Incoming>, Failure> {
        let Kind::Http(opener) = &self.kind else {
            return Err(self.said(Trouble::unusable("is no server over HTTP")));
        };
        let pass = self.breaker.admit().map_err(|trouble| self.said(trouble))?;
        let endpoint = &opener.endpoint;
        match endpoint.pass(method, headers, payload, caller).await {
            Ok(response) if response.status().is_server_error() => {
                pass.bad(&format!(
                    "answers with status {}",
                    response.status().as_u16()
                ));
                Ok(response)
            }
            Ok(response) => {
                pass.good();
                Ok(response)
            }
            Err(trouble) => {
                let failure = self.said(trouble);
                pass.bad(reason(&failure));
                Err(failure)
            }
        }
    }

    fn said(&self, trouble: Trouble) -> Failure {
        trouble.into_failure(&self.settings.name)
    }

    /// Whose connection serves a visit, as far as that is known.
    fn key(&self, visit: &Visit) -> Option<Arc<str>> {
        match &self.kind {
            Kind::Http(opener) => Some(opener.way()?.key(visit)),
            Kind::Stdio(opener) => Some(opener.key(visit)),
        }
    }

    /// The connection for a visit.
    async fn session(&self, visit: &Visit) -> Result<Arc<Session>, Trouble> {
        let opener = match &self.kind {
            Kind::Stdio(opener) => {
                let open = async |lost: Option<&Session>| opener.open(visit, lost).await;
                return self.pool.get(&opener.key(visit), open).await;
            }
            Kind::Http(opener) => opener,
        };
        if opener.way().is_none() {
            let begun = Instant::now();
            let mut looking = opener.looking.lock().await;
            if opener.way().is_none() {
                looking.passed_on(begun)?;
                let found = opener.look(visit).await;
                let (way, session) = looking.note(found)?;
                drop(looking);
                return self.pool.adopt(&way.key(visit), session).await;
            }
        }
        // Whoever has found it out may have begun to doubt it.
        let way = opener.way().unwrap_or(Way::Streamable);
        let open = async |lost: Option<&Session>| opener.open_again(way, visit, lost).await;
        self.pool.get(&way.key(visit), open).await
    }

    /// Forgets what was found out, if that cannot be true any more.
    fn doubt(&self, trouble: &Trouble) -> bool {
        let is_foreign = match trouble {
            Trouble::Foreign(_) => true,
            Trouble::Rpc(error) => error.code() == Some(code::UNSUPPORTED_PROTOCOL_VERSION),
            _ => false,
        };
        is_foreign
            && match &self.kind {
                Kind::Http(opener) => {
                    opener.way().is_some() && {
                        opener.forget();
                        opener.way().is_none()
                    }
                }
                Kind::Stdio(opener) => {
                    opener.era().is_some() && {
                        opener.forget();
                        opener.era().is_none()
                    }
                }
            }
    }

    fn speaker<'a>(
        &'a self,
        session: &'a Session,
        visit: &'a Visit,
        outlet: &'a Outlet,
    ) -> Speaker<'a> {
        Speaker {
            name: &self.settings.name,
            session,
            mirror: &self.mirror,
            memory: &self.memory,
            visit,
            outlet,
            patience: self.settings.timeout,
        }
    }

    async fn call_once(
        &self,
        visit: &Visit,
        request: &Request,
        outlet: &Outlet,
    ) -> Result<Raw, Trouble> {
        let session = self.session(visit).await?;
        let result = match session.introduction.revision.era() {
            Era::Stateless => self.speaker(&session, visit, outlet).call(request).await,
            Era::Sessions => {
                let patience = self.settings.timeout;
                sessions::call(&session, visit, request, outlet, patience).await
            }
        };
        session.touch();
        result
    }

    /// Calls, and once more if that can repeat nothing and may be better.
    async fn call_twice(
        &self,
        visit: &Visit,
        request: &Request,
        outlet: &Outlet,
    ) -> Result<Raw, Trouble> {
        match self.call_once(visit, request, outlet).await {
            Err(Trouble::Lost(_)) => {}
            Err(Trouble::Broken(_)) if only_reads(&request.method) => {}
            Err(trouble) if self.doubt(&trouble) => {}
            result => return result,
        }
        self.call_once(visit, request, outlet).await
    }

    async fn listen_once(
        &self,
        visit: &Visit,
        interest: &Interest,
        outlet: &Outlet,
    ) -> Result<(), Trouble> {
        let session = self.session(visit).await?;
        match session.introduction.revision.era() {
            Era::Stateless => {
                let speaker = self.speaker(&session, visit, outlet);
                subscription::listen(speaker, interest).await
            }
            Era::Sessions => sessions::listen(&session, visit, interest, outlet).await,
        }
    }
}

/// Whether a request changes nothing, so that it can be repeated.
fn only_reads(method: &str) -> bool {
    method.ends_with("/list")
        || matches!(
            method,
            "ping"
                | "resources/read"
                | "resources/templates/list"
                | "prompts/get"
                | "completion/complete"
        )
}

fn reason(failure: &Failure) -> &str {
    match failure {
        Failure::Unavailable { reason, .. } => reason,
        _ => "answers an error",
    }
}

#[async_trait]
impl McpServer for Upstream {
    async fn introduction(&self, visit: &Visit) -> Result<Introduction, Failure> {
        let pass = self.breaker.admit().map_err(|trouble| self.said(trouble))?;
        let mut session = self.session(visit).await;
        if let Err(trouble) = &session
            && self.doubt(trouble)
        {
            session = self.session(visit).await;
        }
        match session {
            Ok(session) => {
                pass.good();
                Ok(session.introduction.clone())
            }
            Err(trouble) => {
                let failure = self.said(trouble);
                pass.bad(reason(&failure));
                Err(failure)
            }
        }
    }

    async fn call(&self, visit: &Visit, request: Request, outlet: &Outlet) -> Result<Raw, Failure> {
        let pass = self.breaker.admit().map_err(|trouble| self.said(trouble))?;
        match self.call_twice(visit, &request, outlet).await {
            Ok(result) => {
                pass.good();
                Ok(result)
            }
            Err(trouble @ (Trouble::Rpc(_) | Trouble::Untranslatable(_))) => {
                pass.good();
                Err(self.said(trouble))
            }
            Err(trouble) => {
                let failure = self.said(trouble);
                pass.bad(reason(&failure));
                Err(failure)
            }
        }
    }

    async fn notify(&self, visit: &Visit, notification: Notification) {
        // A server that nobody has spoken to yet has nothing to be told.
        let session = self.key(visit).and_then(|key| self.pool.peek(&key));
        if let Some(session) = session
            && session.introduction.revision.era() == Era::Sessions
        {
            sessions::notify(&session, visit, &notification).await;
        }
    }

    async fn listen(
        &self,
        visit: &Visit,
        interest: Interest,
        outlet: &Outlet,
    ) -> Result<(), Failure> {
        let mut attempts = 0;
        loop {
            let begun = Instant::now();
            let trouble = match self.listen_once(visit, &interest, outlet).await {
                Err(trouble @ (Trouble::Rpc(_) | Trouble::Untranslatable(_))) => {
                    return Err(self.said(trouble));
                }
                Err(trouble) => trouble,
                Ok(()) => Trouble::Lost("has ended its stream of news"),
            };
            if begun.elapsed() > SWEEP {
                attempts = 0;
            }
            if attempts >= LISTEN_ATTEMPTS {
                return Err(self.said(trouble));
            }
            let random = &*self.parts.random;
            let pause = backoff(attempts, Duration::from_millis(250), SWEEP, random);
            tokio::time::sleep(pause).await;
            attempts += 1;
        }
    }

    async fn leave(&self, visit: &Visit) {
        self.memory.forget(visit);
        let Some(key) = self.key(visit) else { return };
        if key == visit.key {
            self.pool.end(&key).await;
        } else if let Some(session) = self.pool.peek(&key) {
            sessions::leave(&session, visit);
        }
    }
}

/// An upstream that nobody holds any more ends what it has begun.
impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
