//! Speaking with a server of the era of sessions (MCP 2024-11-05 to 2025-11-25).

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use super::behalf::Behalf;
use super::board::Board;
use super::link::{Link, Outgoing};
use super::memory::no_room;
use super::questions::Questions;
use super::session::{Session, whisper};
use super::talk::{self, Hearing};
use super::trouble::Trouble;
use super::wire;
use super::wishes::{NoRoom, Wisher};
use crate::json::{Raw, raw};
use crate::message::{Notification, Request};
use crate::outlet::Outlet;
use crate::revision::Era;
use crate::server::Interest;
use crate::visit::Visit;

/// How long the server may take for what the gateway asks on its own.
const HOUSEKEEPING: Duration = Duration::from_secs(10);

/// Carries out one request.
pub(super) async fn call(
    session: &Session,
    visit: &Visit,
    request: &Request,
    outlet: &Outlet,
    patience: Duration,
) -> Result<Raw, Trouble> {
    let params = request.params.as_deref();
    let is_stateless = visit.client.revision.era() == Era::Stateless;
    match &*request.method {
        "resources/subscribe" | "resources/unsubscribe" if !is_stateless => {
            return subscription(session, visit, request, patience).await;
        }
        method if is_stateless && method.starts_with("tasks/") => {
            return Err(Trouble::Untranslatable(format!(
                "`{method}` means something else to this server, which speaks {}",
                session.introduction.revision
            )));
        }
        _ => {}
    }
    if is_stateless {
        adjust_level(session, visit).await;
    }
    // What the server asks need not come with the answer, and clients need not listen anywhere else.
    let questions = ["sampling", "elicitation", "roots"];
    if questions.iter().any(|name| visit.client.can(name)) {
        session.link.open_ear();
    }
    let token = wire::progress_token(params);
    let mut ticket = session.board.expect(&visit.key);
    let renamed = token.as_ref().map(|_| {
        let token = Some(raw(&ticket.id));
        wire::with_meta(params, &[("progressToken", token)]).unwrap_or_else(wire::empty)
    });
    let params = renamed.as_deref().or(params);
    let outgoing = Outgoing {
        text: wire::request(ticket.id, &request.method, params),
        headers: http::HeaderMap::new(),
        behalf: Behalf::calling(visit),
    };
    let hearing = Hearing {
        link: &*session.link,
        visit,
        outlet,
        token: token.as_ref(),
        questions: Some(&session.board),
    };
    let result = talk::call(hearing, &mut ticket, outgoing, patience).await?;
    if request.method == "logging/setLevel"
        && let Some(level) = params.and_then(|params| wire::text_member(params, "level"))
    {
        session.set_level(level.into());
    }
    Ok(result)
}

/// Several visitors of a connection may want the same resource: the server hears of the first and the
/// last one.
async fn subscription(
    session: &Session,
    visit: &Visit,
    request: &Request,
    patience: Duration,
) -> Result<Raw, Trouble> {
    let params = request.params.as_deref();
    let uri = params.and_then(|params| wire::text_member(params, "uri"));
    let uri = uri.unwrap_or_default();
    let subscribes = request.method == "resources/subscribe";
    let is_news = if subscribes {
        subscribe(session, visit, &uri).map_err(|NoRoom| no_room())?
    } else {
        session.board.unsubscribe(&visit.key, &uri)
    };
    if !is_news {
        return Ok(wire::empty());
    }
    let (link, board) = (&*session.link, &session.board);
    let result = whisper(link, board, visit, &request.method, params, patience).await;
    if result.is_err() && subscribes {
        board.unsubscribe(&visit.key, &uri);
    }
    result
}

/// Notes that the visit wants to hear of a resource; whether the server has to be told. Visits that are forgotten
/// for it hear of nothing any more.
fn subscribe(session: &Session, visit: &Visit, uri: &str) -> Result<bool, NoRoom> {
    let person = visit.person();
    let wisher = Wisher {
        visit: &visit.key,
        person: &person,
    };
    let subscribed = session.board.subscribe(wisher, uri)?;
    for uri in subscribed.gone {
        unsubscribe(&*session.link, &session.board, visit, &uri);
    }
    Ok(subscribed.is_first)
}

/// 2026-07-28 names the level with every request, sessions have one until further notice.
async fn adjust_level(session: &Session, visit: &Visit) {
    let Some(level) = &visit.log_level else {
        return;
    };
    if session.level().as_ref() == Some(level) || !session.can("logging") {
        return;
    }
    set_level(session, visit, level).await;
}

async fn set_level(session: &Session, visit: &Visit, level: &Arc<str>) {
    #[derive(Serialize)]
    struct Params<'a> {
        level: &'a str,
    }
    let params = raw(&Params { level });
    let (link, board) = (&*session.link, &session.board);
    let set = whisper(
        link,
        board,
        visit,
        "logging/setLevel",
        Some(&params),
        HOUSEKEEPING,
    );
    if set.await.is_ok() {
        session.set_level(level.clone());
    }
}

#[derive(Serialize)]
struct Uri<'a> {
    uri: &'a str,
}

/// Asks a new session for what was asked of the one that is lost.
pub(super) async fn restore(session: &Session, lost: &Session, visit: &Visit) {
    if let Some(level) = lost.level() {
        set_level(session, visit, &level).await;
    }
    let (link, board) = (&*session.link, &session.board);
    for uri in lost.board.subscriptions(&visit.key) {
        if subscribe(session, visit, &uri) == Ok(true) {
            let params = raw(&Uri { uri: &uri });
            let method = "resources/subscribe";
            let _ = whisper(link, board, visit, method, Some(&params), HOUSEKEEPING).await;
        }
    }
}

/// A visit of a connection that others share has ended: nothing is wanted for it any more.
pub(super) fn leave(session: &Session, visit: &Visit) {
    for uri in session.board.subscriptions(&visit.key) {
        if session.board.unsubscribe(&visit.key, &uri) {
            unsubscribe(&*session.link, &session.board, visit, &uri);
        }
    }
}

/// Nobody waits for the answer.
fn unsubscribe(link: &dyn Link, board: &Board, visit: &Visit, uri: &str) {
    let params = raw(&Uri { uri });
    let params: Option<&RawValue> = Some(&params);
    let text = wire::request(board.number(), "resources/unsubscribe", params);
    link.send_later(text, Behalf::calling(visit));
}

/// Passes a notification of the client on.
pub(super) async fn notify(session: &Session, visit: &Visit, notification: &Notification) {
    match &*notification.method {
        // These are between the gateway and each of its sides.
        "notifications/initialized" | "notifications/cancelled" => {}
        _ => {
            let text = notification.to_raw().get().to_owned();
            let _ = session.link.send(text, Behalf::calling(visit)).await;
        }
    }
}

/// Passes on what the server says outside of requests, until the session is lost.
pub(super) async fn listen(
    session: &Session,
    visit: &Visit,
    interest: &Interest,
    outlet: &Outlet,
) -> Result<(), Trouble> {
    let mut ear = session.board.listen(&visit.key, interest.clone());
    session.link.open_ear();
    let wanted = Wanted::new(session, visit, &interest.resources).await;
    let hearing = Hearing {
        link: &*session.link,
        visit,
        outlet,
        token: None,
        questions: interest.everything.then_some(&*session.board),
    };
    let mut questions = Questions::default();
    loop {
        tokio::select! {
            Some(answer) = questions.next(), if !questions.is_empty() => {
                hearing.link.send(answer, Behalf::calling(visit)).await?;
            }
            text = ear.next() => match text {
                Some(text) => hearing.news(&text, &mut questions).await,
                None => break,
            },
        }
    }
    drop(wanted);
    Err(Trouble::Lost("has ended the session"))
}

/// The resources that a listener wants to hear of, for as long as it listens.
struct Wanted<'a> {
    link: &'a dyn Link,
    board: &'a Arc<Board>,
    visit: &'a Visit,
    uris: &'a [String],
    /// How many of them are noted.
    noted: usize,
}

impl<'a> Wanted<'a> {
    async fn new(session: &'a Session, visit: &'a Visit, uris: &'a [String]) -> Self {
        let (link, board) = (&*session.link, &session.board);
        let mut wanted = Self {
            link,
            board,
            visit,
            uris,
            noted: 0,
        };
        for uri in uris {
            wanted.noted += 1;
            if board.want(uri) {
                let params = raw(&Uri { uri });
                let method = "resources/subscribe";
                let _ = whisper(link, board, visit, method, Some(&params), HOUSEKEEPING).await;
            }
        }
        wanted
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        for uri in &self.uris[..self.noted] {
            if self.board.unwant(uri) {
                unsubscribe(self.link, self.board, self.visit, uri);
            }
        }
    }
}
