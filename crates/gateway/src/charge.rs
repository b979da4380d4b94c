//! One upstream in the charge of the gateway: the server, and what is known of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, Response};
use hyper::body::Incoming;
use resource_server::Caller;
use serde_json::value::RawValue;
use store::StoreError;
use tokio::sync::OnceCell;

use crate::catalog::{Catalog, Keeping, Lesson, Telling, ToolFacts};
use crate::house::House;
use crate::json::{Object, Raw};
use crate::last_lists::LastLists;
use crate::listing::{Listing, Pages};
use crate::message::{Request, RpcError, code};
use crate::outlet::Outlet;
use crate::pins::Pins;
use crate::policy::{Decision, Operation};
use crate::recording::{self, Errand, Unrecorded};
use crate::redaction::Tool;
use crate::revision::Era;
use crate::server::{Failure, McpServer};
use crate::upstream::{Payload, Upstream};
use crate::visit::Visit;

/// How soon the tools are listed again because somebody asks for one that is not known.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// An upstream, and what the gateway knows of it.
pub(crate) struct Charge {
    pub(crate) name: Arc<str>,
    pub(crate) server: Arc<dyn McpServer>,
    /// The same server where it may be spoken to without translation.
    upstream: Option<Arc<Upstream>>,
    /// How long it may be silent in an answer.
    pub(crate) timeout: Duration,
    /// The largest message that it may send.
    pub(crate) max_message_bytes: usize,
    catalog: Catalog,
    /// What tools said about themselves before, and whether that was read already.
    pins: Option<Arc<Pins>>,
    recalled: OnceCell<()>,
    refuses_changed_tools: bool,
    looked: Mutex<Option<Instant>>,
    /// The last good answer to each request for a list, for the time when the server is gone.
    lists: LastLists,
}

/// What a call says, without copies of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    /// The tool, prompt or resource.
    pub(crate) name: &'a str,
    /// The arguments as they are written (JSON).
    pub(crate) arguments: Option<&'a str>,
}

/// What is known of the thing that a request is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    facts: Option<ToolFacts>,
    is_tool: bool,
    refuses_changed_tools: bool,
}

impl Known {
    /// Whether the call may have an effect, as far as anybody knows.
    pub(crate) fn may_change_something(&self) -> bool {
        self.is_tool && self.read_only() != Some(true)
    }

    /// Whether the tool says that it changes nothing, if it says anything about that.
    pub(crate) fn read_only(&self) -> Option<bool> {
        self.facts?.read_only
    }

    /// Whether something is not known that records and policies would like to know, or that somebody may
    /// have decided meanwhile.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.is_tool && self.facts.is_none_or(|facts| facts.has_changed)
    }

    /// Refuses a tool that is not what it was, where the operator wants that; and one of which nobody can
    /// say what it was.
    pub(crate) fn trusted(&self, name: &str) -> Result<(), Failure> {
        if !self.is_tool || !self.refuses_changed_tools {
            return Ok(());
        }
        let (reason, code) = match self.facts {
            Some(facts) if !facts.has_changed => return Ok(()),
            Some(_) => (
                format!(
                    "the tool `{name}` describes itself otherwise than when it was first seen; \
                     it is refused until the operator has looked at it"
                ),
                "tool_changed",
            ),
            None => (
                format!(
                    "nothing is known of the tool `{name}`; list the tools, or try again later"
                ),
                "tool_unknown",
            ),
        };
        Err(Failure::Refused {
            error: RpcError::new(code::INVALID_REQUEST, reason),
            code,
        })
    }

    /// The name in records: what nobody knows is a text of the caller's, which has no place there.
    pub(crate) fn name_for_the_record<'n>(&self, method: &'n str, name: &'n str) -> &'n str {
        if self.facts.is_some() { name } else { method }
    }
}

impl Charge {
    pub(crate) fn new(upstream: Arc<Upstream>, pins: Option<Arc<Pins>>) -> Self {
        let settings = upstream.settings();
        Self {
            name: settings.name.as_str().into(),
            timeout: settings.timeout,
            max_message_bytes: settings.max_message_bytes,
            refuses_changed_tools: settings.refuse_changed_tools,
            server: Arc::clone(&upstream) as _,
            upstream: Some(upstream),
            catalog: Catalog::default(),
            pins,
            recalled: OnceCell::new(),
            looked: Mutex::default(),
            lists: LastLists::default(),
        }
    }

    /// The upstream itself: its settings, its health, its end.
    pub(crate) fn upstream(&self) -> Option<&Arc<Upstream>> {
        self.upstream.as_ref()
    }

    /// The era that is spoken with it over HTTP, if it is known to be over HTTP.
    pub(crate) fn http_era(&self) -> Option<Era> {
        self.upstream.as_ref()?.http_era()
    }

    /// Passes a request on as it is, if there is a way to.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        headers: &HeaderMap,
        payload: Payload,
        caller: &Caller,
    ) -> Result<Response<Incoming>, Failure> {
        match &self.upstream {
            Some(upstream) => upstream.exchange(method, headers, payload, caller).await,
            None => Err(self.unavailable("is not reached over HTTP")),
        }
    }

    /// One of its tools, or whatever else has a name there.
    pub(crate) fn tool<'a>(&'a self, name: &'a str) -> Tool<'a> {
        Tool {
            upstream: &self.name,
            name,
            catalog: &self.catalog,
        }
    }

    /// It cannot be used, and `reason` says why: a sentence that begins with what it does.
    pub(crate) fn unavailable(&self, reason: &str) -> Failure {
        Failure::Unavailable {
            reason: format!("the server `{}` {reason}", self.name),
            retry_after: None,
        }
    }

    /// What is known of a tool without asking.
    pub(crate) fn remembered(&self, method: &str, name: &str) -> Known {
        let is_tool = method == "tools/call";
        Known {
            facts: if is_tool {
                self.catalog.facts(name)
            } else {
                None
            },
            is_tool,
            refuses_changed_tools: self.refuses_changed_tools,
        }
    }

    /// What is known of a tool; the server is asked for its list if it is not known yet.
    pub(crate) async fn known(
        &self,
        house: &House,
        visit: &Visit,
        errand: &Errand,
        method: &str,
        name: &str,
    ) -> Result<Known, Unrecorded> {
        let known = self.remembered(method, name);
        if !known.is_incomplete() {
            return Ok(known);
        }
        if known.facts.is_some() && self.is_trusted_again(name).await {
            self.catalog.forget(name);
            self.look(house, visit, errand).await?;
        } else if known.facts.is_none() && self.may_look() {
            self.look(house, visit, errand).await?;
        }
        Ok(self.remembered(method, name))
    }

    /// Whether the operator has trusted a tool since it was found changed: then its pin is gone.
    async fn is_trusted_again(&self, name: &str) -> bool {
        match &self.pins {
            Some(pins) => matches!(pins.get(&self.name, name).await, Ok(None)),
            None => false,
        }
    }

    /// Reads the pins of before, once. While they cannot be read, nobody can say what has changed.
    async fn recall(&self) -> Result<(), Failure> {
        let Some(pins) = &self.pins else {
            return Ok(());
        };
        let recalled = self.recalled.get_or_try_init(|| async {
            self.catalog.recall(pins.of(&self.name).await?);
            Ok::<_, StoreError>(())
        });
        recalled.await.map(drop).map_err(|error| {
            tracing::error!(%error, "the pins of tools cannot be read");
            let message = "what this server's tools were before cannot be read; try again later";
            Failure::Rpc(RpcError::new(code::INTERNAL_ERROR, message))
        })
    }

    /// Learns what one tool says about itself; true if it has changed.
    async fn learn_one(&self, name: &str, tool: &RawValue) -> bool {
        match self.catalog.learn(name, tool) {
            Lesson::Known => false,
            Lesson::Changed => true,
            Lesson::New(pin) => {
                if let Some(pins) = &self.pins {
                    let keeping = Keeping::of(&self.catalog, name);
                    match pins.keep(&self.name, name, pin).await {
                        Ok(()) => keeping.done(),
                        Err(error) => {
                            tracing::error!(%error, tool.name = name, "the pin of a tool is not kept");
                        }
                    }
                }
                false
            }
        }
    }

    fn may_look(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN);
        if may {
            *looked = Some(Instant::now());
        }
        may
    }

    /// Reads the list of tools to its end. Who cannot list them learns nothing.
    async fn look(&self, house: &House, visit: &Visit, errand: &Errand) -> Result<(), Unrecorded> {
        if self.recall().await.is_err() {
            return Ok(());
        }
        let (outlet, _unheard) = Outlet::new();
        let mut pages = Pages::default();
        loop {
            let request = Request {
                method: "tools/list".to_owned(),
                params: pages.params(),
            };
            let Ok(page) = self.server.call(visit, request, &outlet).await else {
                return Ok(());
            };
            let Some(page) = Object::of(&page) else {
                return Ok(());
            };
            self.learn_tools(house, visit, errand, &page).await?;
            if pages.turn(&page) != Ok(true) {
                return Ok(());
            }
        }
    }

    /// Learns what a list says, if it is one of tools.
    pub(crate) async fn learn(
        &self,
        house: &House,
        visit: &Visit,
        errand: &Errand,
        listing: Listing,
        result: &Raw,
    ) -> Result<(), Failure> {
        if listing.method != "tools/list" {
            return Ok(());
        }
        self.recall().await?;
        if let Some(page) = Object::of(result) {
            self.learn_tools(house, visit, errand, &page).await?;
        }
        Ok(())
    }

    /// Learns what a page of a list says about tools. A change is an event of the audit log.
    async fn learn_tools(
        &self,
        house: &House,
        visit: &Visit,
        errand: &Errand,
        page: &Object<'_>,
    ) -> Result<(), Unrecorded> {
        for tool in page.array("tools").unwrap_or_default() {
            let members = Object::of(tool).filter(Object::is_unambiguous);
            let Some(name) = members.as_ref().and_then(|tool| tool.text("name")) else {
                continue;
            };
            if !self.learn_one(&name, tool).await {
                continue;
            }
            let telling = Telling::of(&self.catalog, &name);
            tracing::warn!(
                upstream.name = &*self.name,
                tool.name = &*name,
                "a tool describes itself otherwise than when it was first seen"
            );
            if let Some(log) = &house.audit {
                let caller = &visit.caller;
                recording::tool_changed(log, caller, errand, &self.name, &name).await?;
            }
            telling.done();
        }
        Ok(())
    }

    /// Whether the caller may send this request, about something that says this of itself.
    pub(crate) fn decide(
        &self,
        house: &House,
        caller: &Caller,
        request: &Request,
        read_only: Option<bool>,
    ) -> Decision {
        let policy = house.policy.load();
        let params = request.params.as_deref();
        policy.decide_message(caller, &self.name, &request.method, params, |_| read_only)
    }

    /// Whether the caller may do this, which was taken out of a message that cannot be read in two ways.
    pub(crate) fn decide_call(
        &self,
        house: &House,
        caller: &Caller,
        call: &Call<'_>,
        read_only: Option<bool>,
    ) -> Decision {
        let operation = Operation::about(&self.name, call.method, call.name)
            .with_arguments(call.arguments)
            .with_read_only(read_only);
        house.policy.load().decide(caller, &operation)
    }

    /// Asks the server; for a list that it cannot give now, the last one that it gave to the same caller
    /// does as well (acceptance G3).
    pub(crate) async fn list_or_call(
        &self,
        visit: &Visit,
        request: Request,
        outlet: &Outlet,
    ) -> Result<Raw, Failure> {
        if Listing::of(&request.method).is_none() {
            return self.server.call(visit, request, outlet).await;
        }
        let caller = &visit.caller;
        let params = request.params.as_deref().map_or("", |params| params.get());
        let key = [
            caller.issuer().unwrap_or_default(),
            caller.subject(),
            &request.method,
            params,
        ]
        .join("\0");
        match self.server.call(visit, request, outlet).await {
            Ok(list) => {
                self.lists.keep(key, &list);
                Ok(list)
            }
            Err(failure @ Failure::Unavailable { .. }) => self.lists.last(&key).ok_or(failure),
            Err(failure) => Err(failure),
        }
    }
}
