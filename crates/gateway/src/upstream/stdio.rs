//! Connections to servers that are programs: how they begin, and which era a program belongs to
//! (MCP 2026-07-28, stdio, backward compatibility).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use delegation::AuthType;
use oauth::secret::Secret;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::board::Board;
use super::pipe::Pipe;
use super::pool::closed;
use super::process::{LastLines, Program};
use super::session::{Presented, Session, initialize};
use super::sessions;
use super::settings::Children;
use super::stateless::{Discovered, discover};
use super::trouble::Trouble;
use crate::message::code;
use crate::revision::{Era, Revision};
use crate::server::Introduction;
use crate::visit::Visit;

/// How long a program may take to introduce itself at least: it may have to be fetched.
pub(super) const START: Duration = Duration::from_mins(1);
/// How long it is waited for an answer to a question that many programs do not understand, some of which
/// say nothing then.
const PROBE: Duration = Duration::from_secs(5);
/// When to come again if too many programs start at once.
const AGAIN: Duration = Duration::from_secs(5);

/// Opens connections to a program, by starting it.
#[derive(Debug)]
pub(super) struct StdioOpener {
    pub(super) program: Program,
    pub(super) children: Children,
    pub(super) revision: Option<Revision>,
    pub(super) patience: Duration,
    /// How long it may take to introduce itself, however often it is asked.
    pub(super) start: Duration,
    /// How many programs may introduce themselves at once.
    pub(super) starts: Arc<Semaphore>,
    pub(super) stop: CancellationToken,
    /// Where the token of the person goes, if the program gets one.
    pub(super) person: Option<PersonVariable>,
    /// Whose credential is for what is no call of a tool.
    pub(super) usual: AuthType,
    /// What was found out.
    pub(super) era: Mutex<Option<Era>>,
}

/// The variable in which a child finds the token of the person whom it works for.
#[derive(Debug)]
pub(super) struct PersonVariable {
    pub(super) account: Arc<Account>,
    pub(super) name: String,
}

/// A child of which nothing is known yet.
struct Child {
    link: Arc<Pipe>,
    board: Arc<Board>,
    last_lines: LastLines,
}

impl StdioOpener {
    /// The token of the caller, for a child that works with it.
    pub(super) async fn token(&self, visit: &Visit) -> Result<Option<Secret>, Trouble> {
        match &self.person {
            Some(person) if self.is_personal(visit) => {
                person.account.token(&visit.caller).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether a child serves the visit that has the token of the caller.
    pub(super) fn is_personal(&self, visit: &Visit) -> bool {
        self.person.is_some() && visit.auth_type.unwrap_or(self.usual) == AuthType::UserToken
    }

    /// Whose child serves a visit. What has a token in its environment has it for good, so there is another
    /// child for another token, and one without for what needs none.
    pub(super) fn key_with(&self, visit: &Visit, token: Option<&Secret>) -> Arc<str> {
        let base = self.key(visit);
        match token {
            Some(token) => format!("{base}\n{}", token.hash().as_str()).into(),
            None => base,
        }
    }

    /// Whose children serve a visit, whatever token they have.
    pub(super) fn key(&self, visit: &Visit) -> Arc<str> {
        match self.children {
            Children::PerSession => visit.key.clone(),
            Children::PerUser => visit.person(),
            Children::Shared => "".into(),
        }
    }

    /// The person whose child serves a visit, unless others share it.
    pub(super) fn person_of(&self, visit: &Visit) -> Option<Arc<str>> {
        let is_shared = self.children == Children::Shared && !self.is_personal(visit);
        (!is_shared).then(|| visit.person())
    }

    pub(super) fn era(&self) -> Option<Era> {
        let found = *self.era.lock().unwrap_or_else(PoisonError::into_inner);
        found.or(self.revision.map(Revision::era))
    }

    fn found(&self, era: Option<Era>) {
        *self.era.lock().unwrap_or_else(PoisonError::into_inner) = era;
    }

    /// What was found out is not true any more.
    pub(super) fn forget(&self) {
        self.found(None);
    }

    /// Starts the program, in the place of a child that was lost.
    pub(super) async fn open(
        &self,
        visit: &Visit,
        token: Option<&Secret>,
        lost: Option<&Session>,
    ) -> Result<Session, Trouble> {
        let permit = self.permit().await?;
        let mut child = self.spawn(token)?;
        // One time for all attempts, which begins when the program does.
        let introduced = timeout(self.start, self.introduce(&mut child, visit, token)).await;
        let silent = || Err(Trouble::Silent("does not introduce itself in time"));
        let introduced = introduced.unwrap_or_else(|_| silent());
        drop(permit);
        match introduced {
            Ok(introduction) => {
                let era = introduction.revision.era();
                self.found(Some(era));
                let session = Session::new(child.link, child.board, introduction);
                if let Some(lost) = lost
                    && era == Era::Sessions
                {
                    sessions::restore(&session, lost, visit).await;
                }
                Ok(session)
            }
            Err(trouble) => {
                super::link::Link::end(&*child.link).await;
                let said = child.last_lines.lock();
                let said = said
                    .unwrap_or_else(PoisonError::into_inner)
                    .make_contiguous()
                    .join(" | ");
                let upstream = &self.program.name;
                tracing::warn!(upstream, ?trouble, said, "a child does not come up");
                Err(trouble)
            }
        }
    }

    /// Waits until there is room for another program to begin, no longer than for an answer.
    async fn permit(&self) -> Result<SemaphorePermit<'_>, Trouble> {
        match timeout(self.patience, self.starts.acquire()).await {
            Ok(permit) => permit.map_err(|_| closed()),
            Err(_) => Err(Trouble::Withheld {
                reason: "has to wait with its start, since too many programs start at once",
                retry_after: Some(AGAIN),
            }),
        }
    }

    fn spawn(&self, token: Option<&Secret>) -> Result<Child, Trouble> {
        let is_exclusive = self.children != Children::Shared;
        let board = Board::new(is_exclusive, self.program.max_message);
        let stop = self.stop.child_token();
        let variable = self.person.as_ref().zip(token);
        let variable = variable.map(|(person, token)| (&*person.name, token));
        let (link, last_lines) = self.program.start(&board, stop, self.patience, variable)?;
        Ok(Child {
            link: Arc::new(link),
            board,
            last_lines,
        })
    }

    /// Has a child introduce itself, in the words of its era if that is known.
    async fn introduce(
        &self,
        child: &mut Child,
        visit: &Visit,
        token: Option<&Secret>,
    ) -> Result<Introduction, Trouble> {
        match self.era() {
            Some(era) => self.greet(child, era, visit).await,
            None => self.probe(child, visit, token).await,
        }
    }

    async fn greet(&self, child: &Child, era: Era, visit: &Visit) -> Result<Introduction, Trouble> {
        let (link, board) = (&*child.link, &child.board);
        match era {
            Era::Stateless => {
                let discovered = discover(link, board, visit, self.start).await?;
                Ok(discovered.introduction)
            }
            Era::Sessions => {
                let revision = self.revision.filter(|it| it.era() == Era::Sessions);
                let offered = revision.unwrap_or(Revision::LAST_WITH_SESSIONS);
                let presented = match self.children {
                    Children::PerSession => Presented::visitor(visit),
                    Children::PerUser | Children::Shared => Presented::bridge(),
                };
                initialize(link, board, visit, &presented, offered, self.start).await
            }
        }
    }

    /// Finds out the era of a program, by its introduction. If it ends over that, another one takes its
    /// place.
    async fn probe(
        &self,
        child: &mut Child,
        visit: &Visit,
        token: Option<&Secret>,
    ) -> Result<Introduction, Trouble> {
        let patience = PROBE.min(self.start / 2);
        let probed = discover(&*child.link, &child.board, visit, patience).await;
        let was_silent = matches!(probed, Err(Trouble::Silent(_)));
        match probed {
            // With sessions a program can ask on its way, which clients of every revision understand.
            Ok(discovered) if discovered.serves_sessions => {}
            Ok(Discovered { introduction, .. }) => return Ok(introduction),
            Err(Trouble::Rpc(error)) if error.code() == Some(code::MISSING_CLIENT_CAPABILITY) => {
                return Err(Trouble::Rpc(error));
            }
            // Some programs end when they are asked what they do not know.
            Err(Trouble::Broken(_) | Trouble::Lost(_)) => {
                super::link::Link::end(&*child.link).await;
                *child = self.spawn(token)?;
            }
            Err(_) => {}
        }
        let greeted = self.greet(child, Era::Sessions, visit).await;
        if was_silent && matches!(greeted, Err(Trouble::Foreign(_))) {
            return self.greet(child, Era::Stateless, visit).await;
        }
        greeted
    }
}
