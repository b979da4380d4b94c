//! THE PATH of one call: decide, redact, forward, redact, record (architecture, the path of a call).

use std::sync::Arc;

use async_trait::async_trait;
use pii::{Direction, Part};

use crate::charge::{Charge, Known};
use crate::front::without_tasks;
use crate::house::{self, About, House};
use crate::json::Raw;
use crate::listing::Listing;
use crate::message::{Notification, Request, RpcError, code};
use crate::outlet::Outlet;
use crate::passing_news::{self, Words};
use crate::policy::{Decision, Operation};
use crate::recording::{Ended, Errand, Recording};
use crate::redaction::{Aside, Redaction};
use crate::revision::Era;
use crate::server::{Failure, Interest, Introduction, McpServer};
use crate::visit::Visit;

/// What a stream of news is permitted as.
const LISTEN: &str = "subscriptions/listen";

/// An upstream behind policy, protection of personal data, and audit: the only way to it.
pub(crate) struct Guarded {
    house: Arc<House>,
    charge: Arc<Charge>,
    errand: Errand,
}

impl Guarded {
    pub(crate) fn new(house: Arc<House>, charge: Arc<Charge>, errand: Errand) -> Self {
        Self {
            house,
            charge,
            errand,
        }
    }

    /// A call: whatever happens to it, it is recorded before it is answered.
    async fn recorded(
        &self,
        visit: &Visit,
        request: Request,
        outlet: &Outlet,
    ) -> Result<Raw, Failure> {
        let about = About::of(&request.method, request.params.as_deref()).ok_or_else(|| {
            Failure::Rpc(RpcError::new(
                code::INVALID_PARAMS,
                "the parameters say not what is called",
            ))
        })?;
        let known = self
            .charge
            .known(
                &self.house,
                visit,
                &self.errand,
                &request.method,
                &about.name,
            )
            .await?;
        let mut recording = self.house.record(
            &visit.caller,
            &self.errand,
            &self.charge.name,
            known.name_for_the_record(&request.method, &about.name),
            &about,
        );
        let outcome = self
            .carry(visit, request, outlet, &about, &known, &mut recording)
            .await;
        if let Some(recording) = recording {
            recording.close(ended(&outcome)).await?;
        }
        outcome
    }

    /// The steps of a call, in the only order that there is.
    async fn carry(
        &self,
        visit: &Visit,
        request: Request,
        outlet: &Outlet,
        about: &About,
        known: &Known,
        recording: &mut Option<Recording>,
    ) -> Result<Raw, Failure> {
        let decision = self
            .charge
            .decide(&self.house, &visit.caller, &request, known.read_only());
        house::permitted(decision, &request.method, &about.name)?;
        known.trusted(&about.name)?;
        self.house.readable(&request.method)?;
        let redaction = self
            .house
            .redaction(&visit.caller, self.charge.tool(&about.name));
        let request = outbound(request, redaction.as_ref(), recording)?;
        if let Some(recording) = recording.as_ref().filter(|_| known.may_change_something()) {
            recording.intent().await?;
        }
        let Some(redaction) = redaction else {
            return self.charge.server.call(visit, request, outlet).await;
        };
        let is_concerned =
            redaction.concerns(Direction::Result) || redaction.concerns(Direction::Arguments);
        let result = if is_concerned {
            let (inner, news) = Outlet::new();
            let call = async move { self.charge.server.call(visit, request, &inner).await };
            let words = Words::OfCall(&redaction, recording);
            passing_news::pass_on(words, call, news, outlet).await
        } else {
            self.charge.server.call(visit, request, outlet).await
        };
        match result {
            Ok(result) => redaction.redacted(Direction::Result, Part::Result, result, recording),
            Err(failure) => Err(redaction.of_failure(failure, recording)),
        }
    }

    /// What goes by beside calls.
    fn aside<'a>(&'a self, visit: &'a Visit) -> Aside<'a> {
        Aside {
            house: &self.house,
            caller: &visit.caller,
            errand: &self.errand,
            charge: &self.charge,
        }
    }

    /// A request that calls nothing, and what is answered to it.
    async fn asked(
        &self,
        visit: &Visit,
        mut request: Request,
        outlet: &Outlet,
    ) -> Result<Raw, Failure> {
        let (aside, method) = (self.aside(visit), request.method.clone());
        if let Some(params) = request.params.take() {
            let redacted = aside.redacted(&method, Direction::Arguments, Part::Params, params);
            request.params = Some(redacted.await?);
        }
        let (inner, news) = Outlet::new();
        let call = async move { self.charge.list_or_call(visit, request, &inner).await };
        let answer = passing_news::pass_on(Words::Unasked(aside), call, news, outlet).await;
        match answer {
            Ok(result) if is_description(&method) => Ok(result),
            Ok(result) => {
                let (direction, part) = (Direction::Result, Part::Result);
                aside.redacted(&method, direction, part, result).await
            }
            Err(Failure::Rpc(RpcError(error))) => {
                let (direction, part) = (Direction::Result, Part::Error);
                let error = aside.redacted(&method, direction, part, error).await?;
                Err(Failure::Rpc(RpcError(error)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Refuses what the policy does not permit, and records that: what is no call has no record of its own.
    async fn permitted(
        &self,
        visit: &Visit,
        decision: Decision,
        method: &str,
        name: &str,
    ) -> Result<(), Failure> {
        if !decision.is_permit() {
            self.house
                .record_denial(&visit.caller, &self.errand, &self.charge.name, None)
                .await?;
        }
        house::permitted(decision, method, name)
    }

    /// Whether the caller may send a message that is about nothing in particular.
    async fn message(&self, visit: &Visit, method: &str) -> Result<(), Failure> {
        let operation = Operation::message(&self.charge.name, method);
        let decision = self.house.policy.load().decide(&visit.caller, &operation);
        self.permitted(visit, decision, method, "").await
    }

    /// A list, with what the caller may use; what it says about tools is learnt on the way.
    async fn listed(&self, visit: &Visit, listing: Listing, result: Raw) -> Result<Raw, Failure> {
        self.charge
            .learn(&self.house, visit, &self.errand, listing, &result)
            .await?;
        let policy = self.house.policy.load();
        let method = listing.method;
        let shown = listing.filter(&result, |name, element| {
            let operation = Operation::about(&self.charge.name, method, name)
                .with_read_only(crate::catalog::read_only_hint(element));
            // What a tool says now that is not trusted any more is read by nobody.
            let is_trusted = method != "tools/list"
                || self
                    .charge
                    .remembered("tools/call", name)
                    .trusted(name)
                    .is_ok();
            is_trusted && policy.decide(&visit.caller, &operation).is_permit()
        });
        Ok(shown.unwrap_or(result))
    }
}

/// Whether a result is what a server says about what it can do. It is written with the server and no data of anybody's;
/// with another word in it, a schema would be another one.
fn is_description(method: &str) -> bool {
    matches!(
        method,
        "tools/list" | "prompts/list" | "resources/templates/list"
    )
}

/// The request as it leaves the house.
fn outbound(
    mut request: Request,
    redaction: Option<&Redaction<'_>>,
    recording: &mut Option<Recording>,
) -> Result<Request, Failure> {
    if let Some(redaction) = redaction
        && let Some(params) = request.params.take()
    {
        let params = redaction.redacted(Direction::Arguments, Part::Params, params, recording)?;
        request.params = Some(params);
    }
    Ok(request)
}

#[async_trait]
impl McpServer for Guarded {
    async fn introduction(&self, visit: &Visit) -> Result<Introduction, Failure> {
        let method = match visit.client.revision.era() {
            Era::Sessions => "initialize",
            Era::Stateless => "server/discover",
        };
        self.message(visit, method).await?;
        let mut introduction = self.charge.server.introduction(visit).await?;
        // What nobody may ask for is not on offer.
        let tasks = Operation::message(&self.charge.name, "tasks/get");
        let policy = self.house.policy.load();
        if !policy.decide(&visit.caller, &tasks).is_permit() {
            let eras = [Era::Sessions, Era::Stateless];
            introduction.capabilities = without_tasks(&introduction.capabilities, &eras);
        }
        Ok(introduction)
    }

    async fn call(&self, visit: &Visit, request: Request, outlet: &Outlet) -> Result<Raw, Failure> {
        if house::is_call(&request.method) || house::is_task(&request.method) {
            return self.recorded(visit, request, outlet).await;
        }
        let decision = self
            .charge
            .decide(&self.house, &visit.caller, &request, None);
        let name = About::of(&request.method, request.params.as_deref()).map(|about| about.name);
        let name = name.unwrap_or_default();
        self.permitted(visit, decision, &request.method, &name)
            .await?;
        let listing = Listing::of(&request.method);
        let result = self.asked(visit, request, outlet).await?;
        match listing {
            Some(listing) => self.listed(visit, listing, result).await,
            None => Ok(result),
        }
    }

    /// A call to which nobody wants an answer is none (JSON-RPC 2.0 §4.1, MCP: requests have an id): what it would do would
    /// be recorded nowhere.
    async fn notify(&self, visit: &Visit, notification: Notification) {
        if !notification.method.starts_with("notifications/") {
            return;
        }
        let request = Request {
            method: notification.method.clone(),
            params: notification.params.clone(),
        };
        let decision = self
            .charge
            .decide(&self.house, &visit.caller, &request, None);
        if !decision.is_permit() {
            return;
        }
        let Notification { method, mut params } = notification;
        if let Some(said) = params.take() {
            let (direction, part) = (Direction::Arguments, Part::Params);
            let redacted = self
                .aside(visit)
                .redacted(&method, direction, part, said)
                .await;
            // Nobody waits for a word about it; the refusal is in the log.
            let Ok(said) = redacted else { return };
            params = Some(said);
        }
        let notification = Notification { method, params };
        self.charge.server.notify(visit, notification).await;
    }

    /// The stream has to be permitted, and every resource that it is about.
    async fn listen(
        &self,
        visit: &Visit,
        interest: Interest,
        outlet: &Outlet,
    ) -> Result<(), Failure> {
        self.message(visit, LISTEN).await?;
        let policy = self.house.policy.load_full();
        for uri in &interest.resources {
            let operation = Operation::about(&self.charge.name, LISTEN, uri);
            let decision = policy.decide(&visit.caller, &operation);
            self.permitted(visit, decision, LISTEN, uri).await?;
        }
        let (inner, news) = Outlet::new();
        let listen = async move { self.charge.server.listen(visit, interest, &inner).await };
        let words = Words::Unasked(self.aside(visit));
        passing_news::pass_on(words, listen, news, outlet).await
    }

    async fn leave(&self, visit: &Visit) {
        self.charge.server.leave(visit).await;
    }
}

/// How a call ended, for its record.
fn ended(outcome: &Result<Raw, Failure>) -> Ended {
    match outcome {
        Ok(result) if crate::listing::is_tool_error(result) => Ended::Failure("tool_error"),
        Ok(_) => Ended::Success,
        Err(failure) => ended_by(failure),
    }
}

/// How a call ended that has failed.
pub(crate) fn ended_by(failure: &Failure) -> Ended {
    match failure {
        Failure::Rpc(_) => Ended::Failure("rpc_error"),
        Failure::Refused { code, .. } => Ended::Denied(code),
        Failure::Unavailable { .. } => Ended::Failure("upstream_unavailable"),
        Failure::Untranslatable(_) => Ended::Failure("untranslatable"),
        Failure::NotConnected(_) => Ended::Failure("account_not_connected"),
    }
}
