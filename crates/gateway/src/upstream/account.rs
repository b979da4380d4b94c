//! The accounts of the people who call, where an upstream is called with their tokens: who has connected
//! one, and who is asked to (MCP elicitation, URL mode).

use std::sync::Arc;
use std::time::Duration;

use delegation::{InviteToConnect, Invited, ValidTokenError, ValidTokens};
use oauth::secret::Secret;
use resource_server::Caller;
use resource_server::mcp::{ELICITATION_COMPLETE, ElicitationAnswer, UrlElicitation, UrlMode};
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, broadcast};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::settings::{UpstreamSettings, UserToken};
use super::trouble::Trouble;
use crate::json::raw;
use crate::message::{Notification, RpcError, code};
use crate::outlet::Outlet;
use crate::server::Failure;
use crate::visit::Visit;

/// How long a repeated call waits for somebody who is still at the page. Clients repeat it as soon as the
/// page is open, and give up a call after a minute or so.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked whether somebody has finished.
const PACE: Duration = Duration::from_secs(1);
/// How many people are looked after at the same time, to tell their clients when they have finished. The
/// others learn it when they try again.
const NOTICES: usize = 256;

/// Where the tokens of people are, and where they connect their accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// The tokens, renewed in time.
    pub tokens: ValidTokens,
    /// The pages.
    pub pages: Arc<dyn InviteToConnect>,
}

/// The accounts that people have for one upstream.
#[derive(Debug)]
pub(super) struct Account {
    accounts: Accounts,
    wanted: UserToken,
    /// What people know the upstream by.
    server: String,
    finished: broadcast::Sender<Arc<Finished>>,
    notices: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Somebody has connected the account that they were asked for.
#[derive(Debug)]
struct Finished {
    subject: String,
    elicitation: String,
}

impl Account {
    pub(super) fn new(
        accounts: &Accounts,
        wanted: &UserToken,
        settings: &UpstreamSettings,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        Self {
            accounts: accounts.clone(),
            wanted: wanted.clone(),
            server: settings.title.as_ref().unwrap_or(&settings.name).clone(),
            finished: broadcast::Sender::new(NOTICES),
            notices: Arc::new(Semaphore::new(NOTICES)),
            tasks: tasks.clone(),
            stop: stop.clone(),
        }
    }

    /// A token of the caller's that is good for a while.
    pub(super) async fn token(&self, caller: &Caller) -> Result<Secret, Trouble> {
        let subject = person(caller)?;
        let token = self.accounts.tokens.valid_token(subject, self.provider());
        token.await.map_err(trouble)
    }

    /// Another one, since the upstream does not accept `refused` (RFC 6750 §3.1); none if that one was
    /// renewed a moment ago.
    pub(super) async fn another(
        &self,
        refused: &Secret,
        caller: &Caller,
    ) -> Result<Option<Secret>, Trouble> {
        let (subject, tokens) = (person(caller)?, &self.accounts.tokens);
        let token = tokens.valid_token_instead_of(refused, subject, self.provider());
        match token.await {
            Ok(token) => Ok(Some(token)),
            Err(ValidTokenError::JustRenewed { .. }) => Ok(None),
            Err(error) => Err(trouble(error)),
        }
    }

    /// Waits for somebody who has opened the page and is not finished there.
    pub(super) async fn wait(&self, caller: &Caller) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && !self.is_connected(caller.subject()).await {
            tokio::time::sleep(PACE).await;
        }
    }

    /// What the caller, and nobody else, is asked to open, in the words of their client: the error of
    /// 2025-11-25, which other fronts translate, or a text with the address in it. `can_wait` says whether
    /// the request is one that a question may be the answer to.
    pub(super) async fn ask(self: &Arc<Self>, visit: &Visit, can_wait: bool) -> Failure {
        let invited = Invited {
            subject: visit.caller.subject(),
            provider: self.provider(),
            server: &self.server,
        };
        let invitation = match self.accounts.pages.invite(&invited).await {
            Ok(invitation) => invitation,
            Err(error) => {
                let provider = self.provider();
                tracing::error!(%error, provider, "nobody can be invited to connect an account");
                let message = "the account cannot be connected now; try again later";
                return Failure::Rpc(RpcError::new(code::INTERNAL_ERROR, message));
            }
        };
        let (server, account) = (&self.server, &self.wanted.account);
        let message =
            format!("{server} needs your {account} account. Connect it once, then go on.");
        let elicitation = UrlElicitation {
            id: &invitation.id,
            url: &invitation.url,
            message: &message,
        };
        let error = match mode(visit) {
            UrlMode::InputRequired | UrlMode::Error if can_wait => {
                self.notice(visit, invitation.id.clone(), invitation.lifetime);
                match elicitation.answer(UrlMode::Error) {
                    ElicitationAnswer::Error(error) | ElicitationAnswer::Result(error) => {
                        RpcError(raw::<Map<String, Value>>(&error))
                    }
                }
            }
            _ => {
                let message = format!(
                    "{message} Open this page, and then try again: {}",
                    invitation.url
                );
                RpcError::new(code::INVALID_REQUEST, message)
            }
        };
        Failure::NotConnected(error)
    }

    /// Passes on that somebody has finished, to their client alone, for as long as it listens.
    pub(super) async fn tell(&self, visit: &Visit, outlet: &Outlet) {
        let mut finished = self.finished.subscribe();
        loop {
            match finished.recv().await {
                Ok(finished) if finished.subject == visit.caller.subject() => {
                    let params = raw(&json!({"elicitationId": finished.elicitation}));
                    let method = ELICITATION_COMPLETE.to_owned();
                    let params = Some(params);
                    outlet.notify(Notification { method, params }).await;
                }
                // Who was overrun learns it when they try again.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Waits for the caller to finish, where it is looked whether they do.
    pub(super) async fn until_finished(&self, caller: &Caller) {
        let mut finished = self.finished.subscribe();
        loop {
            match finished.recv().await {
                Ok(finished) if finished.subject != caller.subject() => {}
                _ => return,
            }
        }
    }

    /// Looks whether somebody finishes, for clients that want to be told (2025-11-25).
    fn notice(self: &Arc<Self>, visit: &Visit, elicitation: String, lifetime: Duration) {
        let permit = Arc::clone(&self.notices).try_acquire_owned();
        let (UrlMode::Error, Ok(permit)) = (mode(visit), permit) else {
            return;
        };
        let (account, stop) = (Arc::clone(self), self.stop.clone());
        let subject = visit.caller.subject().to_owned();
        let looking = async move {
            let end = Instant::now() + lifetime;
            while Instant::now() < end {
                tokio::time::sleep(PACE).await;
                if account.is_connected(&subject).await {
                    let finished = Finished {
                        subject,
                        elicitation,
                    };
                    // Nobody may listen.
                    let _ = account.finished.send(Arc::new(finished));
                    break;
                }
            }
            drop(permit);
        };
        self.tasks
            .spawn(async move { stop.run_until_cancelled(looking).await });
    }

    async fn is_connected(&self, subject: &str) -> bool {
        let tokens = &self.accounts.tokens;
        let connected = tokens.is_connected(subject, self.provider()).await;
        // The call itself says what is wrong with the store.
        connected.unwrap_or(false)
    }

    fn provider(&self) -> &str {
        &self.wanted.provider
    }
}

/// The person who calls. A client that calls in its own name is its own subject (RFC 9068 §2.2), and has no
/// account anywhere.
fn person(caller: &Caller) -> Result<&str, Trouble> {
    if caller.client_id() == Some(caller.subject()) {
        let reason = "is called with the tokens of people, and this token is a client's: sign in";
        return Err(withheld(reason, None));
    }
    Ok(caller.subject())
}

fn mode(visit: &Visit) -> UrlMode {
    let capabilities = serde_json::from_str(visit.client.capabilities.get()).ok();
    UrlMode::of(Some(visit.client.revision.as_str()), capabilities.as_ref())
}

fn trouble(error: ValidTokenError) -> Trouble {
    match error {
        error if error.needs_person() => Trouble::NotConnected,
        ValidTokenError::Unavailable { retry_after, .. } => withheld(
            "cannot be asked, because the provider of the account does not answer",
            Some(retry_after),
        ),
        error => {
            tracing::error!(%error, "the token of a person cannot be had");
            let reason = "cannot be asked, because the token of the account cannot be read";
            withheld(reason, None)
        }
    }
}

/// That says nothing about the upstream.
fn withheld(reason: &'static str, retry_after: Option<Duration>) -> Trouble {
    Trouble::Withheld {
        reason,
        retry_after,
    }
}
