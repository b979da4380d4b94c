//! One upstream, as the gateway sees it: an MCP server of any revision, found out when it is first needed.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::{HeaderMap, Method, Response};
use async_trait::async_trait;
use delegation::AuthType;
use hyper::body::Incoming;
use resource_server::Caller;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::UpstreamParts;
use super::account::Account;
use super::health::{Breaker, Health, Pass};
use super::http::Payload;
use super::memory::Memory;
use super::mirror::Mirror;
use super::open::{HttpOpener, Way};
use super::pool::Pool;
use super::session::Session;
use super::sessions;
use super::settings::UpstreamSettings;
use super::stateless::Speaker;
use super::stdio::StdioOpener;
use super::trouble::Trouble;
use crate::json::Raw;
use crate::message::{Notification, Request, may_need_input};
use crate::outlet::Outlet;
use crate::revision::Era;
use crate::server::{Failure, Interest, Introduction, McpServer};
use crate::visit::Visit;

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

    pub(super) fn said(&self, trouble: Trouble) -> Failure {
        trouble.into_failure(&self.settings.name)
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

    /// What somebody is told who has to connect an account; `can_wait` says whether the request may be
    /// answered with a question.
    async fn not_connected(&self, visit: &Visit, can_wait: bool) -> Failure {
        match &self.account {
            Some(account) => account.ask(visit, can_wait).await,
            None => self.said(Trouble::NotConnected),
        }
    }

    pub(super) fn speaker<'a>(
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
