//! A server of one revision: where it is, what it has seen, and what it found wrong with it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use futures_util::StreamExt as _;
use gateway::Revision;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::rule::is_of_sessions;
use super::server_sessions::Session;
use super::server_stateless::Listener;
use super::wire::LONG;
use super::{server_sessions, server_stateless};
use crate::gateway::upstream::stream;

/// A message as it came.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Seen {
    pub(super) fn rpc(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().unwrap())
    }

    /// A parameter that is a text.
    pub(super) fn param(&self, name: &str) -> &str {
        self.body["params"][name].as_str().unwrap_or_default()
    }

    /// A response with this result, which is JSON.
    pub(super) fn result(&self, result: &str) -> String {
        let id = &self.body["id"];
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
    }

    /// A response with this error, which is JSON.
    pub(super) fn error(&self, error: &str) -> String {
        let id = &self.body["id"];
        format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)
    }
}

/// Where the messages of a stream are put.
pub(super) type Mouth = mpsc::UnboundedSender<String>;

/// What a server knows.
#[derive(Debug)]
pub(super) struct World {
    pub(super) revision: Revision,
    /// What has happened, in the words of the tools.
    happened: watch::Sender<Vec<String>>,
    /// What came and has no place in the revision.
    faults: Mutex<Vec<String>>,
    pub(super) sessions: Mutex<HashMap<String, Session>>,
    pub(super) listeners: Mutex<Vec<Listener>>,
    /// For whom an address has been opened.
    pub(super) opened: Mutex<BTreeSet<String>>,
    /// Whose call waits to be cancelled, by its session and its id.
    waiting: Mutex<HashMap<(String, String), String>>,
    /// What is being carried out.
    working: Mutex<JoinSet<()>>,
}

impl World {
    /// Carries out what takes its time.
    pub(super) fn work(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.working.lock().unwrap().spawn(work);
    }

    /// Notes what has happened.
    pub(super) fn note(&self, what: impl Into<String>) {
        self.happened
            .send_modify(|happened| happened.push(what.into()));
    }

    /// Notes that the call of a client waits to be cancelled.
    pub(super) fn waits(&self, session: &str, id: &Value, client: &str) {
        let key = (session.to_owned(), id.to_string());
        let mut waiting = self.waiting.lock().unwrap();
        waiting.insert(key, client.to_owned());
        self.note(format!("waits: {client}"));
    }

    /// Notes that a call was cancelled, if it is one that waits.
    pub(super) fn cancelled(&self, session: &str, id: &Value) {
        let key = (session.to_owned(), id.to_string());
        if let Some(client) = self.waiting.lock().unwrap().remove(&key) {
            self.note(format!("cancelled: {client}"));
        }
    }

    /// Notes what must not have come.
    pub(super) fn fault(&self, what: impl Into<String>) {
        self.faults().push(what.into());
    }

    fn faults(&self) -> MutexGuard<'_, Vec<String>> {
        self.faults.lock().unwrap()
    }

    /// Notes what must not have come, unless all is well.
    pub(super) fn check(&self, is_well: bool, what: &str, seen: &Seen) {
        if !is_well {
            let (method, headers, text) = (&seen.method, &seen.headers, &seen.text);
            self.fault(format!("{what}: {method} {headers:?} {text}"));
        }
    }
}

/// A running server; dropped, it is gone.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) world: Arc<World>,
    _serving: JoinSet<()>,
}

impl Server {
    pub(super) async fn new(revision: Revision) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let path = if revision == Revision::V2024_11_05 {
            "sse"
        } else {
            "mcp"
        };
        let world = Arc::new(World {
            revision,
            happened: watch::Sender::default(),
            faults: Mutex::default(),
            sessions: Mutex::default(),
            listeners: Mutex::default(),
            opened: Mutex::default(),
            waiting: Mutex::default(),
            working: Mutex::default(),
        });
        let serving_world = Arc::clone(&world);
        let app =
            Router::new().fallback(move |request| answer(Arc::clone(&serving_world), request));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url: format!("http://{address}/{path}"),
            world,
            _serving: serving,
        }
    }

    /// Waits until something has happened.
    pub(super) async fn until(&self, what: &str) {
        self.until_times(what, 1).await;
    }

    /// Waits until something has happened so many times.
    pub(super) async fn until_times(&self, what: &str, times: usize) {
        let mut happened = self.world.happened.subscribe();
        let is_it =
            happened.wait_for(|happened| happened.iter().filter(|it| *it == what).count() >= times);
        let waited = timeout(LONG, is_it).await;
        waited
            .unwrap_or_else(|_| panic!("{} does not see: {what}", self.world.revision))
            .unwrap();
    }

    /// How often something has happened.
    pub(super) fn times(&self, what: &str) -> usize {
        let happened = self.world.happened.borrow();
        happened.iter().filter(|it| *it == what).count()
    }

    /// What came and should not have.
    pub(super) fn faults(&self) -> Vec<String> {
        let revision = self.world.revision;
        let faults = self.world.faults();
        let faults = faults
            .iter()
            .map(|fault| format!("server {revision}: {fault}"));
        faults.collect()
    }
}

async fn answer(world: Arc<World>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let seen = Seen {
        method: parts.method,
        path: parts.uri.to_string(),
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    if is_of_sessions(world.revision) {
        server_sessions::answer(&world, seen)
    } else {
        server_stateless::answer(&world, seen)
    }
}

/// The stream of what is put into a mouth, after this beginning.
pub(super) fn spoken(first: String, said: mpsc::UnboundedReceiver<String>) -> Response {
    let said = futures_util::stream::unfold(said, |mut said| async move {
        let message = said.recv().await?;
        Some((format!("event: message\ndata: {message}\n\n"), said))
    });
    let all = futures_util::stream::iter([first]).chain(said);
    stream(Body::from_stream(all.map(|event| {
        Ok::<_, std::convert::Infallible>(Bytes::from(event))
    })))
}
