//! An MCP endpoint of the gateway: who comes in, which front understands them, and what they may not do.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use oauth::media_type;
use oauth::scope::Scope;
use resource_server::Caller;
use resource_server::mcp::names::MCP_PROTOCOL_VERSION;
use resource_server::mcp::{
    Entrance, Envelope, Message, compare_headers, is_stateless, refuse_body,
};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::charge::Charge;
use crate::federation::{Federation, Member};
use crate::front::http_sse::HttpSse;
use crate::front::sessions::Sessions;
use crate::front::stateless::{Stateless, is_removed};
use crate::front::{FrontSettings, Lease, RpcResponse, no_batch, stdio};
use crate::guarded::Guarded;
use crate::guests::{Guests, Newcomer};
use crate::house::{About, House, is_call};
use crate::json::Object;
use crate::message::Request as Call;
use crate::passage;
use crate::passing_body;
use crate::policy::{Decision, Denial};
use crate::recording::{Errand, Unrecorded};
use crate::revision::Era;
use crate::server::McpServer;

/// What an endpoint leads to.
pub(crate) enum Target {
    /// One upstream.
    One(Arc<Charge>),
    /// All of them, with prefixed names.
    All(Vec<Arc<Charge>>),
}

/// Where callers come in: the same guard at each of the addresses of an endpoint.
pub(crate) struct Doors {
    /// Streamable HTTP.
    pub(crate) endpoint: Entrance,
    /// The stream of the transport of 2024-11-05.
    pub(crate) stream: Entrance,
    /// Where that transport takes messages.
    pub(crate) messages: Entrance,
}

/// One endpoint: its guard, its fronts, and what is behind them.
pub(crate) struct Endpoint {
    house: Arc<House>,
    guests: Arc<Guests>,
    doors: Doors,
    target: Target,
    sessions: Sessions,
    stateless: Stateless,
    http_sse: HttpSse,
    settings: FrontSettings,
}

/// The address of a client, put into requests by whoever knows which proxies to believe.
#[derive(Clone, Copy, Debug)]
pub struct Origin(pub Option<IpAddr>);

impl Endpoint {
    pub(crate) fn new(
        house: Arc<House>,
        guests: Arc<Guests>,
        doors: Doors,
        target: Target,
        settings: FrontSettings,
    ) -> Self {
        Self {
            house,
            guests,
            doors,
            target,
            sessions: Sessions::new(settings.clone()),
            http_sse: HttpSse::new(settings.clone()),
            stateless: Stateless::new(settings.clone()),
            settings,
        }
    }

    /// Answers a request to the endpoint: Streamable HTTP of every revision that has it.
    pub(crate) async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        let arrival = self.guests.arrival();
        let visitor = match self.doors.endpoint.admit(&mut request).await {
            Ok(visitor) => visitor,
            Err(answer) => return answer,
        };
        let caller = visitor.caller.clone();
        let newcomer = Newcomer { caller, arrival };
        let errand = errand(&request);
        let body = if request.method() == Method::POST {
            match self.read(&newcomer, &mut request).await {
                Ok(body) => Some(body),
                Err(answer) => return visitor.see_off(answer),
            }
        } else {
            None
        };
        let (head, _) = request.into_parts();
        let headers = &head.headers;
        let answer = match (body, &head.method) {
            (Some(body), _) => self.post(newcomer, headers, body, errand).await,
            // MCP 2026-07-28, Streamable HTTP: there is neither a stream that stands nor a session to end.
            (None, _) if names_stateless(headers) => not_allowed("POST, OPTIONS"),
            (None, &Method::GET) => {
                let (guest, server) = (self.guests.welcome(newcomer), self.server(&errand));
                self.sessions.get(&guest, headers, &server)
            }
            (None, &Method::DELETE) => {
                let (guest, server) = (self.guests.welcome(newcomer), self.server(&errand));
                Box::pin(self.sessions.delete(&guest, headers, &server)).await
            }
            (None, _) => not_allowed("GET, POST, DELETE, OPTIONS"),
        };
        visitor.see_off(answer)
    }

    /// The body of a newcomer, whose token has to be good when it has come, too (acceptance A6, A8).
    async fn read(
        &self,
        newcomer: &Newcomer,
        request: &mut Request<Body>,
    ) -> Result<Bytes, Response<Body>> {
        let body = self.doors.endpoint.read(request).await?;
        if self.guests.has_lost_leave(newcomer) {
            return Err(self.doors.endpoint.no_longer());
        }
        Ok(body)
    }

    async fn post(
        &self,
        newcomer: Newcomer,
        headers: &HeaderMap,
        body: Bytes,
        errand: Errand,
    ) -> Response<Body> {
        let message = match Message::parse(&body) {
            Ok(message) => message,
            Err(error) => return refuse_body(error),
        };
        let envelope = match &message {
            Message::Single(envelope) => envelope,
            Message::Batch(messages) => {
                return Box::pin(self.batch(newcomer, headers, messages, &body, errand)).await;
            }
        };
        if let Err(answer) = compare_headers(headers, envelope) {
            return *answer;
        }
        let caller = &newcomer.caller;
        let is_stateless = era(headers, envelope) == Era::Stateless;
        if let Target::One(charge) = &self.target
            && is_stateless
            && passage::is_open(charge, envelope)
            && self.stateless.is_flawless(headers, envelope)
        {
            let passage = passage::Passage {
                house: &self.house,
                entrance: &self.doors.endpoint,
                charge,
                caller,
                errand: &errand,
            };
            if let Some(answer) = passage.pass(headers, envelope, &body).await {
                return self.leased(newcomer, answer);
            }
        }
        // What this revision does not have is nobody's to permit.
        let exists = !is_stateless || !envelope.method.as_deref().is_some_and(is_removed);
        if exists
            && let Some(challenge) = self
                .challenge(caller, &errand, envelope, &body, is_stateless)
                .await
        {
            return challenge;
        }
        let server = self.server(&errand);
        let guest = self.guests.welcome(newcomer);
        // The longer ways are boxed, since a future is as large as the largest of its ways, and is moved about.
        if is_stateless {
            Box::pin(self.stateless.post(&guest, headers, body, &server)).await
        } else {
            Box::pin(self.sessions.post(&guest, headers, body, &server)).await
        }
    }

    /// An answer of the thin path; a stream of events ends with the caller's rights.
    fn leased(&self, newcomer: Newcomer, answer: Response<Body>) -> Response<Body> {
        if !media_type::is(answer.headers(), media_type::EVENT_STREAM) {
            return answer;
        }
        let lease = Lease::new(&self.guests.welcome(newcomer), &self.settings);
        answer.map(|body| passing_body::leased(body, lease))
    }

    /// Several messages at once (2025-03-26): all of them are permitted, or none is passed on.
    async fn batch(
        &self,
        newcomer: Newcomer,
        headers: &HeaderMap,
        messages: &[(&RawValue, Envelope<'_>)],
        body: &Bytes,
        errand: Errand,
    ) -> Response<Body> {
        let mut envelopes = messages.iter().map(|(_, envelope)| envelope);
        if envelopes.any(|envelope| era(headers, envelope) == Era::Stateless) {
            return RpcResponse::error(StatusCode::BAD_REQUEST, &no_batch());
        }
        for (text, envelope) in messages {
            if let Err(answer) = compare_headers(headers, envelope) {
                return *answer;
            }
            let (caller, body) = (&newcomer.caller, text.get().as_bytes());
            if let Some(challenge) = self.challenge(caller, &errand, envelope, body, false).await {
                return challenge;
            }
        }
        let server = self.server(&errand);
        let guest = self.guests.welcome(newcomer);
        let body = body.clone();
        self.sessions.post(&guest, headers, body, &server).await
    }

    /// Opens the stream of the transport of 2024-11-05, whose messages go to the path `messages`.
    pub(crate) async fn open_stream(
        &self,
        mut request: Request<Body>,
        messages: &str,
    ) -> Response<Body> {
        let arrival = self.guests.arrival();
        let visitor = match self.doors.stream.admit(&mut request).await {
            Ok(visitor) => visitor,
            Err(answer) => return answer,
        };
        let answer = if request.method() == Method::GET {
            let caller = visitor.caller.clone();
            let guest = self.guests.welcome(Newcomer { caller, arrival });
            let server = self.server(&errand(&request));
            let headers = request.headers();
            self.http_sse.open(&guest, headers, messages, &server)
        } else {
            not_allowed("GET, OPTIONS")
        };
        visitor.see_off(answer)
    }

    /// Serves one client at the other end of a pipe, on behalf of `caller`.
    pub(crate) async fn serve_pipe(
        &self,
        caller: Caller,
        input: impl AsyncRead + Unpin,
        output: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let arrival = self.guests.arrival();
        let guest = self.guests.welcome(Newcomer { caller, arrival });
        let server = self.server(&Errand::default());
        stdio::serve(self.settings.clone(), guest, server, input, output).await
    }

    /// Takes a message of that transport.
    pub(crate) async fn take_message(&self, mut request: Request<Body>) -> Response<Body> {
        let arrival = self.guests.arrival();
        let visitor = match self.doors.messages.admit(&mut request).await {
            Ok(visitor) => visitor,
            Err(answer) => return answer,
        };
        if request.method() != Method::POST {
            return visitor.see_off(not_allowed("POST, OPTIONS"));
        }
        let caller = visitor.caller.clone();
        let newcomer = Newcomer { caller, arrival };
        let body = match self.read(&newcomer, &mut request).await {
            Ok(body) => body,
            Err(answer) => return visitor.see_off(answer),
        };
        let errand = errand(&request);
        let (head, _) = request.into_parts();
        let answer = self.message(newcomer, &head, body, errand).await;
        visitor.see_off(answer)
    }

    async fn message(
        &self,
        newcomer: Newcomer,
        head: &http::request::Parts,
        body: Bytes,
        errand: Errand,
    ) -> Response<Body> {
        match Message::parse(&body) {
            Ok(Message::Single(envelope)) => {
                let caller = &newcomer.caller;
                if let Some(challenge) = self
                    .challenge(caller, &errand, &envelope, &body, false)
                    .await
                {
                    return challenge;
                }
            }
            // Batches came with the next revision; the front says so.
            Ok(Message::Batch(_)) => {}
            Err(error) => return refuse_body(error),
        }
        let query = head.uri.query().unwrap_or_default();
        let id = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("sessionId="));
        let server = self.server(&errand);
        let guest = self.guests.welcome(newcomer);
        let id = id.unwrap_or_default();
        self.http_sse
            .post(&guest, id, &head.headers, body, &server)
            .await
    }

    /// What is behind the endpoint, behind its guard, for one request.
    pub(crate) fn server(&self, errand: &Errand) -> Arc<dyn McpServer> {
        let guarded = |charge: &Arc<Charge>| {
            Guarded::new(Arc::clone(&self.house), Arc::clone(charge), errand.clone())
        };
        match &self.target {
            Target::One(charge) => Arc::new(guarded(charge)),
            Target::All(charges) => {
                let members = charges.iter().map(|charge| Member {
                    name: Arc::clone(&charge.name),
                    server: Arc::new(guarded(charge)),
                });
                Arc::new(Federation::new(members.collect()))
            }
        }
    }

    /// Whether the policy lets a message pass, as far as an HTTP status has to say so.
    ///
    /// The same decision is taken again on the way to the server; this one is early enough for a challenge.
    fn decide(
        &self,
        caller: &Caller,
        envelope: &Envelope<'_>,
        body: &[u8],
    ) -> Result<(), Refused<'_>> {
        let Some(method) = envelope.method.as_deref() else {
            return Ok(());
        };
        let call = Call {
            method: method.to_owned(),
            params: params(body),
        };
        let (charge, call) = match &self.target {
            Target::One(charge) => (charge, call),
            Target::All(charges) => {
                // What names no upstream is decided upon where it is taken apart.
                let Some((name, call)) = Federation::inner(&call) else {
                    return Ok(());
                };
                let charge = charges.iter().find(|charge| *charge.name == *name);
                let Some(charge) = charge else { return Ok(()) };
                (charge, call)
            }
        };
        let decide = |read_only| charge.decide(&self.house, caller, &call, read_only);
        let about = About::of(method, call.params.as_deref());
        let name = about.map(|about| about.name).unwrap_or_default();
        let known = charge.remembered(method, &name);
        let Decision::Deny(denial) = decide(known.read_only()) else {
            return Ok(());
        };
        // What is not known yet may be in the caller's favour: on the way to the server it is found out.
        let is_open = known.is_incomplete()
            && [true, false]
                .into_iter()
                .any(|read_only| decide(Some(read_only)).is_permit());
        if is_open {
            return Ok(());
        }
        let tool = is_call(method).then(|| known.name_for_the_record(method, &name).to_owned());
        Err(Refused {
            charge,
            denial,
            tool,
        })
    }

    /// The challenge that may help with what the policy does not let pass, when that is recorded; none for what passes,
    /// and for what is refused in a message.
    async fn challenge(
        &self,
        caller: &Caller,
        errand: &Errand,
        envelope: &Envelope<'_>,
        body: &[u8],
        is_stateless: bool,
    ) -> Option<Response<Body>> {
        let refused = self.decide(caller, envelope, body).err()?;
        let denial = &refused.denial;
        let answer = challenge(&self.doors.endpoint, caller, denial, envelope, is_stateless)?;
        let (upstream, tool) = (&refused.charge.name, refused.tool.as_deref());
        let recorded = self.house.record_denial(caller, errand, upstream, tool);
        Some(match recorded.await {
            Ok(()) => answer,
            Err(Unrecorded) => unrecorded(),
        })
    }
}

/// What the policy does not let pass, and to whom it would have gone.
struct Refused<'a> {
    charge: &'a Charge,
    denial: Denial,
    /// Which tool was called, if it was a call.
    tool: Option<String>,
}

/// How a denial is said in HTTP (MCP scope challenges, acceptance D3).
pub(crate) fn challenge(
    entrance: &Entrance,
    caller: &Caller,
    denial: &Denial,
    envelope: &Envelope<'_>,
    is_stateless: bool,
) -> Option<Response<Body>> {
    // Nobody learns from a status that something exists which they may not know of, and nobody is sent
    // for scopes that would not help.
    if !denial.visible || denial.scopes.is_empty() || envelope.id.is_none() {
        return None;
    }
    let needed: &Scope = &denial.scopes;
    let reason = denial.reason.clone();
    Some(entrance.insufficient_scope(caller, needed, reason, is_stateless))
}

/// The era that a message is of (the classification of MCP versioning).
fn era(headers: &HeaderMap, envelope: &Envelope<'_>) -> Era {
    if envelope.is_stateless_revision() {
        return Era::Stateless;
    }
    if envelope.method.as_deref() == Some("initialize") {
        return Era::Sessions;
    }
    if names_stateless(headers) {
        Era::Stateless
    } else {
        Era::Sessions
    }
}

/// Whether the headers name a revision without sessions.
fn names_stateless(headers: &HeaderMap) -> bool {
    let version = headers.get(MCP_PROTOCOL_VERSION);
    let version = version.and_then(|version| version.to_str().ok());
    version.is_some_and(is_stateless)
}

/// The parameters of a message that was read already.
fn params(body: &[u8]) -> Option<Box<RawValue>> {
    let text = str::from_utf8(body).ok()?;
    let message = Object::parse(text).ok()?;
    message.get("params").map(RawValue::to_owned)
}

fn errand(request: &Request<Body>) -> Errand {
    let origin = request.extensions().get::<Origin>();
    let id = request.extensions().get::<RequestId>();
    Errand {
        request_id: id.map(|RequestId(id)| Arc::clone(id)),
        origin: origin.and_then(|Origin(address)| *address),
    }
}

/// The id of a request, put into it by whoever makes such ids.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

/// What is `allowed` instead depends on the path and the revision (RFC 9110 §15.5.6).
fn not_allowed(allowed: &'static str) -> Response<Body> {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, allowed)]).into_response()
}

/// The answer to what cannot be recorded (a call that is not recorded is not answered).
pub(crate) fn unrecorded() -> Response<Body> {
    let text = "this request cannot be recorded at the moment, so it is refused; try again later";
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}
