//! All upstreams as one server: `/mcp`.
//!
//! Every name is prefixed by that of its upstream, always, so that no name changes when a second upstream
//! is added (acceptance G7). One dead upstream leaves the others working (acceptance G3).

mod lists;
mod names;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::time::timeout;

use crate::json::{Object, Raw, raw};
use crate::message::{Notification, Request, RpcError, code};
use crate::outlet::Outlet;
use crate::passing_news::{self, Words};
use crate::revision::Revision;
use crate::server::{Failure, Interest, Introduction, McpServer};
use crate::visit::Visit;

use names::{Place, Prefixed};

/// One upstream of a federation, behind its own guard.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: Arc<str>,
    pub(crate) server: Arc<dyn McpServer>,
}

/// Several servers as one.
pub(crate) struct Federation {
    members: Vec<Member>,
}

/// How long the introduction waits for a member, so that one slow member keeps nobody out: clients give
/// up after ten seconds, and some after five.
const PATIENCE: Duration = Duration::from_secs(3);

/// Methods that everybody who understands them is told.
const FOR_ALL: [&str; 1] = ["logging/setLevel"];

impl Federation {
    pub(crate) fn new(members: Vec<Member>) -> Self {
        Self { members }
    }

    /// The member that a request is for, by name, and the request as that member gets it.
    pub(crate) fn inner(request: &Request) -> Option<(String, Request)> {
        let address = names::Address::of(request)?;
        let params = request.params.as_deref()?;
        let outer = address.read(params)?;
        let Prefixed { member, inner } = names::split(&outer, address.place)?;
        let params = address.exchanged(params, inner)?;
        let request = Request {
            method: request.method.clone(),
            params: Some(params),
        };
        Some((member.to_owned(), request))
    }

    /// The member that a prefixed name belongs to, and the name that it knows.
    fn find<'n>(&self, name: &'n str, place: Place) -> Result<(&Member, &'n str), Failure> {
        let unknown = || {
            let message = format!("unknown {}: {name}", place.noun());
            Failure::Rpc(RpcError::new(code::INVALID_PARAMS, message))
        };
        let Prefixed { member, inner } = names::split(name, place).ok_or_else(unknown)?;
        let found = self.members.iter().find(|known| *known.name == *member);
        found.map(|member| (member, inner)).ok_or_else(unknown)
    }

    /// Sends a request to the member that its parameters name, and prefixes what it answers.
    async fn route(
        &self,
        visit: &Visit,
        request: Request,
        outlet: &Outlet,
        address: &names::Address,
    ) -> Result<Raw, Failure> {
        let missing = || {
            let message = format!("`{}` is missing", address.member);
            Failure::Rpc(RpcError::new(code::INVALID_PARAMS, message))
        };
        let params = request.params.as_deref().ok_or_else(missing)?;
        let outer = address.read(params).ok_or_else(missing)?;
        let (member, inner) = self.find(&outer, address.place)?;
        let params = address.exchanged(params, inner).ok_or_else(missing)?;
        let request = Request {
            method: request.method,
            params: Some(params),
        };
        let (inner_outlet, news) = Outlet::new();
        let call = async move { member.server.call(visit, request, &inner_outlet).await };
        let renamed = |news| names::prefix_notification(news, &member.name);
        let words = Words::OfMember(&renamed);
        let result = passing_news::pass_on(words, call, news, outlet).await;
        Ok(names::prefix_result(&result?, &member.name))
    }
}

#[async_trait]
impl McpServer for Federation {
    /// The union of what the members can do. Who does not answer adds nothing, and who is slow is taken to
    /// have lists.
    async fn introduction(&self, visit: &Visit) -> Result<Introduction, Failure> {
        let introductions = self.members.iter().map(|member| async move {
            let introduction = member.server.introduction(visit);
            (member, timeout(PATIENCE, introduction).await)
        });
        let mut capabilities = Object::default();
        let mut instructions = String::new();
        for (member, introduction) in join_all(introductions).await {
            let introduction = match introduction {
                Ok(Ok(introduction)) => introduction,
                Ok(Err(_)) => continue,
                Err(_) => {
                    let lists = json!({"tools": {}, "prompts": {}, "resources": {}});
                    lists::merge_capabilities(&mut capabilities, &raw(&lists));
                    continue;
                }
            };
            lists::merge_capabilities(&mut capabilities, &introduction.capabilities);
            let words = introduction.instructions.as_deref();
            if let Some(words) =
                words.and_then(|words| serde_json::from_str::<String>(words.get()).ok())
            {
                let heading = if instructions.is_empty() { "" } else { "\n\n" };
                instructions.extend([heading, "# ", &*member.name, "\n", &*words]);
            }
        }
        Ok(Introduction {
            revision: Revision::V2026_07_28,
            capabilities: capabilities.to_raw(),
            info: Some(raw(&json!({
                "name": "sumun", "title": "Sumun", "version": env!("CARGO_PKG_VERSION"),
            }))),
            instructions: (!instructions.is_empty()).then(|| raw(&instructions)),
        })
    }

    async fn call(&self, visit: &Visit, request: Request, outlet: &Outlet) -> Result<Raw, Failure> {
        if let Some(list) = lists::List::of(&request.method) {
            return list.gather(&self.members, visit, outlet).await;
        }
        if FOR_ALL.contains(&&*request.method) {
            let calls = self
                .members
                .iter()
                .map(|member| member.server.call(visit, request.clone(), outlet));
            // A member that knows nothing of it is none the worse for it.
            join_all(calls).await;
            return Ok(raw(&json!({})));
        }
        match names::Address::of(&request) {
            Some(address) => self.route(visit, request, outlet, &address).await,
            None => Err(Failure::Rpc(RpcError::new(
                code::METHOD_NOT_FOUND,
                format!(
                    "`{}` has no meaning for several servers at once",
                    request.method
                ),
            ))),
        }
    }

    async fn notify(&self, visit: &Visit, notification: Notification) {
        let told = self
            .members
            .iter()
            .map(|member| member.server.notify(visit, notification.clone()));
        join_all(told).await;
    }

    /// Goes on as long as one member has something to say.
    ///
    /// Who names a resource that its member refuses is refused, as at the member's own endpoint. Members
    /// that refuse the rest only have no news for this caller; it is refused if all of them do.
    async fn listen(
        &self,
        visit: &Visit,
        interest: Interest,
        outlet: &Outlet,
    ) -> Result<(), Failure> {
        let mut listening: FuturesUnordered<_> = self
            .members
            .iter()
            .map(|member| {
                let interest = names::interest_in(&interest, &member.name);
                async move {
                    let is_named = !interest.resources.is_empty();
                    let (inner_outlet, news) = Outlet::new();
                    let listen =
                        async move { member.server.listen(visit, interest, &inner_outlet).await };
                    let renamed = |news| names::prefix_notification(news, &member.name);
                    let words = Words::OfMember(&renamed);
                    let ended = passing_news::pass_on(words, listen, news, outlet).await;
                    if let Err(Failure::Unavailable { reason, .. }) = &ended {
                        tracing::debug!(upstream.name = &*member.name, %reason, "no news from it");
                    }
                    (ended, is_named)
                }
            })
            .collect();
        let (mut refusal, mut is_heard) = (None, false);
        while let Some((ended, is_named)) = listening.next().await {
            match ended {
                Err(failure @ Failure::Refused { .. }) if is_named => return Err(failure),
                Err(failure @ Failure::Refused { .. }) => refusal = Some(failure),
                _ => is_heard = true,
            }
        }
        match refusal.filter(|_| !is_heard) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    async fn leave(&self, visit: &Visit) {
        join_all(self.members.iter().map(|member| member.server.leave(visit))).await;
    }
}

#[cfg(test)]
mod tests;
