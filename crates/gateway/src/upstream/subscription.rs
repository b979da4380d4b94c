//! Changes of a server of 2026-07-28, heard by its `subscriptions/listen` (MCP patterns, subscriptions).

use std::collections::BTreeSet;

use resource_server::mcp::names::SUBSCRIPTION_ID;
use serde::Serialize;
use serde_json::value::RawValue;

use super::behalf::Behalf;
use super::link::Outgoing;
use super::memory::Open;
use super::stateless::Speaker;
use super::talk::{self, Cancel, Hearing};
use super::trouble::Trouble;
use super::wire::{self, Message};
use crate::json::{Object, Raw, raw};
use crate::message::{Notification, RpcError};
use crate::revision::Era;
use crate::server::Interest;

/// What a server says when it has begun to listen.
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// Which changes the server is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    tools_list_changed: bool,
    prompts_list_changed: bool,
    resources_list_changed: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    resource_subscriptions: BTreeSet<String>,
}

/// Passes on what changes, until the server ends the stream.
pub(super) async fn listen(speaker: Speaker<'_>, interest: &Interest) -> Result<(), Trouble> {
    let has_session = speaker.visit.client.revision.era() == Era::Sessions;
    let mut changes = speaker.memory.changes();
    let mut open = has_session.then(|| speaker.memory.opens(speaker.visit));
    loop {
        changes.mark_unchanged();
        let filter = filter(&speaker, interest);
        let other_wishes = async {
            loop {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                if self::filter(&speaker, interest) != filter {
                    return;
                }
            }
        };
        tokio::select! {
            result = subscribe(&speaker, &filter, open.as_ref()) => match result {
                // The stream of a session is open whether or not there is ever anything to say.
                Err(Trouble::Rpc(_)) if has_session => {
                    drop(open.take());
                    std::future::pending::<()>().await;
                }
                result => return result,
            },
            () = other_wishes => {}
        }
    }
}

fn filter(speaker: &Speaker<'_>, interest: &Interest) -> Filter {
    let everything = interest.everything;
    let mut resources: BTreeSet<_> = interest.resources.iter().cloned().collect();
    if everything {
        resources.extend(speaker.memory.resources(speaker.visit));
    }
    let has = |capability: &str| everything && speaker.session.can(capability);
    Filter {
        tools_list_changed: interest.tools_list_changed || has("tools"),
        prompts_list_changed: interest.prompts_list_changed || has("prompts"),
        resources_list_changed: interest.resources_list_changed || has("resources"),
        resource_subscriptions: resources,
    }
}

async fn subscribe(
    speaker: &Speaker<'_>,
    filter: &Filter,
    open: Option<&Open<'_>>,
) -> Result<(), Trouble> {
    #[derive(Serialize)]
    struct Params<'a> {
        notifications: &'a Filter,
    }
    let session = speaker.session;
    let mut ticket = session.board.expect_stream(&speaker.visit.key);
    let params = raw(&Params {
        notifications: filter,
    });
    let params = speaker.dressed(Some(&params), None);
    let method = "subscriptions/listen";
    let hearing = Hearing {
        link: &*session.link,
        visit: speaker.visit,
        outlet: speaker.outlet,
        token: None,
        questions: None,
    };
    let mut cancel = Cancel::new(hearing, ticket.id);
    let outgoing = Outgoing {
        text: wire::request(ticket.id, method, Some(&params)),
        headers: speaker.mirror.headers(method, Some(&params)),
        behalf: Behalf::of(&speaker.visit.caller),
    };
    let mut replies = session.link.request(outgoing).await?;
    // The first message comes at once, or the server does not know of this.
    let mut patience = Some(speaker.patience);
    while let Some(text) = talk::next(&mut replies, &mut ticket, patience.take()).await? {
        match Message::parse(&text) {
            Some(Message::Answer { answer, .. }) => {
                cancel.is_over = true;
                let said = answer.map(drop);
                return said.map_err(|error| Trouble::Rpc(RpcError(error.to_owned())));
            }
            // The acknowledgement too: whoever has asked learns from it that nothing is missed any more.
            Some(Message::Notification { method, params }) => {
                if method == ACKNOWLEDGED
                    && let Some(open) = open
                {
                    open.acknowledged(filter.resource_subscriptions.clone());
                }
                let method = method.into_owned();
                let params = params.and_then(without_id);
                let news = Notification { method, params };
                if !speaker.outlet.notify(news).await {
                    return Ok(());
                }
            }
            _ => tracing::debug!("an upstream sent what has no place in a subscription"),
        }
    }
    cancel.is_over = true;
    Ok(())
}

/// Parameters without the name of our subscription, which is nothing to the client.
fn without_id(params: &RawValue) -> Option<Raw> {
    let object = Object::of(params)?;
    let has_id = object
        .object("_meta")
        .is_some_and(|meta| meta.contains(SUBSCRIPTION_ID));
    if !has_id {
        return Some(params.to_owned());
    }
    wire::with_meta(Some(params), &[(SUBSCRIPTION_ID, None)])
}
