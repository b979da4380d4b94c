//! One upstream, as the gateway sees it: an MCP server of any revision, found out when it is first needed.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use ::http::{HeaderMap, Method, Response, Uri};
use async_trait::async_trait;
use hyper::body::Incoming;
use resource_server::Caller;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::UpstreamParts;
use super::credential::Credential;
use super::health::{Breaker, Health, backoff};
use super::http::{Endpoint, Payload};
use super::identity::Identity;
use super::mirror::Mirror;
use super::open::{HttpOpener, Way};
use super::pool::Pool;
use super::session::Session;
use super::settings::{Transport, UpstreamSettings};
use super::stateless::{Memory, Speaker};
use super::trouble::Trouble;
use super::{sessions, subscription};
use crate::json::Raw;
use crate::message::{Notification, Outlet, Request};
use crate::revision::Era;
use crate::server::{Failure, Interest, Introduction, McpServer};
use crate::visit::Visit;

/// How long a session over HTTP is kept that nobody uses. It is opened anew when somebody does.
const HTTP_IDLE: Duration = Duration::from_mins(30);
/// How many sessions there may be with one server over HTTP.
const MAX_SESSIONS: usize = 10_000;
/// How often idle connections are looked for.
const SWEEP: Duration = Duration::from_secs(30);
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
            let uri: Uri = url
                .as_str()
                .parse()
                .map_err(|_| invalid(format!("`{url}` is no address")))?;
            let endpoint = Endpoint {
                client: parts.http.clone(),
                uri,
                credential: Credential::new(&settings.credential, &parts.fetch, &parts.clock)
                    .map_err(invalid)?,
                identity: identity(settings, parts).map_err(invalid)?,
                timeout: settings.timeout,
            };
            let opener = HttpOpener {
                endpoint: Arc::new(endpoint),
                max: settings.max_message_bytes,
                revision: settings.revision,
                sse: *sse,
                tasks: tasks.clone(),
                stop: stop.clone(),
                way: Mutex::default(),
                looking: tokio::sync::Mutex::default(),
            };
            (Kind::Http(Box::new(opener)), MAX_SESSIONS, HTTP_IDLE)
        }
        Transport::Stdio { .. } => return Err(invalid("not yet".to_owned())),
    };
    let pool = Arc::new(Pool::new(max, parts.random.clone()));
    let (swept, until) = (pool.clone(), stop.clone());
    tasks.spawn(async move {
        let sweeping = async {
            loop {
                tokio::time::sleep(SWEEP.min(idle)).await;
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
        let Kind::Http(opener) = &self.kind;
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
        let Kind::Http(opener) = &self.kind;
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

    /// Whose connection serves a visit.
    fn key(&self, way: Way, visit: &Visit) -> Arc<str> {
        match way {
            Way::Stateless => "".into(),
            _ => visit.key.clone(),
        }
    }

    /// The connection for a visit.
    async fn session(&self, visit: &Visit) -> Result<Arc<Session>, Trouble> {
        let Kind::Http(opener) = &self.kind;
        let way = match opener.way() {
            Some(way) => way,
            None => {
                let _only_one = opener.looking.lock().await;
                match opener.way() {
                    Some(way) => way,
                    None => {
                        let (way, session) = opener.look(visit).await?;
                        return self.pool.adopt(&self.key(way, visit), session).await;
                    }
                }
            }
        };
        let open = async |lost: Option<&Session>| opener.open_again(way, visit, lost).await;
        self.pool.get(&self.key(way, visit), open).await
    }

    /// Forgets what was found out, if that cannot be true any more.
    fn doubt(&self, trouble: &Trouble) -> bool {
        let Kind::Http(opener) = &self.kind;
        let is_foreign = match trouble {
            Trouble::Foreign(_) => true,
            Trouble::Rpc(error) => {
                error.code() == Some(crate::message::code::UNSUPPORTED_PROTOCOL_VERSION)
            }
            _ => false,
        };
        if is_foreign && opener.way().is_some() {
            opener.forget();
            return opener.way().is_none();
        }
        false
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
        match session.introduction.revision.era() {
            Era::Stateless => self.speaker(&session, visit, outlet).call(request).await,
            Era::Sessions => {
                let patience = self.settings.timeout;
                sessions::call(&session, visit, request, outlet, patience).await
            }
        }
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
        if let Ok(session) = self.session(visit).await
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
        let Kind::Http(opener) = &self.kind;
        if opener.way() != Some(Way::Stateless) {
            self.pool.end(&visit.key).await;
        }
    }
}

/// An upstream that nobody holds any more ends what it has begun.
impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
