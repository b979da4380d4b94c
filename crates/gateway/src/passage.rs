//! The thin path: a call of a client of 2026-07-28 to an HTTP server of the same revision, passed on as it
//! was written, and its answer as it comes (architecture, the path of a call; acceptance G6).
//!
//! It takes the same steps as [`Guarded`](crate::guarded::Guarded), in the same order. What it saves is
//! reading: of the message only what decisions need, and of the answer nothing, unless the policy for
//! personal data is about it.

use std::borrow::Cow;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::{Body as _, Incoming};
use oauth::media_type;
use pii::{Direction, Part};
use resource_server::Caller;
use resource_server::mcp::{Entrance, Envelope};
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::charge::{Call, Charge, Known};
use crate::endpoint::{challenge, unrecorded};
use crate::farewell::Farewell;
use crate::front::{RpcResponse, failed, for_stateless, id_key};
use crate::guarded::ended_by;
use crate::house::{self, About, House};
use crate::json::Object;
use crate::listing::is_tool_error;
use crate::message::response;
use crate::passing_body;
use crate::policy::Decision;
use crate::recording::{Ended, Errand, Recording};
use crate::redaction::Redaction;
use crate::revision::Era;
use crate::server::Failure;

/// An answer up to this size is looked at for whether the tool has failed; a longer one passes unseen.
const LOOKED_AT: u64 = 64 * 1024;

/// Whether a call may take this path: both sides speak alike, and it is about one thing that has a name.
pub(crate) fn is_open(charge: &Charge, envelope: &Envelope<'_>) -> bool {
    let is_call = envelope.method.as_deref().is_some_and(house::is_call);
    let is_whole = envelope.id.is_some() && envelope.name().is_some();
    is_call && is_whole && charge.http_era() == Some(Era::Stateless)
}

/// What is called: the id and the method of the request, and the tool, prompt or resource.
#[derive(Clone, Copy)]
struct Asked<'a> {
    id: &'a RawValue,
    method: &'a str,
    name: &'a str,
    /// The name in records.
    recorded: &'a str,
}

/// One call on this path.
pub(crate) struct Passage<'a> {
    pub(crate) house: &'a House,
    pub(crate) entrance: &'a Entrance,
    pub(crate) charge: &'a Charge,
    pub(crate) caller: &'a Caller,
    pub(crate) errand: &'a Errand,
}

impl Passage<'_> {
    /// Carries the call out; `None` if it needs the longer way.
    pub(crate) async fn pass(
        &self,
        headers: &HeaderMap,
        envelope: &Envelope<'_>,
        body: &Bytes,
    ) -> Option<Response<Body>> {
        let method = envelope.method.as_deref()?;
        let name = envelope.name()?;
        let id = envelope.id?;
        let arguments = envelope.arguments();
        let known = self.charge.remembered(method, name);
        let asked = Asked {
            id,
            method,
            name,
            recorded: known.name_for_the_record(method, name),
        };
        let redaction = self.house.redaction(self.caller, self.charge.tool(name));
        // Headers repeat what is in the message (SEP-2243), so one that may change is made anew, with them.
        if redaction
            .as_ref()
            .is_some_and(|redaction| redaction.concerns(Direction::Arguments))
        {
            return None;
        }
        let redaction = redaction.filter(|redaction| redaction.concerns(Direction::Result));
        // Something is not known yet that the record or the policy needs: the longer way finds it out.
        if known.is_incomplete() {
            return None;
        }
        let mut recording = self.house.audit.as_ref().and_then(|_| {
            let about = About::new(name.to_owned(), arguments);
            let upstream = &self.charge.name;
            self.house
                .record(self.caller, self.errand, upstream, asked.recorded, &about)
        });
        let call = Call {
            method,
            name,
            arguments,
        };
        let decision = self
            .charge
            .decide_call(self.house, self.caller, &call, known.read_only());
        let outcome = match decision {
            Decision::Permit(_) => {
                self.carry(headers, body, asked, &known, redaction, &mut recording)
                    .await
            }
            Decision::Deny(denial) => {
                match challenge(self.entrance, self.caller, &denial, envelope, true) {
                    Some(answer) => Ok((answer, Ended::Denied(house::POLICY_DENIED))),
                    None => Err(house::denied(&denial, method, name)),
                }
            }
        };
        let (answer, ended) = match outcome {
            Ok(answered) => answered,
            Err(failure) => {
                let ended = ended_by(&failure);
                (refuse(envelope, method, failure), ended)
            }
        };
        if let Some(recording) = recording
            && recording.close(ended).await.is_err()
        {
            return Some(unrecorded());
        }
        Some(answer)
    }

    /// The steps after the decision.
    async fn carry(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        asked: Asked<'_>,
        known: &Known,
        redaction: Option<Redaction<'_>>,
        recording: &mut Option<Recording>,
    ) -> Result<(Response<Body>, Ended), Failure> {
        known.trusted(asked.name)?;
        if let Some(recording) = recording.as_ref().filter(|_| known.may_change_something()) {
            recording.intent().await?;
        }
        let payload = Either::Left(Full::new(body.clone()));
        let answer = self
            .charge
            .exchange(Method::POST, headers, payload, self.caller)
            .await?;
        self.inbound(asked, answer, redaction, recording).await
    }

    /// The answer as the caller sees it: as it comes, if there is no `redaction`.
    async fn inbound(
        &self,
        asked: Asked<'_>,
        answer: Response<Incoming>,
        redaction: Option<Redaction<'_>>,
        recording: &mut Option<Recording>,
    ) -> Result<(Response<Body>, Ended), Failure> {
        let (mut parts, body) = answer.into_parts();
        if matches!(
            parts.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            // That is about the gateway's credential, which is no business of the caller's.
            return Err(self.charge.unavailable("does not let the gateway in"));
        }
        let form = Form::of(&parts.headers);
        self.is_an_answer(parts.status, form)?;
        let silence = self.charge.timeout;
        // What is passed on as it comes is recorded before anybody has seen it.
        let unseen = if parts.status.is_success() {
            Ended::Streamed
        } else {
            Ended::Failure("rpc_error")
        };
        if form == Form::Events {
            let silent = self.charge.unavailable("does not answer in time");
            let farewell = Farewell::new(asked.id, asked.method, silent);
            let body = if let Some(redaction) = redaction {
                parts.headers.remove(CONTENT_LENGTH);
                self.redacted(asked.recorded, redaction, farewell, body)
            } else {
                passing_body::events(body, silence, farewell.silent())
            };
            return Ok((Response::from_parts(parts, body), unseen));
        }
        let is_short = body
            .size_hint()
            .upper()
            .is_some_and(|most| most <= LOOKED_AT);
        if redaction.is_none() && !is_short {
            let body = passing_body::whole(body, silence, self.charge.max_message_bytes);
            return Ok((Response::from_parts(parts, body), unseen));
        }
        let whole = Limited::new(body, self.charge.max_message_bytes).collect();
        let whole = timeout(silence, whole)
            .await
            .map_err(|_| self.charge.unavailable("does not answer in time"))?;
        let whole = whole
            .map_err(|_| {
                self.charge
                    .unavailable("broke off, or sends more than it may")
            })?
            .to_bytes();
        let text = str::from_utf8(&whole).ok();
        let message = text.and_then(|text| Object::parse(text).ok());
        let is_ours = |message: &Object<'_>| answers(message, asked.id);
        if parts.status.is_success() && !message.as_ref().is_some_and(is_ours) {
            let what = "answers with what is no JSON-RPC message, or with an id that was not asked";
            return Err(self.charge.unavailable(what));
        }
        // Nobody else wants to know.
        let ended = match recording {
            Some(_) => how_it_ended(message.as_ref(), parts.status),
            None => Ended::Success,
        };
        let Some(redaction) = redaction else {
            return Ok((Response::from_parts(parts, Body::from(whole)), ended));
        };
        // Only a refusal of the server's may be no text.
        let text = text.map_or_else(|| String::from_utf8_lossy(&whole), Cow::Borrowed);
        let part = match form {
            Form::Json => Part::Message,
            Form::Events | Form::Other => Part::Text,
        };
        let replaced = redaction.apply(Direction::Result, part, &text, recording)?;
        drop(text);
        let body = match replaced {
            Some(text) => {
                parts.headers.remove(CONTENT_LENGTH);
                Body::from(text)
            }
            None => Body::from(whole),
        };
        Ok((Response::from_parts(parts, body), ended))
    }
}

impl Passage<'_> {
    /// An event stream as the policy for personal data wants it. What was found is recorded when it has ended.
    fn redacted(
        &self,
        tool: &str,
        redaction: Redaction<'_>,
        farewell: Farewell,
        body: Incoming,
    ) -> Body {
        let log = self.house.audit.as_ref();
        let recording = log.map(|log| {
            let upstream = &self.charge.name;
            Recording::of_personal_data(log, self.caller, self.errand, upstream, tool)
        });
        let stream = redaction.stream(self.charge.timeout, farewell, recording);
        stream.body(&self.house.tasks, body)
    }

    /// Whether a client can make something of an answer. Refusals in 4xx are passed on whatever they are,
    /// because clients find out by them what a server speaks (acceptance G6).
    fn is_an_answer(&self, status: StatusCode, form: Form) -> Result<(), Failure> {
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                Err(self.charge.unavailable("asks to come again later"))
            }
            status if status.is_client_error() => Ok(()),
            // An error in JSON is the server's own word.
            status if status.is_server_error() && form == Form::Json => Ok(()),
            StatusCode::OK if form != Form::Other => Ok(()),
            StatusCode::OK => {
                let what = "answers with neither JSON nor an event stream";
                Err(self.charge.unavailable(what))
            }
            status => {
                let what = format!("answers with status {}", status.as_u16());
                Err(self.charge.unavailable(&what))
            }
        }
    }
}

/// How a body is written, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Events,
    Other,
}

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        if media_type::is(headers, media_type::JSON) {
            Self::Json
        } else if media_type::is(headers, media_type::EVENT_STREAM) {
            Self::Events
        } else {
            Self::Other
        }
    }
}

/// Whether a message is an answer to the request of this id, however it is written.
fn answers(message: &Object<'_>, id: &RawValue) -> bool {
    let is_error = message.contains("error");
    let is_ours = message.get("id").map_or(is_error, |named| {
        let is_same = named.get() == id.get() || id_key(named) == id_key(id);
        is_same || (is_error && named.get() == "null")
    });
    is_ours && (is_error || message.contains("result"))
}

/// How a call ended, by its answer.
fn how_it_ended(answer: Option<&Object<'_>>, status: StatusCode) -> Ended {
    match answer.filter(|_| status.is_success()) {
        Some(answer) if answer.contains("error") => Ended::Failure("rpc_error"),
        Some(answer) if answer.get("result").is_some_and(is_tool_error) => {
            Ended::Failure("tool_error")
        }
        Some(_) => Ended::Success,
        None => Ended::Failure("rpc_error"),
    }
}

/// The answer to a call that has failed on our side.
fn refuse(envelope: &Envelope<'_>, method: &str, failure: Failure) -> Response<Body> {
    let id = envelope.id.expect("only calls with an id come here");
    match failed(method, failure) {
        Ok(result) => {
            let result = for_stateless(method, result, None);
            RpcResponse::json(StatusCode::OK, response(id, Ok(&result)))
        }
        Err(error) => RpcResponse::stateless_error(id, error),
    }
}
