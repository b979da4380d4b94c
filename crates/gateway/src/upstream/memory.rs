//! What clients with sessions say once, and a server of 2026-07-28 has to hear with every request.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::trouble::Trouble;
use super::wire;
use super::wishes::{NoRoom, Wisher, Wishes};
use crate::json::Raw;
use crate::message::{Request, RpcError, code};
use crate::revision::Revision;
use crate::visit::Visit;

/// How long a subscription waits until the server acknowledges it.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(1);

/// What visits want of one server.
#[derive(Debug, Default)]
pub(super) struct Memory {
    inner: Mutex<Inner>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    wishes: Wishes,
    /// The visits that have a stream, and the resources whose changes come over it, as the server has
    /// acknowledged.
    heard: HashMap<Arc<str>, BTreeSet<String>>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The level of log messages that the visit wants.
    pub(super) fn level(&self, visit: &Visit) -> Option<Arc<str>> {
        let kept = || {
            let mut inner = self.lock();
            inner.wishes.touch(&visit.key);
            inner.wishes.level(&visit.key)
        };
        visit.log_level.clone().or_else(kept)
    }

    /// The resources that the visit has subscribed to.
    pub(super) fn resources(&self, visit: &Visit) -> BTreeSet<String> {
        self.lock().wishes.resources(&visit.key)
    }

    /// Tells when a subscription has changed, of whomever.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The stream of a visit begins; nothing comes over it yet.
    pub(super) fn opens(&self, visit: &Visit) -> Open<'_> {
        let visit = Arc::clone(&visit.key);
        let mut inner = self.lock();
        inner.heard.insert(Arc::clone(&visit), BTreeSet::new());
        drop(inner);
        Open {
            memory: self,
            visit,
        }
    }

    /// Waits until the changes come that the visit has subscribed to, if there is a stream for them: what
    /// changes after a subscription was confirmed must not be missed.
    pub(super) async fn until_heard(&self, visit: &Visit) {
        let mut changes = self.changes();
        let is_heard = || {
            let inner = self.lock();
            let wanted = inner.wishes.resources(&visit.key);
            let heard = inner.heard.get(&visit.key);
            heard.is_none_or(|heard| wanted.is_subset(heard))
        };
        let heard = async { while !is_heard() && changes.changed().await.is_ok() {} };
        // A server that acknowledges nothing is not waited for for ever.
        let _ = tokio::time::timeout(ACKNOWLEDGEMENT, heard).await;
    }

    /// Forgets a visit.
    pub(super) fn forget(&self, visit: &Visit) {
        let mut inner = self.lock();
        inner.wishes.forget(&visit.key);
        inner.heard.remove(&visit.key);
    }

    /// Answers what exists in sessions alone; `None` if the server has to.
    pub(super) fn answer(&self, visit: &Visit, request: &Request) -> Option<Result<Raw, Trouble>> {
        let member = |name| {
            let params = request.params.as_deref();
            let value = params.and_then(|params| wire::text_member(params, name));
            value.ok_or_else(|| {
                let error = format!("`{}` lacks the text `{name}`", request.method);
                Trouble::Rpc(RpcError::new(code::INVALID_PARAMS, error))
            })
        };
        match &*request.method {
            "ping" => Some(Ok(wire::empty())),
            "logging/setLevel" => Some(member("level").and_then(|level| {
                self.keep(visit, |wishes, wisher, is_there| {
                    wishes.set_level(wisher, &level, is_there)
                })
            })),
            "resources/subscribe" => Some(member("uri").and_then(|uri| {
                self.keep(visit, |wishes, wisher, is_there| {
                    wishes.add(wisher, &uri, is_there).map(drop)
                })
            })),
            "resources/unsubscribe" => Some(member("uri").and_then(|uri| {
                self.keep(visit, |wishes, wisher, _| {
                    wishes.remove(wisher.visit, &uri);
                    Ok(())
                })
            })),
            // They are an extension there, with other messages under the same names.
            method if method.starts_with("tasks/") => Some(Err(Trouble::Untranslatable(format!(
                "`{method}` means something else to this server, which speaks {}",
                Revision::V2026_07_28
            )))),
            _ => None,
        }
    }

    /// Changes what the visit wants.
    fn keep(
        &self,
        visit: &Visit,
        change: impl FnOnce(&mut Wishes, Wisher<'_>, &dyn Fn(&str) -> bool) -> Result<(), NoRoom>,
    ) -> Result<Raw, Trouble> {
        let person = visit.person();
        let wisher = Wisher {
            visit: &visit.key,
            person: &person,
        };
        let mut inner = self.lock();
        let Inner { wishes, heard } = &mut *inner;
        let changed = change(wishes, wisher, &|visit| heard.contains_key(visit));
        drop(inner);
        changed.map_err(|NoRoom| no_room())?;
        self.changes.send_replace(());
        Ok(wire::empty())
    }
}

/// What a client is told that wants too much.
pub(super) fn no_room() -> Trouble {
    let what = "this is more than is remembered for one session: unsubscribe from something first";
    Trouble::Rpc(RpcError::new(code::INVALID_PARAMS, what))
}

/// The stream of a visit for what happens outside of requests, as long as this lives.
#[derive(Debug)]
pub(super) struct Open<'a> {
    memory: &'a Memory,
    visit: Arc<str>,
}

impl Open<'_> {
    /// The server has acknowledged that it tells of these.
    pub(super) fn acknowledged(&self, resources: BTreeSet<String>) {
        let mut inner = self.memory.lock();
        inner.wishes.touch(&self.visit);
        if let Some(heard) = inner.heard.get_mut(&self.visit) {
            *heard = resources;
        }
        drop(inner);
        self.memory.changes.send_replace(());
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut inner = self.memory.lock();
        inner.wishes.touch(&self.visit);
        inner.heard.remove(&self.visit);
        drop(inner);
        self.memory.changes.send_replace(());
    }
}
