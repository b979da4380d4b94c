//! The gateway as a whole: its upstreams and their endpoints, as the settings want them at this moment.

use std::fmt;
use std::io;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use audit::AuditLog;
use audit::rule::IdRuns;
use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use foldhash::HashMap;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use oauth::random::Random;
use oauth::time::Clock;
use pii::Redactor;
use resource_server::{Caller, ProtectedResource, VerifyToken};
use store::Collection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use url::Url;

use crate::charge::Charge;
use crate::endpoint::{Doors, Endpoint, Target};
use crate::front::sessions::EndedSessions;
use crate::front::{FrontSettings, Limits};
use crate::guests::{Guests, Revoked};
use crate::house::House;
use crate::pins::{Pins, ToolPin};
use crate::policy::Policy;
use crate::session::SessionKeys;
use crate::upstream::{
    Health, InvalidUpstream, Upstream, UpstreamParts, UpstreamSettings, connect,
};

/// What a gateway stands on, for as long as it lives.
#[derive(Debug)]
pub struct Parts {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// Where work goes on beside requests.
    pub tasks: TaskTracker,
    /// Cancelled when the house closes.
    pub closing: CancellationToken,
    /// What session ids are sealed with; replicas share them.
    pub session_keys: SessionKeys,
    /// What every call is recorded in, if calls are recorded.
    pub audit: Option<AuditLog>,
    /// Where it is remembered what tools say about themselves; without, until the process ends.
    pub pins: Option<Collection<ToolPin>>,
    /// How upstreams are reached.
    pub upstreams: UpstreamParts,
}

/// The guard of an endpoint: its metadata, and who says whose a token is.
#[derive(Clone)]
pub struct Mount {
    pub resource: ProtectedResource,
    pub verifier: Arc<dyn VerifyToken>,
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("resource", &self.resource.resource())
            .finish_non_exhaustive()
    }
}

/// An upstream, and the endpoint that it has.
#[derive(Clone, Debug)]
pub struct Exposed {
    pub settings: UpstreamSettings,
    pub mount: Mount,
    /// Whether its settings are those of before, so that what is connected stays so.
    pub is_unchanged: bool,
    /// Whether the common endpoint shows it.
    pub is_federated: bool,
}

/// What a gateway should be, by its settings.
#[derive(Debug)]
pub struct Plan {
    pub policy: Arc<Policy>,
    /// What happens to personal data, if they are looked for.
    pub redactor: Option<Redactor>,
    pub upstreams: Vec<Exposed>,
    /// The endpoint that shows all upstreams at once, if there is one.
    pub federation: Option<Mount>,
}

/// The gateway. Clones are the same one.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

struct Shared {
    parts: Parts,
    house: Arc<House>,
    guests: Arc<Guests>,
    pins: Option<Arc<Pins>>,
    ended_sessions: EndedSessions,
    layout: ArcSwap<Layout>,
}

/// The endpoints of one moment.
#[derive(Default)]
struct Layout {
    charges: Vec<Arc<Charge>>,
    places: Vec<Arc<Place>>,
    /// What is at which path.
    routes: HashMap<String, Route>,
}

/// An endpoint, and its metadata.
struct Place {
    /// The upstream that it leads to; none for the common endpoint.
    upstream: Option<Arc<str>>,
    path: String,
    stream_path: String,
    messages_path: String,
    metadata_path: String,
    endpoint: Endpoint,
    metadata: Router,
}

/// What is answered at a path.
#[derive(Clone, Copy)]
enum Kind {
    /// Streamable HTTP.
    Endpoint,
    /// The stream of the transport of 2024-11-05.
    Stream,
    /// Where that transport takes messages.
    Messages,
    Metadata,
}

/// What is at a path, and whose.
#[derive(Clone)]
struct Route(Kind, Arc<Place>);

/// What a gateway is about to become. Dropped, nothing has happened.
#[must_use = "nothing has an effect before it takes effect"]
pub struct Arrangement {
    gateway: Gateway,
    policy: Arc<Policy>,
    redactor: Option<Arc<Redactor>>,
    layout: Layout,
}

impl Arrangement {
    /// Becomes what was planned. Sessions of what stays go on; what is gone is closed when its last request
    /// has ended.
    pub fn take_effect(self) {
        let shared = &*self.gateway.shared;
        // The policy first: nobody finds what is new under rules that know nothing of it.
        shared.house.policy.store(self.policy);
        shared.house.redactor.store(self.redactor);
        let layout = Arc::new(self.layout);
        let before = shared.layout.swap(Arc::clone(&layout));
        let is_kept =
            |charge: &Arc<Charge>| layout.charges.iter().any(|kept| Arc::ptr_eq(kept, charge));
        let gone = before.charges.iter().filter(|charge| !is_kept(charge));
        let gone = gone.filter_map(|charge| charge.upstream().cloned());
        shared.parts.tasks.spawn(close_all(gone.collect()));
    }
}

impl fmt::Debug for Arrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrangement").finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway by this plan. Nothing is connected before it is needed.
    pub fn new(plan: Plan, mut parts: Parts) -> Result<Self, InvalidUpstream> {
        let house = House {
            policy: ArcSwap::new(Arc::clone(&plan.policy)),
            redactor: ArcSwapOption::empty(),
            audit: parts.audit.clone(),
            id_runs: IdRuns::new(),
            tasks: parts.tasks.clone(),
        };
        let gateway = Self {
            shared: Arc::new(Shared {
                house: Arc::new(house),
                guests: Arc::new(Guests::new(Arc::clone(&parts.clock))),
                pins: parts.pins.take().map(|pins| Arc::new(Pins(pins))),
                ended_sessions: EndedSessions::default(),
                layout: ArcSwap::default(),
                parts,
            }),
        };
        gateway.prepare(plan)?.take_effect();
        Ok(gateway)
    }

    /// Makes everything that `plan` says, of which nothing has an effect yet: what can fail fails here.
    pub fn prepare(&self, plan: Plan) -> Result<Arrangement, InvalidUpstream> {
        let shared = &*self.shared;
        let before = shared.layout.load_full();
        let (mut layout, mut federated) = (Layout::default(), Vec::new());
        for exposed in &plan.upstreams {
            let name = &exposed.settings.name;
            let known = before.charges.iter().find(|charge| *charge.name == **name);
            let charge = if let Some(charge) = known.filter(|_| exposed.is_unchanged) {
                Arc::clone(charge)
            } else {
                let upstream = connect(&exposed.settings, &shared.parts.upstreams)?;
                Arc::new(Charge::new(upstream, shared.pins.clone()))
            };
            let is_same = known.is_some_and(|known| Arc::ptr_eq(known, &charge));
            let place = before
                .places
                .iter()
                .find(|place| place.upstream == Some(charge.name.clone()));
            layout.places.push(match place.filter(|_| is_same) {
                Some(place) => Arc::clone(place),
                None => self.place(&exposed.mount, Target::One(Arc::clone(&charge))),
            });
            if exposed.is_federated {
                federated.push(Arc::clone(&charge));
            }
            layout.charges.push(charge);
        }
        if let Some(mount) = &plan.federation {
            layout
                .places
                .push(self.place(mount, Target::All(federated)));
        }
        for place in &layout.places {
            for (path, kind) in [
                (&place.path, Kind::Endpoint),
                (&place.stream_path, Kind::Stream),
                (&place.messages_path, Kind::Messages),
                (&place.metadata_path, Kind::Metadata),
            ] {
                let route = Route(kind, Arc::clone(place));
                layout.routes.insert(path.clone(), route);
            }
        }
        Ok(Arrangement {
            gateway: self.clone(),
            policy: plan.policy,
            redactor: plan.redactor.map(Arc::new),
            layout,
        })
    }

    fn place(&self, mount: &Mount, target: Target) -> Arc<Place> {
        let shared = &*self.shared;
        let settings = FrontSettings {
            endpoint: mount.resource.resource().into(),
            keys: shared.parts.session_keys.clone(),
            ended: shared.ended_sessions.clone(),
            clock: Arc::clone(&shared.parts.clock),
            random: Arc::clone(&shared.parts.random),
            tasks: shared.parts.tasks.clone(),
            closing: shared.parts.closing.clone(),
            limits: Limits::default(),
        };
        let upstream = match &target {
            Target::One(charge) => Some(Arc::clone(&charge.name)),
            Target::All(_) => None,
        };
        let address = mount.resource.resource();
        let entrance = mount.resource.entrance(Arc::clone(&mount.verifier));
        let doors = Doors {
            stream: entrance.at(beside(address, "sse")),
            messages: entrance.at(beside(address, "messages")),
            endpoint: entrance,
        };
        let endpoint = Endpoint::new(
            Arc::clone(&shared.house),
            Arc::clone(&shared.guests),
            doors,
            target,
            settings,
        );
        let path = path_of(address);
        Arc::new(Place {
            upstream,
            stream_path: beside(&path, "sse"),
            messages_path: beside(&path, "messages"),
            path,
            metadata_path: path_of(&mount.resource.metadata_url()),
            endpoint,
            metadata: mount.resource.metadata_routes(),
        })
    }

    /// Whether there is anything of the gateway's at a path.
    pub fn is_at(&self, path: &str) -> bool {
        self.shared.layout.load().routes.contains_key(path)
    }

    /// Answers whatever is at one of the endpoints or at its metadata. Which ones there are is looked up for
    /// each request, so that they may come and go.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let route = {
            let layout = self.shared.layout.load();
            layout.routes.get(request.uri().path()).cloned()
        };
        let Some(Route(kind, place)) = route else {
            return StatusCode::NOT_FOUND.into_response();
        };
        match kind {
            Kind::Endpoint => place.endpoint.answer(request).await,
            // What is asked more seldom is boxed, so that the future of a call is small.
            Kind::Stream => {
                let messages = &place.messages_path;
                Box::pin(place.endpoint.open_stream(request, messages)).await
            }
            Kind::Messages => Box::pin(place.endpoint.take_message(request)).await,
            Kind::Metadata => match Box::pin(place.metadata.clone().oneshot(request)).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        }
    }

    /// Serves one client at the other end of a pipe, on behalf of `caller`: the upstream of that name, or all
    /// of them together. False if there is no such endpoint.
    pub async fn serve_pipe(
        &self,
        caller: Caller,
        upstream: Option<&str>,
        input: impl AsyncRead + Unpin,
        output: impl AsyncWrite + Unpin,
    ) -> io::Result<bool> {
        let layout = self.shared.layout.load_full();
        let mut places = layout.places.iter();
        let Some(place) = places.find(|place| place.upstream.as_deref() == upstream) else {
            return Ok(false);
        };
        place.endpoint.serve_pipe(caller, input, output).await?;
        Ok(true)
    }

    /// Ends the streams of those whose rights were taken back.
    pub fn revoke(&self, what: Revoked<'_>) {
        self.shared.guests.revoke(what);
    }

    /// How each upstream is doing.
    pub fn health(&self) -> Vec<Health> {
        let layout = self.shared.layout.load();
        let upstreams = layout.charges.iter().filter_map(|charge| charge.upstream());
        upstreams.map(|upstream| upstream.health()).collect()
    }

    /// Ends all connections and children, and waits until they are gone.
    pub async fn close(&self) {
        let layout = self.shared.layout.load_full();
        let upstreams = layout.charges.iter();
        let upstreams = upstreams.filter_map(|charge| charge.upstream().cloned());
        close_all(upstreams.collect()).await;
    }
}

async fn close_all(upstreams: Vec<Arc<Upstream>>) {
    join_all(upstreams.iter().map(|upstream| upstream.close())).await;
}

/// The path of an address that was checked when its resource was made.
fn path_of(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.to_owned(), |url| url.path().to_owned())
}

/// The path or address beside that of an endpoint, such as `/todo/sse` beside `/todo/mcp`.
fn beside(path: &str, last: &str) -> String {
    let above = path.strip_suffix("/mcp").unwrap_or(path);
    format!("{above}/{last}")
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "gateway_tests.rs"]
mod tests;
