//! Calls that wait for their client to come back with answers (MCP 2026-07-28, multi round-trip requests).
//!
//! An older server asks while it works, and a client of 2026-07-28 answers with another request. In
//! between the call goes on here, under a state that only its owner can use, once and for some minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oauth::random::token;
use resource_server::Caller;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::front::FrontSettings;
use crate::front::stateless::conversation::Conversation;
use crate::share::{Full, Places};
use crate::visit::person;

/// How states of ours begin, and those of servers behind hopefully do not.
pub(super) const STATE: &str = "sumun1.";

/// What a state stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// A call that waits.
    #[serde(rename = "p")]
    Parked(String),
    /// A person had to open an address first; the request begins anew.
    #[serde(rename = "a")]
    Address,
}

/// Where the owner of a call that waits knocks.
type Door = oneshot::Sender<oneshot::Sender<Conversation>>;

/// The calls of one endpoint that wait.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    settings: FrontSettings,
    calls: Arc<Mutex<HashMap<String, Door>>>,
    places: Arc<Places>,
}

impl Parked {
    pub(super) fn new(settings: &FrontSettings) -> Self {
        Self {
            settings: settings.clone(),
            calls: Arc::default(),
            places: Places::new(settings.limits.parked),
        }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, Door>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call wait, and gives the state under which `caller` finds it again.
    pub(super) fn park(
        &self,
        caller: &Caller,
        mut conversation: Conversation,
    ) -> Result<String, Full> {
        let id = token::<16>(&*self.settings.random);
        let deadline = Instant::now() + self.settings.limits.parked_for;
        conversation.deadline = Some(deadline);
        self.put(caller, id.clone(), conversation)?;
        Ok(self.seal(caller, &State::Parked(id)))
    }

    /// Lets a call wait under `id`, until its deadline.
    pub(super) fn put(
        &self,
        caller: &Caller,
        id: String,
        mut conversation: Conversation,
    ) -> Result<(), Full> {
        let place = self.places.take(person(caller))?;
        let (door, knock) = oneshot::channel::<oneshot::Sender<Conversation>>();
        self.calls().insert(id.clone(), door);
        let parked = self.clone();
        self.settings.tasks.spawn(async move {
            let deadline = conversation.deadline.unwrap_or_else(Instant::now);
            let owner = tokio::select! {
                owner = knock => owner.ok(),
                () = conversation.wait() => None,
                () = tokio::time::sleep_until(deadline) => None,
                () = parked.settings.closing.cancelled() => None,
            };
            // Whoever takes it out may have to put it back.
            drop(place);
            match owner {
                // Whoever came for it may be gone, and then so is the call.
                Some(owner) => drop(owner.send(conversation)),
                None => drop(parked.calls().remove(&id)),
            }
        });
        Ok(())
    }

    /// Takes a call out; the second who tries finds nothing.
    pub(super) async fn take(&self, id: &str) -> Option<Conversation> {
        let (hand, over) = oneshot::channel();
        let door = self.calls().remove(id)?;
        door.send(hand).ok()?;
        over.await.ok()
    }

    /// A state that means something to nobody but `caller`, and only here.
    pub(super) fn seal(&self, caller: &Caller, state: &State) -> String {
        let plain = serde_json::to_vec(state).expect("strings have a JSON form");
        let sealed = self.settings.keys.seal(&plain, &self.purpose(caller));
        format!("{STATE}{sealed}")
    }

    /// What a state of `caller` stands for.
    pub(super) fn open(&self, caller: &Caller, state: &str) -> Option<State> {
        let sealed = state.strip_prefix(STATE)?;
        let plain = self.settings.keys.open(sealed, &self.purpose(caller))?;
        serde_json::from_slice(&plain).ok()
    }

    fn purpose<'a>(&'a self, caller: &'a Caller) -> [&'a str; 4] {
        let issuer = caller.issuer().unwrap_or_default();
        ["state", &self.settings.endpoint, issuer, caller.subject()]
    }
}
