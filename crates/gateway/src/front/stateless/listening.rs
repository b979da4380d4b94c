//! Streams of changes that a client has asked for (`subscriptions/listen`, MCP 2026-07-28).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use resource_server::mcp::names::SUBSCRIPTION_ID;

use super::admission::Admitted;
use super::{Said, Stateless};
use crate::front::lease::Lease;
use crate::front::wire::Asked;
use crate::front::{Guest, error, failed};
use crate::json::{Object, Raw, raw};
use crate::message::{News, Notification, RpcError, code, response};
use crate::outlet::{Inlet, Outlet};
use crate::server::{Failure, Interest, McpServer};

/// What a server says when it has begun to listen.
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// How long the acknowledgement waits for that of the server behind, which older ones do not give.
const GRACE: Duration = Duration::from_millis(100);

/// How many resources one subscription may name.
const MOST_RESOURCES: usize = 1000;

/// A subscription. Dropped, it is over.
pub(crate) struct Listening {
    id: Raw,
    interest: Interest,
    lease: Lease,
    work: BoxFuture<'static, Result<(), Failure>>,
    news: Inlet,
    is_acknowledged: bool,
    early: VecDeque<Notification>,
    end: Option<Result<(), Failure>>,
}

/// What a client wants to hear, as far as the server can say it.
fn interest(params: Option<&Raw>, capabilities: &Raw) -> Result<Interest, RpcError> {
    let invalid = |what: &str| RpcError::new(code::INVALID_PARAMS, what);
    let params = params
        .and_then(|params| Object::of(params))
        .unwrap_or_default();
    let wanted = params.object("notifications");
    let wanted = wanted.ok_or_else(|| invalid("`params.notifications` must be an object"))?;
    let known = Object::of(capabilities).unwrap_or_default();
    let can = |group: &str, part: &str| {
        let group = known.object(group);
        group.and_then(|group| group.get(part).map(|value| value.get() == "true"))
    };
    let both = |key: &str, group: &str| {
        wanted.get(key).is_some_and(|value| value.get() == "true")
            && can(group, "listChanged") == Some(true)
    };
    let resources: Vec<String> = match wanted.get("resourceSubscriptions") {
        Some(uris) => serde_json::from_str(uris.get())
            .map_err(|_| invalid("`resourceSubscriptions` must be an array of URIs"))?,
        None => Vec::new(),
    };
    if resources.len() > MOST_RESOURCES {
        return Err(invalid(
            "`resourceSubscriptions` names more than 1000 resources",
        ));
    }
    let can_subscribe = can("resources", "subscribe") == Some(true);
    Ok(Interest {
        tools_list_changed: both("toolsListChanged", "tools"),
        prompts_list_changed: both("promptsListChanged", "prompts"),
        resources_list_changed: both("resourcesListChanged", "resources"),
        resources: if can_subscribe { resources } else { Vec::new() },
        everything: false,
    })
}

impl Stateless {
    pub(super) async fn listen(
        &self,
        guest: &Guest,
        admitted: &Admitted,
        asked: &Asked<'_>,
        server: &Arc<dyn McpServer>,
    ) -> Result<Listening, RpcError> {
        let visit = admitted.visit.clone();
        let introduction = match server.introduction(&visit).await {
            Ok(introduction) => introduction,
            Err(failure) => {
                return Err(failed(&asked.method, failure).expect_err("no tool is called"));
            }
        };
        let interest = interest(admitted.params.as_ref(), &introduction.capabilities)?;
        let (outlet, news) = Outlet::new();
        let work: BoxFuture<'static, _> = if interest == Interest::default() {
            Box::pin(async move {
                let _outlet = outlet;
                std::future::pending().await
            })
        } else {
            let (server, interest) = (Arc::clone(server), interest.clone());
            Box::pin(async move { server.listen(&visit, interest, &outlet).await })
        };
        Ok(Listening {
            id: asked.id.to_owned(),
            interest,
            lease: Lease::new(guest, &self.settings),
            work,
            news,
            is_acknowledged: false,
            early: VecDeque::new(),
            end: None,
        })
    }
}

impl Listening {
    /// What is said next. Nothing is lost if nobody waits to the end.
    pub(super) async fn next(&mut self) -> Said {
        if !self.is_acknowledged {
            // A change after the acknowledgement must not be missed, so the server behind listens first.
            let _ = tokio::time::timeout(GRACE, self.begun()).await;
            if let Some(Err(_)) = &self.end {
                return self.last();
            }
            self.is_acknowledged = true;
            return Said::News(self.acknowledgement());
        }
        loop {
            if let Some(notification) = self.early.pop_front() {
                return Said::News(self.tagged(&notification));
            }
            if self.end.is_some() {
                return self.last();
            }
            self.step().await;
        }
    }

    /// Waits until the server behind says something.
    async fn begun(&mut self) {
        while self.end.is_none() && self.early.is_empty() && !self.step().await {}
    }

    /// Waits for one thing to happen; whether it is that the server behind listens.
    async fn step(&mut self) -> bool {
        let item = tokio::select! {
            biased;
            () = self.lease.ended() => {
                self.end = Some(Ok(()));
                return false;
            }
            Some(item) = self.news.recv() => item,
            end = &mut self.work => {
                self.end = Some(end);
                return false;
            }
        };
        match item {
            News::Notification(notification) if notification.method == ACKNOWLEDGED => return true,
            News::Notification(notification) => {
                if self.wants(&notification) {
                    self.early.push_back(notification);
                }
            }
            News::Question(question) => {
                let what = "a client of 2026-07-28 is asked in answers to its requests only";
                let error = RpcError::new(code::METHOD_NOT_FOUND, what);
                // The server may have stopped waiting.
                let _ = question.reply.send(Err(error));
            }
        }
        false
    }

    /// MCP subscriptions: nothing is sent that was not asked for.
    fn wants(&self, notification: &Notification) -> bool {
        let interest = &self.interest;
        match &*notification.method {
            "notifications/tools/list_changed" => interest.tools_list_changed,
            "notifications/prompts/list_changed" => interest.prompts_list_changed,
            "notifications/resources/list_changed" => interest.resources_list_changed,
            "notifications/resources/updated" => {
                let params = notification.params.as_deref().and_then(Object::of);
                let params = params.unwrap_or_default();
                let uri = params.text("uri");
                uri.is_some_and(|uri| interest.resources.iter().any(|of| is_part(&uri, of)))
            }
            _ => false,
        }
    }

    /// The subset of what was asked for that will be heard.
    fn acknowledgement(&self) -> Raw {
        let interest = &self.interest;
        let mut heard = Object::default();
        for (key, is_heard) in [
            ("toolsListChanged", interest.tools_list_changed),
            ("promptsListChanged", interest.prompts_list_changed),
            ("resourcesListChanged", interest.resources_list_changed),
        ] {
            if is_heard {
                heard.set(key, raw(&true));
            }
        }
        if !interest.resources.is_empty() {
            heard.set("resourceSubscriptions", raw(&interest.resources));
        }
        let mut params = Object::default();
        params.set("_meta", self.meta(Object::default()));
        params.set("notifications", heard.to_raw());
        let acknowledged = Notification {
            method: ACKNOWLEDGED.to_owned(),
            params: Some(params.to_raw()),
        };
        acknowledged.to_raw()
    }

    fn meta(&self, mut meta: Object<'_>) -> Raw {
        meta.set(SUBSCRIPTION_ID, self.id.clone());
        meta.to_raw()
    }

    fn tagged(&self, notification: &Notification) -> Raw {
        let params = notification.params.as_deref().and_then(Object::of);
        let mut params = params.unwrap_or_default();
        let meta = self.meta(params.object("_meta").unwrap_or_default());
        params.set("_meta", meta);
        let tagged = Notification {
            method: notification.method.clone(),
            params: Some(params.to_raw()),
        };
        tagged.to_raw()
    }

    /// The answer to the request, with which the subscription ends.
    fn last(&mut self) -> Said {
        let Some(Err(failure)) = self.end.take() else {
            let mut result = Object::default();
            result.set("resultType", raw("complete"));
            result.set("_meta", self.meta(Object::default()));
            return Said::Last {
                message: response(&self.id, Ok(&result.to_raw())),
                status: StatusCode::OK,
            };
        };
        let error = failed("subscriptions/listen", failure).expect_err("no tool is called");
        let error = error::stateless_error(error);
        Said::Last {
            message: response(&self.id, Err(&error)),
            status: error::stateless_status(&error),
        }
    }
}

/// Whether a resource is the one that was subscribed to, or inside of it.
fn is_part(uri: &str, of: &str) -> bool {
    let Some(rest) = uri.strip_prefix(of) else {
        return false;
    };
    rest.is_empty() || of.ends_with('/') || rest.starts_with(['/', '?', '#'])
}
