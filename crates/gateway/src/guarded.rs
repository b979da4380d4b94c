//! THE PATH of one call: decide, redact, forward, redact, record (architecture, the path of a call).

use std::sync::Arc;

use async_trait::async_trait;
use pii::Direction;
use serde_json::value::RawValue;

use crate::charge::{Charge, Known};
use crate::front::without_tasks;
use crate::house::{self, About, House};
use crate::json::Raw;
use crate::listing::Listing;
use crate::message::{News, Notification, Outlet, Request, RpcError, code};
use crate::policy::Operation;
use crate::recording::{Ended, Errand, Recording};
use crate::redaction::Redaction;
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
            self.call_with_redacted_news(visit, request, outlet, &redaction, recording)
                .await?
        } else {
            self.charge.server.call(visit, request, outlet).await?
        };
        let replaced = redaction.apply(Direction::Result, result.get(), recording)?;
        replaced.map_or(Ok(result), value)
    }

    /// Progress, log lines and questions of a tool are as much its words as its result is; what a person
    /// answers leaves the house as arguments do.
    async fn call_with_redacted_news(
        &self,
        visit: &Visit,
        request: Request,
        outlet: &Outlet,
        redaction: &Redaction<'_>,
        recording: &mut Option<Recording>,
    ) -> Result<Raw, Failure> {
        let (inner, mut news) = Outlet::new();
        let call = async {
            let inner = inner;
            self.charge.server.call(visit, request, &inner).await
        };
        let mut redacted = |direction, value: Raw| -> Result<Raw, RpcError> {
            let replaced = redaction.apply(direction, value.get(), recording);
            let refusal = |_| {
                RpcError::new(
                    code::INVALID_REQUEST,
                    "the policy for personal data refuses this message",
                )
            };
            let replaced = replaced.map_err(refusal)?;
            replaced.map_or(Ok(value), self::value).map_err(refusal)
        };
        let pass_on = async {
            while let Some(news) = news.recv().await {
                match news {
                    News::Notification(Notification { method, params }) => {
                        let params = params.map(|params| redacted(Direction::Result, params));
                        if let Ok(params) = params.transpose() {
                            outlet.notify(Notification { method, params }).await;
                        }
                    }
                    News::Question(question) => {
                        let params = question.params;
                        let params = params.map(|params| redacted(Direction::Result, params));
                        let answer = match params.transpose() {
                            Ok(params) => outlet.ask(question.method, params).await,
                            Err(refusal) => Err(refusal),
                        };
                        let answer =
                            answer.and_then(|answer| redacted(Direction::Arguments, answer));
                        // Who asked may be gone meanwhile.
                        let _ = question.reply.send(answer);
                    }
                }
            }
        };
        let (result, ()) = tokio::join!(call, pass_on);
        result
    }

    /// Whether the caller may send a message that is about nothing in particular. A denial is recorded.
    async fn message(&self, visit: &Visit, method: &str) -> Result<(), Failure> {
        let operation = Operation::message(&self.charge.name, method);
        let decision = self.house.policy.load().decide(&visit.caller, &operation);
        if !decision.is_permit() {
            self.house
                .record_denial(&visit.caller, &self.errand, &self.charge.name, None)
                .await?;
        }
        house::permitted(decision, method, "")
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

/// The request as it leaves the house.
fn outbound(
    request: Request,
    redaction: Option<&Redaction<'_>>,
    recording: &mut Option<Recording>,
) -> Result<Request, Failure> {
    let (Some(params), Some(redaction)) = (&request.params, redaction) else {
        return Ok(request);
    };
    let replaced = redaction.apply(Direction::Arguments, params.get(), recording)?;
    Ok(match replaced {
        Some(params) => Request {
            params: Some(value(params)?),
            ..request
        },
        None => request,
    })
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
        if !decision.is_permit() {
            self.house
                .record_denial(&visit.caller, &self.errand, &self.charge.name, None)
                .await?;
        }
        let name = About::of(&request.method, request.params.as_deref()).map(|about| about.name);
        house::permitted(decision, &request.method, &name.unwrap_or_default())?;
        let listing = Listing::of(&request.method);
        let result = self.charge.list_or_call(visit, request, outlet).await?;
        match listing {
            Some(listing) => self.listed(visit, listing, result).await,
            None => Ok(result),
        }
    }

    async fn notify(&self, visit: &Visit, notification: Notification) {
        let request = Request {
            method: notification.method.clone(),
            params: notification.params.clone(),
        };
        let decision = self
            .charge
            .decide(&self.house, &visit.caller, &request, None);
        if decision.is_permit() {
            self.charge.server.notify(visit, notification).await;
        }
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
            house::permitted(decision, LISTEN, uri)?;
        }
        self.charge.server.listen(visit, interest, outlet).await
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

fn value(text: String) -> Result<Raw, Failure> {
    RawValue::from_string(text).map_err(|_| Failure::Refused {
        error: RpcError::new(
            code::INTERNAL_ERROR,
            "the policy for personal data cannot be applied to this message",
        ),
        code: "pii_unreadable",
    })
}
