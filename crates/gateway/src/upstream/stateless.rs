//! Speaking with a server of 2026-07-28, for clients of any revision: every request carries all that
//! there is to know, and what the server wants to ask is part of its result.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use resource_server::mcp::names::{
    CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION, SERVER_INFO,
};
use serde_json::value::RawValue;

use super::behalf::Behalf;
use super::board::OPEN_QUESTIONS;
use super::link::Outgoing;
use super::memory::Memory;
use super::mirror::Mirror;
use super::session::{Presented, Session};
use super::talk::{self, Hearing};
use super::trouble::Trouble;
use super::wire;
use crate::json::{Object, Raw, raw};
use crate::listing::{Endless, Pages};
use crate::message::{Request, RpcError, code};
use crate::outlet::Outlet;
use crate::revision::{Era, Revision};
use crate::server::Introduction;
use crate::visit::Visit;

/// How often a server may ask for input before it has to have a result.
const MAX_ROUNDS: usize = 16;

/// What is spoken with a server of this revision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker<'a> {
    pub(super) name: &'a str,
    pub(super) session: &'a Session,
    pub(super) mirror: &'a Mirror,
    pub(super) memory: &'a Memory,
    pub(super) visit: &'a Visit,
    pub(super) outlet: &'a Outlet,
    pub(super) patience: Duration,
}

impl Speaker<'_> {
    /// Carries out one request.
    pub(super) async fn call(&self, request: &Request) -> Result<Raw, Trouble> {
        let has_session = self.visit.client.revision.era() == Era::Sessions;
        if has_session && let Some(answer) = self.memory.answer(self.visit, request) {
            if request.method == "resources/subscribe" && answer.is_ok() {
                self.memory.until_heard(self.visit).await;
            }
            return answer;
        }
        let mut params = request.params.clone();
        let mut has_listed = false;
        for _ in 0..MAX_ROUNDS {
            let result = match self.once(&request.method, params.as_deref()).await {
                // MCP 2026-07-28: the annotations may have changed; look, and try once more.
                Err(Trouble::Rpc(error))
                    if error.code() == Some(code::HEADER_MISMATCH)
                        && request.method == "tools/call"
                        && !std::mem::replace(&mut has_listed, true) =>
                {
                    self.list_tools().await?;
                    continue;
                }
                Err(Trouble::Rpc(error)) if has_session => {
                    return Err(Trouble::Rpc(in_words_of_sessions(error, request)));
                }
                result => result?,
            };
            let asks = wire::text_member(&result, "resultType");
            if !has_session || asks.as_deref() != Some("input_required") {
                return Ok(result);
            }
            params = Some(self.fulfil(request, &result).await?);
        }
        Err(Trouble::unusable("asks for input again and again"))
    }

    async fn once(&self, method: &str, params: Option<&RawValue>) -> Result<Raw, Trouble> {
        let token = wire::progress_token(params);
        let mut ticket = self.session.board.expect(&self.visit.key);
        let dressed = self.dressed(params, token.as_ref().map(|_| ticket.id));
        let outgoing = Outgoing {
            text: wire::request(ticket.id, method, Some(&dressed)),
            headers: self.mirror.headers(method, Some(&dressed)),
            // Its tools may have to be listed first, which has nothing to do with this call.
            behalf: match method {
                "tools/call" => Behalf::calling(self.visit),
                _ => Behalf::of(&self.visit.caller),
            },
        };
        let hearing = Hearing {
            link: &*self.session.link,
            visit: self.visit,
            outlet: self.outlet,
            token: token.as_ref(),
            questions: None,
        };
        let result = talk::call(hearing, &mut ticket, outgoing, self.patience).await?;
        if method == "tools/list"
            && let Some(others) = self.mirror.learn(&result, self.name)
        {
            return Ok(others);
        }
        Ok(result)
    }

    /// The parameters with all that the server has to know about the client.
    pub(super) fn dressed(&self, params: Option<&RawValue>, token: Option<u64>) -> Raw {
        let level = self.memory.level(self.visit);
        dressed(self.visit, params, token, level.as_deref())
    }

    /// Asks the client for everything that the server wants to know; the parameters of the next try.
    async fn fulfil(&self, request: &Request, result: &RawValue) -> Result<Raw, Trouble> {
        let result = Object::of(result).unwrap_or_default();
        let wanted = result.object("inputRequests").unwrap_or_default();
        if wanted.members().count() > OPEN_QUESTIONS {
            return Err(Trouble::unusable("asks for too much input at once"));
        }
        let questions = wanted.members().map(|(key, question)| async move {
            let method = wire::text_member(question, "method").unwrap_or_default();
            let capability = match &*method {
                "sampling/createMessage" => "sampling",
                "elicitation/create" => "elicitation",
                "roots/list" => "roots",
                _ => "",
            };
            if !self.visit.client.can(capability) {
                return Err(Trouble::Untranslatable(format!(
                    "the server needs an answer to `{method}`, which the client does not understand"
                )));
            }
            let params = wire::member(question, "params");
            match self.outlet.ask(method.clone(), params).await {
                Ok(answer) => Ok((key.to_owned(), answer)),
                // It is the question that the client does not know, and not the request.
                Err(error) if error.code() == Some(code::METHOD_NOT_FOUND) => {
                    Err(Trouble::Untranslatable(format!(
                        "the server needs an answer to `{method}`: {}",
                        error.message()
                    )))
                }
                Err(error) => Err(Trouble::Rpc(error)),
            }
        });
        let mut responses = Object::default();
        for (key, answer) in try_join_all(questions).await? {
            responses.set(key, answer);
        }
        let params = request.params.as_deref().and_then(Object::of);
        let mut params = params.unwrap_or_default();
        params.set("inputResponses", responses.to_raw());
        match result.get("requestState") {
            Some(state) => params.set("requestState", state.to_owned()),
            None => drop(params.remove("requestState")),
        }
        Ok(params.to_raw())
    }

    /// Reads the whole list of tools, for its annotations.
    async fn list_tools(&self) -> Result<(), Trouble> {
        let mut pages = Pages::default();
        loop {
            let page = self.once("tools/list", pages.params().as_deref()).await?;
            match pages.turn(&Object::of(&page).unwrap_or_default()) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Endless) => {
                    return Err(Trouble::unusable("has a list of tools without an end"));
                }
            }
        }
    }
}

/// An error in the codes that clients with sessions know.
///
/// A resource that is not there has a code of its own for them. Servers of 2026-07-28 name it in an error
/// about invalid parameters, which without its name may be about anything.
fn in_words_of_sessions(error: RpcError, request: &Request) -> RpcError {
    if request.method != "resources/read" || error.code() != Some(code::INVALID_PARAMS) {
        return error;
    }
    let uri = |object: Object<'_>| object.text("uri").map(std::borrow::Cow::into_owned);
    let wanted = request.params.as_deref().and_then(Object::of).and_then(uri);
    let mut object = Object::of(&error.0).unwrap_or_default();
    let missing = object.object("data").and_then(uri);
    if missing.is_none() || missing != wanted {
        return error;
    }
    object.set("code", raw(&code::RESOURCE_NOT_FOUND));
    RpcError(object.to_raw())
}

/// Parameters as a server of this revision wants them.
fn dressed(
    visit: &Visit,
    params: Option<&RawValue>,
    token: Option<u64>,
    level: Option<&str>,
) -> Raw {
    let presented = Presented::visitor(visit);
    let capabilities = match visit.client.revision.era() {
        Era::Stateless => presented.capabilities,
        Era::Sessions => translated(&presented.capabilities),
    };
    let mut changes = vec![
        (PROTOCOL_VERSION, Some(raw(Revision::V2026_07_28.as_str()))),
        (CLIENT_CAPABILITIES, Some(capabilities)),
        (CLIENT_INFO, Some(presented.info)),
        (LOG_LEVEL, level.map(raw)),
    ];
    if let Some(token) = token {
        changes.push(("progressToken", Some(raw(&token))));
    }
    wire::with_meta(params, &changes).unwrap_or_else(wire::empty)
}

/// Capabilities of a client with sessions, without those that are nothing there.
fn translated(capabilities: &RawValue) -> Raw {
    let mut capabilities = Object::of(capabilities).unwrap_or_default();
    // Tasks are an extension with other messages there.
    capabilities.remove("tasks");
    if let Some(mut roots) = capabilities.object("roots") {
        roots.remove("listChanged");
        let roots = roots.to_raw();
        capabilities.set("roots", roots);
    }
    capabilities.to_raw()
}

/// What a server of 2026-07-28 says about itself.
pub(super) struct Discovered {
    pub(super) introduction: Introduction,
    /// Whether it serves clients with sessions too, in their own words.
    pub(super) serves_sessions: bool,
}

/// Asks a server what it is (`server/discover`), on a connection of which nothing is known yet.
pub(super) async fn discover(
    link: &dyn super::link::Link,
    board: &Arc<super::board::Board>,
    visit: &Visit,
    patience: Duration,
) -> Result<Discovered, Trouble> {
    let (outlet, _nobody) = Outlet::new();
    let hearing = Hearing {
        link,
        visit,
        outlet: &outlet,
        token: None,
        questions: None,
    };
    let mut ticket = board.expect(&visit.key);
    let params = dressed(visit, None, None, None);
    let outgoing = Outgoing {
        text: wire::request(ticket.id, "server/discover", Some(&params)),
        headers: Mirror::default().headers("server/discover", Some(&params)),
        behalf: Behalf::of(&visit.caller),
    };
    let result = talk::call(hearing, &mut ticket, outgoing, patience).await?;
    introduced(&result)
}

fn introduced(result: &RawValue) -> Result<Discovered, Trouble> {
    let object = Object::of(result).unwrap_or_default();
    let supported = object.array("supportedVersions").unwrap_or_default();
    let ours = raw(Revision::V2026_07_28.as_str());
    if !supported.iter().any(|version| version.get() == ours.get()) {
        return Err(Trouble::Foreign(format!(
            "does not serve {}",
            Revision::V2026_07_28
        )));
    }
    let in_meta = || {
        let meta = object.object("_meta")?;
        meta.get(SERVER_INFO).map(RawValue::to_owned)
    };
    let last_with_sessions = raw(Revision::LAST_WITH_SESSIONS.as_str());
    let mut served = supported.iter().map(|version| version.get());
    Ok(Discovered {
        serves_sessions: served.any(|version| version == last_with_sessions.get()),
        introduction: Introduction {
            revision: Revision::V2026_07_28,
            capabilities: wire::member(result, "capabilities").unwrap_or_else(wire::empty),
            info: wire::member(result, "serverInfo").or_else(in_meta),
            instructions: wire::member(result, "instructions"),
        },
    })
}
