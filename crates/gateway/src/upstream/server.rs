//! One upstream, as the gateway sees it: an MCP server of any revision, found out when it is first needed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Method, Response};
use async_trait::async_trait;
use delegation::AuthType;
use hyper::body::Incoming;
use resource_server::Caller;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::UpstreamParts;
use super::account::Account;
use super::health::{Breaker, Health, Pass, backoff};
use super::http::Payload;
use super::mirror::Mirror;
use super::open::{HttpOpener, Way};
use super::pool::Pool;
use super::session::Session;
use super::settings::UpstreamSettings;
use super::stateless::{Memory, Speaker};
use super::stdio::StdioOpener;
use super::trouble::Trouble;
use super::{sessions, subscription};
use crate::json::Raw;
use crate::message::{Notification, Outlet, Request, code, may_need_input};
use crate::revision::Era;
use crate::server::{Failure, Interest, Introduction, McpServer};
use crate::visit::Visit;

/// How often a stream of news is opened again that brings none.
const LISTEN_ATTEMPTS: u32 = 8;
/// How long it is waited before that, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An MCP server behind the gateway.
#[derive(Debug)]
pub struct Upstream {
    pub(super) settings: UpstreamSettings,
    pub(super) kind: Kind,
    pub(super) pool: Arc<Pool>,
    pub(super) mirror: Mirror,
    pub(super) memory: Memory,
    pub(super) breaker: Breaker,
    /// The accounts of people, if it is called with their tokens.
    pub(super) account: Option<Arc<Account>>,
    pub(super) parts: UpstreamParts,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

/// What it is behind.
#[derive(Debug)]
pub(super) enum Kind {
    Http(Box<HttpOpener>),
    Stdio(Box<StdioOpener>),
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

    /// The era that is spoken with it over HTTP where messages may pass as they are, as far as that is
    /// known.
    pub(crate) fn http_era(&self) -> Option<Era> {
        let Kind::Http(opener) = &self.kind else {
            return None;
        };
        // Whose credential goes with a call has to be looked up, and somebody may have to be asked first.
        if !self.settings.auth_types.is_uniform() {
            return None;
        }
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
            result => self.settle(pass, result),
        }
    }

    /// Counts what came of a call, and says it to the client.
    fn settle<T>(&self, pass: Pass<'_>, result: Result<T, Trouble>) -> Result<T, Failure> {
        let trouble = match result {
            Ok(answer) => {
                pass.good();
                return Ok(answer);
            }
            Err(trouble) => trouble,
        };
        match &trouble {
            // These are answers, too.
            Trouble::Rpc(_) | Trouble::Untranslatable(_) => pass.good(),
            // It was not asked, so nobody knows how it is doing.
            Trouble::Withheld { .. } => drop(pass),
            _ => {
                let failure = self.said(trouble);
                pass.bad(reason(&failure));
                return Err(failure);
            }
        }
        Err(self.said(trouble))
    }

    fn said(&self, trouble: Trouble) -> Failure {
        trouble.into_failure(&self.settings.name)
    }

    /// Whose connection serves a visit, as far as that is known.
    fn key(&self, visit: &Visit) -> Option<Arc<str>> {
        match &self.kind {
            Kind::Http(opener) => Some(opener.way_for(visit)?.key(visit, self.account.is_some())),
            Kind::Stdio(opener) => Some(opener.key(visit)),
        }
    }

    /// The connection for a visit.
    async fn session(&self, visit: &Visit) -> Result<Arc<Session>, Trouble> {
        let found = self.find(visit).await;
        found.map_err(Trouble::at_the_beginning)
    }

    async fn find(&self, visit: &Visit) -> Result<Arc<Session>, Trouble> {
        let opener = match &self.kind {
            Kind::Stdio(opener) => {
                let token = opener.token(visit).await?;
                let key = opener.key_with(visit, token.as_ref());
                let open = async |lost: Option<&Session>| {
                    // A new token means a new child, which goes on where the one before it was.
                    let before = token
                        .as_ref()
                        .and_then(|_| self.pool.peek_of(&opener.key(visit)));
                    let lost = lost.or(before.as_deref());
                    // Rare, and large: it takes no room in every call.
                    Box::pin(opener.open(visit, token.as_ref(), lost)).await
                };
                return self.pool.get(&key, open).await;
            }
            Kind::Http(opener) => opener,
        };
        if opener.way_for(visit).is_none() {
            let begun = Instant::now();
            let mut looking = opener.looking.lock().await;
            if opener.way_for(visit).is_none() {
                looking.passed_on(begun)?;
                let since = Instant::now();
                let found = Box::pin(opener.look(visit)).await;
                let (way, session) = looking.note(found)?;
                drop(looking);
                let revision = session.introduction.revision;
                let upstream = self.name();
                tracing::info!(upstream, %revision, ?way, "an upstream is understood");
                let key = way.key(visit, self.account.is_some());
                let session = self.pool.adopt(&key, session, since).await?;
                if opener.way_for(visit) == Some(way) {
                    return Ok(session);
                }
            }
        }
        // Whoever has found it out may have begun to doubt it.
        let way = opener.way_for(visit).unwrap_or(Way::Streamable);
        let open =
            async |lost: Option<&Session>| Box::pin(opener.open_again(way, visit, lost)).await;
        let key = way.key(visit, self.account.is_some());
        self.pool.get(&key, open).await
    }

    /// Forgets what was found out, if that cannot be true any more.
    fn doubt(&self, trouble: &Trouble) -> bool {
        let is_foreign = match trouble {
            Trouble::Foreign(_) | Trouble::Strange(_) => true,
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

    /// The visit, with whose credential it calls where that differs by request.
    fn acting<'v>(&self, visit: &'v Visit, request: &Request) -> Cow<'v, Visit> {
        let auth_types = &self.settings.auth_types;
        if auth_types.is_uniform() {
            return Cow::Borrowed(visit);
        }
        Cow::Owned(Visit {
            auth_type: Some(auth_types.of(request)),
            ..visit.clone()
        })
    }

    /// Whether there are children that work with the token of one person each.
    fn has_personal_children(&self) -> bool {
        self.account.is_some() && matches!(self.kind, Kind::Stdio(_))
    }

    /// The connection that serves a visit, if there is one.
    fn known_session(&self, visit: &Visit) -> Option<Arc<Session>> {
        let key = self.key(visit)?;
        let personal = self.has_personal_children();
        let personal = personal.then(|| self.pool.peek_of(&key)).flatten();
        personal.or_else(|| self.pool.peek(&key))
    }

    /// What somebody is told who has to connect an account; `can_wait` says whether the request may be
    /// answered with a question.
    async fn not_connected(&self, visit: &Visit, can_wait: bool) -> Failure {
        match &self.account {
            Some(account) => account.ask(visit, can_wait).await,
            None => self.said(Trouble::NotConnected),
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
        let trouble = match self.call_once(visit, request, outlet).await {
            Ok(result) => return Ok(result),
            Err(trouble) => trouble,
        };
        // What is doubted is forgotten, also where this call is not repeated.
        let is_doubted = self.doubt(&trouble);
        let may_repeat = match &trouble {
            Trouble::Lost(_) => true,
            Trouble::Broken(_) => only_reads(&request.method),
            Trouble::Strange(_) => is_doubted && only_reads(&request.method),
            _ => is_doubted,
        };
        if !may_repeat {
            return Err(trouble);
        }
        self.call_once(visit, request, outlet).await
    }

    /// Listens, and again when the stream has ended.
    async fn listen_on(
        &self,
        visit: &Visit,
        interest: &Interest,
        outlet: &Outlet,
    ) -> Result<(), Failure> {
        let mut attempts = 0;
        loop {
            let begun = Instant::now();
            let trouble = match self.listen_once(visit, interest, outlet).await {
                Err(trouble @ (Trouble::Rpc(_) | Trouble::Untranslatable(_))) => {
                    return Err(self.said(trouble));
                }
                Err(Trouble::NotConnected) => {
                    if let Some(account) = &self.account {
                        account.until_finished(&visit.caller).await;
                    }
                    continue;
                }
                Err(trouble) => trouble,
                Ok(()) => Trouble::Lost("has ended its stream of news"),
            };
            if begun.elapsed() > LONGEST_PAUSE {
                attempts = 0;
            }
            if attempts >= LISTEN_ATTEMPTS {
                return Err(self.said(trouble));
            }
            let random = &*self.parts.random;
            let pause = backoff(attempts, FIRST_PAUSE, LONGEST_PAUSE, random);
            tokio::time::sleep(pause).await;
            attempts += 1;
        }
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
        if let Err(Trouble::NotConnected) = session {
            return Err(self.not_connected(visit, false).await);
        }
        let session = self.settle(pass, session)?;
        Ok(session.introduction.clone())
    }

    async fn call(&self, visit: &Visit, request: Request, outlet: &Outlet) -> Result<Raw, Failure> {
        let visit = &*self.acting(visit, &request);
        if let Some(account) = &self.account
            && visit.has_opened
            && visit.auth_type == Some(AuthType::UserToken)
        {
            account.wait(&visit.caller).await;
        }
        let pass = self.breaker.admit().map_err(|trouble| self.said(trouble))?;
        let result = self.call_twice(visit, &request, outlet).await;
        if let Err(Trouble::NotConnected) = result {
            let can_wait = may_need_input(&request.method);
            return Err(self.not_connected(visit, can_wait).await);
        }
        self.settle(pass, result)
    }

    async fn notify(&self, visit: &Visit, notification: Notification) {
        // A server that nobody has spoken to yet has nothing to be told.
        let session = self.known_session(visit);
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
        let Some(account) = self.account.as_ref().filter(|_| interest.everything) else {
            return self.listen_on(visit, &interest, outlet).await;
        };
        tokio::select! {
            result = self.listen_on(visit, &interest, outlet) => result,
            () = account.tell(visit, outlet) => Ok(()),
        }
    }

    async fn leave(&self, visit: &Visit) {
        self.memory.forget(visit);
        let Some(key) = self.key(visit) else { return };
        if key != visit.key {
            if let Some(session) = self.known_session(visit) {
                sessions::leave(&session, visit);
            }
            return;
        }
        self.pool.end(&key).await;
        if self.has_personal_children() {
            self.pool.end_of(&key).await;
        }
    }
}

/// An upstream that nobody holds any more ends what it has begun.
impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
