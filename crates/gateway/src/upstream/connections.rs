//! Which connection serves a visit: the one that there is, or one that is opened, in the way that the server
//! understands.

use std::sync::Arc;

use tokio::time::Instant;

use super::open::Way;
use super::pool::Owned;
use super::server::{Kind, Upstream};
use super::session::Session;
use super::trouble::Trouble;
use crate::message::code;
use crate::visit::Visit;

impl Upstream {
    /// Whose connection serves a visit, as far as that is known.
    pub(super) fn key(&self, visit: &Visit) -> Option<Arc<str>> {
        match &self.kind {
            Kind::Http(opener) => Some(opener.way_for(visit)?.key(visit, self.account.is_some())),
            Kind::Stdio(opener) => Some(opener.key(visit)),
        }
    }

    /// The connection for a visit.
    pub(super) async fn session(&self, visit: &Visit) -> Result<Arc<Session>, Trouble> {
        let found = self.find(visit).await;
        found.map_err(Trouble::at_the_beginning)
    }

    async fn find(&self, visit: &Visit) -> Result<Arc<Session>, Trouble> {
        let opener = match &self.kind {
            Kind::Stdio(opener) => {
                let token = opener.token(visit).await?;
                let owned = Owned {
                    key: opener.key_with(visit, token.as_ref()),
                    person: opener.person_of(visit),
                };
                let open = async |lost: Option<&Session>| {
                    // A new token means a new child, which goes on where the one before it was.
                    let before = token
                        .as_ref()
                        .and_then(|_| self.pool.peek_of(&opener.key(visit)));
                    let lost = lost.or(before.as_deref());
                    // Rare, and large: it takes no room in every call.
                    Box::pin(opener.open(visit, token.as_ref(), lost)).await
                };
                return self.pool.get(&owned, open).await;
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
                // What is missing for one caller is missing for none of the others who wait.
                if let Err(trouble @ (Trouble::NotConnected | Trouble::Withheld { .. })) = found {
                    return Err(trouble);
                }
                let (way, session) = looking.note(found)?;
                drop(looking);
                let revision = session.introduction.revision;
                let upstream = self.name();
                tracing::info!(upstream, %revision, ?way, "an upstream is understood");
                let owned = way.owned(visit, self.account.is_some());
                let session = self.pool.adopt(&owned, session, since).await?;
                if opener.way_for(visit) == Some(way) {
                    return Ok(session);
                }
            }
        }
        // Whoever has found it out may have begun to doubt it.
        let way = opener.way_for(visit).unwrap_or(Way::Streamable);
        let open =
            async |lost: Option<&Session>| Box::pin(opener.open_again(way, visit, lost)).await;
        let owned = way.owned(visit, self.account.is_some());
        self.pool.get(&owned, open).await
    }

    /// Forgets what was found out, if that cannot be true any more.
    pub(super) fn doubt(&self, trouble: &Trouble) -> bool {
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

    /// Whether there are children that work with the token of one person each.
    pub(super) fn has_personal_children(&self) -> bool {
        self.account.is_some() && matches!(self.kind, Kind::Stdio(_))
    }

    /// The connection that serves a visit, if there is one.
    pub(super) fn known_session(&self, visit: &Visit) -> Option<Arc<Session>> {
        let key = self.key(visit)?;
        let personal = self.has_personal_children();
        let personal = personal.then(|| self.pool.peek_of(&key)).flatten();
        personal.or_else(|| self.pool.peek(&key))
    }
}
