//! How a connection to an upstream begins, and how it is found out what the upstream speaks
//! (MCP 2026-07-28, versioning; Streamable HTTP, backward compatibility).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Board;
use super::http::Endpoint;
use super::link::Link;
use super::pool::{Owned, Turn};
use super::session::{Presented, Session, initialize};
use super::sessions;
use super::stateless::{Discovered, discover};
use super::stateless_http::StatelessHttp;
use super::streamable::Streamable;
use super::trouble::Trouble;
use crate::message::code;
use crate::revision::{Era, Revision};
use crate::visit::Visit;

/// What is spoken over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// 2026-07-28.
    Stateless,
    /// Streamable HTTP with sessions.
    Streamable,
    /// HTTP+SSE of 2024-11-05.
    EventStream,
}

impl Way {
    /// Whose connection serves a visit. Without sessions all share one, unless a server that is shown the
    /// tokens of people may say other things to each of them.
    pub(super) fn key(self, visit: &Visit, is_personal: bool) -> Arc<str> {
        match self {
            Self::Stateless if !is_personal => "".into(),
            _ => visit.key.clone(),
        }
    }

    /// The same, and whether it is for one person alone.
    pub(super) fn owned(self, visit: &Visit, is_personal: bool) -> Owned {
        let is_shared = self == Self::Stateless && !is_personal;
        Owned {
            key: self.key(visit, is_personal),
            person: (!is_shared).then(|| visit.person()),
        }
    }
}

/// Opens connections to an upstream over HTTP.
#[derive(Debug)]
pub(super) struct HttpOpener {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) max: usize,
    pub(super) revision: Option<Revision>,
    pub(super) sse: Option<bool>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    /// What was found out.
    pub(super) way: Mutex<Option<Way>>,
    /// Whether a server of 2026-07-28 serves clients with sessions too, as far as it says so.
    pub(super) serves_both: AtomicBool,
    /// Whoever holds it finds it out for all.
    pub(super) looking: Turn,
}

impl HttpOpener {
    /// What is spoken, if that is known.
    pub(super) fn way(&self) -> Option<Way> {
        let found = *self.way.lock().unwrap_or_else(PoisonError::into_inner);
        found.or(match (self.sse, self.revision) {
            (Some(true), _) | (None, Some(Revision::V2024_11_05)) => Some(Way::EventStream),
            (_, Some(Revision::V2026_07_28)) => Some(Way::Stateless),
            (_, Some(_)) => Some(Way::Streamable),
            (_, None) => None,
        })
    }

    /// What is spoken on behalf of `visit`, if that is known. A server that speaks as the client does is
    /// spoken to like that: what needs no translation loses nothing.
    pub(super) fn way_for(&self, visit: &Visit) -> Option<Way> {
        let way = self.way()?;
        let is_alike = visit.client.revision.era() == Era::Stateless;
        let is_other = self.serves_both.load(Ordering::Relaxed) && self.revision.is_none();
        Some(match way {
            Way::Stateless if is_other && !is_alike => Way::Streamable,
            way => way,
        })
    }

    fn found(&self, way: Option<Way>) {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner) = way;
    }

    /// What was found out is not true any more.
    pub(super) fn forget(&self) {
        self.serves_both.store(false, Ordering::Relaxed);
        self.found(None);
    }

    /// Finds out what is spoken, by opening a connection for `visit`.
    pub(super) async fn look(&self, visit: &Visit) -> Result<(Way, Session), Trouble> {
        let (way, session) = match self.open(Way::Stateless, visit).await {
            Ok(session) => (Way::Stateless, session),
            Err(Trouble::Foreign(_) | Trouble::Strange(_)) => self.look_for_sessions(visit).await?,
            Err(Trouble::Rpc(error)) => match error.code() {
                // A server of this revision, that has another opinion of our request.
                Some(code::HEADER_MISMATCH | code::MISSING_CLIENT_CAPABILITY) => {
                    return Err(Trouble::Rpc(error));
                }
                _ => self.look_for_sessions(visit).await?,
            },
            Err(trouble) => return Err(trouble),
        };
        self.found(Some(way));
        Ok((way, session))
    }

    async fn look_for_sessions(&self, visit: &Visit) -> Result<(Way, Session), Trouble> {
        match self.open(Way::Streamable, visit).await {
            Ok(session) => Ok((Way::Streamable, session)),
            Err(foreign @ (Trouble::Foreign(_) | Trouble::Strange(_) | Trouble::Rpc(_)))
                if self.sse != Some(false) =>
            {
                match self.open(Way::EventStream, visit).await {
                    Ok(session) => Ok((Way::EventStream, session)),
                    Err(_) => Err(foreign),
                }
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Opens a connection.
    pub(super) async fn open(&self, way: Way, visit: &Visit) -> Result<Session, Trouble> {
        let endpoint = self.endpoint.clone();
        let patience = endpoint.timeout;
        let max = self.max;
        if way == Way::Stateless {
            // Its answers never come over the board, so there is nothing to mix up.
            let board = Board::new(false, max);
            let link = StatelessHttp { endpoint, max };
            let Discovered {
                introduction,
                serves_sessions,
            } = discover(&link, &board, visit, patience).await?;
            self.serves_both.store(serves_sessions, Ordering::Relaxed);
            return Ok(Session::new(Arc::new(link), board, introduction));
        }
        let board = Board::new(true, max);
        let link: Arc<dyn Link> = match way {
            Way::EventStream => Arc::new(
                super::event_stream::connect(
                    endpoint,
                    board.clone(),
                    max,
                    visit.caller.clone(),
                    &self.tasks,
                    self.stop.child_token(),
                )
                .await?,
            ),
            _ => Arc::new(Streamable::new(
                endpoint,
                board.clone(),
                max,
                visit.caller.clone(),
                self.tasks.clone(),
                self.stop.child_token(),
            )),
        };
        let offered = match (way, self.revision) {
            (_, Some(revision)) if revision.era() == Era::Sessions => revision,
            (Way::EventStream, _) => Revision::V2024_11_05,
            _ => Revision::LAST_WITH_SESSIONS,
        };
        let presented = Presented::visitor(visit);
        let introduction = initialize(&*link, &board, visit, &presented, offered, patience).await?;
        Ok(Session::new(link, board, introduction))
    }

    /// Opens a connection in the place of one that was lost.
    pub(super) async fn open_again(
        &self,
        way: Way,
        visit: &Visit,
        lost: Option<&Session>,
    ) -> Result<Session, Trouble> {
        let session = self.open(way, visit).await?;
        if let Some(lost) = lost
            && way != Way::Stateless
        {
            sessions::restore(&session, lost, visit).await;
        }
        Ok(session)
    }
}
