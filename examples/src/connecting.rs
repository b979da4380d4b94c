//! Tools that call an API as the person who called them, who may have to connect an account first.

use std::fmt;
use std::sync::Arc;

use delegation::{ApiError, InviteToConnect, Invited, ValidTokens};
use resource_server::Caller;
use resource_server::mcp::{AskByUrl, UrlElicitation};
use rmcp::model::{CallToolResponse, CallToolResult, ErrorData};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::tools::refused;

/// How many clients are told at the same time that their person has finished. The others learn it
/// when they try again.
const NOTICES: usize = 256;

/// An account that people connect, so that tools can call an API as them; clones are the same.
#[derive(Clone)]
pub struct Connecting {
    shared: Arc<Shared>,
}

struct Shared {
    account: Account,
    tokens: ValidTokens,
    pages: Arc<dyn InviteToConnect>,
    tasks: TaskTracker,
    notices: Arc<Semaphore>,
}

/// The account that a server works with.
#[derive(Clone, Debug)]
pub struct Account {
    /// The provider at which it is, by its id.
    pub provider: String,
    /// What people call it, such as `Naver`.
    pub name: String,
    /// What people call the server that needs it.
    pub server: String,
}

impl Connecting {
    /// Accounts whose tokens are in `tokens`, and that people connect on `pages`.
    pub fn new(
        account: Account,
        tokens: ValidTokens,
        pages: Arc<dyn InviteToConnect>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                account,
                tokens,
                pages,
                tasks,
                notices: Arc::new(Semaphore::new(NOTICES)),
            }),
        }
    }

    /// Answers with what `work` brings; or asks the caller to connect the account, if that is what is
    /// missing. `explain` says what else went wrong.
    pub(crate) async fn answer(
        &self,
        caller: &Caller,
        ask: AskByUrl,
        work: impl Future<Output = Result<Value, ApiError>>,
        explain: impl FnOnce(&ApiError) -> String,
    ) -> Result<CallToolResponse, ErrorData> {
        ask.wait_until(|| self.is_connected(caller.subject())).await;
        match work.await {
            Ok(value) => Ok(CallToolResult::structured(value).into()),
            Err(error) if error.needs_person() => self.invite(caller, ask).await,
            Err(error) => Ok(refused(explain(&error)).into()),
        }
    }

    /// Asks the caller, and nobody else, to connect the account (MCP URL elicitation).
    async fn invite(&self, caller: &Caller, ask: AskByUrl) -> Result<CallToolResponse, ErrorData> {
        let Account {
            provider,
            name,
            server,
        } = &self.shared.account;
        let invited = Invited {
            subject: caller.subject(),
            provider,
            server,
        };
        let invitation = self.shared.pages.invite(&invited).await.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                error,
                provider,
                "nobody can be invited to connect an account"
            );
            ErrorData::internal_error("the account cannot be connected now; try again later", None)
        })?;
        let message = format!("{server} needs your {name} account. Connect it once, then go on.");
        let answer = ask.open(&UrlElicitation {
            id: &invitation.id,
            url: &invitation.url,
            message: &message,
        });
        if ask.wants_notice()
            && let Ok(permit) = Arc::clone(&self.shared.notices).try_acquire_owned()
        {
            let (connecting, subject) = (self.clone(), caller.subject().to_owned());
            self.shared.tasks.spawn(async move {
                let is_done = || connecting.is_connected(&subject);
                ask.notify_when(invitation.id, invitation.lifetime, is_done)
                    .await;
                drop(permit);
            });
        }
        answer
    }

    async fn is_connected(&self, subject: &str) -> bool {
        let provider = &self.shared.account.provider;
        let connected = self.shared.tokens.is_connected(subject, provider).await;
        // The call itself says what is wrong with the store.
        connected.unwrap_or(false)
    }
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting")
            .field("account", &self.shared.account)
            .finish_non_exhaustive()
    }
}
